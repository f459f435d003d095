import fc from "fast-check";
import {describe, expect, it} from "vitest";
import {
  ANCHOR_SIGNATURE_BYTES,
  decodeAnchorSignature,
  encodeAnchorSignature,
  verifyAnchorSignature,
} from "../../src/chain/anchorSignature.ts";
import {anchors, members, signedBy, someAnchor, target} from "./anchors.ts";

const signature = fc.uint8Array({minLength: 64, maxLength: 64});

describe("the message of an anchor signature", () => {
  it("has one byte string per value, of a fixed width", () => {
    fc.assert(
      fc.property(anchors, fc.integer({min: 0, max: 65_535}), signature, (anchor, member, bytes) => {
        const message = {anchor, member, signature: bytes};
        const encoded = encodeAnchorSignature(message);
        expect(encoded).toHaveLength(ANCHOR_SIGNATURE_BYTES);
        expect(decodeAnchorSignature(encoded)).toEqual(message);
      }),
    );
  });

  it("ends in a code for anything else", () => {
    const good = encodeAnchorSignature({anchor: someAnchor(1), member: 0, signature: new Uint8Array(64)});
    expect(() => decodeAnchorSignature(Uint8Array.of(...good, 0))).toThrow("over its size limit");
    for (const wrong of [new Uint8Array(), good.subarray(0, -1), Uint8Array.of(2, ...good.subarray(1))]) {
      expect(() => decodeAnchorSignature(wrong)).toThrow(expect.objectContaining({code: "DECODE_INVALID"}));
    }
    fc.assert(
      fc.property(fc.uint8Array({maxLength: 600}), (bytes) => {
        try {
          decodeAnchorSignature(bytes);
        } catch (error) {
          expect((error as {code: string}).code).toMatch(/^(?:DECODE_INVALID|FRAME_TOO_LARGE)$/);
        }
      }),
    );
  });
});

describe("verifyAnchorSignature", () => {
  it("accepts a member's signature for this contract, and nothing that differs in a field", async () => {
    const good = await signedBy(2, someAnchor(4));
    expect(await verifyAnchorSignature(good, members, target)).toBe(true);
    const elsewhere = {...target, chainId: 1};
    expect(await verifyAnchorSignature(good, members, elsewhere)).toBe(false);
    for (const wrong of [
      {...good, member: 1},
      {...good, member: 99},
      {...good, anchor: {...good.anchor, liabilities: 8n}},
      {...good, signature: new Uint8Array(64)},
      {...good, signature: new Uint8Array(64).fill(255)},
    ]) {
      expect(await verifyAnchorSignature(wrong, members, target)).toBe(false);
    }
  });

  it("of one key over one anchor is always the same bytes", async () => {
    expect(await signedBy(0, someAnchor(4))).toEqual(await signedBy(0, someAnchor(4)));
  });
});
