/**
 * From candidates to a ranked list: the cheapest reputable one first (DESIGN §7). Nothing is dropped
 * silently: each candidate is either ranked with every term of its index, or rejected with a code.
 * Pure; the same candidates and the same chance give the same list, whatever order they came in.
 */
import {CodedError} from "../errors/codedError.ts";
import type {ErrorCode} from "../errors/table.ts";
import type {Random} from "../ports/random.ts";
import type {AccountId, PeerId} from "../primitives/id.ts";
import type {UnixMs} from "../primitives/time.ts";
import type {Verified} from "../primitives/verified.ts";
import type {Standing} from "../reputation/reputation.ts";
import type {Ask} from "./ask.ts";
import type {LiveAsk} from "./askBook.ts";
import {chargeAt} from "./price.ts";
import {expectedMsOf} from "./quote.ts";
import {type IndexMode, type IndexTerms, indexOf} from "./routeIndex.ts";

export type CandidateKind = "ask" | "local" | "middleware";

export type Candidate = {
  readonly kind: CandidateKind;
  readonly peer: PeerId;
  readonly account: AccountId;
  /** What the task will probably cost, and the most that it can. */
  readonly price: bigint;
  readonly chargeMax: bigint;
  readonly auditPpm: number;
  /** Work and transfer by the ask's own figures; `undefined` when it has none. */
  readonly estimateMs: number | undefined;
  readonly queueMs: number;
  /** `undefined` for own hardware. */
  readonly standing: Standing | undefined;
  readonly ask: Verified<Ask> | undefined;
};

export type RoutePolicy = {
  readonly priceMax: bigint;
  readonly deadlineMs: number;
  readonly nowMs: UnixMs;
  /** µCTZ a second; default `VALUE_OF_TIME_SHARE` of the cheapest price. */
  readonly valueOfTime?: number | undefined;
  readonly damageFactor?: number | undefined;
  readonly mode?: IndexMode | undefined;
  /** Peers tried already, or excluded by the caller. */
  readonly excluded: ReadonlySet<PeerId>;
  /** True when the operator group of this account has had its share: it is ranked after all others. */
  readonly isGroupCapped?: ((account: AccountId) => boolean) | undefined;
};

export type Ranked = {
  readonly candidate: Candidate;
  readonly terms: IndexTerms;
  readonly isGroupCapped: boolean;
  /** Its circuit is half open: this call would be the probe. */
  readonly isProbe: boolean;
};

export type RejectCode = Extract<
  ErrorCode,
  "PRICE_ABOVE_MAX" | "PROVIDER_BUSY" | "CIRCUIT_OPEN" | "CANDIDATE_EXCLUDED" | "DEADLINE"
>;

export type Rejected = {
  readonly candidate: Candidate;
  readonly code: RejectCode;
  /** The figure behind the code: µCTZ, failures or milliseconds. */
  readonly figure: bigint | number;
};

export type RouteResult = {
  readonly ranked: readonly Ranked[];
  readonly rejected: readonly Rejected[];
  /** λ as it was used. */
  readonly valueOfTime: number;
};

/** Eight per cent of the price a second: what the simulation of mechanisms A.3 used, free of scale. */
export const VALUE_OF_TIME_SHARE = 0.08;
export const RETRY_COST_SHARE = 0.05;
export const DAMAGE_FACTOR = 5;
/** λ when everything is free: waiting still counts, in ties only. */
const VALUE_OF_TIME_MIN = 1;

/** Ranks what may be tried and says why the rest may not. */
export function route(candidates: readonly Candidate[], policy: RoutePolicy, random: Random): RouteResult {
  const {open, rejected} = admit(candidates, policy);
  const cheapest = open
    .filter(({kind}) => kind !== "local")
    .reduce((least, {price}) => Math.min(least, Number(price)), Number.POSITIVE_INFINITY);
  const scale = Number.isFinite(cheapest) ? cheapest : 0;
  const valueOfTime = policy.valueOfTime ?? Math.max(VALUE_OF_TIME_MIN, VALUE_OF_TIME_SHARE * scale);
  const indexPolicy = {
    valueOfTime,
    damageFactor: policy.damageFactor ?? DAMAGE_FACTOR,
    retryCost: RETRY_COST_SHARE * scale,
    deadlineMs: policy.deadlineMs,
    mode: policy.mode ?? "sample",
  };
  const ranked = open.map(
    (candidate): Ranked => ({
      candidate,
      terms: indexOf(candidate, indexPolicy, random),
      isGroupCapped: policy.isGroupCapped?.(candidate.account) ?? false,
      isProbe: candidate.standing !== undefined && candidate.standing.admits !== "yes",
    }),
  );
  return {ranked: ranked.sort(compareRanked), rejected, valueOfTime};
}

