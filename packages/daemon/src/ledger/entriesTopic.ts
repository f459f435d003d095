/**
 * The gossip side of the ledger: witnesses publish their entries and checkpoints for whoever follows. Members
 * of the committee do not listen: they have each other's entries from their own streams, and what one of those
 * lost they find missing by the links of the next entry.
 * Only committee members can make a frame that the replica accepts, so an outsider cannot flood the topic
 * into work: one header signature is checked before anything else, and a bad one is the sender's fault.
 */

import {sha256} from "@catalyze/core/crypto/sha256";
import {CodedError, toCodedError} from "@catalyze/core/errors/codedError";
import type {GossipMessage, Net, Verdict} from "@catalyze/core/ports/net";
import {equalBytes, toHex} from "@catalyze/core/primitives/bytes";
import {LIMITS} from "@catalyze/proto/limits";
import type {Push} from "./inputsAhead.ts";
import {decodeLedgerFrame, encodeLedgerFrame, type LedgerFrameBody} from "./ledgerFrame.ts";
import {PROVES_FAULT} from "./ledgerProtocol.ts";
import type {PeerBudgets} from "./peerBudgets.ts";

export type EntriesTopicComponents = {
  readonly net: Net;
  readonly budgets: PeerBudgets;
  readonly push: Push;
  readonly isMember: () => boolean;
};

/** Frames judged lately, so that the same bytes over several neighbours cost one hash each. */
const SEEN_MAX = 4_096;

export class EntriesTopic {
  readonly #components: EntriesTopicComponents;
  readonly #seen = new Set<string>();
  #unsubscribe: (() => void) | undefined;
  #isStarted = false;

  constructor(components: EntriesTopicComponents) {
    this.#components = components;
  }

  start(): void {
    this.#isStarted = true;
    this.update();
  }

  stop(): void {
    this.#isStarted = false;
    this.update();
  }

  /** The committee may be another. */
  update(): void {
    const {net, isMember} = this.#components;
    const isListening = this.#isStarted && !isMember();
    if (isListening) this.#unsubscribe ??= net.subscribe("entries", (message) => this.#judge(message));
    else {
      this.#unsubscribe?.();
      this.#unsubscribe = undefined;
    }
  }

  /** A frame too large for gossip reaches followers by sync. */
  publish(frame: Uint8Array): void {
    if (frame.length > LIMITS.gossipBytesMax) return;
    this.#remember(toHex(sha256(frame)));
    // Nobody listening is no fault; followers sync.
    this.#components.net.publish("entries", frame).catch(() => undefined);
  }

  async #judge({from, data}: GossipMessage): Promise<Verdict> {
    const {budgets, push} = this.#components;
    if (data.length > LIMITS.gossipBytesMax) return "reject";
    // Neighbours relay for everyone: out of budget means shed, not fault.
    if (!budgets.take(from, 1 + data.length / 512)) return "ignore";
    const id = toHex(sha256(data));
    if (this.#seen.has(id)) return "accept";
    try {
      const body = decodeOne(data);
      const effects = await push({kind: body.case, bytes: body.value, from});
      const rejected = effects.find((effect) => effect.kind === "rejected");
      if (rejected !== undefined) return PROVES_FAULT.has(rejected.code) ? "reject" : "ignore";
      this.#remember(id);
      return "accept";
    } catch (error) {
      const {code} = toCodedError(error);
      if (!PROVES_FAULT.has(code)) return "ignore";
      this.#components.net.penalize(from, code);
      return "reject";
    }
  }

  #remember(id: string): void {
    this.#seen.add(id);
    if (this.#seen.size <= SEEN_MAX) return;
    const [oldest] = this.#seen;
    if (oldest !== undefined) this.#seen.delete(oldest);
  }
}

type Gossiped = Extract<LedgerFrameBody, {case: "entry" | "checkpoint"}>;

/**
 * Gossip names a message by its bytes: one entry in ever new wrappings would go round for ever, so there
 * is one wrapping only.
 */
function decodeOne(data: Uint8Array): Gossiped {
  const body = decodeLedgerFrame(data, LIMITS.gossipBytesMax);
  if (body.case !== "entry" && body.case !== "checkpoint")
    throw new CodedError("MESSAGE_UNEXPECTED", {evidence: {kind: body.case}});
  if (!equalBytes(encodeLedgerFrame(body), data))
    throw new CodedError("DECODE_INVALID", {evidence: {reason: "notCanonical"}});
  return body;
}
