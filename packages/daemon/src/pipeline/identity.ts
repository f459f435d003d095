import type {PeerBinding} from "@catalyze/core/market/ask";
import type {ChecksAhead, SignatureVerifier, Signer} from "@catalyze/core/ports/signer";
import type {AccountId, PeerId} from "@catalyze/core/primitives/id";

/** Who this node is on its network, and how it checks others. */
export type Identity = {
  readonly account: AccountId;
  readonly peer: PeerId;
  readonly accountSigner: Signer;
  readonly binding: PeerBinding;
  /** 32 bytes; part of every signature. */
  readonly genesisHash: Uint8Array;
  readonly verifier: SignatureVerifier;
  /** Of the same verifier. */
  readonly checks?: ChecksAhead;
  /** The Ed25519 key inside a peer id. */
  readonly keyOfPeer: (peer: PeerId) => Uint8Array | undefined;
};
