/**
 * R1 of the vote rules: form, network, epoch, fee, and signatures by the right keys. Cheap checks come
 * first and signatures last. What depends on slots, funds and time is `votable` in `apply.ts`.
 */
import {DOMAIN} from "@catalyze/proto/domains";
import {LIMITS} from "@catalyze/proto/limits";
import {accountIdOf, descriptorProblem} from "../crypto/accountId.ts";
import {verifyDomain} from "../crypto/signed.ts";
import {isPublicKeyAllowed} from "../crypto/verifySignature.ts";
import type {ErrorCode} from "../errors/table.ts";
import type {SignatureVerifier} from "../ports/signer.ts";
import {U64_MAX} from "../primitives/amount.ts";
import {issueProblem, transferProblem} from "./assets.ts";
import type {AccountCell, LockCell} from "./cell.ts";
import {isEvidence} from "./evidenceCodec.ts";
import {feeSince} from "./governance.ts";
import {motionProblem} from "./governing.ts";
import type {LockSpec, Op, OpBody, OpSignature, Payload, Wish} from "./op.ts";
import {NO_OP} from "./opCodec.ts";
import {OPEN_LOCKS_MAX} from "./payloadCodec.ts";
import {claimSigners, freeProblem} from "./payouts.ts";
import {saleProblem} from "./sales.ts";
import {candidateProblem, verifyCandidate} from "./seatRequest.ts";
import {royaltyProblem} from "./seedRate.ts";
import {BPS_WHOLE} from "./split.ts";
import type {LedgerState} from "./state.ts";
import {verdictProblem, verifyVerdict} from "./verdict.ts";
import {verifyVoucher} from "./voucher.ts";

/** The asset, and what its issuer holds of it; a seed has a pot, too. */
const ISSUED_CELLS = {right: 2, seed: 3} as const;

/** What the one side gets when a sale lock is matched, and where it may go back. */
const SALE_CELLS = 2;

export type OpCheckContext = {
  /** First 4 bytes of the genesis hash. */
  readonly network: number;
  readonly genesisHash: Uint8Array;
  readonly verifier: SignatureVerifier;
  /** Holds the op's ancestors: keys and locks are read from it. */
  readonly state: LedgerState;
  /** Epoch of the checkpoint that is being made. */
  readonly epoch: number;
};

export type OpCheck =
  | {readonly ok: true; readonly slow: boolean}
  /** `slow`: a signature needed the slow confirmation, which the sender pays for. */
  | {readonly ok: false; readonly code: ErrorCode; readonly reason: string; readonly slow: boolean};

/** Everything about an op that does not change while its cell's log stands still. */
export function checkOpForm(op: Op, context: OpCheckContext): OpCheck {
  const {body} = op;
  const refuse = (code: ErrorCode, reason: string): OpCheck => ({ok: false, code, reason, slow: false});
  const problem = opFormProblem(body);
  if (problem !== undefined) return refuse("DECODE_INVALID", problem);
  if (body.network !== context.network) return refuse("OP_REJECTED", "network");
  if (context.epoch < body.validFromEpoch) return refuse("OP_REJECTED", "notYetValid");
  if (context.epoch > body.validUntilEpoch) return refuse("OP_REJECTED", "epochOver");
  if (!isFeeEnough(body, context)) return refuse("OP_REJECTED", "fee");
  if (body.payload.kind === "claim") {
    const lock = context.state.lock(body.cell);
    return lock === undefined
      ? refuse("OP_REJECTED", "unknownCell")
      : checkClaimKeys(op, body.payload, {lock, context});
  }
  const account = context.state.account(body.cell);
  return account === undefined
    ? refuse("OP_REJECTED", "unknownCell")
    : checkAccountKeys(op, account, context);
}

/** What is wrong with a body whatever the state is; `undefined` when nothing. */
export function opFormProblem({
  payload,
  seq,
  prev,
  validFromEpoch,
  validUntilEpoch,
}: OpBody): string | undefined {
  if (seq < 1n || seq > U64_MAX) return "seq";
  if ((seq === 1n) !== (prev === NO_OP)) return "prev";
  if (validFromEpoch > validUntilEpoch) return "epochs";
  if (payload.kind === "claim" && payload.verdict !== undefined)
    return verdictProblem(payload.verdict, {validFromEpoch, validUntilEpoch});
  return payloadProblem(payload);
}