/** Why a route that found nobody failed. A price that is too high is never called a lack of capacity. */
export function routeFailure(
  {rejected}: RouteResult,
  policy: Pick<RoutePolicy, "priceMax" | "nowMs">,
): CodedError {
  const tooDear = rejected.filter(({code}) => code === "PRICE_ABOVE_MAX");
  // Whom the task itself has left out, its first provider for one, says nothing of the others.
  const asked = rejected.filter(({code}) => code !== "CANDIDATE_EXCLUDED");
  if (tooDear.length > 0 && tooDear.length === asked.length) {
    const lowest = tooDear.reduce(
      (least, {candidate}) => min(least, candidate.chargeMax),
      tooDear[0]?.candidate.chargeMax ?? 0n,
    );
    return new CodedError("PRICE_ABOVE_MAX", {
      evidence: {lowest, priceMax: policy.priceMax, asks: tooDear.length},
    });
  }
  const busy = rejected.filter(({code}) => code === "PROVIDER_BUSY");
  if (busy.length > 0) {
    const untilMs = Math.min(...busy.map(({candidate}) => candidate.standing?.softUntilMs ?? policy.nowMs));
    return new CodedError("PROVIDER_BUSY", {
      retryAfterMs: Math.max(0, untilMs - policy.nowMs),
      evidence: {busy: busy.length},
    });
  }
  const codes = [...new Set(rejected.map(({code}) => code))].sort().join(", ");
  return new CodedError("NO_PROVIDER", {
    evidence: {candidates: rejected.length, ...(codes === "" ? {} : {codes})},
  });
}

export type CandidateFacts = {
  /** Expected meter and its maximum for this task. */
  readonly units: bigint;
  readonly unitsMax: bigint;
  /** Round trip, transfer of input and, if it is not warm, of the model. */
  readonly transferMs: number;
  readonly auditPpm: number;
  readonly standing: Standing;
};

/** A candidate from a live ask. */
export function candidateOf({ask}: Pick<LiveAsk, "ask">, facts: CandidateFacts): Candidate {
  const workMs = expectedMsOf({...ask, queueLength: 0, slotsBusy: 0}, facts.units);
  const hasSpeed = ask.unitsPerSecond > 0n;
  return {
    kind: "ask",
    peer: ask.peer,
    account: ask.account,
    price: chargeAt(ask, facts.units),
    chargeMax: chargeAt(ask, facts.unitsMax),
    auditPpm: facts.auditPpm,
    estimateMs: hasSpeed ? workMs + facts.transferMs : undefined,
    queueMs: hasSpeed ? expectedMsOf(ask, facts.units) - workMs : 0,
    standing: facts.standing,
    ask,
  };
}

/**
 * Who may be tried. Open circuits keep failing peers away from a task that has a choice; where they are all
 * that is left, trying one is better than saying that nobody is there.
 */
function admit(
  candidates: readonly Candidate[],
  policy: RoutePolicy,
): {readonly open: readonly Candidate[]; readonly rejected: readonly Rejected[]} {
  const rejected: Rejected[] = [];
  const open: Candidate[] = [];
  // Chance is drawn in the order of peers, so the order of arrival does not matter.
  for (const candidate of [...candidates].sort(compareCandidates)) {
    const rejection = reject(candidate, policy);
    if (rejection === undefined) open.push(candidate);
    else rejected.push({candidate, ...rejection});
  }
  if (open.length > 0) return {open, rejected};
  const isLastResort = ({code}: Rejected) => code === "CIRCUIT_OPEN";
  return {
    open: rejected.filter(isLastResort).map(({candidate}) => candidate),
    rejected: rejected.filter((each) => !isLastResort(each)),
  };
}

function reject(
  candidate: Candidate,
  policy: RoutePolicy,
): {code: RejectCode; figure: bigint | number} | undefined {
  const {standing, chargeMax, estimateMs, queueMs} = candidate;
  if (policy.excluded.has(candidate.peer)) return {code: "CANDIDATE_EXCLUDED", figure: 0};
  if (chargeMax > policy.priceMax) return {code: "PRICE_ABOVE_MAX", figure: chargeMax};
  const waitMs = (estimateMs ?? 0) + queueMs;
  if (waitMs > policy.deadlineMs) return {code: "DEADLINE", figure: waitMs};
  if (standing === undefined) return undefined;
  if (standing.admits === "no") return {code: "CIRCUIT_OPEN", figure: standing.breakerFailures};
  const busyMs = standing.softUntilMs - policy.nowMs;
  return busyMs > 0 ? {code: "PROVIDER_BUSY", figure: busyMs} : undefined;
}

/** A total order: of two different candidates exactly one is better. */
function compareRanked(left: Ranked, right: Ranked): number {
  return (
    Number(left.isGroupCapped) - Number(right.isGroupCapped) ||
    left.terms.index - right.terms.index ||
    compareBig(left.candidate.price, right.candidate.price) ||
    compareCandidates(left.candidate, right.candidate)
  );
}

function compareCandidates(left: Candidate, right: Candidate): number {
  return compareText(left.peer, right.peer) || compareText(left.kind, right.kind);
}

function compareText(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

function compareBig(left: bigint, right: bigint): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

function min(left: bigint, right: bigint): bigint {
  return left < right ? left : right;
}
