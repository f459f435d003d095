/**
 * Parameters of a network (DESIGN §13). Those of its first epochs are part of the genesis and so of its hash;
 * what votes made of them later is in the state (`governance.ts`), within the bounds of `paramTable.ts`.
 */

export type LedgerParams = {
  readonly protocolVersion: number;
  /** A witness writes an entry at most this often. */
  readonly entryIntervalMs: number;
  readonly checkpointIntervalMs: number;
  readonly checkpointsPerEpoch: number;
  /** µCTZ of every op, burned. */
  readonly opFee: bigint;
  /** A lock expires this many checkpoints past its task's deadline. */
  readonly lockExpiryHeights: number;
  readonly challengeWindowS: number;
  /** No anchor for this long: holders may exit. */
  readonly silenceBeforeExitS: number;
  readonly unbondingS: number;
  readonly evidenceWindowS: number;
  readonly lateCertificateWindowS: number;
  /** Leg of every claim; all of it burned for now. Bounds 100–500. */
  readonly protocolFeeBps: number;
  readonly creatorBpsDefault: number;
  readonly middlewareBpsDefault: number;
  /** µCTZ of stake that make one unit of a witness's weight; less is no weight at all. */
  readonly witnessStakeMin: bigint;
  /** Members of a committee, at most 21. */
  readonly witnessesMax: number;
  /** A member whose log stands still for so long leaves the committee. */
  readonly idleWitnessS: number;
  /** A proposal is open for so long. */
  readonly votingS: number;
  /** µCTZ of its proposer's stake that burn when a proposal finds next to no support. */
  readonly proposalDeposit: bigint;
};

/** DESIGN §14. */
export const WITNESSES_MAX = 21;

/** Epochs after its own in which a verdict may be claimed: a day. Its committee is known for longer. */
export const VERDICT_EPOCHS = 24;

/** Of the formats and rules in this code; a network keeps the one in its genesis. */
export const PROTOCOL_VERSION = 9;

const DAY_S = 86_400;

export const PARAMS_PRODUCTION: LedgerParams = {
  protocolVersion: PROTOCOL_VERSION,
  entryIntervalMs: 20,
  checkpointIntervalMs: 5_000,
  checkpointsPerEpoch: 720,
  opFee: 100n,
  lockExpiryHeights: 720,
  challengeWindowS: DAY_S,
  silenceBeforeExitS: 7 * DAY_S,
  unbondingS: 21 * DAY_S,
  evidenceWindowS: 7 * DAY_S,
  lateCertificateWindowS: DAY_S,
  protocolFeeBps: 500,
  creatorBpsDefault: 500,
  middlewareBpsDefault: 500,
  witnessStakeMin: 1_000_000_000n,
  witnessesMax: WITNESSES_MAX,
  idleWitnessS: DAY_S,
  votingS: 3 * DAY_S,
  proposalDeposit: 10_000_000n,
};

/** An hour of production in 15 seconds. */
export const PARAMS_DEMO: LedgerParams = {
  ...PARAMS_PRODUCTION,
  checkpointIntervalMs: 1_000,
  checkpointsPerEpoch: 15,
  lockExpiryHeights: 120,
  challengeWindowS: 5,
  silenceBeforeExitS: 60,
  unbondingS: 30,
  evidenceWindowS: 20,
  lateCertificateWindowS: 10,
  witnessStakeMin: 100_000_000n,
  idleWitnessS: 600,
  votingS: 30,
};

/** Checkpoints that a time in seconds takes at the pace of the parameters, rounded up. */
export function heightsOf(seconds: number, {checkpointIntervalMs}: LedgerParams): bigint {
  return BigInt(Math.ceil((seconds * 1_000) / checkpointIntervalMs));
}

/** Whole epochs in a time in seconds at that pace, rounded up. */
export function epochsOf(seconds: number, params: LedgerParams): number {
  return Math.ceil(Number(heightsOf(seconds, params)) / params.checkpointsPerEpoch);
}
