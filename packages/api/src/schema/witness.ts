/** Witnesses: who agrees on the ledger, and this node's part in it. */
import {type Static, Type} from "typebox";
import {Big, Count, TimeMs, Uctz} from "./fields.ts";
import {WitnessView} from "./money.ts";

export const WitnessStatusView = Type.Object({
  standing: Type.Enum(["none", "candidate", "serving", "left", "idle", "convicted"], {
    description: "serving: in the committee of every epoch for which its weight is enough",
  }),
  seat: Type.Optional(Count),
  isMember: Type.Boolean({description: "votes in the present epoch"}),
  isVoting: Type.Boolean(),
  /** Of the present epoch. */
  weight: Big,
  weightTotal: Big,
  quorum: Big,
  /** As the next epoch would begin if it began now. */
  weightNext: Big,
  epoch: Count,
  nextEpochAtMs: TimeMs,
  stakeUctz: Uctz,
  stakeMinUctz: Uctz,
  places: Count,
  candidates: Count,
  witnesses: Type.Array(WitnessView),
  /** Why it is so, and what to do. */
  note: Type.String(),
});
export type WitnessStatusView = Static<typeof WitnessStatusView>;

export const WitnessJoinBody = Type.Object({stakeUctz: Type.Optional(Uctz)}, {additionalProperties: false});
export type WitnessJoinBody = Static<typeof WitnessJoinBody>;
