/**
 * Step 2 and 3: from a task to an ordered list of terms that somebody is held to. Standing asks by
 * default; a middleware's co-signed quote or an auction when the task says so.
 */
import {CodedError, toCodedError} from "@catalyze/core/errors/codedError";
import {explainChoice, explainRejection} from "@catalyze/core/market/explain";
import {type Quote, quoteFromAsk} from "@catalyze/core/market/quote";
import {type Candidate, type Ranked, type RouteResult, routeFailure} from "@catalyze/core/market/route";
import type {Clock} from "@catalyze/core/ports/clock";
import type {Net} from "@catalyze/core/ports/net";
import {fromHex} from "@catalyze/core/primitives/bytes";
import type {PeerId} from "@catalyze/core/primitives/id";
import {hashSpec} from "@catalyze/core/task/spec";
import {AUDIT_PPM_MIN} from "@catalyze/core/verify/coin";
import type {AuctionHouse} from "./auctionHouse.ts";
import type {Identity} from "./identity.ts";
import {ATTEMPT_MS_MAX} from "./jobTerms.ts";
import type {MarketClient, SignedQuote} from "./marketClient.ts";
import type {Router} from "./router.ts";
import type {AttemptTerms, TaskContext} from "./taskContext.ts";
import type {CandidateNote, RejectedNote, RouteKind} from "./taskExtras.ts";

export type TermsFinderComponents = {
  readonly net: Net;
  readonly clock: Clock;
  readonly identity: Identity;
  readonly router: Router;
  readonly client: MarketClient;
  readonly auctions: AuctionHouse;
};

export type TermsFinderOptions = {readonly auditPpm: number};

export type Found = {
  /** Best first. `own`: this node runs the task itself. */
  readonly terms: readonly (AttemptTerms | "own")[];
  readonly reason: string;
  readonly candidates: readonly CandidateNote[];
  readonly rejected: readonly RejectedNote[];
};

export type FindRequest = {
  readonly route: RouteKind;
  readonly excluded: ReadonlySet<PeerId>;
  readonly allowLocal: boolean;
};

/** Peers asked for a middleware quote at once. */
const MIDDLEWARE_MAX = 8;
const NOTES_MAX = 32;

export class TermsFinder {
  readonly #components: TermsFinderComponents;
  readonly #options: TermsFinderOptions;

  constructor(components: TermsFinderComponents, options: TermsFinderOptions) {
    this.#components = components;
    this.#options = options;
  }

  /** Throws `NO_PEERS`, `NO_PROVIDER`, `PRICE_ABOVE_MAX`, `PROVIDER_BUSY` or a refusal. */
  async find(task: TaskContext, request: FindRequest): Promise<Found> {
    const result = this.rank(task, request);
    if (request.route === "middleware") return await this.#throughMiddleware(task, request, result);
    if (request.route === "auction") return await this.#byAuction(task, request, result);
    if (result.ranked.length === 0) throw this.#failure(task, result);
    return notesOf(
      result,
      result.ranked.map((ranked) => this.#fromCandidate(task, ranked.candidate)),
    );
  }

  /** The ranked list alone: what `quote` shows and nobody is asked for. */
  rank(
    task: Omit<TaskContext, "signal">,
    {excluded, allowLocal}: Pick<FindRequest, "excluded" | "allowLocal">,
  ): RouteResult {
    const {router, clock} = this.#components;
    return router.rank({
      taskClass: task.spec.taskClass,
      unitsMax: task.unitsMax,
      priceMax: task.priceMax,
      deadlineMs: Math.max(1, task.deadlineMs - clock.now()),
      excluded,
      allowLocal,
      auditPpm: this.#options.auditPpm,
    });
  }

  #fromCandidate(task: TaskContext, {ask, peer}: Candidate): AttemptTerms | "own" {
    if (ask === undefined) return "own";
    return {peer, ask, quote: quoteFromAsk(ask, this.#useOf(task)), signed: undefined, middleware: undefined};
  }

  async #byAuction(task: TaskContext, {excluded}: FindRequest, standing: RouteResult): Promise<Found> {
    const {auctions} = this.#components;
    const all = [...standing.ranked.map(({candidate}) => candidate)];
    const closed = await auctions.hold(task, all, excluded);
    if (closed.route.ranked.length === 0) throw this.#failure(task, closed.route);
    const terms = closed.route.ranked.map(({candidate}) => {
      const bid = closed.quotes.get(candidate.peer);
      return bid === undefined ? this.#fromCandidate(task, candidate) : fromQuote(candidate.peer, bid);
    });
    const found = notesOf(closed.route, terms);
    return {...found, reason: `auction with ${closed.quotes.size} bids; ${found.reason}`};
  }

  async #throughMiddleware(
    task: TaskContext,
    {excluded}: FindRequest,
    standing: RouteResult,
  ): Promise<Found> {
    const {net, client} = this.#components;
    const {taskHash, payer, unitsMax, deadlineMs} = this.#useOf(task);
    const request = {
      taskHash: fromHex(taskHash),
      taskClass: task.spec.taskClass,
      payer: fromHex(payer),
      unitsMax,
      inputBytes: BigInt(task.input.length),
      deadlineMs: BigInt(deadlineMs),
      throughMiddleware: true,
      excludedPeers: [...excluded],
    };
    const peers = net.peers().slice(0, MIDDLEWARE_MAX);
    if (peers.length === 0) throw new CodedError("NO_PEERS");
    const asked = await Promise.allSettled(peers.map(({peer}) => client.quote(peer, request, task.signal)));
    const quotes = asked.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
    const affordable = quotes.filter(
      ({quote}) => quote.chargeMax <= task.priceMax && quote.middleware !== undefined,
    );
    const [best] = affordable.sort((left, right) => compareQuotes(left.quote, right.quote));
    if (best === undefined) throw middlewareFailure(quotes, asked, task.priceMax);
    const notes = notesOf(standing, []);
    const reason = `middleware quote: at most ${best.quote.chargeMax} µCTZ at the provider it chose`;
    return {...notes, reason, terms: affordable.map((each) => fromQuote(each.quote.providerPeer, each))};
  }

