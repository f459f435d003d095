/** One question, one answer on the market stream: quotes from providers and middleware, bids to requesters. */
import type {MessageInitShape} from "@bufbuild/protobuf";
import {CodedError, codeFromPeer} from "@catalyze/core/errors/codedError";
import {openQuote, type Quote} from "@catalyze/core/market/quote";
import type {Clock} from "@catalyze/core/ports/clock";
import type {Net} from "@catalyze/core/ports/net";
import type {PeerId} from "@catalyze/core/primitives/id";
import type {Verified} from "@catalyze/core/primitives/verified";
import type {QuoteRequestSchema, Refusal, Signed} from "@catalyze/proto/gen/catalyze/v1/market_pb";
import {type MarketFrame, MarketFrameSchema} from "@catalyze/proto/gen/catalyze/v1/task_pb";
import {LIMITS} from "@catalyze/proto/limits";
import {withDeadline} from "./deadline.ts";
import type {Identity} from "./identity.ts";
import {MessageStream} from "./messageStream.ts";

export type MarketFrames = typeof MarketFrameSchema;
type Body = NonNullable<MessageInitShape<MarketFrames>["body"]>;

export type UnopenedQuote = {readonly signed: Signed; readonly middleware: Signed | undefined};

/** A quote with the bytes that prove it. */
export type SignedQuote = UnopenedQuote & {readonly quote: Verified<Quote>};

type QuoteInit = MessageInitShape<typeof QuoteRequestSchema>;

export type MarketClientComponents = {readonly net: Net; readonly clock: Clock; readonly identity: Identity};

/** Longer than any honest answer on one continent; the next candidate is better than more patience. */
const QUOTE_MS = 1_500;

export class MarketClient {
  readonly #components: MarketClientComponents;

  constructor(components: MarketClientComponents) {
    this.#components = components;
  }

  /** The peer's signed quote. Throws its coded refusal, `QUOTE_INVALID`, or `PEER_UNREACHABLE`. */
  async quote(peer: PeerId, request: QuoteInit, signal?: AbortSignal): Promise<SignedQuote> {
    const {signed, middleware} = await this.quoteUnopened(peer, request, signal);
    return {quote: openQuote(signed, middleware, this.#components.identity), signed, middleware};
  }

  /** As `quote`, before any signature is checked: a middleware adds its own first. */
  async quoteUnopened(peer: PeerId, request: QuoteInit, signal?: AbortSignal): Promise<UnopenedQuote> {
    const reply = await this.#ask(peer, {case: "quoteRequest", value: request}, signal);
    if (reply.body.case !== "quoteReply") throw new CodedError("MESSAGE_UNEXPECTED", {evidence: {peer}});
    const {quote, middleware, refusal} = reply.body.value;
    if (refusal !== undefined) throw refusalError(refusal);
    if (quote === undefined) throw new CodedError("QUOTE_INVALID", {evidence: {field: "quote"}});
    return {signed: quote, middleware};
  }

  /** Hands in a bid: the signed quote travels sealed on the encrypted stream. */
  async bid(peer: PeerId, offerId: Uint8Array, quote: Signed): Promise<void> {
    const reply = await this.#ask(peer, {case: "bid", value: {offerId, quote}});
    if (reply.body.case === "bidReply" && reply.body.value.refusal !== undefined)
      throw refusalError(reply.body.value.refusal);
  }

  async #ask(peer: PeerId, body: Body, signal?: AbortSignal): Promise<MarketFrame> {
    const {net, clock} = this.#components;
    const deadline = {
      clock,
      ms: QUOTE_MS,
      code: "PEER_UNREACHABLE" as const,
      ...(signal === undefined ? {} : {signal}),
    };
    return await withDeadline(deadline, async (inner) => {
      const stream = new MessageStream(
        await net.open(peer, "market", inner),
        MarketFrameSchema,
        LIMITS.marketFrameBytesMax,
      );
      try {
        await stream.send({body});
        const reply = await stream.receive(inner);
        if (reply === undefined) throw new CodedError("PEER_UNREACHABLE", {evidence: {peer}});
        await stream.close();
        return reply;
      } catch (error) {
        stream.abort();
        throw error;
      }
    });
  }
}

function refusalError({code, message, retryAfterMs}: Refusal): CodedError {
  return new CodedError(codeFromPeer(code), {
    message: message.slice(0, 300),
    ...(retryAfterMs > 0n ? {retryAfterMs: Number(retryAfterMs)} : {}),
  });
}
