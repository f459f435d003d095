/** Keys that are the same in every run, so that two runs measure the same bytes. */
import {createSigner} from "@catalyze/daemon/identity/signatures";

const KINDS = {account: 1, vote: 2, peer: 3, client: 4} as const;

/** 32 bytes for the key number `index` of a kind. */
export function seedOf(kind: keyof typeof KINDS, index: number): Uint8Array {
  const seed = new Uint8Array(32).fill(KINDS[kind]);
  new DataView(seed.buffer).setUint32(28, index);
  return seed;
}

export function signerOf(kind: keyof typeof KINDS, index: number) {
  return createSigner(seedOf(kind, index));
}
