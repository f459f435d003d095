/** The terms of a lock by hand, from what its payer asks for. */
import type {LockJudgedBody} from "@catalyze/api/schema/judgedLock";
import type {LockOpenBody, Target} from "@catalyze/api/schema/lock";
import {accountIdOf} from "@catalyze/core/crypto/accountId";
import {hashHex} from "@catalyze/core/crypto/sha256";
import {isPublicKeyAllowed} from "@catalyze/core/crypto/verifySignature";
import {CodedError} from "@catalyze/core/errors/codedError";
import {ZERO_HASH} from "@catalyze/core/ledger/cell";
import {controllerShare} from "@catalyze/core/ledger/claims";
import type {Authority, LockSpec, SplitLeg, SplitTarget} from "@catalyze/core/ledger/op";
import {freeProblem} from "@catalyze/core/ledger/payouts";
import {royaltyAt} from "@catalyze/core/ledger/seedRate";
import {BPS_WHOLE} from "@catalyze/core/ledger/split";
import {formatCtz} from "@catalyze/core/primitives/amount";
import {equalBytes, fromHex, utf8} from "@catalyze/core/primitives/bytes";
import type {AccountId, AssetId} from "@catalyze/core/primitives/id";
import {readUctz} from "../http/taskRequest.ts";
import type {LedgerNode} from "../ledger/ledgerNode.ts";
import type {Identity} from "../pipeline/identity.ts";
import {heightIn} from "./ledgerViews.ts";

type Payer = {readonly ledger: LedgerNode; readonly identity: Identity};

/** Throws `PAYEE_KEY_UNKNOWN`, `AMOUNT_INVALID`, `ASSET_UNKNOWN`, `REQUEST_INVALID`. */
export function lockSpecOf(body: LockOpenBody, {ledger, identity}: Payer): LockSpec {
  const payee = body.payee as AccountId;
  const amount = readUctz(body.amountUctz);
  if (payee === identity.account)
    throw new CodedError("REQUEST_INVALID", {message: "A lock for its own payer pays nobody."});
  const controllerKey = keyOf({account: body.payee, key: body.payeeKey}, ledger);
  const spec: LockSpec = {
    ...{controller: payee, controllerKey, amount},
    ...commonTerms(body, {ledger, identity}),
    authority: authorityOf(body, controllerKey, {ledger, identity}),
    split: splitOf(payee, body.shares ?? [], ledger),
  };
  checkAmount(controllerShare({spec, drawn: 0n}, amount), ledger);
  return spec;
}

/** Throws `PAYEE_KEY_UNKNOWN`, `ACCOUNT_UNKNOWN`, `AMOUNT_INVALID`, `REQUEST_INVALID`. */
export function judgedSpecOf(body: LockJudgedBody, {ledger, identity}: Payer): LockSpec {
  const {judges, threshold = Math.floor(judges.length / 2) + 1, insured} = body;
  const amount = readUctz(body.amountUctz);
  checkAmount(amount, ledger);
  const [controllerKey, ...beside] = judges.map((each) => keyOf(each, ledger));
  const controller = judges[0]?.account as AccountId;
  if (controllerKey === undefined)
    throw new CodedError("REQUEST_INVALID", {message: "A lock needs a judge."});
  if (threshold * 2 <= judges.length || threshold > judges.length)
    throw new CodedError("REQUEST_INVALID", {
      message: `Of ${judges.length} judges more than half must sign, so that two awards have a judge in common.`,
    });
  const payees = insured === undefined ? body.payees?.map(readTarget) : bondPayees(body, identity.account);
  const authority = {kind: "controller", payees, threshold, beside} as const;
  const spec: LockSpec = {
    ...{controller, controllerKey, amount, authority, split: []},
    ...commonTerms(body, {ledger, identity}),
  };
  const problem = freeProblem(spec, authority);
  if (problem !== undefined)
    throw new CodedError("REQUEST_INVALID", {
      message: JUDGED_PROBLEMS[problem] ?? "The ledger knows no such terms.",
      evidence: {rule: problem},
    });
  return spec;
}

/** Of what the ledger refuses, what a person can get wrong. */
const JUDGED_PROBLEMS: Readonly<Record<string, string>> = {
  payees: "One of those whom it may pay is named twice.",
  keyOrder: "One judge is named twice.",
};

/** Who posts a bond, and whom it insures, cannot be the one who judges alone. */
function bondPayees({judges, insured, payees}: LockJudgedBody, payer: AccountId): readonly SplitTarget[] {
  if (payees !== undefined)
    throw new CodedError("REQUEST_INVALID", {message: "A bond pays the insured, the treasury, or nobody."});
  if (insured === payer)
    throw new CodedError("REQUEST_INVALID", {message: "A bond insures another account, not its own."});
  if (judges.length === 1 && [payer, insured].includes(judges[0]?.account as AccountId))
    throw new CodedError("REQUEST_INVALID", {
      message: "Who posts a bond, and whom it insures, cannot be its only judge.",
    });
  return [{kind: "burn"}, {kind: "treasury"}, {kind: "cell", cell: insured as AccountId}];
}

