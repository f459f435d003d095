/** The four keys of a node. Each serves one purpose, so that losing one never loses the others. */
import {randomBytes} from "node:crypto";

export const KEY_NAMES = ["peer", "account", "witness", "evm"] as const;
export type KeyName = (typeof KEY_NAMES)[number];

/** 32 bytes each: Ed25519 seeds of peer, account and witness vote; the secp256k1 secret of the EVM key. */
export type NodeKeys = Readonly<Record<KeyName, Uint8Array>>;

/** Order of secp256k1: a secret is between 1 and this, exclusive. */
const SECP256K1_ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

/** Fresh keys from the operating system's randomness. */
export function generateNodeKeys(): NodeKeys {
  return {peer: fresh(), account: fresh(), witness: fresh(), evm: freshEvm()};
}

/** Whether these are the keys of a node: the right names, the right lengths, a legal EVM secret. */
export function isNodeKeys(secrets: Readonly<Record<string, Uint8Array>>): secrets is NodeKeys {
  const names = Object.keys(secrets);
  if (names.length !== KEY_NAMES.length || !KEY_NAMES.every((name) => secrets[name]?.length === 32)) {
    return false;
  }
  return isEvmSecret(secrets["evm"]);
}

function fresh(): Uint8Array {
  return new Uint8Array(randomBytes(32));
}

function freshEvm(): Uint8Array {
  for (;;) {
    const secret = fresh();
    if (isEvmSecret(secret)) return secret;
  }
}

function isEvmSecret(secret: Uint8Array | undefined): boolean {
  if (secret?.length !== 32) return false;
  const value = BigInt(`0x${Buffer.from(secret).toString("hex")}`);
  return value > 0n && value < SECP256K1_ORDER;
}
