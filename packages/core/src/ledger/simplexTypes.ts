/** The seams of `Simplex`: what it is given, what it answers, and who leads when. */
import type {SignatureVerifier, Signer} from "../ports/signer.ts";
import type {Hash} from "../primitives/id.ts";
import type {Checkpoint} from "./checkpoint.ts";
import type {Committee} from "./committee.ts";
import type {ConsensusMessage} from "./consensusCodec.ts";
import type {FinalCheckpoint} from "./finality.ts";

/** What only the ledger can tell. */
export type SimplexHost = {
  /** A cut of this moment as the next checkpoint, or `undefined` while there is nothing to agree on. */
  readonly propose: (nowMs: number) => Checkpoint | undefined;
  /** `wait` while entries of its cut are missing here. */
  readonly judge: (checkpoint: Checkpoint, hash: Hash) => "valid" | "invalid" | "wait";
};

/** Who signs here: a member of the committee. */
export type Voting = {readonly index: number; readonly signer: Signer};

export type SimplexComponents = {
  readonly committee: Committee;
  readonly verifier: SignatureVerifier;
  readonly genesisHash: Uint8Array;
  /** `undefined` for followers. */
  readonly witness: Voting | undefined;
  readonly host: SimplexHost;
};

export type SimplexStart = {
  readonly height: bigint;
  /** Not before then is there anything to agree on. */
  readonly dueMs: number;
  /** Δ: how long a message takes at most while the network is well. */
  readonly delayMs: number;
  /** What this witness recorded at this height in an earlier run. */
  readonly recorded: readonly ConsensusMessage[];
};

export type SimplexOutput = {
  /** Signed now: to be sent once it is recorded. */
  signed: ConsensusMessage[];
  /** The same, each with what it rests on: after a crash perhaps nobody else has that any more. */
  recorded: ConsensusMessage[];
  /** Sent again, for those that missed it. */
  repeated: ConsensusMessage[];
  decided: FinalCheckpoint | undefined;
  /** A quorum finalized what this node computes differently: more than 1/3 are bad, or there is a bug. */
  isContradicted: boolean;
};

/** The seat whose turn it is to propose. */
export function leaderOf(committee: Committee, height: bigint, iteration: number): number {
  return committee.memberAt(height + BigInt(iteration)).seat;
}
