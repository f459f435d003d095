/**
 * The audit coin of two parties (reference/mechanisms C.4). The requester shows H(nonce) first, the
 * provider signs its commit with a nonce of its own, then the first nonce is revealed: neither side can
 * steer the outcome, and both can check it.
 */
import {hashHex, sha256} from "../crypto/sha256.ts";
import {PPM} from "../market/quote.ts";
import {equalBytes, fromHex} from "../primitives/bytes.ts";
import type {Hash, TaskHash} from "../primitives/id.ts";

export const AUDIT_NONCE_BYTES = 32;

export type CoinInput = {
  readonly taskHash: TaskHash;
  /** The requester's, committed to before the task ran. */
  readonly auditNonce: Uint8Array;
  readonly providerNonce: Uint8Array;
  /** The provider's signature of the result commit. */
  readonly commitSignature: Uint8Array;
};

/** What the requester shows before the provider works. */
export function nonceHashOf(auditNonce: Uint8Array): Uint8Array {
  return sha256(auditNonce);
}

/** Does the revealed nonce belong to the hash that was shown? */
export function isNonceOf(auditNonce: Uint8Array, nonceHash: Uint8Array): boolean {
  return auditNonce.length === AUDIT_NONCE_BYTES && equalBytes(nonceHashOf(auditNonce), nonceHash);
}

/** Uniform over 256 bits unless both parties agree otherwise. */
export function coinOf({taskHash, auditNonce, providerNonce, commitSignature}: CoinInput): Hash {
  // Fixed lengths first, so that no two inputs run together; the provider's nonce is hashed to one.
  return hashHex(fromHex(taskHash), sha256(auditNonce), sha256(providerNonce), sha256(commitSignature));
}

/** The coin is below p · 2^256, with p in parts per million; exact, so both sides agree. */
export function isAudited(coin: Hash, auditPpm: number): boolean {
  return BigInt(`0x${coin}`) * BigInt(PPM) < BigInt(auditPpm) << 256n;
}

/** Below this a provider could cheat for long without being seen. */
export const AUDIT_PPM_MIN = 20_000;

export type AuditPolicy = {
  /** The price at risk, in µCTZ. */
  readonly price: bigint;
  /** What the provider loses when proven wrong, in µCTZ. */
  readonly stake: bigint;
  /** Share of the stake that a proven fraud costs, in parts per million; 1,000,000 today. */
  readonly slashPpm: number;
  /** Peers without stake or history work at p = 1 where the operator asks for it. */
  readonly isNewcomerAlwaysAudited: boolean;
};

/** p = min(1, max(0.02, 2P / (σS))) in parts per million, rounded up. */
export function auditPpm({price, stake, slashPpm, isNewcomerAlwaysAudited}: AuditPolicy): number {
  const atRisk = stake * BigInt(slashPpm);
  if (atRisk === 0n) return isNewcomerAlwaysAudited ? PPM : AUDIT_PPM_MIN;
  const needed = (2n * price * BigInt(PPM) * BigInt(PPM) + atRisk - 1n) / atRisk;
  return needed >= BigInt(PPM) ? PPM : Math.max(AUDIT_PPM_MIN, Number(needed));
}
