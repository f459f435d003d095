/** What is stored and said when a final checkpoint became the base. */
import type {Write} from "../ports/store.ts";
import type {OpId} from "../primitives/id.ts";
import type {VoterMask} from "./committee.ts";
import type {Cut} from "./cut.ts";
import type {EntryNode} from "./dag.ts";
import type {Effect} from "./effects.ts";
import type {Certificate} from "./evidenceCodec.ts";
import {encodeFinalCheckpoint, type FinalCheckpoint} from "./finality.ts";
import type {KeptLate} from "./lateCertificates.ts";
import type {Op} from "./op.ts";
import type {Covered} from "./storedPlaces.ts";

/** What the end of an epoch leaves. */
export type Closed = {
  /** Seen, voted for by somebody, and not applied. */
  readonly unresolved: readonly {readonly op: Op; readonly mask: VoterMask}[];
  /** Of ops that were certified here and not applied: their cells are frozen until somebody shows them. */
  readonly certificates: readonly Certificate[];
  /** Certified by votes of the new epoch that had come already. */
  readonly early: readonly OpId[];
  /** Taken in now: they had waited for the new epoch, or for what nobody needs any more. */
  readonly freed: readonly EntryNode[];
};

export type Adopted = Closed & {
  readonly writes: readonly Write[];
  /** What the cut covers first. */
  readonly covered: Covered;
  /** Applied, and not seen certified before: by the closing rule, or by evidence. */
  readonly unseen: readonly OpId[];
};

export type Adoption = {
  readonly adopted: Adopted;
  readonly cut: Cut;
  readonly final: FinalCheckpoint;
  /** This node proposed it: one of those that could send it does, who misses it asks. */
  readonly isOurs: boolean;
  /** What became of certificates that closings left out. */
  readonly late: KeptLate;
};

/** The store comes first. */
export function adoptionEffects({adopted, cut, final, isOurs, late}: Adoption): Effect[] {
  const {unseen, early} = adopted;
  const effects: Effect[] = [{kind: "store", writes: [...adopted.writes, ...late.writes]}];
  if (isOurs) effects.push({kind: "broadcast", what: "checkpoint", bytes: encodeFinalCheckpoint(final)});
  if (unseen.length > 0) effects.push({kind: "certified", ops: unseen});
  const {height, epoch, stateRoot, isLastOfEpoch} = final.checkpoint;
  effects.push({
    kind: "checkpointed",
    checkpoint: {height, epoch, hash: final.hash, stateRoot, isLastOfEpoch},
    ops: cut.applied.map(({id}) => id),
    moves: cut.moves,
  });
  if (early.length > 0) effects.push({kind: "certified", ops: early});
  effects.push(...late.proofs.map(shown));
  return effects;
}

/** To be put on the ledger. */
export function shown(proof: Uint8Array): Effect {
  return {kind: "evidence", what: "certificate", proof};
}
