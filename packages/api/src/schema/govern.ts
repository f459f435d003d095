/** What votes decide: parameters, open proposals, and this node's say in them. */
import {type Static, Type} from "typebox";
import {AccountText, Big, Count, HashText, TimeMs, Uctz} from "./fields.ts";

export const ParameterView = Type.Object({
  name: Type.String(),
  unit: Type.Enum(["µCTZ", "ms", "s", "heights", "bps", "count"]),
  /** In force now. */
  value: Big,
  /** Decided, and in force from `nextEpoch` on. */
  next: Type.Optional(Big),
  nextEpoch: Type.Optional(Count),
  /** Within which a vote may move it. */
  min: Type.Optional(Big),
  max: Type.Optional(Big),
  /** Of the weight that is cast. */
  passing: Type.Optional(Type.Enum(["majority", "twoThirds"])),
  /** Why no vote may touch it. */
  fixed: Type.Optional(Type.String()),
});
export type ParameterView = Static<typeof ParameterView>;

const Change = Type.Object(
  {name: Type.String({minLength: 1, maxLength: 64}), value: Big},
  {additionalProperties: false},
);
const Payment = Type.Object({to: AccountText, amountUctz: Uctz}, {additionalProperties: false});

export const ProposalView = Type.Object({
  id: HashText,
  proposer: AccountText,
  changes: Type.Array(Change),
  payment: Type.Optional(Payment),
  passing: Type.Enum(["majority", "twoThirds"]),
  /** The vote ends with this epoch; what passes is in force, or paid, an epoch later. */
  untilEpoch: Count,
  endsAtMs: TimeMs,
  depositUctz: Uctz,
  votes: Count,
  yesUctz: Uctz,
  noUctz: Uctz,
  /** As it stands. */
  isPassing: Type.Boolean(),
  ownVote: Type.Optional(Type.Enum(["yes", "no"])),
});
export type ProposalView = Static<typeof ProposalView>;

export const GovernView = Type.Object({
  epoch: Count,
  treasuryUctz: Uctz,
  /** Of this node's account. */
  weightUctz: Uctz,
  weightTotalUctz: Uctz,
  /** Weight that must be cast for a vote to count. */
  quorumUctz: Uctz,
  parameters: Type.Array(ParameterView),
  proposals: Type.Array(ProposalView),
});
export type GovernView = Static<typeof GovernView>;

export const ProposeBody = Type.Object(
  {changes: Type.Optional(Type.Array(Change, {maxItems: 8})), payment: Type.Optional(Payment)},
  {additionalProperties: false},
);
export type ProposeBody = Static<typeof ProposeBody>;

export const VoteBody = Type.Object(
  {
    proposal: Type.String({pattern: "^[0-9a-f]{8,64}$", description: "its id, or how that begins"}),
    isYes: Type.Boolean(),
  },
  {additionalProperties: false},
);
export type VoteBody = Static<typeof VoteBody>;
