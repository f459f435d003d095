/**
 * The parameters one by one: number on the wire, what a genesis may say, and what a vote may make of it
 * (DESIGN §13, reference/mechanisms E.5). What a vote may not touch says why.
 */
import {U64_MAX} from "../primitives/amount.ts";
import {U32_MAX} from "./canonical.ts";
import {type LedgerParams, WITNESSES_MAX} from "./params.ts";

export type ParamName = keyof LedgerParams;

/** `majority` of the weight that is cast, or `twoThirds` of it where safety or money depends on it. */
export type Passing = "majority" | "twoThirds";

export type ParamRow = {
  /** Of the parameter in canonical bytes; never given to another. */
  readonly tag: number;
  readonly unit: "µCTZ" | "ms" | "s" | "heights" | "bps" | "count";
  readonly min: bigint;
  readonly max: bigint;
} & (
  | {readonly fixed: string}
  /** `spanPct`: how far from the genesis votes may move it, 150 for two thirds to one and a half of it. */
  | {readonly passing: Passing; readonly spanPct?: bigint}
);

/** Of whole numbers that are no amounts. */
const NUMBER = {min: 1n, max: 1_000_000_000n} as const;
const ON_CHAIN = "the anchor contract keeps its own copy";

export const PARAM_TABLE = {
  protocolVersion: {tag: 1, unit: "count", ...NUMBER, fixed: "formats and rules are those of the program"},
  entryIntervalMs: {tag: 2, unit: "ms", ...NUMBER, passing: "majority", spanPct: 400n},
  // Windows are counted in heights: a vote on the pace moves those that run.
  checkpointIntervalMs: {tag: 3, unit: "ms", ...NUMBER, passing: "twoThirds", spanPct: 400n},
  checkpointsPerEpoch: {
    ...{tag: 4, unit: "heights", ...NUMBER},
    fixed: "epochs of all heights are counted with it",
  },
  opFee: {tag: 5, unit: "µCTZ", min: 1n, max: BigInt(U32_MAX), passing: "majority", spanPct: 100_000n},
  lockExpiryHeights: {tag: 6, unit: "heights", ...NUMBER, passing: "majority", spanPct: 400n},
  challengeWindowS: {tag: 7, unit: "s", ...NUMBER, fixed: ON_CHAIN},
  silenceBeforeExitS: {tag: 8, unit: "s", ...NUMBER, fixed: ON_CHAIN},
  // 14 to 31.5 days where the genesis says 21.
  unbondingS: {tag: 9, unit: "s", ...NUMBER, passing: "twoThirds", spanPct: 150n},
  evidenceWindowS: {tag: 10, unit: "s", ...NUMBER, passing: "twoThirds", spanPct: 150n},
  lateCertificateWindowS: {tag: 11, unit: "s", ...NUMBER, passing: "twoThirds", spanPct: 400n},
  protocolFeeBps: {tag: 12, unit: "bps", min: 100n, max: 500n, passing: "twoThirds"},
  creatorBpsDefault: {tag: 13, unit: "bps", min: 1n, max: 4_999n, passing: "majority"},
  middlewareBpsDefault: {tag: 14, unit: "bps", min: 1n, max: 4_999n, passing: "majority"},
  witnessStakeMin: {tag: 15, unit: "µCTZ", min: 1n, max: U64_MAX, passing: "twoThirds", spanPct: 1_000n},
  witnessesMax: {
    ...{tag: 16, unit: "count", min: 1n, max: BigInt(WITNESSES_MAX)},
    ...{passing: "twoThirds", spanPct: 300n},
  },
  idleWitnessS: {tag: 17, unit: "s", ...NUMBER, passing: "twoThirds", spanPct: 400n},
  votingS: {tag: 18, unit: "s", ...NUMBER, passing: "twoThirds", spanPct: 400n},
  proposalDeposit: {tag: 19, unit: "µCTZ", min: 1n, max: U64_MAX, passing: "twoThirds", spanPct: 1_000n},
} as const satisfies Record<ParamName, ParamRow>;

/** In the order of their numbers. */
export const PARAM_NAMES = Object.keys(PARAM_TABLE) as readonly ParamName[];

export function rowOf(name: ParamName): ParamRow {
  return PARAM_TABLE[name];
}

const BY_TAG = new Map<number, ParamName>(PARAM_NAMES.map((name) => [rowOf(name).tag, name]));

export function nameOfTag(tag: number): ParamName | undefined {
  return BY_TAG.get(tag);
}

/** Outside of its bounds, or together too much; the name of the parameter, `undefined` when all is well. */
export function paramsProblem(params: LedgerParams): ParamName | undefined {
  const outside = PARAM_NAMES.find((name) => {
    const {min, max} = rowOf(name);
    const value = BigInt(params[name]);
    return value < min || value > max;
  });
  if (outside !== undefined) return outside;
  return params.creatorBpsDefault + params.middlewareBpsDefault > 5_000 ? "creatorBpsDefault" : undefined;
}

export type ParamBounds = {readonly min: bigint; readonly max: bigint};

/** Within which votes may move a parameter of a network; `undefined` for one that no vote touches. */
export function voteBounds(name: ParamName, genesis: LedgerParams): ParamBounds | undefined {
  const row = rowOf(name);
  if ("fixed" in row) return undefined;
  if (row.spanPct === undefined) return row;
  const value = BigInt(genesis[name]);
  const low = (value * 100n + row.spanPct - 1n) / row.spanPct;
  const high = (value * row.spanPct) / 100n;
  return {min: low > row.min ? low : row.min, max: high < row.max ? high : row.max};
}

export type ParamChange = {readonly name: ParamName; readonly value: bigint};

/**
 * The parameters with these changes; `undefined` where a vote may not go. Whatever a network began with, a vote
 * never lets stake go before the evidence against it.
 */
export function changedParams(
  params: LedgerParams,
  changes: readonly ParamChange[],
  genesis: LedgerParams,
): LedgerParams | undefined {
  const areWithin = changes.every(({name, value}) => {
    const bounds = voteBounds(name, genesis);
    return bounds !== undefined && value >= bounds.min && value <= bounds.max;
  });
  if (!areWithin) return undefined;
  const changed = withValues(params, changes);
  const isWindow = changes.some(({name}) => name === "unbondingS" || name === "evidenceWindowS");
  if (isWindow && changed.unbondingS < changed.evidenceWindowS) return undefined;
  return paramsProblem(changed) === undefined ? changed : undefined;
}

/** Amounts stay `bigint`, the others become numbers. */
export function withValues(params: LedgerParams, changes: readonly ParamChange[]): LedgerParams {
  const values = changes.map(({name, value}) => [name, isAmount(name) ? value : Number(value)]);
  return {...params, ...(Object.fromEntries(values) as Partial<LedgerParams>)};
}

/** Decimal strings in JSON. */
export function isAmount(name: ParamName): boolean {
  return rowOf(name).unit === "µCTZ";
}
