/** Peer ids and the Ed25519 keys behind them: one is a pure function of the other. */
import {CodedError} from "@catalyze/core/errors/codedError";
import type {PeerId} from "@catalyze/core/primitives/id";
import {generateKeyPairFromSeed, publicKeyFromRaw} from "@libp2p/crypto/keys";
import type {Ed25519PrivateKey} from "@libp2p/interface";
import {peerIdFromPublicKey, peerIdFromString} from "@libp2p/peer-id";

const KEY_BYTES = 32;

/** The peer's private key; `seed` is 32 random bytes. */
export async function peerKeyOfSeed(seed: Uint8Array): Promise<Ed25519PrivateKey> {
  if (seed.length !== KEY_BYTES)
    throw new CodedError("KEYSTORE_INVALID", {evidence: {seedBytes: seed.length}});
  return await generateKeyPairFromSeed("Ed25519", seed);
}

/** Throws `DECODE_INVALID` unless the key has 32 bytes. */
export function peerIdOfKey(publicKey: Uint8Array): PeerId {
  if (publicKey.length !== KEY_BYTES) {
    throw new CodedError("DECODE_INVALID", {evidence: {keyBytes: publicKey.length}});
  }
  return peerIdFromPublicKey(publicKeyFromRaw(publicKey)).toString() as PeerId;
}

/** The Ed25519 key of a peer id; `undefined` for other kinds of key and for any but the canonical text. */
export function keyOfPeerId(peer: string): Uint8Array | undefined {
  try {
    const id = peerIdFromString(peer);
    return id.type === "Ed25519" && id.toString() === peer ? id.publicKey.raw : undefined;
  } catch {
    // Text from outside that is no peer id.
    return undefined;
  }
}
