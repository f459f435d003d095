/**
 * Which copy of an op in a cut is what its owner signed. Ids do not cover signatures, and a cut may show ops that
 * one bad member alone voted for: as many as its log has room for, each with a signature that costs 1.2 ms to refuse.
 *
 * Whoever is honest votes for bytes that it has checked (`entryWriter.ts`). So every voter of a forged copy is bad, and
 * what such members alone vote for is certified nowhere: nothing more of it is looked at. A checkpoint pays for as many
 * forgeries as there are bad members. Copies must be asked for in an order that is the same at every node.
 */
import {compareBytes} from "../primitives/bytes.ts";
import type {Candidate, Copy} from "./certificates.ts";
import type {VoterMask} from "./committee.ts";
import type {Op} from "./op.ts";
import type {Soundness} from "./soundness.ts";
import type {LedgerState} from "./state.ts";

export type SoundnessOf = (op: Op, state: LedgerState, epoch: number) => Soundness;

/** Of one checkpoint. */
export class SoundCopies {
  readonly #soundnessOf: SoundnessOf;
  #forgers: VoterMask = 0;

  constructor(soundnessOf: SoundnessOf) {
    this.#soundnessOf = soundnessOf;
  }

  /** `undefined` where there is none that somebody voted for who forged nothing. */
  of({copies}: Pick<Candidate, "copies">, state: LedgerState, epoch: number): Op | undefined {
    for (const {op, mask} of inOrder(copies)) {
      if ((mask & ~this.#forgers) === 0) continue;
      const soundness = this.#soundnessOf(op, state, epoch);
      if (soundness === "sound") return op;
      if (soundness === "forged") this.#forgers |= mask;
    }
    return undefined;
  }
}

/** Nodes saw them in orders of their own. */
function inOrder(copies: readonly Copy[]): readonly Copy[] {
  return copies.length < 2
    ? copies
    : [...copies].sort((one, other) => compareBytes(one.op.bytes, other.op.bytes));
}