/** Throws `REQUEST_INVALID`. */
export function readTarget({target, account, asset}: Target): SplitTarget {
  if ((account !== undefined) !== (target === "account") || (asset !== undefined) !== (target === "pot"))
    throw new CodedError("REQUEST_INVALID", {message: "An account is paid by its id, a pot by its seed."});
  if (target === "account") return {kind: "cell", cell: account as AccountId};
  if (target === "pot") return {kind: "pot", seed: asset as AssetId};
  return {kind: target};
}

function commonTerms(
  {memo, validMs}: Pick<LockOpenBody, "memo" | "validMs">,
  {ledger, identity}: Payer,
): Pick<LockSpec, "tag" | "expiryH" | "refundTo"> {
  return {
    tag: memo === undefined ? ZERO_HASH : hashHex(utf8(memo)),
    expiryH: heightIn(ledger, validMs),
    refundTo: identity.account,
  };
}

/** `most`: what could ever be claimed with the fee in it. */
function checkAmount(most: bigint, ledger: LedgerNode): void {
  if (most > ledger.opFee()) return;
  const message = `A claim costs ${formatCtz(ledger.opFee())}: a lock of no more could never pay.`;
  throw new CodedError("AMOUNT_INVALID", {message});
}

/** The ledger would open a lock on a seed that nobody issued: what came for it would go to the treasury. */
function splitOf(
  payee: AccountId,
  shares: NonNullable<LockOpenBody["shares"]>,
  ledger: LedgerNode,
): readonly SplitLeg[] {
  const pots = shares.map(({assetId, bps}): SplitLeg => {
    const seed = ledger.certifiedState().asset(assetId as AssetId);
    if (seed === undefined) throw new CodedError("ASSET_UNKNOWN", {evidence: {assetId}});
    if (seed.asset !== "seed")
      throw new CodedError("REQUEST_INVALID", {message: "Only a seed has a pot: that is a right."});
    return {target: {kind: "pot", seed: seed.id}, bps: bps ?? royaltyAt(seed, ledger.epoch)};
  });
  const rest = pots.reduce((left, {bps}) => left - bps, BPS_WHOLE);
  const named = new Set(shares.map(({assetId}) => assetId));
  if (rest <= 0 || named.size < shares.length || pots.some(({bps}) => bps === 0))
    throw new CodedError("REQUEST_INVALID", {
      message: "Each seed has one share above zero, and all of them leave something to the payee.",
    });
  return [{target: {kind: "cell", cell: payee}, bps: rest}, ...pots];
}

/**
 * The key that will claim. One that is not the payee's would set the money aside for nobody, until the lock
 * expires; so the key and the id, which is its hash, must be of one account.
 */
function keyOf(
  {account, key: text}: {account: string; key?: string | undefined},
  ledger: LedgerNode,
): Uint8Array {
  const known = ledger.certifiedState().account(account as AccountId)?.keys ?? [];
  if (text === undefined) {
    const [only] = known;
    if (only === undefined || known.length > 1)
      throw new CodedError("PAYEE_KEY_UNKNOWN", {evidence: {account}});
    return only;
  }
  const key = fromHex(text);
  const isHis =
    isPublicKeyAllowed(key) &&
    (known.length === 0 ? accountIdOf(key) === account : known.some((each) => equalBytes(each, key)));
  if (isHis) return key;
  const message = "That key is not this account's: account and key belong together.";
  throw new CodedError("PAYEE_KEY_UNKNOWN", {message, evidence: {account, key: text}});
}

function authorityOf(
  {authority: kind, judgeKey, rateUctz}: LockOpenBody,
  payeeKey: Uint8Array,
  {ledger, identity}: Payer,
): Authority {
  if ((judgeKey !== undefined) !== (kind === "key"))
    throw new CodedError("REQUEST_INVALID", {
      message: "A judge's key goes with a lock that a judge pays on.",
    });
  if ((rateUctz !== undefined) !== (kind === "clock"))
    throw new CodedError("REQUEST_INVALID", {message: "A rate goes with a lock that a clock pays on."});
  switch (kind) {
    case "payer":
    case "payerOrCommittee":
      return {kind, key: identity.accountSigner.publicKey};
    case "key": {
      const key = fromHex(judgeKey ?? "");
      if (!isPublicKeyAllowed(key))
        throw new CodedError("REQUEST_INVALID", {message: "That is no key of a judge."});
      if (equalBytes(key, payeeKey))
        throw new CodedError("REQUEST_INVALID", {
          message: "A payee who judges could take all of it at once.",
        });
      return {kind, key};
    }
    case "clock": {
      const perH = readUctz(rateUctz ?? "0");
      if (perH === 0n) throw new CodedError("AMOUNT_INVALID", {message: "A clock needs a rate above zero."});
      return {kind, startH: ledger.head().height, perH};
    }
  }
}