  #failure(task: TaskContext, result: RouteResult): CodedError {
    const {net, clock} = this.#components;
    if (result.rejected.length === 0 && net.peers().length === 0) return new CodedError("NO_PEERS");
    return routeFailure(result, {priceMax: task.priceMax, nowMs: clock.now()});
  }

  #useOf(task: TaskContext) {
    const {identity, clock} = this.#components;
    return {
      taskHash: hashSpec(task.spec),
      payer: identity.account,
      unitsMax: task.unitsMax,
      deadlineMs: Math.min(ATTEMPT_MS_MAX, Math.max(1, task.deadlineMs - clock.now())),
      auditPpm: AUDIT_PPM_MIN,
    };
  }
}

function fromQuote(peer: PeerId, {quote, signed, middleware}: SignedQuote): AttemptTerms {
  return {peer, quote, ask: undefined, signed, middleware};
}

function compareQuotes(left: Quote, right: Quote): number {
  if (left.chargeMax !== right.chargeMax) return left.chargeMax < right.chargeMax ? -1 : 1;
  return left.provider < right.provider ? -1 : 1;
}

function middlewareFailure(
  quotes: readonly SignedQuote[],
  asked: readonly PromiseSettledResult<SignedQuote>[],
  priceMax: bigint,
): CodedError {
  if (quotes.length > 0) {
    const lowest = quotes.reduce(
      (least, {quote}) => (quote.chargeMax < least ? quote.chargeMax : least),
      quotes[0]?.quote.chargeMax ?? 0n,
    );
    return new CodedError("PRICE_ABOVE_MAX", {evidence: {lowest, priceMax}});
  }
  const failures = asked.flatMap((each) => (each.status === "rejected" ? [toCodedError(each.reason)] : []));
  // Peers without the role say `CLASS_NOT_SOLD`; anything else is a middleware's own reason.
  return (
    failures.find(({code}) => code !== "CLASS_NOT_SOLD") ??
    new CodedError("NO_PROVIDER", {evidence: {role: "middleware"}})
  );
}

/** A route as it is kept and shown. */
export function notesOf(result: RouteResult, terms: Found["terms"]): Found {
  const [best, second] = result.ranked;
  return {
    terms,
    reason: best === undefined ? "nobody could take it" : explainChoice(best, second),
    candidates: result.ranked.slice(0, NOTES_MAX).map(candidateNote),
    rejected: result.rejected.slice(0, NOTES_MAX).map((each) => ({
      peer: each.candidate.peer,
      code: each.code,
      message: explainRejection(each),
    })),
  };
}

function candidateNote({candidate, terms}: Ranked): CandidateNote {
  const {payment: price, verification, waiting, damage, retries} = terms;
  return {
    peer: candidate.peer,
    account: candidate.account,
    unitPrice: candidate.ask?.unitPrice ?? 0n,
    feeMin: candidate.ask?.feeMin ?? 0n,
    chargeMax: candidate.chargeMax,
    indexUctz: round(terms.index),
    terms: Object.entries({price, waiting, verification, damage, retries}).map(([name, cost]) => ({
      name,
      costUctz: round(cost),
    })),
    expectedMs: round(terms.latencyMs),
    reliability: terms.delivers,
    isWarm: candidate.ask?.isWarm ?? true,
  };
}

function round(value: number): number {
  return Math.round(Math.min(value, Number.MAX_SAFE_INTEGER));
}
