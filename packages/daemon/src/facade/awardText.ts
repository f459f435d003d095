/**
 * An award as judges pass it on: an op of a lock's log with some of its signatures. Whoever signs it binds this account
 * to its bytes, so all of it is checked here that the ledger would ask for, and what a judge would not see.
 */

import {verifyDomain} from "@catalyze/core/crypto/signed";
import {CodedError} from "@catalyze/core/errors/codedError";
import type {LockCell} from "@catalyze/core/ledger/cell";
import {claimProblem} from "@catalyze/core/ledger/claims";
import {networkIdOf} from "@catalyze/core/ledger/genesis";
import type {Op, Payload} from "@catalyze/core/ledger/op";
import {opFormProblem} from "@catalyze/core/ledger/opChecks";
import {decodeOp} from "@catalyze/core/ledger/opCodec";
import {claimSigners, paidOutBy} from "@catalyze/core/ledger/payouts";
import {equalBytes} from "@catalyze/core/primitives/bytes";
import {DOMAIN} from "@catalyze/proto/domains";
import {claimRefusal} from "../ledger/draftOp.ts";
import type {LedgerNode} from "../ledger/ledgerNode.ts";
import type {Identity} from "../pipeline/identity.ts";

/** An honest judge's node asks for the fee of the day, which votes move slowly. */
const FEE_FACTOR_MAX = 4n;

type Claim = Extract<Payload, {kind: "claim"}>;

/** With signatures of its lock's judges only. Throws `AWARD_INVALID`, `LOCK_UNKNOWN`. */
export function awardOf(
  text: string,
  {ledger, identity}: {readonly ledger: LedgerNode; readonly identity: Identity},
): Op {
  const op = decoded(text);
  const {body, bodyBytes, signatures} = op;
  const {payload, network, cell} = body;
  if (payload.kind !== "claim" || payload.voucher !== undefined || payload.verdict !== undefined)
    throw bad("These are the bytes of something else.");
  if (network !== networkIdOf(ledger.genesisHash)) throw bad("It is for another network.");
  const lock = ledger.certifiedState().lock(cell);
  if (lock === undefined) throw new CodedError("LOCK_UNKNOWN", {evidence: {lockId: cell}});
  const {threshold, keys} = claimSigners(lock.spec);
  if (lock.spec.authority.kind !== "controller" || threshold === 1)
    throw bad("Nobody signs awards of that lock with another.");
  const {verifier, genesisHash} = identity;
  const isSigned = signatures.every(
    ({publicKey, signature}, index) =>
      keys.some((key) => equalBytes(key, publicKey)) &&
      signatures.findIndex((each) => equalBytes(each.publicKey, publicKey)) === index &&
      verifyDomain(verifier, {domain: DOMAIN.op, genesisHash, body: bodyBytes, signature, publicKey}).valid,
  );
  if (!isSigned) throw bad("One of its signatures is not that of a judge.");
  const problem = opFormProblem(body) ?? (body.deps.length > 0 ? "deps" : undefined);
  if (problem !== undefined) throw bad("It is not what `ctz lock award` makes.");
  return op;
}

/** Why it cannot be signed as the lock stands now. */
export function awardTimeProblem({body}: Op, lock: LockCell, ledger: LedgerNode): CodedError | undefined {
  const {seq, prev, fee, validFromEpoch, validUntilEpoch} = body;
  const claim = body.payload as Claim;
  if (seq <= lock.seq) return bad("Its place is taken: it was certified already, or another award was.");
  if (seq > lock.seq + 1n || prev !== lock.head)
    return bad("The award before it is not certified here yet: try in a moment.");
  if (ledger.epoch < validFromEpoch || ledger.epoch > validUntilEpoch) return bad("It is of another epoch.");
  const problem = claimProblem(lock, {...claim, fee}, ledger.head().height);
  if (problem === "cumulative") return bad("It does not add up with what was drawn.");
  if (problem !== undefined) return claimRefusal(problem, lock, paidOutBy(claim.payouts) + fee);
  if (!ledger.isPaid(body)) return bad("The fee has risen since it was made: award it anew.");
  if (fee > FEE_FACTOR_MAX * ledger.opFee()) return bad("It burns much more of the lock than its fee.");
  return undefined;
}

function decoded(text: string): Op {
  try {
    return decodeOp(new Uint8Array(Buffer.from(text, "base64url")));
  } catch (cause) {
    throw new CodedError("AWARD_INVALID", {message: "These are not the bytes of an award.", cause});
  }
}

function bad(message: string): CodedError {
  return new CodedError("AWARD_INVALID", {message});
}
