import {CodedError} from "@catalyze/core/errors/codedError";
import {legsFor} from "@catalyze/core/market/legs";
import {openQuote, signQuote} from "@catalyze/core/market/quote";
import type {AttemptId, Hash, LockId, TaskClass, TaskHash} from "@catalyze/core/primitives/id";
import {
  decodeReceipt,
  encodeReceipt,
  hashReceipt,
  isReceiptSigned,
  type Receipt,
  signReceipt,
} from "@catalyze/core/task/receipt";
import {type CommitTerms, checkCommit, openCommit, signCommit} from "@catalyze/core/task/resultCommit";
import * as fc from "fast-check";
import {describe, expect, it} from "vitest";
import {context, party, quoteTerms, TASK_HASH} from "../market/kit.ts";

const payer = party("payer");
const provider = party("a");

const hex = (bytes: number) =>
  fc.uint8Array({minLength: bytes, maxLength: bytes}).map((value) => Buffer.from(value).toString("hex"));

const receiptArb: fc.Arbitrary<Receipt> = fc.record({
  taskHash: hex(32).map((id) => id as TaskHash),
  attemptId: hex(16).map((id) => id as AttemptId),
  taskClass: fc.constantFrom("onnx/bafy", "onnx/x", "openai/öl").map((name) => name as TaskClass),
  payer: fc.constant(payer.account),
  provider: fc.constant(provider.account),
  lockId: hex(32).map((id) => id as LockId),
  termsHash: hex(32).map((id) => id as Hash),
  commitHash: hex(32).map((id) => id as Hash),
  outputHash: hex(32).map((id) => id as Hash),
  units: fc.bigInt({min: 0n, max: 10n ** 18n}),
  charge: fc.bigInt({min: 0n, max: 10n ** 15n}),
  legs: fc.constantFrom(
    legsFor({provider: provider.account}, {protocolFeeBps: 500}),
    legsFor(
      {
        provider: provider.account,
        creator: {account: party("creator").account},
        middleware: {account: party("m").account},
      },
      {protocolFeeBps: 300},
    ),
  ),
});

describe("a receipt", () => {
  it("has one encoding, which comes back as it was", () => {
    fc.assert(
      fc.property(receiptArb, (receipt) => {
        const bytes = encodeReceipt(receipt);
        expect(decodeReceipt(bytes)).toEqual(receipt);
        expect(encodeReceipt(decodeReceipt(bytes))).toEqual(bytes);
      }),
    );
  });

  it("changes its hash with every field", () => {
    fc.assert(
      fc.property(receiptArb, receiptArb, (left, right) => {
        for (const key of Object.keys(left) as (keyof Receipt)[]) {
          const changed = {...left, [key]: right[key]};
          const isSame = JSON.stringify(changed, bigs) === JSON.stringify(left, bigs);
          expect(hashReceipt(changed) === hashReceipt(left)).toBe(isSame);
        }
      }),
    );
  });

  it("answers any bytes, and any change of bytes, with a code or another receipt", () => {
    fc.assert(
      fc.property(
        receiptArb,
        fc.nat(),
        fc.integer({min: 1, max: 255}),
        fc.uint8Array(),
        (receipt, at, mask, noise) => {
          const bytes = encodeReceipt(receipt);
          const flipped = Uint8Array.from(bytes);
          flipped[at % bytes.length] = (flipped[at % bytes.length] ?? 0) ^ mask;
          for (const input of [
            flipped,
            noise,
            bytes.subarray(0, at % bytes.length),
            Uint8Array.of(...bytes, 0),
          ]) {
            try {
              expect(encodeReceipt(decodeReceipt(input))).toEqual(Uint8Array.from(input));
            } catch (error) {
              expect(error).toBeInstanceOf(CodedError);
            }
          }
        },
      ),
    );
  });

  it("is signed by one key for one network", () => {
    const [receipt] = fc.sample(receiptArb, {numRuns: 1, seed: 1}) as [Receipt];
    const signature = signReceipt(receipt, payer.signer, context);
    const by = (publicKey: Uint8Array) => ({signature, publicKey});
    expect(isReceiptSigned(receipt, by(payer.signer.publicKey), context)).toBe(true);
    expect(isReceiptSigned(receipt, by(provider.signer.publicKey), context)).toBe(false);
    expect(
      isReceiptSigned({...receipt, charge: receipt.charge + 1n}, by(payer.signer.publicKey), context),
    ).toBe(false);
    const other = {...context, genesisHash: new Uint8Array(32)};
    expect(isReceiptSigned(receipt, by(payer.signer.publicKey), other)).toBe(false);
  });
});

function bigs(_: string, value: unknown): unknown {
  return typeof value === "bigint" ? `${value}n` : value;
}

describe("a result commit", () => {
  const quote = openQuote(signQuote(quoteTerms("a"), provider.signer, context), undefined, context);
  const attemptId = "a1".repeat(16) as AttemptId;
  const lockId = "10".repeat(32) as LockId;
  const terms: CommitTerms = {
    taskHash: TASK_HASH,
    attemptId,
    outputHash: "0f".repeat(32) as Hash,
    units: 1_000_000_000n,
    charge: 2_100n,
    lockId,
    determinism: "x",
    providerNonce: new Uint8Array(32).fill(5),
    executorMs: 44,
  };
  const check = (changes: Partial<CommitTerms>, signer = provider.signer) => {
    const commit = openCommit(signCommit({...terms, ...changes}, signer, context), context);
    checkCommit(commit, quote, {attemptId, lockId});
    return commit;
  };

  it("is what the provider signed", () => {
    expect(check({})).toMatchObject({...terms, provider: provider.account});
  });

  it.each<[string, Partial<CommitTerms>, string]>([
    ["a charge that is not the price of the meter", {charge: 2_101n}, "RESULT_INVALID"],
    ["a meter above the maximum", {units: 3_000_000_002n, charge: 6_101n}, "METER_ABOVE_MAX"],
    ["another attempt", {attemptId: "a2".repeat(16) as AttemptId}, "RESULT_INVALID"],
    ["another lock", {lockId: "11".repeat(32) as LockId}, "RESULT_INVALID"],
    ["another task", {taskHash: "11".repeat(32) as TaskHash}, "RESULT_INVALID"],
    ["a short nonce", {providerNonce: new Uint8Array(31)}, "DECODE_INVALID"],
  ])("refuses %s", (_, changes, code) => {
    expect(() => check(changes)).toThrow(expect.objectContaining({code}));
  });

  it("refuses somebody else's signature", () => {
    expect(() => check({}, payer.signer)).toThrow(expect.objectContaining({code: "RESULT_INVALID"}));
  });

  it("answers any bytes with a code", () => {
    fc.assert(
      fc.property(fc.uint8Array(), (noise) => {
        expect(() => openCommit(noise, context)).toThrow(CodedError);
      }),
    );
  });
});
