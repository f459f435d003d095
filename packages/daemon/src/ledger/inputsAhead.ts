/**
 * Inputs wait here while their signatures are checked on another thread, and those of one peer go on in the
 * order in which they came: what is said after an op or an entry does not overtake it.
 */
import {CodedError} from "@catalyze/core/errors/codedError";
import {checksAheadOf} from "@catalyze/core/ledger/checksAhead";
import type {Effect, ReplicaInput} from "@catalyze/core/ledger/effects";
import {type Genesis, genesisHash} from "@catalyze/core/ledger/genesis";
import type {LedgerReplica} from "@catalyze/core/ledger/replicaTypes";
import type {LedgerState} from "@catalyze/core/ledger/state";
import type {ChecksAhead, SignatureCheck} from "@catalyze/core/ports/signer";
import {fromHex} from "@catalyze/core/primitives/bytes";
import type {CellId, Hash} from "@catalyze/core/primitives/id";
import type {Outcome} from "./replicaDriver.ts";

/** Never rejects: what came of each input. */
export type PushAll = (inputs: readonly ReplicaInput[]) => Promise<readonly Outcome[]>;

/** Rejects with why the input was not taken. */
export type Push = (input: ReplicaInput) => Promise<readonly Effect[]>;

/** As many as the driver's own queue takes. */
const WAITING_MAX = 8_192;
/** Signatures of one sender that go together: one that proves bad is left alone after so many. */
const TOGETHER_MAX = 64;

export type PushAheadOptions = {
  /** Absent: inputs go on at once. */
  readonly checks: ChecksAhead | undefined;
  readonly genesis: Genesis;
  readonly replica: Pick<LedgerReplica, "isMember" | "hasEntry"> & {
    readonly view: Pick<LedgerState, "logCell">;
  };
  /** Why an input would not be taken now. */
  readonly refusal: (input: ReplicaInput) => CodedError | undefined;
};

type Part = {readonly inputs: ReplicaInput[]; readonly checks: SignatureCheck[]};

/** Pushes like `pushAll`, inputs of one sender. Where too many wait here already, with `QUEUE_FULL` too. */
export function pushAhead({checks, genesis, replica, refusal}: PushAheadOptions, pushAll: PushAll): PushAll {
  if (checks === undefined) return pushAll;
  const hash = fromHex(genesisHash(genesis));
  const hasEntry = (entry: Hash) => replica.hasEntry(entry);
  const hasCell = (cell: CellId) => replica.view.logCell(cell) !== undefined;
  let waiting = 0;
  const pushPart = async ({inputs, checks: asked}: Part): Promise<readonly Outcome[]> => {
    const [first] = inputs;
    if (first === undefined) return [];
    const sender = "from" in first ? first.from : undefined;
    const checked = checks.ahead(asked, {sender, isWanted: () => refusal(first) === undefined});
    if (checked === undefined) return await pushAll(inputs);
    if (waiting >= WAITING_MAX) {
      const full = new CodedError("QUEUE_FULL", {evidence: {max: WAITING_MAX}});
      return inputs.map(() => full);
    }
    waiting += inputs.length;
    await checked;
    waiting -= inputs.length;
    return await pushAll(inputs);
  };
  return async (inputs) => {
    const context = {genesisHash: hash, isMember: replica.isMember, hasEntry, hasCell};
    let part: Part = {inputs: [], checks: []};
    const parts = [part];
    for (const input of inputs) {
      if (part.checks.length >= TOGETHER_MAX) {
        part = {inputs: [], checks: []};
        parts.push(part);
      }
      part.inputs.push(input);
      part.checks.push(...checksAheadOf(input, context));
    }
    return (await Promise.all(parts.map(pushPart))).flat();
  };
}

/** One input at a time. */
export function pushOne(pushAll: PushAll): Push {
  return async (input) => {
    const [outcome] = await pushAll([input]);
    if (outcome instanceof CodedError) throw outcome;
    return outcome ?? [];
  };
}
