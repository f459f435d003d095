/** What is sold and what a task would cost: asks, ranked candidates, quotes. */
import {type Static, Type} from "typebox";
import {AccountText, Big, Bps, Count, LegView, PeerIdText, SignedUctz, TimeMs, Uctz} from "./fields.ts";

export const BundleKindText = Type.Enum(["ocr", "embed", "vad", "text", "tensors"]);

export const AskView = Type.Object({
  askId: Type.String(),
  peerId: PeerIdText,
  account: AccountText,
  isSelf: Type.Boolean(),
  taskClass: Type.String(),
  alias: Type.Optional(Type.String()),
  title: Type.Optional(Type.String()),
  unit: Type.String(),
  /** The price is for this many units. */
  unitScale: Big,
  unitPriceUctz: Uctz,
  feeMinUctz: Uctz,
  legs: Type.Array(LegView),
  determinism: Type.String(),
  unitsPerSecond: Type.Optional(Big),
  slots: Count,
  slotsBusy: Count,
  queueLength: Count,
  isWarm: Type.Boolean(),
  expiresAtMs: TimeMs,
});
export type AskView = Static<typeof AskView>;

export const AskList = Type.Object({asks: Type.Array(AskView)});

export const CandidateView = Type.Object({
  /** 1 is tried first. */
  rank: Type.Integer({minimum: 1}),
  peerId: PeerIdText,
  account: AccountText,
  isSelf: Type.Boolean(),
  middleware: Type.Optional(AccountText),
  unitPriceUctz: Uctz,
  feeMinUctz: Uctz,
  chargeMaxUctz: Uctz,
  /** Expected total cost: what the ranking is by. */
  indexUctz: SignedUctz,
  /** The terms of the index, for people: price, waiting, checking, risk. */
  terms: Type.Array(Type.Object({name: Type.String(), costUctz: SignedUctz})),
  expectedMs: Count,
  /** Expected chance of success, 0 to 1. */
  reliability: Type.Number({minimum: 0, maximum: 1}),
  isWarm: Type.Boolean(),
  split: Type.Array(LegView),
});
/** A provider that could run the task, with what it would cost in all. */
export type CandidateView = Static<typeof CandidateView>;

export const RejectedView = Type.Object({
  peerId: PeerIdText,
  code: Type.String(),
  message: Type.String(),
});
export type RejectedView = Static<typeof RejectedView>;

export const QuoteView = Type.Object({
  taskClass: Type.String(),
  alias: Type.Optional(Type.String()),
  unit: Type.String(),
  unitsMax: Big,
  /** Ranked; empty when nobody can, and then `rejected` says why. */
  candidates: Type.Array(CandidateView),
  rejected: Type.Array(RejectedView),
  /** Above this a task without a stated maximum price needs confirmation. */
  maxPriceDefaultUctz: Uctz,
});
export type QuoteView = Static<typeof QuoteView>;

export const PeerView = Type.Object({
  peerId: PeerIdText,
  account: Type.Optional(AccountText),
  addresses: Type.Array(Type.String()),
  direction: Type.Enum(["inbound", "outbound"]),
  connectedAtMs: TimeMs,
  latencyMs: Type.Optional(Type.Number({minimum: 0})),
  roles: Type.Array(Type.String()),
  asks: Count,
  /** Their clock minus ours, where it is known. */
  clockOffsetMs: Type.Optional(Type.Number()),
  successes: Count,
  failures: Count,
});
export type PeerView = Static<typeof PeerView>;

export const PeerList = Type.Object({peers: Type.Array(PeerView)});

export const ModelView = Type.Object({
  bundle: Type.String({description: "content id of the signed manifest"}),
  taskClass: Type.String(),
  alias: Type.Optional(Type.String()),
  kind: BundleKindText,
  title: Type.String(),
  licence: Type.String(),
  unit: Type.String(),
  bytes: Count,
  files: Type.Array(Type.Object({name: Type.String(), cid: Type.String(), bytes: Count})),
  creator: Type.Optional(AccountText),
  royaltyBps: Bps,
  inputBytesMax: Count,
  outputBytesMax: Count,
  /** All of its files are here. */
  isLocal: Type.Boolean(),
  /** This node sells it. */
  isSold: Type.Boolean(),
  unitPriceUctz: Type.Optional(Uctz),
  feeMinUctz: Type.Optional(Uctz),
});
export type ModelView = Static<typeof ModelView>;

export const ModelList = Type.Object({models: Type.Array(ModelView)});

export const ModelAddBody = Type.Object(
  {
    /** An ONNX file of one's own, a folder with a signed bundle, or a bundle that others hold. */
    source: Type.Enum(["onnx", "bundle", "cid"]),
    path: Type.Optional(
      Type.String({minLength: 1, maxLength: 4096, description: "absolute path on the daemon's machine"}),
    ),
    cid: Type.Optional(Type.String({pattern: "^b[a-z2-7]{20,120}$"})),
    title: Type.Optional(Type.String({minLength: 1, maxLength: 128})),
    alias: Type.Optional(Type.String({pattern: "^[a-z][a-z0-9-]{0,31}$"})),
    licence: Type.Optional(Type.String({minLength: 1, maxLength: 64})),
    royaltyBps: Type.Optional(Bps),
  },
  {additionalProperties: false},
);
export type ModelAddBody = Static<typeof ModelAddBody>;
