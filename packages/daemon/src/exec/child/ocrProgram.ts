/** Text from a page image: find the lines, read each one, decode its characters (CTC). */
import {fromUtf8} from "@catalyze/core/primitives/bytes";
import {macOf} from "@catalyze/core/task/meter";
import {detectSizes, lineColumns, OCR_COLUMN, OCR_LINE_HEIGHT, OCR_TILE} from "@catalyze/core/task/ocrLayout";
import {encodeOcr, type OcrLine} from "@catalyze/core/task/output";
import {parseOcrParams} from "@catalyze/core/task/params";
import {decodePng, type Image, type Normalisation, type Region, sampleRegion} from "./pixels.ts";
import type {LoadProgram, ProgramContext} from "./program.ts";
import {openModel, runModel, runtime, type Session} from "./runtime.ts";
import {textBoxes} from "./textBoxes.ts";

const DETECT: Normalisation = {mean: [0.485, 0.456, 0.406], deviation: [0.229, 0.224, 0.225]};
const RECOGNISE: Normalisation = {mean: [0.5, 0.5, 0.5], deviation: [0.5, 0.5, 0.5]};
/** Below this the box was no text. */
const CONFIDENCE_MIN = 500;

type Spend = ProgramContext["spend"];

export const loadOcr: LoadProgram = async ({meter}, readFile) => {
  const {Tensor} = await runtime();
  const detector = await openModel(readFile("detect.onnx"));
  const recogniser = await openModel(readFile("recognise.onnx"));
  const alphabet = readAlphabet(readFile("characters.txt"));

  const runImage = async (session: Session, pixels: Float32Array, height: number, width: number) => {
    const name = session.inputNames[0] ?? "x";
    const result = await runModel(session, {[name]: new Tensor("float32", pixels, [1, 3, height, width])});
    return Object.values(result)[0] as {readonly data: Float32Array; readonly dims: readonly number[]};
  };

  const detect = async (image: Image, spend: Spend) => {
    const sizes = detectSizes(image);
    spend(macOf(meter, "detect.onnx", sizes));
    const size = {width: sizes.tileColumns * OCR_TILE, height: sizes.tileRows * OCR_TILE};
    const whole = {x: 0, y: 0, width: image.width, height: image.height};
    const {data} = await runImage(
      detector,
      sampleRegion(image, whole, size, DETECT),
      size.height,
      size.width,
    );
    return textBoxes(data, size, image);
  };

  const recognise = async (image: Image, box: Region, spend: Spend): Promise<OcrLine> => {
    const columns = lineColumns(box);
    spend(macOf(meter, "recognise.onnx", {columns}));
    const size = {width: columns * OCR_COLUMN, height: OCR_LINE_HEIGHT};
    const {data, dims} = await runImage(
      recogniser,
      sampleRegion(image, box, size, RECOGNISE),
      size.height,
      size.width,
    );
    const {text, confidence} = decodeCtc(data, dims.at(-1) ?? alphabet.length, alphabet);
    return {text, confidence, box: [box.x, box.y, box.width, box.height]};
  };

  return {
    async run(params, input, {spend, progress}) {
      const {maxLines} = parseOcrParams(params);
      const image = decodePng(input);
      progress("find lines", 0, 1);
      const boxes = (await detect(image, spend)).slice(0, maxLines);
      const lines: OcrLine[] = [];
      for (const [index, box] of boxes.entries()) {
        progress("read lines", index, boxes.length);
        lines.push(await recognise(image, box, spend));
      }
      const readable = lines.filter(({text, confidence}) => text !== "" && confidence >= CONFIDENCE_MIN);
      return encodeOcr({width: image.width, height: image.height, lines: readable});
    },
    async close() {
      await detector.release();
      await recogniser.release();
    },
  };
};

/** Class 0 is the blank of CTC, the last one the space, which the file does not list. */
function readAlphabet(bytes: Uint8Array): readonly string[] {
  const characters = fromUtf8(bytes).replace(/\n$/, "").split("\n");
  return ["", ...characters.map((character) => character.replace("\r", "")), " "];
}

/** Likeliest class of each column; repeats are one character, blanks none. Confidence in thousandths. */
function decodeCtc(
  scores: Float32Array,
  classes: number,
  alphabet: readonly string[],
): {readonly text: string; readonly confidence: number} {
  let text = "";
  let [sum, count, before] = [0, 0, 0];
  for (let start = 0; start < scores.length; start += classes) {
    let best = 0;
    for (let each = 1; each < classes; each++) {
      if ((scores[start + each] as number) > (scores[start + best] as number)) best = each;
    }
    if (best !== 0 && best !== before) {
      text += alphabet[best] ?? "";
      sum += scores[start + best] as number;
      count += 1;
    }
    before = best;
  }
  return {text: text.trim(), confidence: count === 0 ? 0 : Math.round((sum / count) * 1000)};
}
