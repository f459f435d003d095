/** Keys, chance and statements for the tests of the market. Everything is fixed: no clock, no randomness. */
import {accountIdOf} from "@catalyze/core/crypto/accountId";
import {sha256} from "@catalyze/core/crypto/sha256";
import {createVerifier} from "@catalyze/core/crypto/verifySignature";
import {type Ask, type AskTerms, bindPeer, openAsk, signAsk} from "@catalyze/core/market/ask";
import {legsFor} from "@catalyze/core/market/legs";
import type {QuoteTerms} from "@catalyze/core/market/quote";
import type {Random} from "@catalyze/core/ports/random";
import type {Signer} from "@catalyze/core/ports/signer";
import {utf8} from "@catalyze/core/primitives/bytes";
import type {PeerId, TaskClass, TaskHash} from "@catalyze/core/primitives/id";
import type {UnixMs} from "@catalyze/core/primitives/time";
import type {Verified} from "@catalyze/core/primitives/verified";
import * as ed25519 from "@noble/ed25519";

export const NOW = 1_700_000_000_000 as UnixMs;
export const genesisHash = sha256(utf8("genesis of tests"));
export const verifier = createVerifier();
export const context = {genesisHash, verifier};
export const CLASS = "onnx/bafytest" as TaskClass;

export function signerOf(name: string): Signer {
  const secret = sha256(utf8(name));
  // The predicate's module sets the hash that the synchronous calls need.
  return {publicKey: ed25519.getPublicKey(secret), sign: (message) => ed25519.sign(message, secret)};
}

export type Party = {
  signer: Signer;
  account: ReturnType<typeof accountIdOf>;
  peerSigner: Signer;
  peer: PeerId;
};

const parties = new Map<string, Party>();

export function party(name: string): Party {
  const known = parties.get(name);
  if (known !== undefined) return known;
  const signer = signerOf(`account ${name}`);
  const made: Party = {
    signer,
    account: accountIdOf(signer.publicKey),
    peerSigner: signerOf(`peer ${name}`),
    peer: `12D3Koo${name.replace(/[^1-9A-HJ-NP-Za-km-z]/g, "x")}` as PeerId,
  };
  parties.set(name, made);
  return made;
}

/** In production the key is inside the peer id. */
export function keyOfPeer(peer: PeerId): Uint8Array | undefined {
  return [...parties.values()].find((each) => each.peer === peer)?.peerSigner.publicKey;
}

export function askTerms(name: string, changes: Partial<AskTerms> = {}): AskTerms {
  const {account, peer} = party(name);
  return {
    askId: "00112233445566778899aabbccddeeff",
    account,
    peer,
    taskClass: CLASS,
    unit: "mac",
    unitPrice: 2_000n,
    feeMin: 100n,
    legs: legsFor({provider: account, creator: {account: party("creator").account}}, {protocolFeeBps: 500}),
    determinism: "ort-1.30.0/cpu/x64",
    unitsPerSecond: 5_000_000_000n,
    slots: 2,
    slotsBusy: 1,
    queueLength: 0,
    isWarm: true,
    issuedAtMs: NOW,
    expiresAtMs: (NOW + 30_000) as UnixMs,
    sequence: 7n,
    ...changes,
  };
}

export function signedAsk(name: string, changes: Partial<AskTerms> = {}) {
  const {account, peer, peerSigner, signer} = party(name);
  return signAsk(askTerms(name, changes), bindPeer(account, peer, peerSigner, context), signer, context);
}

export function openAskNow(input: Uint8Array | ReturnType<typeof signedAsk>, nowMs = NOW) {
  return openAsk(input, {...context, nowMs, keyOfPeer});
}

export function verifiedAsk(name: string, changes: Partial<AskTerms> = {}): Verified<Ask> {
  const result = openAskNow(signedAsk(name, changes));
  if (result.verdict !== "accept") throw result.error;
  return result.ask;
}

export const TASK_HASH = "ab".repeat(32) as TaskHash;

export function quoteTerms(name: string, changes: Partial<QuoteTerms> = {}): QuoteTerms {
  const {account, peer} = party(name);
  return {
    quoteId: "ffeeddccbbaa99887766554433221100",
    taskHash: TASK_HASH,
    taskClass: CLASS,
    determinism: "ort-1.30.0/cpu/x64",
    provider: account,
    providerPeer: peer,
    payer: party("payer").account,
    middleware: undefined,
    unit: "mac",
    unitPrice: 2_000n,
    feeMin: 100n,
    unitsMax: 3_000_000_001n,
    chargeMax: 6_101n,
    legs: legsFor({provider: account}, {protocolFeeBps: 500}),
    expectedMs: 700,
    deadlineMs: 30_000,
    auditPpm: 20_000,
    issuedAtMs: NOW,
    expiresAtMs: (NOW + 10_000) as UnixMs,
    ...changes,
  };
}

/** Chance from a seed (mulberry32). */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const float = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  return {float, bytes: (length) => Uint8Array.from({length}, () => Math.floor(float() * 256))};
}
