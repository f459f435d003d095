/**
 * Ops that no witness has listed, compared with one peer after each round of sync (reference/ledger 8.2). It
 * happens only while such an op waits here for longer than a round: in a partition, without a quorum, or when
 * a witness lost what it was given. Else nothing is sent. What comes takes the way of every op from a peer.
 */
import {CodedError, toCodedError} from "@catalyze/core/errors/codedError";
import type {KeyedSet} from "@catalyze/core/ledger/keyedSet";
import {SALT_BYTES} from "@catalyze/core/ledger/keyedSet";
import type {Op} from "@catalyze/core/ledger/op";
import {decodeOp} from "@catalyze/core/ledger/opCodec";
import {Comparison} from "@catalyze/core/ledger/ranges";
import type {LedgerReplica} from "@catalyze/core/ledger/replicaTypes";
import type {Clock} from "@catalyze/core/ports/clock";
import type {Log} from "@catalyze/core/ports/log";
import type {Net} from "@catalyze/core/ports/net";
import type {Random} from "@catalyze/core/ports/random";
import {fromHex} from "@catalyze/core/primitives/bytes";
import type {OpId, PeerId} from "@catalyze/core/primitives/id";
import {LIMITS} from "@catalyze/proto/limits";
import {type Ask, askPeer} from "./askPeer.ts";
import type {Push} from "./inputsAhead.ts";
import type {LedgerMetrics} from "./ledgerMetrics.ts";
import {PROVES_FAULT} from "./ledgerProtocol.ts";
import {opsThatFit} from "./opFrames.ts";
import type {PeerBudgets} from "./peerBudgets.ts";
import {keyedSetOf} from "./pendingAnswers.ts";

export type PendingSyncComponents = {
  readonly net: Net;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: LedgerMetrics;
  readonly budgets: PeerBudgets;
  readonly replica: Pick<LedgerReplica, "unlistedOps" | "op">;
  readonly push: Push;
};

const REPLY_MS = 5_000;
const KEYS_MAX = 512;

type Session = {readonly ask: Ask; readonly peer: PeerId; readonly salt: Uint8Array; readonly set: KeyedSet};

export class PendingSync {
  readonly #components: PendingSyncComponents;
  /** Unlisted at the last round. */
  #waiting: ReadonlySet<OpId> = new Set();

  constructor(components: PendingSyncComponents) {
    this.#components = components;
  }

  /** Never rejects. */
  async run(peer: PeerId, signal: AbortSignal): Promise<void> {
    const {net, log, random, replica} = this.#components;
    const ops = replica.unlistedOps();
    const isLate = ops.some(({id}) => this.#waiting.has(id));
    this.#waiting = new Set(ops.map(({id}) => id));
    if (!isLate || signal.aborted) return;
    const salt = random.bytes(SALT_BYTES);
    const set = keyedSetOf(ops, salt);
    try {
      await askPeer(this.#components, {peer, replyMs: REPLY_MS, signal}, (ask) =>
        this.#exchange({ask, peer, salt, set}),
      );
    } catch (error) {
      const {code} = toCodedError(error);
      if (PROVES_FAULT.has(code)) net.penalize(peer, code);
      log.debug("pending ops were not compared", {peer, code});
    }
  }

  async #exchange(session: Session): Promise<void> {
    const {ask, salt, set} = session;
    const comparison = new Comparison(set);
    for (let question: Uint8Array | undefined = comparison.first(); question !== undefined; ) {
      const frame = {case: "pendingCompare", value: {salt, ranges: question}} as const;
      const {ranges} = await ask(frame, "pendingCompareReply");
      question = comparison.next(ranges);
    }
    const {offered, wanted} = comparison;
    await this.#fetch(wanted, session);
    await this.#give([...offered], session);
    this.#components.metrics.pendingCompared(offered.size, wanted.size);
  }

  async #give(keys: readonly string[], {ask, set}: Session): Promise<void> {
    const ids = set.ids();
    const idsGiven = keys.flatMap((key) => ids.get(key) ?? []);
    const left = idsGiven.flatMap((id) => this.#components.replica.op(id) ?? []);
    // The order of a pipeline: what comes before its parent waits at the other side.
    left.sort(({body: {seq: one}}, {body: {seq: other}}) => (one < other ? -1 : one > other ? 1 : 0));
    while (left.length > 0) {
      const ops = left.splice(0, opsThatFit(left).length);
      await ask({case: "opSubmit", value: {ops: ops.map(({bytes}) => bytes)}}, "opSubmitReply");
    }
  }

  /** A peer gives what it named, or less of it; nothing else. */
  async #fetch(wanted: ReadonlySet<string>, {ask, peer, salt}: Session): Promise<void> {
    const left = new Set(wanted);
    while (left.size > 0) {
      const keys = [...left].slice(0, KEYS_MAX);
      const frame = {case: "pendingFetch", value: {salt, keys: keys.map(fromHex)}} as const;
      const {ops} = await ask(frame, "pendingFetchReply");
      if (ops.length > keys.length) throw new CodedError("FRAME_TOO_LARGE", {evidence: {ops: ops.length}});
      if (ops.length === 0 || !this.#components.budgets.take(peer, ops.length)) return;
      const taken = ops.map(opIn);
      for (const key of keyedSetOf(taken, salt).ids().keys())
        if (!left.delete(key)) throw new CodedError("MESSAGE_UNEXPECTED", {evidence: {kind: "pendingFetch"}});
      for (const {bytes} of taken) await this.#components.push({kind: "op", bytes, from: peer});
    }
  }
}

function opIn(bytes: Uint8Array): Op {
  if (bytes.length > LIMITS.evidenceOpBytesMax) throw new CodedError("FRAME_TOO_LARGE");
  return decodeOp(bytes);
}
