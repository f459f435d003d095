import {CodedError} from "@catalyze/core/errors/codedError";
import {type Bid, closeAuction, nextSaving, shouldAuction, windowMsFor} from "@catalyze/core/market/auction";
import {bidHashOf, fateOfBid, openAward, signAward} from "@catalyze/core/market/award";
import {encodeSigned} from "@catalyze/core/market/envelope";
import {type OfferTerms, openOffer, signOffer} from "@catalyze/core/market/offer";
import {askPrice, bidPrice, isWorthIt, nextProfitRate, scarcity} from "@catalyze/core/market/pricing";
import type {Quote} from "@catalyze/core/market/quote";
import {signQuote} from "@catalyze/core/market/quote";
import type {Candidate, RoutePolicy} from "@catalyze/core/market/route";
import type {AccountId, Hash, PeerId} from "@catalyze/core/primitives/id";
import type {UnixMs} from "@catalyze/core/primitives/time";
import {newReputation, standingOf} from "@catalyze/core/reputation/reputation";
import * as fc from "fast-check";
import {describe, expect, it} from "vitest";
import {CLASS, context, NOW, party, quoteTerms, seededRandom, TASK_HASH} from "./kit.ts";

const payer = party("payer");

const offer: OfferTerms = {
  offerId: "0f".repeat(16),
  account: payer.account,
  peer: payer.peer,
  taskClass: CLASS,
  taskHash: TASK_HASH,
  unitsMax: 1_000n,
  priceMax: 5_000n,
  deadlineMs: 30_000,
  windowMs: 400,
  issuedAtMs: NOW,
  expiresAtMs: (NOW + 5_000) as UnixMs,
};

function open(changes: Partial<OfferTerms> = {}, extra: {nowMs?: UnixMs; balance?: bigint} = {}): string {
  const {nowMs = NOW, balance = 5_000n} = extra;
  const signed = encodeSigned(signOffer({...offer, ...changes}, payer.signer, context));
  const result = openOffer(signed, {...context, nowMs, balanceOf: () => balance});
  return result.verdict === "accept" ? "accept" : `${result.verdict} ${result.error.code}`;
}

describe("openOffer", () => {
  it("accepts what its account signed and can pay", () => {
    expect(open()).toBe("accept");
    expect(open({}, {balance: 4_999n})).toBe("ignore FUNDS_INSUFFICIENT");
    expect(open({account: party("b").account})).toBe("reject SIGNATURE_INVALID");
    expect(open({windowMs: 1_501})).toBe("reject DECODE_INVALID");
    expect(open({expiresAtMs: (NOW + 60_001) as UnixMs})).toBe("reject DECODE_INVALID");
    expect(open({}, {nowMs: (NOW + 3_600_000) as UnixMs})).toBe("ignore MESSAGE_EXPIRED");
  });

  it("answers any bytes with a code", () => {
    fc.assert(
      fc.property(fc.uint8Array({maxLength: 300}), (noise) => {
        expect(openOffer(noise, {...context, nowMs: NOW}).verdict).toBe("reject");
      }),
    );
  });
});

describe("the award", () => {
  const quote = signQuote(quoteTerms("a"), party("a").signer, context);
  const hash = bidHashOf(offer.offerId, quote);
  const other = "11".repeat(32) as Hash;
  const sign = (bidHashes: Hash[], winnerHash: Hash) =>
    signAward({offerId: offer.offerId, bidHashes, winnerHash, issuedAtMs: NOW}, payer.signer, context);
  const bid = {offerId: offer.offerId, hash, requester: payer.account};

  it("tells each bidder its fate", () => {
    expect(fateOfBid(openAward(sign([hash, other], hash), context), bid)).toBe("won");
    expect(fateOfBid(openAward(sign([hash, other], other), context), bid)).toBe("lost");
    expect(fateOfBid(openAward(sign([other], other), context), bid)).toBe("omitted");
    expect(fateOfBid(openAward(sign([hash], hash), context), {...bid, requester: party("b").account})).toBe(
      "notOurs",
    );
  });

  it("must name a winner among the bids", () => {
    expect(() => openAward(sign([other], hash), context)).toThrow(CodedError);
    expect(() => openAward(sign([], hash), context)).toThrow(CodedError);
  });

  it("lists bids in one order, each once", () => {
    expect(sign([hash, other, hash], hash).body).toEqual(sign([other, hash], hash).body);
  });

  it("binds a bid to its offer", () => {
    expect(bidHashOf("10".repeat(16), quote)).not.toBe(hash);
  });
});

