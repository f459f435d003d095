import {CodedError} from "@catalyze/core/errors/codedError";
import {
  checkQuote,
  isQuoteExpired,
  QUOTE_GRACE_MS,
  type QuoteExpectation,
} from "@catalyze/core/market/checkQuote";
import {sealSigned} from "@catalyze/core/market/envelope";
import {legsFor} from "@catalyze/core/market/legs";
import {chargeAt} from "@catalyze/core/market/price";
import {
  countersignQuote,
  expectedMsOf,
  openQuote,
  type QuoteTerms,
  quoteFromAsk,
  signQuote,
} from "@catalyze/core/market/quote";
import type {TaskHash} from "@catalyze/core/primitives/id";
import type {UnixMs} from "@catalyze/core/primitives/time";
import {DOMAIN} from "@catalyze/proto/domains";
import * as fc from "fast-check";
import {describe, expect, it} from "vitest";
import {CLASS, context, NOW, party, quoteTerms, TASK_HASH, verifiedAsk} from "./kit.ts";

const {signer} = party("a");

function codeOf(run: () => unknown): string {
  try {
    run();
    return "ok";
  } catch (error) {
    expect(error).toBeInstanceOf(CodedError);
    return `${(error as CodedError).code} ${(error as CodedError).evidence["field"] ?? ""}`.trim();
  }
}

const withMiddleware = quoteTerms("a", {
  middleware: party("m").account,
  legs: legsFor(
    {provider: party("a").account, middleware: {account: party("m").account}},
    {protocolFeeBps: 500},
  ),
});

describe("openQuote", () => {
  it("returns what the provider signed", () => {
    const quote = openQuote(signQuote(quoteTerms("a"), signer, context), undefined, context);
    expect(quote).toMatchObject({...quoteTerms("a"), source: "quote"});
    expect(quote.providerKey).toEqual(signer.publicKey);
  });

  it("wants the middleware's signature over the same bytes, by the account that the legs pay", () => {
    const signed = signQuote(withMiddleware, signer, context);
    const open = (second: Parameters<typeof openQuote>[1]) =>
      codeOf(() => openQuote(signed, second, context));
    expect(open(countersignQuote(signed, party("m").signer, context))).toBe("ok");
    expect(open(undefined)).toBe("QUOTE_INVALID middlewareSignature");
    expect(open(countersignQuote(signed, party("b").signer, context))).toBe(
      "QUOTE_INVALID middlewareAccount",
    );
    const other = signQuote({...withMiddleware, auditPpm: 1}, party("m").signer, context);
    expect(open(other)).toBe("QUOTE_INVALID middlewareBody");
    const plain = signQuote(quoteTerms("a"), signer, context);
    expect(codeOf(() => openQuote(plain, countersignQuote(plain, party("m").signer, context), context))).toBe(
      "QUOTE_INVALID middlewareSignature",
    );
  });

  const bad: [string, Partial<QuoteTerms>, string][] = [
    ["a maximum charge that is not the price of the maximum", {chargeMax: 6_100n}, "QUOTE_INVALID chargeMax"],
    ["another account's quote", {provider: party("b").account}, "SIGNATURE_INVALID provider"],
    [
      "legs that pay another provider",
      {legs: legsFor({provider: party("b").account}, {protocolFeeBps: 500})},
      "QUOTE_INVALID legs.provider",
    ],
    ["a middleware without a leg", {middleware: party("m").account}, "QUOTE_INVALID legs.middleware"],
    ["a leg without a middleware", {legs: withMiddleware.legs}, "QUOTE_INVALID legs.middleware"],
    ["an endless life", {expiresAtMs: (NOW + 120_001) as UnixMs}, "QUOTE_INVALID expiresAtMs"],
    ["more than all audits", {auditPpm: 1_000_001}, "DECODE_INVALID auditPpm"],
    ["a deadline of more than a day", {deadlineMs: 86_400_001}, "DECODE_INVALID deadlineMs"],
  ];
  it.each(bad)("refuses %s", (_, changes, code) => {
    const signed = signQuote(quoteTerms("a", changes), signer, context);
    expect(codeOf(() => openQuote(signed, undefined, context))).toBe(code);
  });

  it("answers any bytes with a code", () => {
    fc.assert(
      fc.property(fc.uint8Array({maxLength: 200}), (noise) => {
        expect(codeOf(() => openQuote(noise, undefined, context))).not.toBe("ok");
        const signed = sealSigned(DOMAIN.quote, noise, signer, context);
        expect(codeOf(() => openQuote(signed, undefined, context))).not.toBe("ok");
      }),
      {numRuns: 30},
    );
  });
});

