/**
 * Verdicts: a committee's word that a payer owes a task to the payee of a lock, and that no voucher covers it
 * (amendments 4 and 5). Nothing on the ledger until the payee carries one in a claim.
 */
import {DOMAIN} from "@catalyze/proto/domains";
import {signDomain, verifyDomain} from "../crypto/signed.ts";
import type {SignatureVerifier, Signer} from "../ports/signer.ts";
import type {OpBody, Verdict} from "./op.ts";
import {VERDICT_EPOCHS} from "./params.ts";
import {committeeAt, type Register} from "./register.ts";
import {encodeVerdictBody, type VerdictBody, type VerdictSubject} from "./verdictCodec.ts";

/** One member's part; `signer` holds its vote key. */
export function signVerdict(judged: VerdictBody, signer: Signer, genesisHash: Uint8Array): Uint8Array {
  return signDomain(signer, DOMAIN.verdict, genesisHash, encodeVerdictBody(judged));
}

/**
 * What is wrong with it whatever the state is. An op that carries it is dead before its committee is forgotten:
 * else its slot could be taken by what nobody can check, and so vote for, any more.
 */
export function verdictProblem(
  {amount, epoch}: Verdict,
  {validFromEpoch, validUntilEpoch}: Pick<OpBody, "validFromEpoch" | "validUntilEpoch">,
): string | undefined {
  if (amount === 0n) return "verdictAmount";
  const isInTime = validFromEpoch >= epoch && validUntilEpoch <= epoch + VERDICT_EPOCHS;
  return isInTime ? undefined : "verdictEpoch";
}

export type VerdictCheck = {
  readonly subject: VerdictSubject;
  readonly register: Register;
  readonly verifier: SignatureVerifier;
  readonly genesisHash: Uint8Array;
};

/** Members and weight first: no more signatures are checked than up to the first bad one. */
export function verifyVerdict(
  verdict: Verdict,
  {subject, register, verifier, genesisHash}: VerdictCheck,
): {valid: boolean; slow: boolean} {
  const committee = committeeAt(register, verdict.epoch);
  const mask = verdict.signatures.reduce((all, {witness}) => all | (committee?.bitOf(witness) ?? 0), 0);
  if (committee === undefined || !committee.isQuorum(mask)) return {valid: false, slow: false};
  const body = encodeVerdictBody({...verdict, ...subject});
  let isSlow = false;
  for (const {witness, signature} of verdict.signatures) {
    const publicKey = committee.voteKeyOf(witness);
    // Who is no member has no say, not even beside a quorum.
    if (publicKey === undefined) return {valid: false, slow: isSlow};
    const {valid, slow} = verifyDomain(verifier, {
      ...{domain: DOMAIN.verdict, genesisHash, body, signature, publicKey},
    });
    isSlow ||= slow;
    if (!valid) return {valid: false, slow: isSlow};
  }
  return {valid: true, slow: isSlow};
}
