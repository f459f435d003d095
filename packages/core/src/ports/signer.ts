/** One private key that signs. Keys never leave their adapter. */
export interface Signer {
  /** Ed25519, 32 bytes. */
  readonly publicKey: Uint8Array;
  /** 64 bytes. Pure Ed25519 (RFC 8032). */
  sign(message: Uint8Array): Uint8Array;
}

/** The one predicate of validity (`crypto/verifySignature.ts`) over some backend. */
export interface SignatureVerifier {
  /** `slow` says that the slow confirmation ran: its cost is charged to the sender. */
  verify(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): {valid: boolean; slow: boolean};
}

/** What `verify` is asked. */
export type SignatureCheck = {
  readonly signature: Uint8Array;
  readonly message: Uint8Array;
  readonly publicKey: Uint8Array;
};

export type AheadOptions = {
  /** Whose they are: senders take turns. `undefined` is one too. */
  readonly sender: string | undefined;
  /** Asked when their turn has come: whether they are still worth checking. */
  readonly isWanted?: () => boolean;
};

/** Has signatures checked elsewhere before `verify` is asked about them. Only a matter of speed. */
export interface ChecksAhead {
  /**
   * Resolves when it is time to ask, never before an earlier call of the same sender; `undefined`: now. Never
   * rejects. Asking nothing keeps the order.
   */
  ahead(checks: readonly SignatureCheck[], options?: AheadOptions): Promise<void> | undefined;
}
