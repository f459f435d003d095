/** Where the ledger of this node stands, for its doors. */
import type {CodedError} from "@catalyze/core/errors/codedError";
import type {AccountId, Hash, PeerId} from "@catalyze/core/primitives/id";
import type {LedgerParts} from "./openLedger.ts";

export type LedgerStatus = {
  readonly height: bigint;
  readonly epoch: number;
  readonly stateRoot: Hash;
  readonly isWitness: boolean;
  /** An invariant broke; this witness votes no more. */
  readonly isStopped: boolean;
  /** What does not hold of the ledger's invariants, each with its number. */
  readonly broken: readonly string[];
  /** Why nothing can be written now. */
  readonly failure: CodedError | undefined;
  /** The last peer asked knew more than we have. */
  readonly isBehind: boolean;
  /** Restored from a backup, or a witness that has forgotten what it signed: it signs nothing yet. */
  readonly isRecovering: boolean;
  /** A witness that has not heard yet what the others have of its log. */
  readonly isAsking: boolean;
  /** A witness whose database lacks some of what it signed: it was lost, or set back. */
  readonly isCatchingUp: boolean;
  /** Its signing table was exported: it never votes with it again. */
  readonly isMoved: boolean;
  readonly opsPending: number;
  /** Of the present committee. */
  readonly witnesses: readonly WitnessStanding[];
};

export type WitnessStanding = {
  readonly peerId: PeerId;
  readonly account: AccountId;
  readonly weight: number;
  /** See `entryNumber.ts`; `undefined` before the first. */
  readonly lastEntry: bigint | undefined;
  /** This node has seen two entries of it with one number. */
  readonly isForked: boolean;
};

export function ledgerStatus(
  {replica, driver, sync, outbox, witnesses, watch}: LedgerParts,
  {isRecovering}: Pick<LedgerStatus, "isRecovering">,
): LedgerStatus {
  const {height, epoch, stateRoot} = replica.checkpoint;
  const heads = new Map(replica.heads().map(({witness, n}) => [witness, n]));
  return {
    ...{height, epoch, stateRoot},
    isRecovering: isRecovering || replica.isRecovering,
    isAsking: replica.isMember && replica.isSilent && !replica.isRecovering,
    isCatchingUp: replica.isMember && replica.isCatchingUp,
    isWitness: replica.isMember,
    isMoved: replica.isMoved,
    isStopped: replica.stopped !== undefined,
    broken: watch.broken,
    failure: driver.failure,
    isBehind: sync.isBehind,
    opsPending: outbox.pending().length,
    witnesses: witnesses.committee.members.flatMap(({seat, weight}) => {
      const listed = replica.base.register.seats[seat];
      if (listed === undefined) return [];
      const {peerId, account} = listed;
      return [{peerId, account, weight, lastEntry: heads.get(seat), isForked: replica.isForked(seat)}];
    }),
  };
}
