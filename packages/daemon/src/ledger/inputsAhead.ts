/**
 * Inputs wait here while their signatures are checked on another thread, and those of one peer go on in the
 * order in which they came: what is said after an op or an entry does not overtake it.
 */
import {CodedError} from "@catalyze/core/errors/codedError";
import {checksAheadOf} from "@catalyze/core/ledger/checksAhead";
import type {Effect, ReplicaInput} from "@catalyze/core/ledger/effects";
import {type Genesis, genesisHash} from "@catalyze/core/ledger/genesis";
import type {LedgerReplica} from "@catalyze/core/ledger/replicaTypes";
import type {ChecksAhead} from "@catalyze/core/ports/signer";
import {fromHex} from "@catalyze/core/primitives/bytes";
import type {Hash} from "@catalyze/core/primitives/id";

type Push = (input: ReplicaInput) => Promise<readonly Effect[]>;

/** As many as the driver's own queue takes. */
const WAITING_MAX = 8_192;

export type PushAheadOptions = {
  /** Absent: inputs go on at once. */
  readonly checks: ChecksAhead | undefined;
  readonly genesis: Genesis;
  readonly replica: Pick<LedgerReplica, "isMember" | "hasEntry">;
  /** Why an input would not be taken now. */
  readonly refusal: (input: ReplicaInput) => CodedError | undefined;
};

/** Pushes like `push`; rejects with `QUEUE_FULL` too. */
export function pushAhead({checks, genesis, replica, refusal}: PushAheadOptions, push: Push): Push {
  if (checks === undefined) return push;
  const hash = fromHex(genesisHash(genesis));
  const hasEntry = (entry: Hash) => replica.hasEntry(entry);
  let waiting = 0;
  return async (input) => {
    const sender = "from" in input ? input.from : undefined;
    const isWanted = () => refusal(input) === undefined;
    const context = {genesisHash: hash, isMember: replica.isMember, hasEntry};
    const checked = checks.ahead(checksAheadOf(input, context), {sender, isWanted});
    if (checked === undefined) return await push(input);
    if (waiting >= WAITING_MAX) throw new CodedError("QUEUE_FULL", {evidence: {max: WAITING_MAX}});
    waiting += 1;
    try {
      await checked;
    } finally {
      waiting -= 1;
    }
    return await push(input);
  };
}
