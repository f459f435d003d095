/**
 * The answering side of the market stream: signed quotes for what this node sells, and, with the
 * middleware role, quotes of others with its own leg added. Bids are passed to the auction that waits
 * for them.
 */
import {CodedError, toCodedError} from "@catalyze/core/errors/codedError";
import {
  readAccount,
  readAmount,
  readCount,
  readTaskClass,
  readTaskHash,
  UNITS_MAX,
} from "@catalyze/core/market/fields";
import {BPS_TOTAL, legsFor, type RoleShare} from "@catalyze/core/market/legs";
import {chargeAt} from "@catalyze/core/market/price";
import {
  countersignQuote,
  expectedMsOf,
  openQuote,
  QUOTE_TTL_MS,
  signQuote,
} from "@catalyze/core/market/quote";
import type {Clock} from "@catalyze/core/ports/clock";
import type {LedgerClient} from "@catalyze/core/ports/ledger";
import type {Log} from "@catalyze/core/ports/log";
import type {FrameStream, Net} from "@catalyze/core/ports/net";
import type {Random} from "@catalyze/core/ports/random";
import {fromHex, toHex} from "@catalyze/core/primitives/bytes";
import type {PeerId} from "@catalyze/core/primitives/id";
import type {UnixMs} from "@catalyze/core/primitives/time";
import {AUDIT_PPM_MIN} from "@catalyze/core/verify/coin";
import type {QuoteRequest, Signed} from "@catalyze/proto/gen/catalyze/v1/market_pb";
import {MarketFrameSchema} from "@catalyze/proto/gen/catalyze/v1/task_pb";
import {LIMITS} from "@catalyze/proto/limits";
import type {Admission} from "./admission.ts";
import type {AskService} from "./askService.ts";
import type {Catalog} from "./catalog.ts";
import {withDeadline} from "./deadline.ts";
import type {Identity} from "./identity.ts";
import {ATTEMPT_MS_MAX} from "./jobTerms.ts";
import type {MarketClient} from "./marketClient.ts";
import {MessageStream} from "./messageStream.ts";
import type {Router} from "./router.ts";

export type MarketServiceComponents = {
  readonly net: Net;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly identity: Identity;
  readonly catalog: Catalog;
  readonly asks: AskService;
  readonly admission: Admission;
  readonly client: MarketClient;
  readonly router: Router;
  readonly ledger: Pick<LedgerClient, "params">;
};

export type MarketServiceOptions = {
  /** Absent without the middleware role. */
  readonly middlewareBps: number | undefined;
};

/** What a quote depends on; a bid has no middleware. */
export type QuoteAsked = Pick<QuoteRequest, "taskHash" | "taskClass" | "payer" | "unitsMax" | "deadlineMs"> &
  Partial<Pick<QuoteRequest, "middleware" | "middlewareBps">>;

export type BidHandler = (peer: PeerId, offerId: string, quote: Signed) => void;

/** A peer that opened a stream says what it wants within this time. */
const REQUEST_MS = 2_000;
/** Providers that a middleware asks before it gives up: its own caller waits. */
const FORWARD_MAX = 3;
const EXCLUDED_MAX = 64;

export class MarketService {
  readonly #components: MarketServiceComponents;
  readonly #options: MarketServiceOptions;
  #onBid: BidHandler = () => undefined;
  #stop: () => void = () => undefined;

  constructor(components: MarketServiceComponents, options: MarketServiceOptions) {
    this.#components = components;
    this.#options = options;
  }

  start(): void {
    this.#stop = this.#components.net.handle("market", (stream) => this.#serve(stream));
  }

  stop(): void {
    this.#stop();
  }

  /** Bids for offers of this node; the auction checks them. */
  onBid(handler: BidHandler): void {
    this.#onBid = handler;
  }

  /** Our signed quote for one task. Throws why there is none. */
  quote(request: QuoteAsked): Signed {
    const {catalog, admission, identity, asks, clock, random, ledger} = this.#components;
    const taskClass = readTaskClass(request.taskClass);
    if (admission.isDraining) throw new CodedError("PROVIDER_DRAINING");
    const sold = catalog.sold().find((entry) => entry.taskClass === taskClass);
    const own = asks.own(taskClass)?.ask;
    if (sold === undefined || own === undefined)
      throw new CodedError("CLASS_NOT_SOLD", {evidence: {taskClass}});
    admission.check();
    const unitsMax = readAmount(request.unitsMax, UNITS_MAX, "unitsMax");
    const now = clock.now();
    const creator = sold.manifest.creator;
    return signQuote(
      {
        ...sold.price,
        quoteId: toHex(random.bytes(16)),
        taskHash: readTaskHash(request.taskHash),
        taskClass,
        determinism: own.determinism,
        provider: identity.account,
        providerPeer: identity.peer,
        payer: readAccount(request.payer, "payer"),
        middleware: middlewareOf(request)?.account,
        unitsMax,
        chargeMax: chargeAt(sold.price, unitsMax),
        legs: legsFor(
          {
            provider: identity.account,
            creator: creator === undefined ? undefined : {account: creator.account, bps: creator.royaltyBps},
            middleware: middlewareOf(request),
          },
          ledger.params(),
        ),
        expectedMs: expectedMsOf(own, unitsMax),
        deadlineMs: Math.min(Number(request.deadlineMs), ATTEMPT_MS_MAX),
        auditPpm: AUDIT_PPM_MIN,
        issuedAtMs: now,
        expiresAtMs: (now + QUOTE_TTL_MS) as UnixMs,
      },
      identity.accountSigner,
      identity,
    );
  }

