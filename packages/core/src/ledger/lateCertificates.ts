/**
 * Certificates that the closing of an epoch left out, as this node saw them: kept with the checkpoint that closed
 * it, until they can be of no use any more. A node that dies before the op that shows one is on the ledger would else
 * have told its doors "certified", and be the only one that knew it.
 *
 * Each is shown when its op stands at its cell's next slot, so those of one owner one after the other; after a start;
 * and again while it is of use: whoever was to put it on the ledger may have had nothing to pay the fee with.
 *
 *   ls/late/<height of the closing>/<index>  →  evidence
 */
import type {StoreReader, Write} from "../ports/store.ts";
import type {OpId} from "../primitives/id.ts";
import type {Checkpoint} from "./checkpoint.ts";
import {type Certificate, decodeEvidence, encodeEvidence} from "./evidenceCodec.ts";
import type {Op} from "./op.ts";
import {SlotMap} from "./slotMap.ts";
import type {LedgerState} from "./state.ts";
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

type Late = {
  readonly key: string;
  readonly prev: OpId;
  readonly proof: Uint8Array;
  shownH: bigint | undefined;
};

/** Of one closing: some 50 MiB with four members. What is beyond can be shown by nobody who has not got more. */
const LATE_MAX = 32_768;

/** As many as are kept, those next to where their cells stand first: the others can only follow them. */
export function nearest(ops: readonly Op[], base: LedgerState, max = LATE_MAX): readonly Op[] {
  if (ops.length <= max) return ops;
  const distance = ({body}: Op) => body.seq - (base.logCell(body.cell)?.seq ?? 0n);
  return [...ops].sort((left, right) => Number(distance(left) - distance(right))).slice(0, max);
}

/** Heights until it is shown again. */
const AGAIN_H = 12n;

type Ledger = {
  /** Of the last checkpoint. */
  readonly base: LedgerState;
  /** Checks signatures. */
  isOfUse(proof: Uint8Array): boolean;
};

export class LateCertificates {
  readonly #late = new SlotMap<Late>();
  readonly #ledger: Ledger;

  constructor(stored: readonly StoredLate[], ledger: Ledger) {
    this.#ledger = ledger;
    for (const [key, proof] of stored) {
      const evidence = decodeEvidence(proof);
      if (evidence.kind === "certificate") this.#keep(key, proof, evidence.certificate);
    }
  }

  /** A checkpoint became the base; `certificates` are what it left out when it closed an epoch. */
  adopted({height, isLastOfEpoch}: Checkpoint, certificates: readonly Certificate[]): KeptLate {
    const gone = isLastOfEpoch ? this.#drop() : [];
    const writes: Write[] = gone.map((key) => ({key, value: undefined}));
    for (const [index, certificate] of certificates.entries()) {
      const key = `${KEY.late}${String(height).padStart(12, "0")}/${index}`;
      const proof = encodeEvidence({kind: "certificate", certificate});
      const before = this.#keep(key, proof, certificate);
      if (before !== undefined) writes.push({key: before, value: undefined});
      writes.push({key, value: proof});
    }
    return {writes, proofs: this.due(height)};
  }

  /** What is to be shown now. */
  due(height: bigint): readonly Uint8Array[] {
    const proofs: Uint8Array[] = [];
    for (const id of this.#late.cells()) {
      const cell = this.#ledger.base.logCell(id);
      const late = cell?.frozen && this.#late.get({cell: id, seq: cell.seq + 1n});
      if (late === undefined || late.prev !== cell?.head) continue;
      const isTold = late.shownH !== undefined && height < late.shownH + AGAIN_H;
      if (isTold || !this.#ledger.isOfUse(late.proof)) continue;
      late.shownH = height;
      proofs.push(late.proof);
    }
    return proofs;
  }

  /** Returns the key of what was kept for this slot before. */
  #keep(key: string, proof: Uint8Array, {ops}: Certificate): string | undefined {
    const [op] = ops;
    if (op === undefined) return undefined;
    const before = this.#late.get(op.body)?.key;
    this.#late.set(op.body, {key, proof, prev: op.body.prev, shownH: undefined});
    return before;
  }

  /** Forgets those that no cell can come to stand before any more. Returns their keys. */
  #drop(): readonly string[] {
    const gone: string[] = [];
    for (const id of [...this.#late.cells()]) {
      const cell = this.#ledger.base.logCell(id);
      for (const [seq, {key}] of [...this.#late.of(id)]) {
        if (cell?.frozen !== undefined && seq > cell.seq) continue;
        this.#late.delete({cell: id, seq});
        gone.push(key);
      }
    }
    return gone;
  }
}