describe("checkQuote", () => {
  const quote = openQuote(signQuote(quoteTerms("a"), signer, context), undefined, context);
  const expected: QuoteExpectation = {
    taskHash: TASK_HASH,
    taskClass: CLASS,
    payer: party("payer").account,
    unitsMax: quote.unitsMax,
    priceMax: quote.chargeMax,
    protocolFeesBps: [500],
    creator: undefined,
    ask: {unit: "mac", unitPrice: 2_000n, feeMin: 100n},
    middlewareBpsMax: 0,
    nowMs: NOW,
  };
  const check = (changes: Partial<QuoteExpectation>) =>
    codeOf(() => checkQuote(quote, {...expected, ...changes}));

  it("passes what was asked for", () => expect(check({})).toBe("ok"));

  it.each<[Partial<QuoteExpectation>, string]>([
    [{taskHash: "cd".repeat(32) as TaskHash}, "QUOTE_INVALID taskHash"],
    [{payer: party("b").account}, "QUOTE_INVALID payer"],
    [{unitsMax: 1n}, "QUOTE_INVALID unitsMax"],
    [{ask: {unit: "mac", unitPrice: 1_999n, feeMin: 100n}}, "QUOTE_INVALID unitPrice"],
    [{ask: {unit: "mac", unitPrice: 2_000n, feeMin: 99n}}, "QUOTE_INVALID feeMin"],
    [{protocolFeesBps: [400, 501]}, "QUOTE_INVALID legs.protocol"],
    [{creator: {account: party("creator").account}}, "QUOTE_INVALID legs.creator"],
    [{priceMax: quote.chargeMax - 1n}, "PRICE_ABOVE_MAX"],
    [{nowMs: (NOW + 100_000) as UnixMs}, "QUOTE_EXPIRED"],
  ])("refuses other expectations, case %#", (changes, code) => expect(check(changes)).toBe(code));

  it("allows a middleware only up to what the caller does", () => {
    const signed = signQuote(withMiddleware, signer, context);
    const resold = openQuote(signed, countersignQuote(signed, party("m").signer, context), context);
    expect(codeOf(() => checkQuote(resold, expected))).toBe("QUOTE_INVALID legs.middleware");
    expect(codeOf(() => checkQuote(resold, {...expected, middlewareBpsMax: 500}))).toBe("ok");
  });

  it("refuses a royalty to somebody else", () => {
    const wrong = quoteTerms("a", {
      legs: legsFor(
        {provider: party("a").account, creator: {account: party("b").account}},
        {protocolFeeBps: 500},
      ),
    });
    const opened = openQuote(signQuote(wrong, signer, context), undefined, context);
    const creator = {account: party("creator").account};
    expect(codeOf(() => checkQuote(opened, {...expected, creator}))).toBe("QUOTE_INVALID legs.creator");
    expect(codeOf(() => checkQuote(opened, expected))).toBe("QUOTE_INVALID legs.creator");
  });
});

describe("a standing ask as a quote", () => {
  const use = {
    taskHash: TASK_HASH,
    payer: party("payer").account,
    unitsMax: 3_000_000_001n,
    deadlineMs: 30_000,
    auditPpm: 20_000,
  };

  it("has the same terms for both sides", () => {
    const quote = quoteFromAsk(verifiedAsk("a"), use);
    expect(quote).toMatchObject({
      chargeMax: 6_101n,
      provider: party("a").account,
      source: "ask",
      middleware: undefined,
    });
    expect(quoteFromAsk(verifiedAsk("a"), use)).toEqual(quote);
  });

  it("is honoured for a while after the ask ran out", () => {
    const quote = quoteFromAsk(verifiedAsk("a"), use);
    const end = quote.expiresAtMs + 90_000;
    expect(isQuoteExpired(quote, (end + QUOTE_GRACE_MS - 1) as UnixMs, QUOTE_GRACE_MS)).toBe(false);
    expect(isQuoteExpired(quote, (end + QUOTE_GRACE_MS) as UnixMs, QUOTE_GRACE_MS)).toBe(true);
  });

  it("expects to wait behind what is queued", () => {
    const speed = {unitsPerSecond: 1_000n, slots: 2, slotsBusy: 0, queueLength: 0};
    expect(expectedMsOf(speed, 500n)).toBe(500);
    expect(expectedMsOf({...speed, slotsBusy: 1}, 500n)).toBe(500);
    expect(expectedMsOf({...speed, slotsBusy: 2}, 500n)).toBe(750);
    expect(expectedMsOf({...speed, slotsBusy: 2, queueLength: 4}, 500n)).toBe(1_750);
    expect(expectedMsOf({...speed, unitsPerSecond: 0n}, 500n)).toBe(0);
    expect(expectedMsOf(speed, 1n << 60n)).toBe(86_400_000);
  });
});

describe("chargeAt", () => {
  const priceArb = fc.record({
    unit: fc.constantFrom("mac" as const, "token" as const),
    unitPrice: fc.bigInt({min: 0n, max: 10_000n}),
    feeMin: fc.bigInt({min: 0n, max: 1_000n}),
  });

  it("never falls as the meter rises, so the maximum bounds every charge", () => {
    fc.assert(
      fc.property(
        priceArb,
        fc.bigInt({min: 0n, max: 1n << 50n}),
        fc.bigInt({min: 0n, max: 5_000n}),
        (price, units, more) => {
          expect(chargeAt(price, units + more)).toBeGreaterThanOrEqual(chargeAt(price, units));
          expect(chargeAt(price, 0n)).toBe(price.feeMin);
        },
      ),
    );
  });
});
