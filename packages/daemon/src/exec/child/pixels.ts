/** Images as the models want them: decoded, cut out, scaled, normalised, one plane a colour. */
import {CodedError} from "@catalyze/core/errors/codedError";
import {type ImageSize, readPngSize} from "@catalyze/core/task/inputs";
import {PNG} from "pngjs";

export type Image = ImageSize & {
  /** Four bytes a pixel. */
  readonly rgba: Uint8Array;
};

export type Region = {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
};

export type Normalisation = {
  readonly mean: readonly [number, number, number];
  readonly deviation: readonly [number, number, number];
};

/** The header was checked before a byte is inflated. Throws `INPUT_INVALID`, `INPUT_TOO_LARGE`. */
export function decodePng(input: Uint8Array): Image {
  const {width, height} = readPngSize(input);
  try {
    const png = PNG.sync.read(Buffer.from(input.buffer, input.byteOffset, input.byteLength));
    if (png.width !== width || png.height !== height) throw new Error("two headers");
    return {width, height, rgba: png.data};
  } catch (cause) {
    throw new CodedError("INPUT_INVALID", {message: "The PNG image is damaged.", cause});
  }
}

/** `region` scaled to `size` (bilinear), transparent pixels on white, as `[3, height, width]`. */
export function sampleRegion(
  image: Image,
  region: Region,
  size: ImageSize,
  {mean, deviation}: Normalisation,
): Float32Array {
  const plane = size.width * size.height;
  const out = new Float32Array(3 * plane);
  const columns = Array.from({length: size.width}, (_, x) => spot(x, size.width, region.x, region.width));
  for (let y = 0; y < size.height; y++) {
    const row = spot(y, size.height, region.y, region.height);
    for (const [x, column] of columns.entries()) {
      for (let colour = 0; colour < 3; colour++) {
        const at = (px: number, py: number) => channel(image, px, py, colour);
        const top = mix(at(column.low, row.low), at(column.high, row.low), column.share);
        const bottom = mix(at(column.low, row.high), at(column.high, row.high), column.share);
        const value = mix(top, bottom, row.share) / 255;
        out[colour * plane + y * size.width + x] = (value - (mean[colour] ?? 0)) / (deviation[colour] ?? 1);
      }
    }
  }
  return out;
}

type Spot = {readonly low: number; readonly high: number; readonly share: number};

/** Which two source pixels a target pixel lies between; the edge repeats. */
function spot(target: number, targetSize: number, start: number, length: number): Spot {
  const exact = Math.min(length - 1, Math.max(0, ((target + 0.5) * length) / targetSize - 0.5));
  const low = Math.floor(exact);
  return {low: start + low, high: start + Math.min(length - 1, low + 1), share: exact - low};
}

function channel({rgba, width}: Image, x: number, y: number, colour: number): number {
  const at = (y * width + x) * 4;
  const alpha = rgba[at + 3] as number;
  const value = rgba[at + colour] as number;
  return alpha === 255 ? value : 255 + ((value - 255) * alpha) / 255;
}

function mix(low: number, high: number, share: number): number {
  return low + (high - low) * share;
}
