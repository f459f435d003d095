/**
 * Account id = SHA256(0x41 ‖ descriptor), descriptor = threshold u8 ‖ count u8 ‖ keys. It is the hash of
 * the account's first descriptor and survives key rotation.
 */
import {CodedError} from "../errors/codedError.ts";
import {compareBytes, concat} from "../primitives/bytes.ts";
import type {AccountId} from "../primitives/id.ts";
import {hashHex} from "./sha256.ts";

const TAG_ACCOUNT = 0x41;
/** An op carries a signature for each key of the threshold; more would pass its byte limit by little use. */
export const ACCOUNT_KEYS_MAX = 16;

/** Id of the account that one key controls. */
export function accountIdOf(publicKey: Uint8Array): AccountId {
  return accountIdOfKeys(1, [publicKey]);
}

/** Id of a t-of-n account. Throws `DECODE_INVALID` when the descriptor is not a legal one. */
export function accountIdOfKeys(threshold: number, keys: readonly Uint8Array[]): AccountId {
  const problem = descriptorProblem(threshold, keys);
  if (problem !== undefined) throw new CodedError("DECODE_INVALID", {evidence: {reason: problem}});
  return hashHex(Uint8Array.of(TAG_ACCOUNT, threshold, keys.length), concat(...keys)) as string as AccountId;
}

/**
 * `undefined` when legal. More than half of the keys must sign, so that two conflicting valid signature
 * sets prove that some key equivocated; keys ascend, so that one set has one descriptor.
 */
export function descriptorProblem(threshold: number, keys: readonly Uint8Array[]): string | undefined {
  if (keys.length < 1 || keys.length > ACCOUNT_KEYS_MAX) return "keyCount";
  if (keys.some((key) => key.length !== 32)) return "keyLength";
  if (threshold * 2 <= keys.length || threshold > keys.length) return "threshold";
  for (const [index, key] of keys.entries()) {
    const before = keys[index - 1];
    if (before !== undefined && compareBytes(before, key) >= 0) return "keyOrder";
  }
  return undefined;
}
