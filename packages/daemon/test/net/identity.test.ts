import {keyOfPeerId, peerIdOfKey, peerKeyOfSeed} from "@catalyze/daemon/net/identity";
import fc from "fast-check";
import {describe, expect, it} from "vitest";

describe("peer identity", () => {
  it("goes from key to peer id and back", () => {
    fc.assert(
      fc.property(fc.uint8Array({minLength: 32, maxLength: 32}), (key) => {
        expect(keyOfPeerId(peerIdOfKey(key))).toEqual(key);
      }),
    );
  });

  it("is a pure function of the seed", async () => {
    const seed = new Uint8Array(32).fill(7);
    const key = await peerKeyOfSeed(seed);
    expect(peerIdOfKey(key.publicKey.raw)).toBe(peerIdOfKey((await peerKeyOfSeed(seed)).publicKey.raw));
    expect(peerIdOfKey(key.publicKey.raw)).toMatch(/^12D3KooW/);
    await expect(peerKeyOfSeed(new Uint8Array(31))).rejects.toMatchObject({code: "KEYSTORE_INVALID"});
  });

  it("refuses text that is no peer id, or not the one canonical form", () => {
    const id = peerIdOfKey(new Uint8Array(32).fill(1));
    for (const text of [
      "",
      "x",
      "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N",
      ` ${id}`,
      `${id}x`,
      "a".repeat(5_000),
    ]) {
      expect(keyOfPeerId(text)).toBeUndefined();
    }
    expect(() => peerIdOfKey(new Uint8Array(33))).toThrowError(
      expect.objectContaining({code: "DECODE_INVALID"}),
    );
  });
});
