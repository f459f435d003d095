/** Locks between two parties, and the vouchers that pay on them. */
import {type Static, Type} from "typebox";
import {AccountText, Big, Bps, GradeText, HashText, KeyText, TimeMs, Uctz} from "./fields.ts";
import {MemoText, OpView} from "./money.ts";

const TargetKind = Type.Enum(["account", "burn", "treasury", "pot"]);

export const Target = Type.Object(
  {
    target: TargetKind,
    /** With `account`. */
    account: Type.Optional(AccountText),
    /** With `pot`: for who holds units of this seed. */
    asset: Type.Optional(HashText),
  },
  {additionalProperties: false},
);
/** Who is paid. */
export type Target = Static<typeof Target>;

export const AuthorityView = Type.Object({
  kind: Type.Enum(["payer", "key", "payerOrCommittee", "clock", "controller"]),
  /** Of a judge's lock: whom it may pay, anybody when absent; whose keys sign, and how many must. */
  payees: Type.Optional(Type.Array(Target)),
  judges: Type.Optional(Type.Array(Type.Object({account: AccountText, key: KeyText}))),
  threshold: Type.Optional(Type.Integer({minimum: 1})),
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
  /** Of a lock with judges the first of them. */
  payee: AccountText,
  amountUctz: Uctz,
  /** What certified claims have drawn; of a lock with judges the fees of awards included. */
  drawnUctz: Uctz,
  /** What can still be drawn, until it closes. */
  leftUctz: Uctz,
  /** Of that: the highest voucher claimed, and what committees awarded. */
  paidUctz: Uctz,
  awardedUctz: Uctz,
  authority: AuthorityView,
  split: Type.Array(Type.Object({...Target.properties, bps: Bps})),
  /** From this height on the payee claims no more, and the rest goes back; and about when that is. */
  expiryHeight: Big,
  expiresAtMs: TimeMs,
  refundTo: AccountText,
  isOpen: Type.Boolean(),
  closedHeight: Type.Optional(Big),
  /** Nobody has a share but the payee and pots of seeds: made by hand. Those of the market pay a fee beside, and only the market uses them. */
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

export const LockList = Type.Object({
  height: Big,
  /** The next to expire first. */
  locks: Type.Array(LockView),
});
export type LockList = Static<typeof LockList>;

/** Beside the payee's: the ledger knows eight (`lockCodec.ts` of core). */
const SHARES_MAX = 7;

/** A year. */
export const LOCK_VALID_MS_MAX = 365 * 24 * 3_600_000;

export const LockOpenBody = Type.Object(
  {
    payee: AccountText,
    /** Needed unless the ledger knows it: an account's id is a hash, and a lock needs the key that claims. */
    payeeKey: Type.Optional(KeyText),
    amountUctz: Uctz,
    authority: Type.Enum(["payer", "key", "payerOrCommittee", "clock"]),
    /** With `key`: whose vouchers it obeys. */
    judgeKey: Type.Optional(KeyText),
    /** With `clock`: what each height adds. */
    rateUctz: Type.Optional(Uctz),
    /** Of each claim, for who holds the units of a seed; `bps` absent: what its issuer asks for now. */
    shares: Type.Optional(
      Type.Array(Type.Object({assetId: HashText, bps: Type.Optional(Bps)}, {additionalProperties: false}), {
        maxItems: SHARES_MAX,
      }),
    ),
    /** From now on; what was not drawn then comes back. */
    validMs: Type.Integer({minimum: 1, maximum: LOCK_VALID_MS_MAX}),
    memo: Type.Optional(MemoText),
  },
  {additionalProperties: false},
);
export type LockOpenBody = Static<typeof LockOpenBody>;

export const LockOpenedView = Type.Object({
  ...OpView.properties,
  lockId: HashText,
  expiryHeight: Big,
  expiresAtMs: TimeMs,
});
export type LockOpenedView = Static<typeof LockOpenedView>;

/** In all, not more than before: the same request twice pays once. */
export const LockPayBody = Type.Object({totalUctz: Uctz}, {additionalProperties: false});
export type LockPayBody = Static<typeof LockPayBody>;

/** 136 bytes (`voucher.ts` of core) as base64url. */
const VoucherText = Type.String({pattern: "^[A-Za-z0-9_-]{182}$", description: "a voucher, base64url"});

export const VoucherView = Type.Object({lockId: HashText, totalUctz: Uctz, voucher: VoucherText});
/** Money for the payee: whoever gets it can check it, only the payee can claim it. */
export type VoucherView = Static<typeof VoucherView>;

export const LockTakeBody = Type.Object({voucher: VoucherText}, {additionalProperties: false});
export type LockTakeBody = Static<typeof LockTakeBody>;

export const LockClaimBody = Type.Object(
  {
    voucher: Type.Optional(VoucherText),
    /** Of a committee (`verdictCodec.ts` of core). */
    verdict: Type.Optional(Type.String({maxLength: 4096, description: "a verdict, base64url"})),
    /** Closes the lock: the rest goes back at once. */
    isFinal: Type.Optional(Type.Boolean()),
  },
  {additionalProperties: false},
);
export type LockClaimBody = Static<typeof LockClaimBody>;

export const LockClaimedView = Type.Object({...OpView.properties, lock: LockView});
export type LockClaimedView = Static<typeof LockClaimedView>;

export const LockNoticeBody = Type.Object(
  {
    /** From now on; absent: as soon as it can. */
    afterMs: Type.Optional(Type.Integer({minimum: 1, maximum: LOCK_VALID_MS_MAX})),
  },
  {additionalProperties: false},
);
export type LockNoticeBody = Static<typeof LockNoticeBody>;

export const LockNoticeView = Type.Object({
  ...OpView.properties,
  /** Where the clock stops, or a height or two later when a checkpoint comes first. */
  endHeight: Big,
  endsAtMs: TimeMs,
});
export type LockNoticeView = Static<typeof LockNoticeView>;

export const LockAcceptBody = Type.Object({valueUctz: Uctz}, {additionalProperties: false});
export type LockAcceptBody = Static<typeof LockAcceptBody>;