describe("closeAuction", () => {
  const policy: RoutePolicy = {
    priceMax: 100n,
    deadlineMs: 10_000,
    nowMs: NOW,
    excluded: new Set(),
    mode: "mean",
  };
  const standing = standingOf(newReputation(NOW), NOW);
  const candidate = (peer: string, price: bigint): Candidate => ({
    kind: "ask",
    peer: peer as PeerId,
    account: peer as string as AccountId,
    price,
    chargeMax: price,
    auditPpm: 0,
    estimateMs: 100,
    queueMs: 0,
    standing,
    ask: undefined,
  });
  const bidArb = fc.record({
    peer: fc.constantFrom("a", "b", "c"),
    price: fc.bigInt({min: 0n, max: 3n}),
    hash: fc.constantFrom("1", "2", "3", "4"),
  });
  const bidOf = ({peer, price, hash}: {peer: string; price: bigint; hash: string}): Bid => ({
    candidate: candidate(peer, price),
    quote: {chargeMax: price} as Quote,
    hash: hash.repeat(64) as Hash,
  });

  it("picks the same winner whatever order bids came in, and never passes over a lower price", () => {
    const anyOrder = fc
      .uniqueArray(bidArb, {selector: ({hash}) => hash, maxLength: 4})
      .chain((bids) => fc.tuple(fc.constant(bids), fc.shuffledSubarray(bids, {minLength: bids.length})));
    fc.assert(
      fc.property(
        anyOrder,
        fc.option(fc.bigInt({min: 0n, max: 3n}), {nil: undefined}),
        ([bids, shuffled], ask) => {
          const standingAsks = ask === undefined ? [] : [candidate("ask", ask)];
          const close = (list: typeof bids) =>
            closeAuction(list.map(bidOf), standingAsks, policy, seededRandom(1));
          const {winner} = close(bids);
          expect(close(shuffled).winner).toEqual(winner);
          const lowest = bids.reduce<bigint | undefined>(
            (low, {price}) => (low === undefined || price < low ? price : low),
            undefined,
          );
          if (winner !== undefined) expect(winner.quote.chargeMax).toBe(lowest);
          else if (lowest !== undefined) expect(ask).toBeLessThanOrEqual(lowest);
        },
      ),
    );
  });

  it("replaces a bidder's ask by its bid and lists every hash", () => {
    const result = closeAuction(
      [bidOf({peer: "a", price: 5n, hash: "1"}), bidOf({peer: "a", price: 9n, hash: "2"})],
      [candidate("a", 1n), candidate("b", 6n)],
      policy,
      seededRandom(1),
    );
    expect(result.winner?.hash).toBe("1".repeat(64));
    expect(result.bidHashes).toHaveLength(2);
  });
});

describe("when to auction", () => {
  const question = {
    saving: 0.05,
    bestPrice: 1_000_000n,
    valueOfTime: 50_000,
    windowMs: 400,
    messageCost: 0,
    isForced: false,
  };

  it("pays when the saving beats the wait", () => {
    // Mechanisms A.4: at 0.05 CTZ a second and 5 %, the break-even is 0.4 CTZ.
    expect(shouldAuction(question).isWorthIt).toBe(true);
    expect(shouldAuction({...question, bestPrice: 400_000n})).toEqual({
      isWorthIt: false,
      reason: "waitAboveSaving",
    });
    expect(shouldAuction({...question, bestPrice: 400_001n}).isWorthIt).toBe(true);
    expect(shouldAuction({...question, bestPrice: undefined}).reason).toBe("noAsk");
    expect(shouldAuction({...question, bestPrice: 1n, isForced: true}).reason).toBe("forced");
  });

  it("learns what auctions save", () => {
    expect(nextSaving(0.05, 100n, 90n)).toBeCloseTo(0.06);
    expect(nextSaving(0.05, 100n, 120n)).toBeCloseTo(0.04);
    expect(nextSaving(0.05, 0n, 0n)).toBe(0.05);
    expect([windowMsFor(undefined), windowMsFor(1), windowMsFor(200), windowMsFor(9_000)]).toEqual([
      400, 150, 600, 1_500,
    ]);
  });
});

describe("the provider's prices", () => {
  it("take a task iff it earns the usual rate", () => {
    const task = {income: 100, cost: 10, durationS: 9, profitRate: 10};
    expect(isWorthIt(task)).toBe(true);
    expect(isWorthIt({...task, profitRate: 10.1})).toBe(false);
    expect(isWorthIt({...task, income: 9, profitRate: -5})).toBe(false);
  });

  it("follow the profit of about ten minutes", () => {
    let rate = 0;
    for (let step = 0; step < 100; step += 1) rate = nextProfitRate(rate, 500, 50);
    expect(rate).toBeGreaterThan(9.9);
    expect(rate).toBeLessThanOrEqual(10);
    expect(nextProfitRate(rate, 500, 0)).toBe(rate);
  });

  it("rise when the machine is nearly full, and never below the list", () => {
    const list = {unit: "mac" as const, unitPrice: 1_000n, feeMin: 7n};
    expect(askPrice({list, isDynamic: false}, 1)).toEqual(list);
    expect(askPrice({list, isDynamic: true}, 0.7)).toEqual(list);
    expect(askPrice({list, isDynamic: true}, 1)).toEqual({unit: "mac", unitPrice: 1_600n, feeMin: 12n});
    expect(scarcity(5)).toBeCloseTo(1.6);
  });

  it("bid between what the task must earn and the ceiling", () => {
    fc.assert(
      fc.property(
        fc.integer({min: 0, max: 1_000}),
        fc.integer({min: 0, max: 1_000}),
        fc.integer({min: 0, max: 20}),
        (reserve, ceiling, bidders) => {
          const bid = bidPrice({reserve, ceiling, bidders});
          expect(bid === undefined).toBe(ceiling < reserve);
          if (bid === undefined) return;
          expect(Number(bid)).toBeGreaterThanOrEqual(reserve);
          expect(Number(bid)).toBeLessThanOrEqual(ceiling);
        },
      ),
    );
  });
});
