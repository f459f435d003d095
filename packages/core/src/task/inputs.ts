/**
 * Reads just enough of an input to bound its work before anybody runs it: the header of a PNG or WAV,
 * the lines of a text. The executor reads inputs through the same functions, so both agree.
 */
import {CodedError} from "../errors/codedError.ts";
import {fromUtf8} from "../primitives/bytes.ts";

export type ImageSize = {readonly width: number; readonly height: number};

export type Wav = {
  readonly sampleRate: number;
  readonly samples: number;
  /** Where the 16-bit little-endian samples start. */
  readonly dataOffset: number;
};

/** An A4 page at 300 dpi has 8.7 million pixels; decoded, 16 million take 64 MB. */
export const IMAGE_PIXELS_MAX = 16_000_000;
export const IMAGE_SIDE_MAX = 10_000;
export const WAV_SAMPLE_RATE = 16_000;
/** Sentences in one task: each is one run of the encoder. */
export const LINES_MAX = 2048;
export const LINE_CHARS_MAX = 4096;

const PNG_SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

/** Throws `INPUT_INVALID` unless this is a PNG header; `INPUT_TOO_LARGE` past the pixel limits. */
export function readPngSize(input: Uint8Array): ImageSize {
  const isPng = input.length >= 33 && PNG_SIGNATURE.every((byte, index) => input[index] === byte);
  if (!isPng) throw invalid("a PNG image was expected");
  const view = viewOf(input);
  if (ascii(input, 12, 4) !== "IHDR") throw invalid("the PNG header is damaged");
  const [width, height] = [view.getUint32(16), view.getUint32(20)];
  if (width < 1 || height < 1) throw invalid("the image is empty");
  if (width > IMAGE_SIDE_MAX || height > IMAGE_SIDE_MAX || width * height > IMAGE_PIXELS_MAX) {
    const message = `The image has ${width} × ${height} pixels; the most is ${IMAGE_PIXELS_MAX}.`;
    throw new CodedError("INPUT_TOO_LARGE", {message, evidence: {width, height}});
  }
  return {width, height};
}

/** 16-bit PCM, mono, 16 kHz: anything else throws `INPUT_INVALID` and says what it was. */
export function readWav(input: Uint8Array): Wav {
  if (input.length < 44 || ascii(input, 0, 4) !== "RIFF" || ascii(input, 8, 4) !== "WAVE") {
    throw invalid("a WAV recording was expected");
  }
  const view = viewOf(input);
  let hasFormat = false;
  for (let at = 12; at + 8 <= input.length; ) {
    const name = ascii(input, at, 4);
    const length = view.getUint32(at + 4, true);
    const body = at + 8;
    if (name === "fmt ") {
      checkWavFormat(view, body);
      hasFormat = true;
    }
    if (name === "data") {
      if (!hasFormat) throw invalid("the WAV header is damaged");
      // A recorder that was cut off leaves a length past the end: take what is there.
      const bytes = Math.min(length, input.length - body);
      if (bytes < 2) throw invalid("the recording is empty");
      return {sampleRate: WAV_SAMPLE_RATE, samples: bytes >> 1, dataOffset: body};
    }
    at = body + length + (length & 1);
  }
  throw invalid("the WAV file has no sound in it");
}

/** Lines that are not blank, in order. Throws `INPUT_INVALID` or `INPUT_TOO_LARGE`. */
export function readLines(input: Uint8Array): readonly string[] {
  const lines = readText(input)
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
  if (lines.length === 0) throw invalid("at least one line of text was expected");
  if (lines.length > LINES_MAX) {
    throw new CodedError("INPUT_TOO_LARGE", {message: `${lines.length} lines; the most is ${LINES_MAX}.`});
  }
  if (lines.some((line) => line.length > LINE_CHARS_MAX)) {
    throw new CodedError("INPUT_TOO_LARGE", {message: `A line is longer than ${LINE_CHARS_MAX} characters.`});
  }
  return lines;
}

/** Throws `INPUT_INVALID` unless the bytes are UTF-8. */
export function readText(input: Uint8Array): string {
  try {
    return fromUtf8(input);
  } catch (cause) {
    throw new CodedError("INPUT_INVALID", {message: "The input is not UTF-8 text.", cause});
  }
}

function checkWavFormat(view: DataView, at: number): void {
  if (at + 16 > view.byteLength) throw invalid("the WAV header is damaged");
  const [format, channels, rate, bits] = [
    view.getUint16(at, true),
    view.getUint16(at + 2, true),
    view.getUint32(at + 4, true),
    view.getUint16(at + 14, true),
  ];
  // 1 is PCM; 0xfffe is the extensible header, which recorders also use for plain PCM.
  const isRight =
    (format === 1 || format === 0xfffe) && channels === 1 && rate === WAV_SAMPLE_RATE && bits === 16;
  if (isRight) return;
  throw new CodedError("INPUT_INVALID", {
    message: `The recording must be 16-bit PCM, mono, ${WAV_SAMPLE_RATE} Hz; this one has ${bits} bits, ${channels} channels, ${rate} Hz.`,
    evidence: {format, channels, rate, bits},
  });
}

function viewOf(input: Uint8Array): DataView {
  return new DataView(input.buffer, input.byteOffset, input.byteLength);
}

function ascii(input: Uint8Array, at: number, length: number): string {
  return String.fromCharCode(...input.subarray(at, at + length));
}

function invalid(reason: string): CodedError {
  return new CodedError("INPUT_INVALID", {message: `The input does not fit: ${reason}.`});
}
