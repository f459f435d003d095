/**
 * Shared pieces of every schema. Amounts are decimal strings of µCTZ named `…Uctz`, so that no JSON
 * reader rounds money; ids are hex or base58 text; times are milliseconds since the Unix epoch.
 */
import {type Static, Type} from "typebox";

/** The version of every JSON shape that leaves the daemon or the CLI. */
export const API_VERSION = 1;

export const Uctz = Type.String({pattern: "^(0|[1-9][0-9]{0,19})$", description: "µCTZ, decimal"});
export const SignedUctz = Type.String({pattern: "^-?(0|[1-9][0-9]{0,19})$", description: "µCTZ, decimal"});
/** Counts that may pass 2^53: units, heights. */
export const Big = Type.String({pattern: "^(0|[1-9][0-9]{0,38})$", description: "integer, decimal"});
export const SignedBig = Type.String({pattern: "^-?(0|[1-9][0-9]{0,38})$", description: "integer, decimal"});
/** Of an asset: whole, above zero, at most u64. */
export const Units = Type.String({pattern: "^[1-9][0-9]{0,19}$", description: "units of an asset, decimal"});
export const AccountText = Type.String({pattern: "^[0-9a-f]{64}$", description: "account id, 64 hex digits"});
export const KeyText = Type.String({
  pattern: "^[0-9a-f]{64}$",
  description: "ed25519 public key, 64 hex digits",
});
export const HashText = Type.String({pattern: "^[0-9a-f]{64}$", description: "SHA-256, 64 hex digits"});
export const TaskIdText = Type.String({pattern: "^[0-9a-f]{32}$", description: "task id, 32 hex digits"});
export const PeerIdText = Type.String({minLength: 1, maxLength: 128, description: "libp2p peer id, base58"});
export const TimeMs = Type.Integer({minimum: 0, description: "milliseconds since the Unix epoch"});
export const Count = Type.Integer({minimum: 0});
export const Bps = Type.Integer({minimum: 0, maximum: 10_000, description: "1/10,000"});

/** What stands behind an amount; only `anchored` survives an exit. */
export const GradeText = Type.Enum(["pending", "certified", "checkpointed", "anchored"]);

export const LegView = Type.Object({
  role: Type.Enum(["provider", "middleware", "creator", "fee"]),
  account: Type.Optional(AccountText),
  bps: Bps,
  /** This leg's part of the amount that the split belongs to, rounded down. */
  amountUctz: Type.Optional(Uctz),
  isBurned: Type.Boolean(),
});
/** One share of a payment. */
export type LegView = Static<typeof LegView>;

export const ErrorReport = Type.Object({
  code: Type.String(),
  message: Type.String(),
  actor: Type.String({
    description: "whose fault: client, router, provider, network, policy, ledger, chain, node",
  }),
  phase: Type.String(),
  retryable: Type.Boolean(),
  hint: Type.String(),
  retryAfterMs: Type.Optional(Count),
  evidence: Type.Record(Type.String(), Type.Union([Type.String(), Type.Number(), Type.Boolean()])),
});
/** DESIGN §9 as JSON; big integers of the evidence are decimal strings. */
export type ErrorReport = Static<typeof ErrorReport>;

export const ErrorBody = Type.Object({v: Type.Literal(API_VERSION), error: ErrorReport});
export type ErrorBody = Static<typeof ErrorBody>;

export const Done = Type.Object({ok: Type.Boolean()});
export type Done = Static<typeof Done>;
