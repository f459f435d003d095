/** The identity of a node from its keys: what the pipeline signs and checks with. */
import {accountIdOf} from "@catalyze/core/crypto/accountId";
import {bindPeer} from "@catalyze/core/market/ask";
import type {ChecksAhead, SignatureVerifier} from "@catalyze/core/ports/signer";
import type {NodeKeys} from "../identity/nodeKeys.ts";
import {createSigner} from "../identity/signatures.ts";
import {keyOfPeerId, peerIdOfKey} from "../net/identity.ts";
import type {Identity} from "../pipeline/identity.ts";

export function nodeIdentity(
  keys: NodeKeys,
  genesisHash: Uint8Array,
  verifier: SignatureVerifier,
  checks?: ChecksAhead,
): Identity {
  const accountSigner = createSigner(keys.account);
  const peerSigner = createSigner(keys.peer);
  const account = accountIdOf(accountSigner.publicKey);
  const peer = peerIdOfKey(peerSigner.publicKey);
  return {
    account,
    peer,
    accountSigner,
    binding: bindPeer(account, peer, peerSigner, {genesisHash}),
    genesisHash,
    verifier,
    ...(checks === undefined ? {} : {checks}),
    keyOfPeer: keyOfPeerId,
  };
}
