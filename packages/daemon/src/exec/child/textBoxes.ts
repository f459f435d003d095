/** The detector's probability map to boxes around lines of text, in reading order. */
import type {ImageSize} from "@catalyze/core/task/inputs";
import type {Region} from "./pixels.ts";

/** A pixel belongs to text above this; a box needs this mean (the models' usual settings). */
const PIXEL_MIN = 0.3;
const BOX_MEAN_MIN = 0.5;
/** The detector marks the core of a line; the text reaches out by this share of area over perimeter. */
const GROW = 1.6;
const PIXELS_MIN = 24;
const HEIGHT_MIN = 5;
/** More components than this is noise, not a page. */
const COMPONENTS_MAX = 4096;

type Component = {pixels: number; sum: number; left: number; right: number; top: number; bottom: number};

/** Boxes in pixels of `image`. */
export function textBoxes(map: Float32Array, size: ImageSize, image: ImageSize): readonly Region[] {
  const regions = components(map, size)
    .filter(
      ({pixels, sum, top, bottom}) =>
        pixels >= PIXELS_MIN && sum / pixels > BOX_MEAN_MIN && bottom - top + 1 >= HEIGHT_MIN,
    )
    .map((component) => toRegion(component, size, image));
  return readingOrder(regions);
}

/** Connected areas of text pixels, by flood fill. */
function components(map: Float32Array, size: ImageSize): readonly Component[] {
  // Text pixels that no component has taken yet.
  const open = Uint8Array.from(map, (probability) => (probability > PIXEL_MIN ? 1 : 0));
  const stack = new Int32Array(map.length);
  const found: Component[] = [];
  for (
    let start = open.indexOf(1);
    start >= 0 && found.length < COMPONENTS_MAX;
    start = open.indexOf(1, start + 1)
  ) {
    found.push(fillFrom(start, {map, open, stack, size}));
  }
  return found;
}

type Fill = {
  readonly map: Float32Array;
  readonly open: Uint8Array;
  readonly stack: Int32Array;
  readonly size: ImageSize;
};

function fillFrom(start: number, {map, open, stack, size: {width, height}}: Fill): Component {
  const component = {pixels: 0, sum: 0, left: width, right: 0, top: height, bottom: 0};
  let depth = 0;
  const push = (at: number) => {
    if (open[at] !== 1) return;
    open[at] = 0;
    stack[depth++] = at;
  };
  push(start);
  while (depth > 0) {
    const at = stack[--depth] as number;
    const x = at % width;
    grow(component, x, (at - x) / width, map[at] as number);
    // Above and below the map there is nothing: those places are undefined, not 1.
    push(at - width);
    push(at + width);
    if (x > 0) push(at - 1);
    if (x < width - 1) push(at + 1);
  }
  return component;
}

function grow(component: Component, x: number, y: number, probability: number): void {
  component.pixels += 1;
  component.sum += probability;
  component.left = Math.min(component.left, x);
  component.right = Math.max(component.right, x);
  component.top = Math.min(component.top, y);
  component.bottom = Math.max(component.bottom, y);
}

function toRegion({left, right, top, bottom}: Component, size: ImageSize, image: ImageSize): Region {
  const [width, height] = [right - left + 1, bottom - top + 1];
  const margin = (width * height * GROW) / (2 * (width + height));
  const [scaleX, scaleY] = [image.width / size.width, image.height / size.height];
  const x = Math.max(0, Math.floor((left - margin) * scaleX));
  const y = Math.max(0, Math.floor((top - margin) * scaleY));
  const endX = Math.min(image.width, Math.ceil((right + 1 + margin) * scaleX));
  const endY = Math.min(image.height, Math.ceil((bottom + 1 + margin) * scaleY));
  return {x, y, width: Math.max(1, endX - x), height: Math.max(1, endY - y)};
}

/** Rows from the top, each from the left; boxes share a row when their middles are closer than half a line. */
function readingOrder(regions: readonly Region[]): readonly Region[] {
  const middle = (region: Region) => region.y + region.height / 2;
  const rows: Region[][] = [];
  for (const region of [...regions].sort((left, right) => middle(left) - middle(right) || left.x - right.x)) {
    const row = rows.at(-1);
    const first = row?.[0];
    const isSameRow =
      first !== undefined && middle(region) - middle(first) < Math.min(first.height, region.height) / 2;
    if (row !== undefined && isSameRow) row.push(region);
    else rows.push([region]);
  }
  return rows.flatMap((row) => row.sort((left, right) => left.x - right.x));
}
