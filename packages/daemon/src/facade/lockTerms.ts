/** The terms of a lock by hand, from what its payer asks for. */
import type {LockOpenBody} from "@catalyze/api/schema/lock";
import {accountIdOf} from "@catalyze/core/crypto/accountId";
import {hashHex} from "@catalyze/core/crypto/sha256";
import {isPublicKeyAllowed} from "@catalyze/core/crypto/verifySignature";
import {CodedError} from "@catalyze/core/errors/codedError";
import {ZERO_HASH} from "@catalyze/core/ledger/cell";
import type {Authority, LockSpec} from "@catalyze/core/ledger/op";
import {BPS_WHOLE} from "@catalyze/core/ledger/split";
import {formatCtz} from "@catalyze/core/primitives/amount";
import {equalBytes, fromHex, utf8} from "@catalyze/core/primitives/bytes";
import type {AccountId} from "@catalyze/core/primitives/id";
import {readUctz} from "../http/taskRequest.ts";
import type {LedgerNode} from "../ledger/ledgerNode.ts";
import type {Identity} from "../pipeline/identity.ts";
import {heightIn} from "./ledgerViews.ts";

type Payer = {readonly ledger: LedgerNode; readonly identity: Identity};

/** Throws `PAYEE_KEY_UNKNOWN`, `AMOUNT_INVALID`, `REQUEST_INVALID`. */
export function lockSpecOf(body: LockOpenBody, {ledger, identity}: Payer): LockSpec {
  const payee = body.payee as AccountId;
  const amount = readUctz(body.amountUctz);
  if (amount <= ledger.opFee()) {
    const message = `A claim costs ${formatCtz(ledger.opFee())}: a lock of no more could never pay.`;
    throw new CodedError("AMOUNT_INVALID", {message});
  }
  if (payee === identity.account)
    throw new CodedError("REQUEST_INVALID", {message: "A lock for its own payer pays nobody."});
  const controllerKey = payeeKeyOf(body, ledger);
  return {
    ...{controller: payee, controllerKey, amount},
    tag: body.memo === undefined ? ZERO_HASH : hashHex(utf8(body.memo)),
    authority: authorityOf(body, controllerKey, {ledger, identity}),
    split: [{target: {kind: "cell", cell: payee}, bps: BPS_WHOLE}],
    expiryH: heightIn(ledger, body.validMs),
    refundTo: identity.account,
  };
}

/**
 * The key that will claim. One that is not the payee's would set the money aside for nobody, until the lock
 * expires; so the key and the id, which is its hash, must be of one account.
 */
function payeeKeyOf({payee, payeeKey}: LockOpenBody, ledger: LedgerNode): Uint8Array {
  const account = ledger.certifiedState().account(payee as AccountId);
  const known = account?.keys ?? [];
  if (payeeKey === undefined) {
    const [only] = known;
    if (only === undefined || known.length > 1)
      throw new CodedError("PAYEE_KEY_UNKNOWN", {evidence: {payee}});
    return only;
  }
  const key = fromHex(payeeKey);
  const isHis =
    isPublicKeyAllowed(key) &&
    (known.length === 0 ? accountIdOf(key) === payee : known.some((each) => equalBytes(each, key)));
  if (isHis) return key;
  const message = "That key is not the payee's: account and key belong together.";
  throw new CodedError("PAYEE_KEY_UNKNOWN", {message, evidence: {payee, payeeKey}});
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
