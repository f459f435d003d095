import {hashHex, sha256} from "@catalyze/core/crypto/sha256";
import {concat, toHex} from "@catalyze/core/primitives/bytes";
import {sha256 as reference} from "@noble/hashes/sha2.js";
import fc from "fast-check";
import {describe, expect, it} from "vitest";

describe("sha256", () => {
  it("hashes parts as one, short or long", () => {
    const partArb = fc.oneof(
      fc.uint8Array({maxLength: 40}),
      fc.uint8Array({minLength: 2_000, maxLength: 5_000}),
    );
    fc.assert(
      fc.property(fc.array(partArb, {maxLength: 4}), (parts) => {
        const expected = toHex(reference(concat(...parts)));
        expect(toHex(sha256(...parts))).toBe(expected);
        expect(hashHex(...parts)).toBe(expected);
      }),
    );
  });
});
