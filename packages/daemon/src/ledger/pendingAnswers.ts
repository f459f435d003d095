/** Our side of a comparison of ops that no witness has listed. Keyed sets are kept for the last few askers. */
import {CodedError} from "@catalyze/core/errors/codedError";
import {KEY_BYTES, KeyedSet, SALT_BYTES} from "@catalyze/core/ledger/keyedSet";
import type {Op} from "@catalyze/core/ledger/op";
import {answerTo} from "@catalyze/core/ledger/ranges";
import type {LedgerReplica} from "@catalyze/core/ledger/replicaTypes";
import {toHex} from "@catalyze/core/primitives/bytes";
import type {OpId} from "@catalyze/core/primitives/id";
import type {PendingCompare, PendingFetch} from "@catalyze/proto/gen/catalyze/v1/ledger_pb";
import type {LedgerFrameInit} from "./ledgerFrame.ts";
import {opsThatFit} from "./opFrames.ts";

/** Each is as large as the pool; an asker whose set was dropped pays for another. */
const SETS_MAX = 4;
const KEYS_MAX = 512;
/** Keying an op takes a few microseconds. */
const OPS_PER_UNIT = 10;

type Sets = {readonly set: KeyedSet; readonly ids: ReadonlyMap<string, OpId>};

export class PendingAnswers {
  readonly #replica: Pick<LedgerReplica, "unlistedOps" | "op">;
  /** By salt, the latest last. */
  readonly #sets = new Map<string, Sets>();

  constructor(replica: Pick<LedgerReplica, "unlistedOps" | "op">) {
    this.#replica = replica;
  }

  /** Of a question, beyond what any frame costs: units of a peer's budget. */
  costOf({salt}: Pick<PendingCompare, "salt">): number {
    return this.#sets.has(toHex(salt)) ? 1 : 1 + this.#replica.unlistedOps().length / OPS_PER_UNIT;
  }

  compare({salt, ranges}: PendingCompare): LedgerFrameInit {
    return {case: "pendingCompareReply", value: {ranges: answerTo(this.#of(salt).set, ranges)}};
  }

  /** Ops that have gone meanwhile are left out. */
  fetch({salt, keys}: PendingFetch): LedgerFrameInit {
    if (keys.length > KEYS_MAX || keys.some(({length}) => length !== KEY_BYTES))
      throw new CodedError("DECODE_INVALID", {evidence: {reason: "keys"}});
    const {ids} = this.#of(salt);
    const wanted = keys.flatMap((key) => ids.get(toHex(key)) ?? []);
    const ops = wanted.flatMap((id) => this.#replica.op(id) ?? []);
    return {case: "pendingFetchReply", value: {ops: opsThatFit(ops).map(({bytes}) => bytes)}};
  }

  #of(salt: Uint8Array): Sets {
    if (salt.length !== SALT_BYTES) throw new CodedError("DECODE_INVALID", {evidence: {reason: "salt"}});
    const name = toHex(salt);
    const known = this.#sets.get(name);
    if (known !== undefined) return known;
    const set = keyedSetOf(this.#replica.unlistedOps(), salt);
    const made = {set, ids: set.ids()};
    this.#sets.set(name, made);
    for (const oldest of this.#sets.keys()) {
      if (this.#sets.size <= SETS_MAX) break;
      this.#sets.delete(oldest);
    }
    return made;
  }
}

export function keyedSetOf(ops: readonly Op[], salt: Uint8Array): KeyedSet {
  return new KeyedSet(
    ops.map(({id, body}) => ({id, epoch: body.validUntilEpoch})),
    salt,
  );
}
