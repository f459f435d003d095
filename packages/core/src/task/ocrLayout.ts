/** Sizes of the two OCR models for a given image: the same for quoting and for running. */
import type {ImageSize} from "./inputs.ts";

/** The detector works on multiples of 32 pixels; its work is counted in such tiles. */
export const OCR_TILE = 32;
/** Longest side given to the detector; larger pages are scaled down (the models' usual setting). */
export const OCR_DETECT_SIDE_MAX = 960;
/** The recogniser reads lines of this height. */
export const OCR_LINE_HEIGHT = 48;
/** It gives one character position every 8 pixels; its work is counted in such columns. */
export const OCR_COLUMN = 8;
/** A longer line is squeezed to this many columns (1280 pixels). */
export const OCR_COLUMNS_MAX = 160;
export const OCR_COLUMNS_MIN = 4;

export type DetectSizes = {readonly tileRows: number; readonly tileColumns: number};

/** Tiles of the scaled image. */
export function detectSizes({width, height}: ImageSize): DetectSizes {
  const scale = Math.min(1, OCR_DETECT_SIDE_MAX / Math.max(width, height));
  const tiles = (side: number) => Math.max(1, Math.round((side * scale) / OCR_TILE));
  return {tileRows: tiles(height), tileColumns: tiles(width)};
}

/** Columns of one line cut out of the image. */
export function lineColumns({width, height}: ImageSize): number {
  const columns = Math.ceil((width * OCR_LINE_HEIGHT) / height / OCR_COLUMN);
  return Math.min(OCR_COLUMNS_MAX, Math.max(OCR_COLUMNS_MIN, columns));
}
