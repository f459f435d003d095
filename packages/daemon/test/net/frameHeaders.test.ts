import {FrameHeaders} from "@catalyze/daemon/net/frameHeaders";
import fc from "fast-check";
import {describe, expect, it} from "vitest";

const BYTES_MAX = 50;
const DATA = 0;

type Frame = {readonly type: number; readonly length: number};

function bytesOf(frames: readonly Frame[]): Uint8Array {
  return new Uint8Array(
    Buffer.concat(
      frames.map(({type, length}) => {
        const frame = Buffer.alloc(12 + (type === DATA ? Math.min(length, 1_000) : 0), 0xab);
        frame[1] = type;
        frame.writeUInt32BE(length, 8);
        return frame;
      }),
    ),
  );
}

const frameArb = fc.record({
  type: fc.integer({min: 0, max: 3}),
  length: fc.integer({min: 0, max: BYTES_MAX}),
});
const cutsArb = fc.array(fc.integer({min: 1, max: 30}), {minLength: 1});

function readCut(bytes: Uint8Array, cuts: readonly number[]): boolean {
  const headers = new FrameHeaders(BYTES_MAX);
  for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
    const size = cuts[turn % cuts.length] ?? 1;
    if (!headers.read(bytes.subarray(at, at + size))) return false;
    at += size;
  }
  return true;
}

describe("FrameHeaders", () => {
  it("lets frames within the limit pass, wherever they are cut", () => {
    fc.assert(
      fc.property(fc.array(frameArb), cutsArb, (frames, cuts) => {
        expect(readCut(bytesOf(frames), cuts)).toBe(true);
      }),
    );
  });

  it("stops at the first data frame that promises more", () => {
    fc.assert(
      fc.property(
        fc.array(frameArb),
        fc.integer({min: BYTES_MAX + 1, max: 2 ** 32 - 1}),
        cutsArb,
        (frames, length, cuts) => {
          expect(readCut(bytesOf([...frames, {type: DATA, length}]), cuts)).toBe(false);
          expect(readCut(bytesOf([...frames, {type: 1, length}]), cuts)).toBe(true);
        },
      ),
    );
  });
});
