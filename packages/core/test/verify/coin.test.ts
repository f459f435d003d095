import {sha256} from "@catalyze/core/crypto/sha256";
import {utf8} from "@catalyze/core/primitives/bytes";
import type {Hash, TaskHash} from "@catalyze/core/primitives/id";
import {auditPpm, coinOf, isAudited, isNonceOf, nonceHashOf} from "@catalyze/core/verify/coin";
import * as fc from "fast-check";
import {describe, expect, it} from "vitest";

const input = {
  taskHash: "ab".repeat(32) as TaskHash,
  auditNonce: sha256(utf8("nonce")),
  providerNonce: sha256(utf8("provider")),
  commitSignature: new Uint8Array(64).fill(9),
};

describe("the coin", () => {
  it("depends on both parties and the task", () => {
    const flipped = (bytes: Uint8Array): Uint8Array => bytes.map((byte, at) => (at === 0 ? byte ^ 1 : byte));
    const coins = [
      input,
      {...input, taskHash: "ac".repeat(32) as TaskHash},
      {...input, auditNonce: flipped(input.auditNonce)},
      {...input, providerNonce: flipped(input.providerNonce)},
      {...input, commitSignature: flipped(input.commitSignature)},
    ].map(coinOf);
    expect(new Set(coins).size).toBe(coins.length);
  });

  it("opens only the hash that was shown", () => {
    expect(isNonceOf(input.auditNonce, nonceHashOf(input.auditNonce))).toBe(true);
    expect(isNonceOf(input.providerNonce, nonceHashOf(input.auditNonce))).toBe(false);
    expect(isNonceOf(input.auditNonce.subarray(1), nonceHashOf(input.auditNonce.subarray(1)))).toBe(false);
  });

  it("falls below p as often as p says", () => {
    let hits = 0;
    for (let index = 0; index < 4_000; index += 1) {
      if (isAudited(coinOf({...input, auditNonce: sha256(utf8(`${index}`))}), 100_000)) hits += 1;
    }
    expect(hits / 4_000).toBeGreaterThan(0.085);
    expect(hits / 4_000).toBeLessThan(0.115);
  });

  it("is certain at the ends", () => {
    for (const digit of ["0", "f"]) {
      const coin = digit.repeat(64) as Hash;
      expect(isAudited(coin, 1_000_000)).toBe(true);
      expect(isAudited(coin, 0)).toBe(false);
    }
  });
});

describe("auditPpm", () => {
  const policy = {price: 100n, stake: 10_000n, slashPpm: 1_000_000, isNewcomerAlwaysAudited: true};

  it("is min(1, max(0.02, 2P / (σS)))", () => {
    expect(auditPpm(policy)).toBe(20_000);
    expect(auditPpm({...policy, stake: 5_000n})).toBe(40_000);
    expect(auditPpm({...policy, stake: 5_000n, slashPpm: 500_000})).toBe(80_000);
    expect(auditPpm({...policy, stake: 199n})).toBe(1_000_000);
    expect(auditPpm({...policy, stake: 0n})).toBe(1_000_000);
    expect(auditPpm({...policy, stake: 0n, isNewcomerAlwaysAudited: false})).toBe(20_000);
  });

  it("makes cheating lose: p × σS ≥ 2P unless every task is checked", () => {
    fc.assert(
      fc.property(
        fc.bigInt({min: 0n, max: 1n << 50n}),
        fc.bigInt({min: 1n, max: 1n << 50n}),
        (price, stake) => {
          const ppm = auditPpm({...policy, price, stake});
          expect(ppm).toBeGreaterThanOrEqual(20_000);
          expect(ppm === 1_000_000 || BigInt(ppm) * stake >= 2n * price * 1_000_000n).toBe(true);
        },
      ),
    );
  });
});