function payloadProblem(payload: Payload): string | undefined {
  switch (payload.kind) {
    case "transfer":
      return transferProblem(payload);
    case "issue":
      return issueProblem(payload);
    case "open":
      return openProblem(payload);
    case "claim":
      return (payload.payouts ?? []).some(({amount}) => amount === 0n) ? "amount" : undefined;
    case "harvest":
      return undefined;
    case "stake":
    case "unstake":
    case "withdraw":
      return payload.amount === 0n ? "amount" : addressProblem(payload);
    case "govern":
      return wishProblem(payload.wish);
    case "accept":
      return payload.value === 0n ? "amount" : undefined;
    case "evidence":
      // Costs more than a signature to decode, so signatures come first: see `checkShown`.
      return undefined;
    case "account":
      return payload.keys.every(isPublicKeyAllowed)
        ? descriptorProblem(payload.threshold, payload.keys)
        : "key";
  }
}

function openProblem({locks, sales = []}: Extract<Payload, {kind: "open"}>): string | undefined {
  const count = locks.length + sales.length;
  if (count === 0 || count > OPEN_LOCKS_MAX) return "locks";
  return [...locks.map(specProblem), ...sales.map(saleProblem)].find((each) => each !== undefined);
}

function wishProblem(wish: Wish): string | undefined {
  switch (wish.kind) {
    case "join":
      return candidateProblem(wish.candidate);
    case "propose":
      return motionProblem(wish.motion);
    case "rate":
      return royaltyProblem("seed", wish.royaltyBps);
    case "leave":
    case "vote":
    case "notice":
      return undefined;
  }
}

/** What is wrong with a lock's terms. A lock that could never pay its controller could never pay a claim's fee. */
export function specProblem(spec: LockSpec): string | undefined {
  if (spec.amount === 0n) return "amount";
  if (spec.expiryH === 0n) return "expiry";
  if (!isPublicKeyAllowed(spec.controllerKey)) return "controllerKey";
  if (spec.authority.kind === "controller") return freeProblem(spec, spec.authority);
  if (spec.authority.kind !== "clock" && !isPublicKeyAllowed(spec.authority.key)) return "authorityKey";
  if (spec.authority.kind === "clock" && spec.authority.perH === 0n) return "rate";
  if (spec.split.some(({bps}) => bps < 1)) return "bps";
  if (spec.split.reduce((sum, {bps}) => sum + bps, 0) !== BPS_WHOLE) return "splitSum";
  const isPaying = spec.split.some(({target}) => target.kind === "cell" && target.cell === spec.controller);
  return isPaying ? undefined : "controllerLeg";
}

function addressProblem(
  payload: Extract<Payload, {kind: "stake" | "unstake" | "withdraw"}>,
): string | undefined {
  if (payload.kind !== "withdraw") return undefined;
  return payload.address.some((byte) => byte !== 0) ? undefined : "address";
}

/**
 * µCTZ. Evidence is the one payload of more than 16 KiB, and pays for each that it begins. What may make cells
 * that stay for ever pays an op's fee for each: whether they were there before depends on what came first.
 */
export function feeOf(payload: Payload, opFee: bigint): bigint {
  return opFee * BigInt(1 + feesBeside(payload));
}

function feesBeside(payload: Payload): number {
  switch (payload.kind) {
    case "evidence":
      return Math.floor(payload.proof.length / LIMITS.opBytesMax);
    case "issue":
      return ISSUED_CELLS[payload.asset];
    case "transfer":
      return payload.asset === undefined ? 0 : payload.outputs.length;
    case "open":
      return SALE_CELLS * (payload.sales?.length ?? 0);
    default:
      return 0;
  }
}

/** Only a final claim may be free, and then `enabled` lets it raise nothing. */
export function isFeeEnough(
  {fee, payload, validFromEpoch: from}: OpBody,
  {state, epoch}: Pick<OpCheckContext, "state" | "epoch">,
): boolean {
  const opFee = feeSince(state.governance, {from, epoch});
  return fee >= feeOf(payload, opFee) || (fee === 0n && payload.kind === "claim" && payload.isFinal);
}

function checkAccountKeys(op: Op, account: AccountCell, context: OpCheckContext): OpCheck {
  const isFirst = account.keys.length === 0;
  const needed = isFirst ? 1 : account.threshold;
  if (op.signatures.length !== needed) return badSignature("signatureCount");
  const areAllowed = op.signatures.every(({publicKey}) =>
    isFirst ? accountIdOf(publicKey) === op.body.cell : isOneOf(account.keys, {publicKey}),
  );
  if (!areAllowed) return badSignature("signerKey");
  const own = checkSignatures(op, context);
  return own.ok ? checkShown(op.body.payload, own, context) : own;
}