  async #serve(raw: FrameStream): Promise<void> {
    const {clock, log} = this.#components;
    const stream = new MessageStream(raw, MarketFrameSchema, LIMITS.marketFrameBytesMax);
    try {
      const frame = await withDeadline({clock, ms: REQUEST_MS, code: "PEER_UNREACHABLE"}, (signal) =>
        stream.receive(signal),
      );
      if (frame?.body.case === "quoteRequest") await this.#answer(stream, frame.body.value);
      else if (frame?.body.case === "bid")
        await this.#takeBid(stream, frame.body.value.offerId, frame.body.value.quote);
      else if (frame !== undefined) throw new CodedError("MESSAGE_UNEXPECTED");
      await stream.close();
    } catch (error) {
      const {code} = toCodedError(error);
      log.debug("market stream failed", {peer: raw.peer, code});
      if (isOffence(code)) this.#components.net.penalize(raw.peer, code);
      stream.abort();
    }
  }

  async #answer(stream: MessageStream<typeof MarketFrameSchema>, request: QuoteRequest): Promise<void> {
    let reply: {
      quote?: Signed;
      middleware?: Signed;
      refusal?: {code: string; message: string; retryAfterMs: bigint};
    };
    try {
      reply = request.throughMiddleware ? await this.#forward(request) : {quote: this.quote(request)};
    } catch (error) {
      const coded = toCodedError(error);
      if (isOffence(coded.code)) throw coded;
      reply = {
        refusal: {code: coded.code, message: coded.message, retryAfterMs: BigInt(coded.retryAfterMs ?? 0)},
      };
    }
    await stream.send({body: {case: "quoteReply", value: reply}});
  }

  async #takeBid(
    stream: MessageStream<typeof MarketFrameSchema>,
    offerId: Uint8Array,
    quote: Signed | undefined,
  ): Promise<void> {
    if (quote === undefined || offerId.length !== 16)
      throw new CodedError("DECODE_INVALID", {evidence: {field: "bid"}});
    this.#onBid(stream.peer, toHex(offerId), quote);
    await stream.send({body: {case: "bidReply", value: {received: true}}});
  }

  /** Middleware: the best provider's quote with our leg in it, signed by both. */
  async #forward(request: QuoteRequest): Promise<{quote: Signed; middleware: Signed}> {
    const {middlewareBps} = this.#options;
    const {identity} = this.#components;
    if (middlewareBps === undefined) throw new CodedError("CLASS_NOT_SOLD", {evidence: {role: "middleware"}});
    return await this.#firstQuote({
      ...request,
      throughMiddleware: false,
      middleware: fromHex(identity.account),
      middlewareBps,
    });
  }

  async #firstQuote(request: QuoteRequest): Promise<{quote: Signed; middleware: Signed}> {
    const {router, client, identity} = this.#components;
    const taskClass = readTaskClass(request.taskClass);
    const {ranked} = router.rank({
      taskClass,
      unitsMax: readAmount(request.unitsMax, UNITS_MAX, "unitsMax"),
      priceMax: undefined,
      deadlineMs: Number(request.deadlineMs),
      excluded: new Set(request.excludedPeers.slice(0, EXCLUDED_MAX) as PeerId[]),
      allowLocal: false,
      auditPpm: AUDIT_PPM_MIN,
    });
    let failure = new CodedError("NO_PROVIDER", {evidence: {taskClass}});
    for (const {candidate} of ranked.slice(0, FORWARD_MAX)) {
      const {ask} = candidate;
      if (ask === undefined) continue;
      try {
        const {signed} = await client.quoteUnopened(ask.peer, request);
        const middleware = countersignQuote(signed, identity.accountSigner, identity);
        const quote = openQuote(signed, middleware, identity);
        if (quote.provider !== ask.account)
          throw new CodedError("QUOTE_INVALID", {evidence: {field: "provider"}});
        return {quote: signed, middleware};
      } catch (error) {
        failure = toCodedError(error);
      }
    }
    throw failure;
  }
}

function middlewareOf({middleware, middlewareBps}: QuoteAsked): RoleShare | undefined {
  if (middleware === undefined || middleware.length === 0) return undefined;
  return {
    account: readAccount(middleware, "middleware"),
    bps: readCount(middlewareBps ?? 0, BPS_TOTAL, "middlewareBps"),
  };
}

/** What only a broken or hostile peer sends. */
export function isOffence(code: string): boolean {
  return (
    code === "DECODE_INVALID" ||
    code === "SIGNATURE_INVALID" ||
    code === "FRAME_TOO_LARGE" ||
    code === "MESSAGE_UNEXPECTED"
  );
}
