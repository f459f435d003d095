/** The part of the simulated bank that keeps free locks: what their judges paid, and what they may. */
import type {LockSpec, Payload, SplitTarget} from "@catalyze/core/ledger/op";

type Claim = Extract<Payload, {kind: "claim"}>;

export type Paid = {readonly to: SplitTarget; readonly amount: bigint};

export function isFree({authority}: LockSpec): boolean {
  return authority.kind === "controller";
}

/** All that leaves the lock by this claim, its fee as burned. Throws for what no judge may do. */
export function paidByJudge(
  {spec, drawn}: {readonly spec: LockSpec; readonly drawn: bigint},
  {payouts = [], cumulative, isFinal, voucher, verdict}: Claim,
  fee: bigint,
): readonly Paid[] {
  const {authority, amount: held} = spec;
  if (authority.kind !== "controller") throw new Error("bank: a judge of a lock that has none");
  if (voucher !== undefined || verdict !== undefined) throw new Error("bank: a judge shows what it need not");
  const allowed = authority.payees?.map(nameOf);
  for (const {to, amount} of payouts) {
    if (amount <= 0n) throw new Error("bank: a judge paid nothing to somebody");
    if (allowed?.includes(nameOf(to)) === false) throw new Error(`bank: a judge paid ${nameOf(to)}`);
  }
  const paid = payouts.reduce((sum, {amount}) => sum + amount, 0n);
  if (fee > paid) throw new Error("bank: a judge burned more than it paid");
  if (paid === 0n && !isFinal) throw new Error("bank: a judge said nothing");
  const all = drawn + paid + fee;
  if (all > held) throw new Error(`bank: a judge paid ${all} of ${held}`);
  if (all !== cumulative) throw new Error(`bank: a judge said ${cumulative} where it paid ${all}`);
  return fee === 0n ? payouts : [...payouts, {to: {kind: "burn"}, amount: fee}];
}

function nameOf(target: SplitTarget): string {
  if (target.kind === "pot") return `pot ${target.seed}`;
  return target.kind === "cell" ? target.cell : target.kind;
}
