/**
 * Certificates that the closing of an epoch left out, as this node saw them: kept with the checkpoint that closed
 * it, until they are of no use, and shown again after each start. A node that dies before the op that shows one is
 * on the ledger would else have told its doors "certified", and be the only one that knew it.
 *
 *   ls/late/<height of the closing>/<index>  →  evidence
 */
import type {StoreReader, Write} from "../ports/store.ts";
import {type Certificate, encodeEvidence} from "./evidenceCodec.ts";
import {KEY} from "./storeKeys.ts";
import {storePages} from "./storePages.ts";

/** With its key. */
export type StoredLate = readonly [string, Uint8Array];

export type KeptLate = {readonly writes: readonly Write[]; readonly proofs: readonly Uint8Array[]};

/** Rejects as the store does. */
export async function storedLate(store: StoreReader): Promise<StoredLate[]> {
  const late: StoredLate[] = [];
  for await (const each of storePages(store, KEY.late, {pageMax: 16})) late.push(each);
  return late;
}

export class LateCertificates {
  readonly #proofs: Map<string, Uint8Array>;
  readonly #isOfUse: (proof: Uint8Array) => boolean;

  constructor(stored: readonly StoredLate[], isOfUse: (proof: Uint8Array) => boolean) {
    this.#proofs = new Map(stored);
    this.#isOfUse = isOfUse;
  }

  /** What is to be shown. */
  usable(): readonly Uint8Array[] {
    return [...this.#proofs.values()].filter(this.#isOfUse);
  }

  /** An epoch was closed at this height. */
  closed(height: bigint, certificates: readonly Certificate[]): KeptLate {
    const gone = [...this.#proofs].flatMap(([key, proof]) => (this.#isOfUse(proof) ? [] : [key]));
    for (const key of gone) this.#proofs.delete(key);
    const proofs = certificates.map((certificate) => encodeEvidence({kind: "certificate", certificate}));
    const writes: Write[] = gone.map((key) => ({key, value: undefined}));
    for (const [index, proof] of proofs.entries()) {
      const key = `${KEY.late}${String(height).padStart(12, "0")}/${index}`;
      this.#proofs.set(key, proof);
      writes.push({key, value: proof});
    }
    return {writes, proofs};
  }
}
