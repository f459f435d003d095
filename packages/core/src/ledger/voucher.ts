/**
 * Vouchers: the payer's signed cumulative maximum on a lock. Never on the ledger until claimed; the
 * higher amount always wins, so replay, loss and reordering are harmless.
 *
 *   body    = lockId 32 | cumulative u64 | contextHash 32        signed under "CTZ-VCH\0"
 *   voucher = body | signature 64                                136 bytes
 */
import {DOMAIN} from "@catalyze/proto/domains";
import {hashHex} from "../crypto/sha256.ts";
import {signDomain, signedBytes} from "../crypto/signed.ts";
import type {SignatureCheck, SignatureVerifier, Signer} from "../ports/signer.ts";
import {ByteReader, ByteWriter} from "../primitives/binary.ts";
import {fromHex} from "../primitives/bytes.ts";
import type {Hash} from "../primitives/id.ts";
import {readId, writeFixed, writeId, writeU64} from "./canonical.ts";
import type {Voucher} from "./op.ts";

export const VOUCHER_BYTES = 136;
/** The context of a lock's first voucher chains from here. */
export const CONTEXT_START = "0".repeat(64) as Hash;

export type VoucherBody = Omit<Voucher, "signature">;

/** sha256(previous context ‖ receipt hash): one hash commits a voucher to every receipt that it pays. */
export function nextContext(previous: Hash, receiptHash: Hash): Hash {
  return hashHex(fromHex(previous), fromHex(receiptHash));
}

export function encodeVoucher(voucher: Voucher): Uint8Array {
  const writer = new ByteWriter();
  writeVoucher(writer, voucher);
  return writer.finish();
}

export function writeVoucher(writer: ByteWriter, voucher: Voucher): void {
  writeVoucherBody(writer, voucher);
  writeFixed(writer, voucher.signature, 64);
}

/** Throws `DECODE_INVALID`. The signature is not checked here. */
export function decodeVoucher(bytes: Uint8Array): Voucher {
  const reader = new ByteReader(bytes);
  const voucher = {
    lockId: readId<Voucher["lockId"]>(reader),
    cumulative: reader.u64(),
    contextHash: readId<Hash>(reader),
    signature: reader.raw(64),
  };
  reader.finish();
  return voucher;
}

export function signVoucher(body: VoucherBody, signer: Signer, genesisHash: Uint8Array): Voucher {
  const {lockId, cumulative, contextHash} = body;
  const signature = signDomain(signer, DOMAIN.voucher, genesisHash, encodeVoucherBody(body));
  return {lockId, cumulative, contextHash, signature};
}

/** `authorityKey` is the key that the lock's specification copied in at `open`. */
export function verifyVoucher(
  verifier: SignatureVerifier,
  genesisHash: Uint8Array,
  voucher: Voucher,
  authorityKey: Uint8Array,
): {valid: boolean; slow: boolean} {
  const {signature, message, publicKey} = voucherCheck(genesisHash, voucher, authorityKey);
  return verifier.verify(signature, message, publicKey);
}

/** What `verifyVoucher` asks. */
export function voucherCheck(
  genesisHash: Uint8Array,
  voucher: Voucher,
  authorityKey: Uint8Array,
): SignatureCheck {
  const message = signedBytes(DOMAIN.voucher, genesisHash, encodeVoucherBody(voucher));
  return {signature: voucher.signature, message, publicKey: authorityKey};
}

function encodeVoucherBody(body: VoucherBody): Uint8Array {
  const writer = new ByteWriter();
  writeVoucherBody(writer, body);
  return writer.finish();
}

function writeVoucherBody(writer: ByteWriter, {lockId, cumulative, contextHash}: VoucherBody): void {
  writeId(writer, lockId);
  writeU64(writer, cumulative);
  writeId(writer, contextHash);
}