/** What is dear to check, once it is known who pays for it. */
function checkShown(payload: Payload, own: OpCheck, context: OpCheckContext): OpCheck {
  if (payload.kind === "govern") return checkWish(payload.wish, own, context);
  if (payload.kind !== "evidence" || isEvidence(payload.proof)) return own;
  return {ok: false, code: "DECODE_INVALID", reason: "evidence", slow: own.slow};
}

/** That the vote key belongs to who asks for a seat. */
function checkWish(wish: Wish, own: OpCheck, {verifier, genesisHash}: OpCheckContext): OpCheck {
  if (wish.kind !== "join") return own;
  const {valid, slow} = verifyCandidate(verifier, genesisHash, wish);
  return {...(valid ? {ok: true} : badSignature("voteKey")), slow: own.slow || slow};
}

type ClaimPayload = Extract<Payload, {kind: "claim"}>;
type ClaimCheck = {readonly lock: LockCell; readonly context: OpCheckContext};

/** The controller's own signature first, then what it shows. */
function checkClaimKeys(op: Op, claim: ClaimPayload, check: ClaimCheck): OpCheck {
  const {threshold, keys} = claimSigners(check.lock.spec);
  if (op.signatures.length !== threshold) return badSignature("signatureCount");
  if (!op.signatures.every((each) => isOneOf(keys, each))) return badSignature("signerKey");
  const problem = claimFormProblem(claim, check.lock);
  if (problem !== undefined) return {ok: false, ...problem, slow: false};
  const own = checkSignatures(op, check.context);
  const vouched = own.ok ? checkVoucher(claim, own, check) : own;
  return vouched.ok ? checkVerdict(claim, vouched, check) : vouched;
}

function claimFormProblem(
  {voucher, verdict, payouts, cumulative}: ClaimPayload,
  {spec}: LockCell,
): {readonly code: ErrorCode; readonly reason: string} | undefined {
  const {kind} = spec.authority;
  if (voucher !== undefined && !("key" in spec.authority)) return {code: "DECODE_INVALID", reason: "voucher"};
  if (payouts !== undefined && kind !== "controller") return {code: "DECODE_INVALID", reason: "payouts"};
  if (verdict !== undefined && kind !== "payerOrCommittee")
    return {code: "DECODE_INVALID", reason: "verdict"};
  if (voucher !== undefined && voucher.cumulative < cumulative)
    return {code: "VOUCHER_INVALID", reason: "cumulative"};
  return undefined;
}

function checkVoucher({voucher}: ClaimPayload, own: OpCheck, {lock, context}: ClaimCheck): OpCheck {
  const {authority} = lock.spec;
  if (voucher === undefined || !("key" in authority)) return own;
  const {valid, slow} = verifyVoucher(context.verifier, context.genesisHash, voucher, authority.key);
  return {
    ...(valid ? {ok: true} : {ok: false, code: "VOUCHER_INVALID", reason: "signature"}),
    slow: own.slow || slow,
  };
}

function checkVerdict({verdict}: ClaimPayload, before: OpCheck, {lock, context}: ClaimCheck): OpCheck {
  if (verdict === undefined) return before;
  const subject = {lockId: lock.id, payee: lock.spec.controller};
  const {register} = context.state;
  const {valid, slow} = verifyVerdict(verdict, {...context, register, subject});
  return {
    ...(valid ? {ok: true} : {ok: false, code: "VERDICT_INVALID", reason: "quorum"}),
    slow: before.slow || slow,
  };
}

function isOneOf(keys: readonly Uint8Array[], {publicKey}: Pick<OpSignature, "publicKey">): boolean {
  return keys.some((key) => Buffer.compare(key, publicKey) === 0);
}

function checkSignatures(op: Op, {verifier, genesisHash}: OpCheckContext): OpCheck {
  let isSlow = false;
  for (const {publicKey, signature} of op.signatures) {
    const {valid, slow} = verifyDomain(verifier, {
      domain: DOMAIN.op,
      genesisHash,
      body: op.bodyBytes,
      signature,
      publicKey,
    });
    isSlow ||= slow;
    if (!valid) return {...badSignature("signature"), slow: isSlow};
  }
  return {ok: true, slow: isSlow};
}

function badSignature(reason: string): Extract<OpCheck, {ok: false}> {
  return {ok: false, code: "SIGNATURE_INVALID", reason, slow: false};
}
