/** Asking for a seat: what a candidate signs with the vote key, so that nobody can claim another's. */
import {DOMAIN} from "@catalyze/proto/domains";
import {signDomain, verifyDomain} from "../crypto/signed.ts";
import {isPublicKeyAllowed} from "../crypto/verifySignature.ts";
import type {SignatureVerifier, Signer} from "../ports/signer.ts";
import {ByteWriter} from "../primitives/binary.ts";
import {type Candidate, writeCandidate} from "./candidate.ts";
import type {Wish} from "./op.ts";

export type Join = Extract<Wish, {kind: "join"}>;

/** Base58, as in a genesis. */
const PEER_ID = /^[1-9A-HJ-NP-Za-km-z]{20,80}$/;
const NO_ADDRESS = "0".repeat(40);

/** `signer` holds the vote key. */
export function applyForSeat(
  {account, evmAddress, peerId}: Omit<Candidate, "voteKey">,
  signer: Signer,
  genesisHash: Uint8Array,
): Join {
  const candidate = {account, voteKey: signer.publicKey, evmAddress, peerId};
  const proof = signDomain(signer, DOMAIN.seat, genesisHash, bodyOf(candidate));
  return {kind: "join", candidate, proof};
}

export function verifyCandidate(
  verifier: SignatureVerifier,
  genesisHash: Uint8Array,
  {candidate, proof}: Join,
): {valid: boolean; slow: boolean} {
  const [body, publicKey] = [bodyOf(candidate), candidate.voteKey];
  return verifyDomain(verifier, {domain: DOMAIN.seat, genesisHash, body, signature: proof, publicKey});
}

/** What is wrong with it whatever the state is. */
export function candidateProblem({voteKey, evmAddress, peerId}: Candidate): string | undefined {
  if (!isPublicKeyAllowed(voteKey)) return "voteKey";
  if (!PEER_ID.test(peerId)) return "peerId";
  return evmAddress === NO_ADDRESS ? "evmAddress" : undefined;
}

function bodyOf(candidate: Candidate): Uint8Array {
  const writer = new ByteWriter();
  writeCandidate(writer, candidate);
  return writer.finish();
}
