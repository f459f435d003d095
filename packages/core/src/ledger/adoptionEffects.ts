/** What is stored and said when a final checkpoint became the base. */
import type {Adopted} from "./book.ts";
import type {Cut} from "./cut.ts";
import type {Effect} from "./effects.ts";
import {encodeEvidence} from "./evidenceCodec.ts";
import {encodeFinalCheckpoint, type FinalCheckpoint} from "./finality.ts";

export type Adoption = {
  readonly adopted: Adopted;
  readonly cut: Cut;
  readonly final: FinalCheckpoint;
  /** This node proposed it: one of those that could send it does, who misses it asks. */
  readonly isOurs: boolean;
};

/** The store comes first. */
export function adoptionEffects({adopted, cut, final, isOurs}: Adoption): Effect[] {
  const {writes, unseen, certificates, early} = adopted;
  const effects: Effect[] = [{kind: "store", writes}];
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
  for (const certificate of certificates) {
    const proof = encodeEvidence({kind: "certificate", certificate});
    effects.push({kind: "evidence", what: "certificate", proof});
  }
  return effects;
}
