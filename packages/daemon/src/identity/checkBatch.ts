/**
 * Signatures on their way to the checking thread: one buffer that changes hands, because each object that is
 * copied between threads costs more than the bytes of a hundred checks.
 *
 *   batch = u32 count | (u32 message length | publicKey 32 | signature 64 | message)…
 */

import type {SignatureCheck} from "@catalyze/core/ports/signer";
import {ByteReader} from "@catalyze/core/primitives/binary";

const HEAD_BYTES = 4 + 32 + 64;

export function packChecks(checks: readonly SignatureCheck[]): Uint8Array<ArrayBuffer> {
  const size = checks.reduce((sum, {message}) => sum + HEAD_BYTES + message.length, 4);
  const batch = new Uint8Array(new ArrayBuffer(size));
  const view = new DataView(batch.buffer);
  view.setUint32(0, checks.length);
  let at = 4;
  for (const {message, publicKey, signature} of checks) {
    view.setUint32(at, message.length);
    batch.set(publicKey, at + 4);
    batch.set(signature, at + 4 + 32);
    batch.set(message, at + HEAD_BYTES);
    at += HEAD_BYTES + message.length;
  }
  return batch;
}

/** Shares the batch's memory. */
export function unpackChecks(batch: Uint8Array): SignatureCheck[] {
  const reader = new ByteReader(batch);
  return Array.from({length: reader.u32()}, () => {
    const length = reader.u32();
    return {publicKey: reader.raw(32), signature: reader.raw(64), message: reader.raw(length)};
  });
}
