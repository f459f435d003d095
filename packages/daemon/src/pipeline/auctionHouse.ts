/**
 * Auctions from both sides. A requester gossips an offer, takes sealed bids on direct streams for a short
 * window, ranks them together with the standing asks, and publishes the award with every bid's hash. A
 * provider answers offers of classes that it sells.
 */
import {CodedError, toCodedError} from "@catalyze/core/errors/codedError";
import {type Bid, closeAuction} from "@catalyze/core/market/auction";
import {bidHashOf, openAward, signAward} from "@catalyze/core/market/award";
import {encodeSigned} from "@catalyze/core/market/envelope";
import {type OfferTerms, openOffer, signOffer, WINDOW_MS} from "@catalyze/core/market/offer";
import {openQuote, type Quote} from "@catalyze/core/market/quote";
import type {Candidate, RouteResult} from "@catalyze/core/market/route";
import type {Clock} from "@catalyze/core/ports/clock";
import type {LedgerClient} from "@catalyze/core/ports/ledger";
import type {Log} from "@catalyze/core/ports/log";
import type {GossipMessage, Net, Verdict} from "@catalyze/core/ports/net";
import type {Random} from "@catalyze/core/ports/random";
import {fromHex, toHex} from "@catalyze/core/primitives/bytes";
import type {AccountId, PeerId} from "@catalyze/core/primitives/id";
import type {UnixMs} from "@catalyze/core/primitives/time";
import type {Verified} from "@catalyze/core/primitives/verified";
import {standingOf} from "@catalyze/core/reputation/reputation";
import {hashSpec} from "@catalyze/core/task/spec";
import type {QuoteRequest, Signed} from "@catalyze/proto/gen/catalyze/v1/market_pb";
import type {Catalog} from "./catalog.ts";
import type {Identity} from "./identity.ts";
import type {MarketClient, SignedQuote} from "./marketClient.ts";
import type {Router} from "./router.ts";
import type {TaskContext} from "./taskContext.ts";

export type AuctionHouseComponents = {
  readonly net: Net;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly identity: Identity;
  readonly ledger: LedgerClient;
  readonly catalog: Catalog;
  readonly router: Router;
  readonly client: MarketClient;
  /** This node's signed quote for a request, or a throw that says why not. */
  readonly quote: (
    request: Pick<QuoteRequest, "taskHash" | "taskClass" | "payer" | "unitsMax" | "deadlineMs">,
  ) => Signed;
};

export type ClosedAuction = {readonly route: RouteResult; readonly quotes: ReadonlyMap<PeerId, SignedQuote>};

const BIDS_PER_AUCTION_MAX = 256;
/** Offers that one account may have us answer. */
const OFFERS_PER_ACCOUNT = 20;
const OFFERS_WINDOW_MS = 10_000;
const OFFER_TTL_MS = 5_000;

export class AuctionHouse {
  readonly #components: AuctionHouseComponents;
  readonly #open = new Map<string, Map<PeerId, Signed>>();
  #answered = new Map<AccountId, number>();
  #stops: (() => void)[] = [];

  constructor(components: AuctionHouseComponents) {
    this.#components = components;
  }

