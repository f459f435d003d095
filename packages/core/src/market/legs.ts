/**
 * The legs of a payment (DESIGN §4 step 9): who gets how many basis points of a charge. Fixed when a lock
 * opens and shown in the quote: protocol fee burned, middleware and creator where the role exists, the
 * provider what these leave. Legs stand in the order of their wire numbers, so equal terms are equal bytes.
 */
import {create} from "@bufbuild/protobuf";
import {LegSchema, type Leg as WireLeg} from "@catalyze/proto/gen/catalyze/v1/market_pb";
import {CodedError} from "../errors/codedError.ts";
import type {SplitLeg} from "../ledger/op.ts";
import {shareOf} from "../ledger/split.ts";
import {fromHex} from "../primitives/bytes.ts";
import type {AccountId} from "../primitives/id.ts";
import {badField, readAccount, readCount} from "./fields.ts";

export const BPS_TOTAL = 10_000;
/** Bounds of the protocol fee that governance may set: 1 to 5 %. */
export const PROTOCOL_FEE_BPS = {min: 100, max: 500, default: 500} as const;
/** What a middleware or a creator gets where a quote or manifest does not say otherwise. */
export const ROLE_BPS_DEFAULT = 500;
/** Middleware and creator together never take the provider's larger half. */
export const ROLE_BPS_MAX = 2_000;

/** Wire numbers. */
export const LEG_ROLE = {provider: 1, middleware: 2, creator: 3, protocol: 4} as const;
export type LegRole = keyof typeof LEG_ROLE;

const BPS_BOUNDS: Readonly<Record<LegRole, {readonly min: number; readonly max: number}>> = {
  provider: {min: 1, max: BPS_TOTAL},
  middleware: {min: 1, max: ROLE_BPS_MAX},
  creator: {min: 1, max: ROLE_BPS_MAX},
  protocol: PROTOCOL_FEE_BPS,
};

/** `cell` is absent for the burned protocol leg. */
export type Leg = {readonly role: LegRole; readonly cell: AccountId | undefined; readonly bps: number};

export type RoleShare = {readonly account: AccountId; readonly bps?: number};

export type LegParties = {
  readonly provider: AccountId;
  readonly creator?: RoleShare | undefined;
  readonly middleware?: RoleShare | undefined;
};

export type LegParams = {readonly protocolFeeBps: number};

/** 85/5/5/5 with every role present and the defaults. Throws `QUOTE_INVALID` when a role asks too much. */
export function legsFor(
  {provider, creator, middleware}: LegParties,
  {protocolFeeBps}: LegParams,
): readonly Leg[] {
  const middlewareBps = middleware === undefined ? 0 : (middleware.bps ?? ROLE_BPS_DEFAULT);
  const creatorBps = creator === undefined ? 0 : (creator.bps ?? ROLE_BPS_DEFAULT);
  const legs: Leg[] = [
    {role: "provider", cell: provider, bps: BPS_TOTAL - middlewareBps - creatorBps - protocolFeeBps},
    {role: "middleware", cell: middleware?.account, bps: middlewareBps},
    {role: "creator", cell: creator?.account, bps: creatorBps},
    {role: "protocol", cell: undefined, bps: protocolFeeBps},
  ];
  // A royalty of zero is no leg: the split table stays small and equal to the one without a creator.
  const present = legs.filter((leg) => leg.bps !== 0);
  const problem = legsProblem(present);
  if (problem !== undefined) throw new CodedError("QUOTE_INVALID", {evidence: {legs: problem}});
  return present;
}

/** The rules that hold for any legs, or what is wrong with these. */
export function legsProblem(legs: readonly Leg[]): string | undefined {
  let before = 0;
  for (const leg of legs) {
    if (LEG_ROLE[leg.role] <= before) return "order";
    before = LEG_ROLE[leg.role];
    const problem = legProblem(leg);
    if (problem !== undefined) return problem;
  }
  if (bpsOf(legs, "provider") === 0 || bpsOf(legs, "protocol") === 0) return "missing";
  return legs.reduce((sum, leg) => sum + leg.bps, 0) === BPS_TOTAL ? undefined : "sum";
}

function legProblem({role, cell, bps}: Leg): string | undefined {
  if ((cell === undefined) !== (role === "protocol")) return "cell";
  const {min, max} = BPS_BOUNDS[role];
  return Number.isInteger(bps) && bps >= min && bps <= max ? undefined : "bps";
}

/** Basis points of a role; 0 when it is absent. */
export function bpsOf(legs: readonly Leg[], role: LegRole): number {
  return legs.find((leg) => leg.role === role)?.bps ?? 0;
}

export function areLegsEqual(left: readonly Leg[], right: readonly Leg[]): boolean {
  return (
    left.length === right.length &&
    left.every((leg, index) => {
      const other = right[index];
      return leg.role === other?.role && leg.cell === other.cell && leg.bps === other.bps;
    })
  );
}

/** The split table of a lock that pays by these legs. */
export function splitOf(legs: readonly Leg[]): readonly SplitLeg[] {
  return legs.map(splitLegOf);
}

function splitLegOf({cell, bps}: Leg): SplitLeg {
  return {target: cell === undefined ? {kind: "burn"} : {kind: "cell", cell}, bps};
}

export type SplitPreview = {
  readonly shares: readonly (Leg & {readonly uctz: bigint})[];
  /** Below one µCTZ a leg; burned when the lock closes. */
  readonly remainder: bigint;
};

/** Who gets what of a charge, to the µCTZ: every leg rounds down, as the ledger's claim does. */
export function splitPreview(charge: bigint, legs: readonly Leg[]): SplitPreview {
  const shares = legs.map((leg) => ({...leg, uctz: shareOf(splitLegOf(leg), charge)}));
  return {shares, remainder: shares.reduce((rest, share) => rest - share.uctz, charge)};
}

export function legsToWire(legs: readonly Leg[]): WireLeg[] {
  return legs.map(({role, cell, bps}) =>
    create(LegSchema, {
      role: LEG_ROLE[role],
      cell: cell === undefined ? new Uint8Array() : fromHex(cell),
      bps,
    }),
  );
}

const ROLE_OF_NUMBER = new Map<number, LegRole>(
  Object.entries(LEG_ROLE).map(([role, number]) => [number, role as LegRole]),
);

/** Throws `DECODE_INVALID` unless the legs obey `legsProblem`. */
export function legsFromWire(wire: readonly WireLeg[]): readonly Leg[] {
  if (wire.length > ROLE_OF_NUMBER.size) badField("legs");
  const legs = wire.map(({role: number, cell, bps}): Leg => {
    const role = ROLE_OF_NUMBER.get(number) ?? badField("legs.role");
    return {
      role,
      cell: cell.length === 0 ? undefined : readAccount(cell, "legs.cell"),
      bps: readCount(bps, BPS_TOTAL, "legs.bps"),
    };
  });
  const problem = legsProblem(legs);
  return problem === undefined ? legs : badField(`legs.${problem}`);
}
