/**
 * Golden bytes of what is signed on the market. A change here is a change of the protocol: other versions
 * and languages read these bytes. `market.json` was written once by this program.
 */
import {readFileSync} from "node:fs";
import {bidHashOf} from "@catalyze/core/market/award";
import {encodeSigned, hashSigned} from "@catalyze/core/market/envelope";
import {openQuote, signQuote} from "@catalyze/core/market/quote";
import {fromHex, toHex} from "@catalyze/core/primitives/bytes";
import type {AttemptId, Hash, LockId} from "@catalyze/core/primitives/id";
import {
  decodeReceipt,
  encodeReceipt,
  hashReceipt,
  type Receipt,
  signReceipt,
} from "@catalyze/core/task/receipt";
import {signCommit} from "@catalyze/core/task/resultCommit";
import {buildSpec, hashSpec} from "@catalyze/core/task/spec";
import {coinOf, nonceHashOf} from "@catalyze/core/verify/coin";
import {describe, expect, it} from "vitest";
import {
  CLASS,
  context,
  openAskNow,
  party,
  quoteTerms,
  signedAsk,
  TASK_HASH,
} from "../../../packages/core/test/market/kit.ts";

type Vectors = Readonly<Record<string, string>>;

const golden = JSON.parse(readFileSync(new URL("./market.json", import.meta.url), "utf8")) as Vectors;

const ask = signedAsk("a");
const quote = signQuote(quoteTerms("a"), party("a").signer, context);
const opened = openQuote(quote, undefined, context);
const commit = signCommit(
  {
    taskHash: TASK_HASH,
    attemptId: "a1".repeat(16) as AttemptId,
    outputHash: "0f".repeat(32) as Hash,
    units: 1_000_000_000n,
    charge: 2_100n,
    lockId: "10".repeat(32) as LockId,
    determinism: opened.determinism,
    providerNonce: new Uint8Array(32).fill(5),
    executorMs: 44,
  },
  party("a").signer,
  context,
);
const receipt: Receipt = {
  taskHash: TASK_HASH,
  attemptId: "a1".repeat(16) as AttemptId,
  taskClass: CLASS,
  payer: party("payer").account,
  provider: party("a").account,
  lockId: "10".repeat(32) as LockId,
  termsHash: opened.termsHash,
  commitHash: "1c".repeat(32) as Hash,
  outputHash: "0f".repeat(32) as Hash,
  units: 1_000_000_000n,
  charge: 2_100n,
  legs: opened.legs,
};
const spec = buildSpec({
  taskClass: CLASS,
  params: {languages: ["en"], max: 5},
  input: new Uint8Array([1, 2, 3]),
  payer: party("payer").account,
  idempotencyKey: "golden",
});
const auditNonce = new Uint8Array(32).fill(7);

const now: Vectors = {
  account: party("a").account,
  ask: toHex(encodeSigned(ask)),
  askHash: hashSigned(ask),
  quote: toHex(encodeSigned(quote)),
  quoteTermsHash: opened.termsHash,
  bidHash: bidHashOf("0f".repeat(16), quote),
  specHash: hashSpec(spec),
  commit: toHex(encodeSigned(commit)),
  receipt: toHex(encodeReceipt(receipt)),
  receiptHash: hashReceipt(receipt),
  receiptSignature: toHex(signReceipt(receipt, party("payer").signer, context)),
  nonceHash: toHex(nonceHashOf(auditNonce)),
  coin: coinOf({
    taskHash: TASK_HASH,
    auditNonce,
    providerNonce: new Uint8Array(32).fill(5),
    commitSignature: commit.signature,
  }),
};

describe("the market's golden vectors", () => {
  it.each(Object.keys(now))("%s has not changed", (name) => expect(now[name]).toBe(golden[name]));

  it("are all known", () => expect(Object.keys(golden)).toEqual(Object.keys(now)));

  it("open to what was signed", () => {
    expect(openAskNow(fromHex(golden["ask"] ?? "")).verdict).toBe("accept");
    expect(openQuote(fromHex(golden["quote"] ?? ""), undefined, context)).toEqual(opened);
    expect(decodeReceipt(fromHex(golden["receipt"] ?? ""))).toEqual(receipt);
  });
});
