import {encodeFrame, FrameDecoder} from "@catalyze/daemon/net/frameDecoder";
import fc from "fast-check";
import {describe, expect, it} from "vitest";

const MAX = 300;

function drain(decoder: FrameDecoder): Uint8Array[] {
  const frames: Uint8Array[] = [];
  for (let frame = decoder.next(); frame !== undefined; frame = decoder.next()) frames.push(frame);
  return frames;
}

describe("FrameDecoder", () => {
  it("gives back the frames however the bytes were cut", () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({maxLength: MAX, size: "max"}), {maxLength: 8}),
        fc.array(fc.integer({min: 1, max: 40}), {minLength: 1}),
        (frames, cuts) => {
          const bytes = Buffer.concat(frames.map(encodeFrame));
          const decoder = new FrameDecoder(MAX);
          const out: Uint8Array[] = [];
          for (let at = 0, turn = 0; at < bytes.length; turn++) {
            const end = at + cuts[turn % cuts.length]!;
            decoder.push(bytes.subarray(at, end));
            if (turn % 3 === 0) out.push(...drain(decoder));
            at = end;
          }
          out.push(...drain(decoder));
          expect(out.map((frame) => [...frame])).toEqual(frames.map((frame) => [...frame]));
          expect(decoder.bytesBuffered).toBe(0);
        },
      ),
    );
  });

  it("refuses one byte over the limit before its bytes come, and a prefix without end", () => {
    const over = new FrameDecoder(MAX);
    over.push(encodeFrame(new Uint8Array(MAX + 1)).subarray(0, 2));
    expect(() => over.next()).toThrowError(expect.objectContaining({code: "FRAME_TOO_LARGE"}));
    const endless = new FrameDecoder(MAX);
    endless.push(new Uint8Array([0x80, 0x80, 0x80]));
    expect(endless.next()).toBeUndefined();
    endless.push(new Uint8Array([0x80]));
    expect(() => endless.next()).toThrowError(expect.objectContaining({code: "FRAME_TOO_LARGE"}));
  });

  it("never throws anything else, and never returns more than it was given", () => {
    fc.assert(
      fc.property(fc.uint8Array({maxLength: 600}), (bytes) => {
        const decoder = new FrameDecoder(MAX);
        decoder.push(bytes);
        try {
          const total = drain(decoder).reduce((sum, frame) => sum + frame.length, 0);
          expect(total + decoder.bytesBuffered).toBeLessThanOrEqual(bytes.length);
        } catch (error) {
          expect(error).toMatchObject({code: "FRAME_TOO_LARGE"});
        }
      }),
    );
  });
});
