/** Logs of witnesses for models: what was seen when, by the real rules of cuts. */
import {sha256} from "@catalyze/core/crypto/sha256";
import type {Head} from "@catalyze/core/ledger/checkpoint";
import {type Cut, type CutContext, computeCut} from "@catalyze/core/ledger/cut";
import {Dag} from "@catalyze/core/ledger/dag";
import type {Entry} from "@catalyze/core/ledger/entry";
import {signEntry} from "@catalyze/core/ledger/entryCodec";
import {nextNumber} from "@catalyze/core/ledger/entryNumber";
import type {Op} from "@catalyze/core/ledger/op";
import type {Signer} from "@catalyze/core/ports/signer";
import type {Hash} from "@catalyze/core/primitives/id";
import {expect} from "vitest";
import {NETWORK} from "./kit.ts";
import {NO_HASH, NOW} from "./witnessKit.ts";

const signer: Signer = {
  publicKey: new Uint8Array(32),
  sign: (message) => new Uint8Array(64).fill(sha256(message)[0]!),
};

export type Stamp = {readonly height: bigint; readonly hash: Hash; readonly isSeal?: true};

/** Entries of four witnesses, and real cuts of them. Nothing is signed in earnest. */
export class CutWorld {
  readonly #dag = new Dag(
    () => true,
    () => 1,
    () => 1_000n,
  );
  readonly #last = new Map<number, Entry>();

  /** `isSeal`: its author's last word in the epoch. */
  write(witness: number, carry: readonly Op[], stamp: Stamp): void {
    const before = this.#last.get(witness);
    const header = {
      network: NETWORK,
      epoch: 0,
      witness,
      n: nextNumber(before?.header, 1),
      prev: before?.hash ?? NO_HASH,
      stampH: stamp.height,
      stampHash: stamp.hash,
      timeMs: NOW + Number(stamp.height) * 60_000,
      isSeal: stamp.isSeal === true,
      refs: [],
    };
    const entry = signEntry({header, carry, acks: []}, signer, new Uint8Array(32));
    // As if the cut below were known: nobody carries too much here.
    this.#dag.noteLoads(stamp.height - 1n, new Map());
    expect(this.#dag.offer(entry).kind).toBe("ingested");
    this.#last.set(witness, entry);
  }

  cut(context: Omit<CutContext, "dag">, heads: readonly Head[]): Cut {
    const result = computeCut({...context, dag: this.#dag}, heads);
    if (result.kind !== "cut") throw new Error(`no cut: ${result.kind}`);
    return result.cut;
  }

  heads(): Head[] {
    return this.#dag.heads();
  }

  covered(cut: Cut): void {
    for (const node of cut.nodes) node.isCovered = true;
  }
}