  start(): void {
    const {net, clock} = this.#components;
    let cancel: () => void = () => undefined;
    const forget = () => {
      this.#answered = new Map();
      cancel = clock.after(OFFERS_WINDOW_MS, forget);
    };
    forget();
    this.#stops = [
      () => cancel(),
      net.subscribe("offers", (message) => this.#onOffer(message)),
      net.subscribe("awards", (message) => this.#onAward(message)),
    ];
  }

  stop(): void {
    for (const stop of this.#stops.splice(0)) stop();
  }

  /** A bid for one of our offers: kept sealed until the window closes. */
  receive(peer: PeerId, offerId: string, quote: Signed): void {
    const bids = this.#open.get(offerId);
    if (bids === undefined) throw new CodedError("MESSAGE_EXPIRED", {evidence: {offer: offerId}});
    if (bids.size >= BIDS_PER_AUCTION_MAX) throw new CodedError("QUEUE_FULL");
    bids.set(peer, quote);
  }

  /** Offers the task and ranks what came in beside the standing asks. */
  async hold(
    task: TaskContext,
    standing: readonly Candidate[],
    excluded: ReadonlySet<PeerId>,
  ): Promise<ClosedAuction> {
    const {net, clock, random, identity} = this.#components;
    const offerId = toHex(random.bytes(16));
    this.#open.set(offerId, new Map());
    try {
      await net.publish(
        "offers",
        encodeSigned(signOffer(this.#terms(task, offerId), identity.accountSigner, identity)),
      );
      await clock.sleep(WINDOW_MS.default, task.signal);
      return await this.#close(task, offerId, standing, excluded);
    } finally {
      this.#open.delete(offerId);
    }
  }

  async #close(
    task: TaskContext,
    offerId: string,
    standing: readonly Candidate[],
    excluded: ReadonlySet<PeerId>,
  ): Promise<ClosedAuction> {
    const {net, clock, random, identity} = this.#components;
    const quotes = new Map<PeerId, SignedQuote>();
    const bids: Bid[] = [];
    for (const [peer, signed] of this.#open.get(offerId) ?? []) {
      const quote = this.#openBid(task, peer, signed);
      if (quote === undefined) continue;
      quotes.set(peer, {quote, signed, middleware: undefined});
      bids.push({candidate: this.#candidate(quote), quote, hash: bidHashOf(offerId, signed)});
    }
    const policy = {
      priceMax: task.priceMax,
      deadlineMs: Math.max(1, task.deadlineMs - clock.now()),
      nowMs: clock.now(),
      excluded,
    };
    const closed = closeAuction(bids, standing, policy, random);
    if (closed.winner !== undefined) {
      const award = {
        offerId,
        bidHashes: closed.bidHashes,
        winnerHash: closed.winner.hash,
        issuedAtMs: clock.now(),
      };
      await net.publish("awards", encodeSigned(signAward(award, identity.accountSigner, identity)));
    }
    return {route: closed.route, quotes};
  }

  #openBid(task: TaskContext, peer: PeerId, signed: Signed): Verified<Quote> | undefined {
    const {identity, net, log} = this.#components;
    try {
      const quote = openQuote(signed, undefined, identity);
      return quote.taskHash === hashSpec(task.spec) && quote.providerPeer === peer ? quote : undefined;
    } catch (error) {
      const {code} = toCodedError(error);
      log.debug("bid refused", {peer, code});
      net.penalize(peer, code);
      return undefined;
    }
  }

  #candidate(quote: Quote): Candidate {
    const {router, clock} = this.#components;
    return {
      kind: "ask",
      peer: quote.providerPeer,
      account: quote.provider,
      price: quote.chargeMax,
      chargeMax: quote.chargeMax,
      auditPpm: quote.auditPpm,
      estimateMs: quote.expectedMs === 0 ? undefined : quote.expectedMs,
      queueMs: 0,
      standing: standingOf(router.reputationOf(quote.providerPeer, quote.taskClass), clock.now()),
      ask: undefined,
    };
  }

  #terms(task: TaskContext, offerId: string): OfferTerms {
    const {identity, clock} = this.#components;
    const now = clock.now();
    return {
      offerId,
      account: identity.account,
      peer: identity.peer,
      taskClass: task.spec.taskClass,
      taskHash: hashSpec(task.spec),
      unitsMax: task.unitsMax,
      priceMax: task.priceMax,
      deadlineMs: Math.max(1, task.deadlineMs - now),
      windowMs: WINDOW_MS.default,
      issuedAtMs: now,
      expiresAtMs: (now + OFFER_TTL_MS) as UnixMs,
    };
  }

  #onOffer({from, data}: GossipMessage): Verdict {
    const {identity, clock, ledger, net, catalog, log} = this.#components;
    const opened = openOffer(data, {
      ...identity,
      nowMs: clock.now(),
      balanceOf: (account) => ledger.accountView(account)?.balance,
    });
    if (opened.verdict !== "accept") {
      if (opened.verdict === "reject") net.penalize(from, opened.error.code);
      return opened.verdict;
    }
    const {offer} = opened;
    const answered = (this.#answered.get(offer.account) ?? 0) + 1;
    if (answered > OFFERS_PER_ACCOUNT) return "ignore";
    this.#answered.set(offer.account, answered);
    if (offer.peer !== identity.peer && catalog.sold().some(({taskClass}) => taskClass === offer.taskClass)) {
      this.#answer(offer).catch((error: unknown) =>
        log.debug("bid not sent", {code: toCodedError(error).code}),
      );
    }
    return "accept";
  }

  async #answer(offer: OfferTerms): Promise<void> {
    const {client, quote} = this.#components;
    const signed = quote({
      taskHash: fromHex(offer.taskHash),
      taskClass: offer.taskClass,
      payer: fromHex(offer.account),
      unitsMax: offer.unitsMax,
      deadlineMs: BigInt(offer.deadlineMs),
    });
    await client.bid(offer.peer, fromHex(offer.offerId), signed);
  }

  /** Checked and passed on, so that losers anywhere see whether they were counted. */
  #onAward({from, data}: GossipMessage): Verdict {
    const {identity, net} = this.#components;
    try {
      openAward(data, identity);
      return "accept";
    } catch (error) {
      const {code} = toCodedError(error);
      net.penalize(from, code);
      return "reject";
    }
  }
}
