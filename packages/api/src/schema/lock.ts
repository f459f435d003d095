/** Locks between two parties, and the vouchers that pay on them. */
import {type Static, Type} from "typebox";
import {AccountText, Big, Bps, GradeText, HashText, TimeMs, Uctz} from "./fields.ts";

const KeyText = Type.String({pattern: "^[0-9a-f]{64}$", description: "ed25519 public key, 64 hex digits"});

export const AuthorityView = Type.Object({
  kind: Type.Enum(["payer", "key", "payerOrCommittee", "clock"]),
  /** Whose vouchers the lock obeys. */
  key: Type.Optional(KeyText),
  /** The account of that one key. */
  account: Type.Optional(AccountText),
  /** Of a clock: from when, and how much each height. */
  startHeight: Type.Optional(Big),
  rateUctz: Type.Optional(Uctz),
  /** Where the clock stops: at the expiry, or earlier by notice. */
  endHeight: Type.Optional(Big),
});
export type AuthorityView = Static<typeof AuthorityView>;

export const LockView = Type.Object({
  lockId: HashText,
  payer: AccountText,
  payee: AccountText,
  amountUctz: Uctz,
  /** What certified claims have drawn. */
  drawnUctz: Uctz,
  /** Of that: the highest voucher claimed, and what committees awarded. */
  paidUctz: Uctz,
  awardedUctz: Uctz,
  authority: AuthorityView,
  split: Type.Array(
    Type.Object({
      target: Type.Enum(["account", "burn", "treasury"]),
      account: Type.Optional(AccountText),
      bps: Bps,
    }),
  ),
  /** From this height on the payee claims no more, and the rest goes back; and about when that is. */
  expiryHeight: Big,
  expiresAtMs: TimeMs,
  refundTo: AccountText,
  isOpen: Type.Boolean(),
  closedHeight: Type.Optional(Big),
  /** Everything to the payee: made by hand. Those of the market pay a fee beside, and only the market uses them. */
  isPlain: Type.Boolean(),
  /** Cumulative, of the last vouchers that this node signed and got. */
  voucherSentUctz: Type.Optional(Uctz),
  voucherReceivedUctz: Type.Optional(Uctz),
  /** What the payee could draw now beyond what is drawn, as far as this node knows: by vouchers, or the clock. */
  claimableUctz: Uctz,
  grade: GradeText,
});
/** A lock as the ledger has it, and what this node knows of its vouchers. */
export type LockView = Static<typeof LockView>;
