/** Signing and checking `domain ‖ genesis hash ‖ body`: the only form in which anything is signed. */
import type {Domain} from "@catalyze/proto/domains";
import {assert} from "../errors/assert.ts";
import type {SignatureVerifier, Signer} from "../ports/signer.ts";
import {concat, utf8} from "../primitives/bytes.ts";

/** What a signature covers. `genesisHash` has 32 bytes. */
export function signedBytes(domain: Domain, genesisHash: Uint8Array, body: Uint8Array): Uint8Array {
  assert(genesisHash.length === 32, "genesis hash is not 32 bytes");
  return concat(bytesOf(domain), genesisHash, body);
}

const domains = new Map<Domain, Uint8Array>();

function bytesOf(domain: Domain): Uint8Array {
  const known = domains.get(domain) ?? utf8(domain);
  domains.set(domain, known);
  return known;
}

/** 64 bytes over domain, network and body. */
export function signDomain(
  signer: Signer,
  domain: Domain,
  genesisHash: Uint8Array,
  body: Uint8Array,
): Uint8Array {
  return signer.sign(signedBytes(domain, genesisHash, body));
}

export type VerifyDomainInput = {
  readonly domain: Domain;
  readonly genesisHash: Uint8Array;
  readonly body: Uint8Array;
  readonly signature: Uint8Array;
  readonly publicKey: Uint8Array;
};

/** The answer of the one predicate for what `signDomain` signs. */
export function verifyDomain(
  verifier: SignatureVerifier,
  input: VerifyDomainInput,
): {valid: boolean; slow: boolean} {
  const message = signedBytes(input.domain, input.genesisHash, input.body);
  return verifier.verify(input.signature, message, input.publicKey);
}
