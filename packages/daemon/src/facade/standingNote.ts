/** One sentence on where a node stands among the witnesses, with what to do. */
import type {WitnessStatusView} from "@catalyze/api/schema/witness";
import {formatCtz} from "@catalyze/core/primitives/amount";

export type Condition = {
  readonly isRecovering: boolean;
  readonly isAsking: boolean;
  readonly isCatchingUp: boolean;
  readonly isStopped: boolean;
  readonly isMoved: boolean;
};

export function standingNote(view: Omit<WitnessStatusView, "note">, condition: Condition): string {
  const {isMember, standing} = view;
  if (condition.isMoved)
    return "Its signing table was moved away: it votes on the machine that imported it, and never here again, unless that machine's table comes back: `ctz witness import`.";
  const held = isMember ? whyHeld(condition) : undefined;
  if (held !== undefined) return held;
  if (isMember && standing === "serving")
    return view.weightNext === "0"
      ? "It votes in this epoch, and for the next one others have more stake. Stake more to stay: `ctz wallet stake <amount> --kind witness`."
      : "It votes. Keep it running: a log that stands still for long loses its vote.";
  if (isMember && view.weightNext !== "0")
    return "It has left, but nobody else would witness: it votes until somebody else does.";
  if (isMember) return `It votes until this epoch ends, and then no more: ${WHY[standing]}`;
  return notMember(view);
}

/** Why a member does not vote now; `undefined` where it does. */
function whyHeld({isStopped, isRecovering, isAsking, isCatchingUp}: Condition): string | undefined {
  if (isStopped)
    return "It has stopped voting because an invariant broke; the log says which. Its money is safe, its seat is not: stay on only after a look at the log.";
  if (isRecovering)
    return "It has forgotten what it signed, and votes again by itself once a whole epoch has closed without it, or once all others have told it what they have when nothing goes on without it. Keep it running and connected.";
  if (isAsking)
    return "It asks the other witnesses how far they have its log before it signs anything: that takes a quorum of them. If it lasts, see who of them is away: `ctz peers`.";
  if (isCatchingUp)
    return "Its database was lost or set back: it lacks some of what this witness signed. It votes again by itself once others have shown that. If it lasts, see who of them is away: `ctz peers`.";
  return undefined;
}

function notMember({standing, weightNext, stakeUctz, stakeMinUctz, places}: Omit<WitnessStatusView, "note">) {
  if (weightNext !== "0") return "It has a vote from the next epoch on. Leave it running.";
  const tooLittle = BigInt(stakeUctz) < BigInt(stakeMinUctz);
  const asked = standing === "candidate" || standing === "serving";
  if (asked)
    return tooLittle
      ? `Its stake is below ${formatCtz(BigInt(stakeMinUctz))}: \`ctz wallet stake <amount> --kind witness\`.`
      : `All ${places} places go to those with more stake. Stake more, or wait until somebody leaves.`;
  if (standing !== "none") return WHY[standing];
  return `It is no witness. A seat needs ${formatCtz(BigInt(stakeMinUctz))} at stake: \`ctz witness join --stake <amount>\`.`;
}

const WHY: Readonly<Record<WitnessStatusView["standing"], string>> = {
  none: "it has no seat.",
  candidate: "it waits for a seat.",
  serving: "others have more stake.",
  left: "It has left. `ctz witness join` brings it back; its stake returns with `ctz wallet unstake <amount> --kind witness`.",
  idle: "Its log stood still for too long. `ctz witness join` brings it back.",
  convicted:
    "Its key signed two things that exclude each other. Its seat is closed for good, and its stake burned.",
};
