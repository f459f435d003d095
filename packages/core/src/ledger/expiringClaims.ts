/**
 * The claims that count when a lock expires (reference/ledger 5.5): all that the cut shows with at least one
 * vote. Each shows what a payer or a committee really signed, so together they are worth their join; a bad
 * witness's late vote can only help a payee to what it is owed.
 */
import type {LockCell} from "./cell.ts";
import type {Candidate, Tally} from "./certificates.ts";
import {allowance, type Standing, standingAfter} from "./claims.ts";
import {AWARDED_MAX} from "./lanes.ts";
import type {Op} from "./op.ts";
import {LedgerState} from "./state.ts";

export type Visible = {
  readonly tally: Tally;
  /** Of the parent: whose verdicts count, and which fees. */
  readonly base: Pick<LedgerState, "register" | "governance">;
  readonly height: bigint;
  /** What its owner signed of an op that perhaps nobody honest voted for (`soundCopies.ts`). */
  readonly soundCopy: (candidate: Candidate, state: LedgerState, epoch: number) => Op | undefined;
};

/** In the order of their slots. Left out without a look at its signatures: what adds nothing to those before. */
export function visibleClaims(lock: LockCell, {tally, base, height, soundCopy}: Visible): readonly Op[] {
  // It may have been opened in this very cut.
  const state = LedgerState.empty();
  state.put(lock);
  state.putRegister(base.register);
  state.putGovernance(base.governance);
  const candidates = [...tally.candidatesOf(lock.id)];
  candidates.sort((left, right) => compareSlots(left.op, right.op));
  const claims: Op[] = [];
  let standing: Standing = lock;
  for (const candidate of candidates) {
    const {op} = candidate;
    const next = claimedAtExpiry(lock, standing, {op, height});
    if (isSame(next, standing)) continue;
    const sound = soundCopy(candidate, state, op.body.validFromEpoch);
    if (sound === undefined) continue;
    claims.push(sound);
    standing = next;
  }
  return claims;
}

/** Where a claim takes a lock that stands so already, as far as its authority goes. */
export function claimedAtExpiry(
  lock: LockCell,
  standing: Standing,
  {op, height}: {readonly op: Op; readonly height: bigint},
): Standing {
  const {payload} = op.body;
  if (payload.kind !== "claim") return standing;
  const allowed = allowance(lock, payload.voucher, height);
  const asked = payload.cumulative < lock.spec.amount ? payload.cumulative : lock.spec.amount;
  const cumulative = asked < allowed ? asked : allowed;
  const after = standingAfter({...lock, ...standing}, {...payload, cumulative});
  // One more could not have been claimed before either.
  return after.awarded.length > AWARDED_MAX ? standing : after;
}

function isSame(one: Standing, other: Standing): boolean {
  return one.paid === other.paid && one.awarded === other.awarded;
}

function compareSlots({id, body}: Op, other: Op): number {
  if (body.seq !== other.body.seq) return body.seq < other.body.seq ? -1 : 1;
  return id < other.id ? -1 : 1;
}
