/** Locks of which judges say who is paid: bounties, bonds; and the awards that they sign. */
import {type Static, Type} from "typebox";
import {AccountText, Count, HashText, KeyText, Uctz} from "./fields.ts";
import {LOCK_VALID_MS_MAX, LockView, Target} from "./lock.ts";
import {MemoText, OpView} from "./money.ts";

/** `ACCOUNT_KEYS_MAX`, `PAYEES_MAX` and `PAYOUTS_MAX` of core. */
const LIST_MAX = 16;

export const LockJudgedBody = Type.Object(
  {
    amountUctz: Uctz,
    judges: Type.Array(
      Type.Object(
        {
          account: AccountText,
          /** Needed unless the ledger knows it. */
          key: Type.Optional(KeyText),
        },
        {additionalProperties: false},
      ),
      {minItems: 1, maxItems: LIST_MAX},
    ),
    /** How many judges must sign an award: more than half. Absent: just that many. */
    threshold: Type.Optional(Type.Integer({minimum: 1, maximum: LIST_MAX})),
    /** Whom they may pay. Absent: anybody. */
    payees: Type.Optional(Type.Array(Target, {minItems: 1, maxItems: LIST_MAX})),
    /** A bond for this account: the judges may pay it, the treasury and nobody (burn). Not with `payees`. */
    insured: Type.Optional(AccountText),
    /** From now on; what was not awarded then comes back. */
    validMs: Type.Integer({minimum: 1, maximum: LOCK_VALID_MS_MAX}),
    memo: Type.Optional(MemoText),
  },
  {additionalProperties: false},
);
export type LockJudgedBody = Static<typeof LockJudgedBody>;

const Payout = Type.Object({...Target.properties, amountUctz: Uctz}, {additionalProperties: false});

export const LockAwardBody = Type.Object(
  {
    /** May be empty when it closes the lock. */
    payouts: Type.Array(Payout, {maxItems: LIST_MAX}),
    /** Closes the lock: what is left goes back at once. */
    isFinal: Type.Optional(Type.Boolean()),
  },
  {additionalProperties: false},
);
export type LockAwardBody = Static<typeof LockAwardBody>;

/** An op with some of its signatures, base64url. */
const AwardText = Type.String({pattern: "^[A-Za-z0-9_-]{200,8192}$", description: "an award, base64url"});

export const LockSignBody = Type.Object(
  {
    award: AwardText,
    /** Only say what it is: nothing is signed. */
    isLook: Type.Optional(Type.Boolean()),
  },
  {additionalProperties: false},
);
export type LockSignBody = Static<typeof LockSignBody>;

export const LockAwardView = Type.Object({
  /** The id of the op, once the ledger has it. */
  awardId: HashText,
  lockId: HashText,
  payouts: Type.Array(Payout),
  isFinal: Type.Boolean(),
  /** Out of the lock. */
  feeUctz: Uctz,
  threshold: Count,
  /** Accounts of the judges that have signed it. */
  signedBy: Type.Array(AccountText),
  /** For the other judges, while too few have signed. */
  award: Type.Optional(AwardText),
  isCertified: Type.Boolean(),
  /** Of the op, when this request had it certified. */
  op: Type.Optional(OpView),
  lock: LockView,
});
/** What judges pay out of a lock, and how far it is. */
export type LockAwardView = Static<typeof LockAwardView>;
