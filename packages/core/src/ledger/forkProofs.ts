/** Tells of each forked log once: the two entries are proof enough for a slash. */
import type {Dag} from "./dag.ts";
import type {Effect} from "./effects.ts";
import type {Entry} from "./entry.ts";
import {encodeEvidence} from "./evidenceCodec.ts";

export class ForkProofs {
  readonly #told = new Set<number>();

  /** After the graph has seen `entry`. */
  of(entry: Entry, dag: Dag): Effect[] {
    const {witness} = entry.header;
    if (!dag.isForked(witness) || this.#told.has(witness)) return [];
    const rival = dag.rivalOf(entry);
    if (rival === undefined) return [];
    this.#told.add(witness);
    const proof = encodeEvidence({kind: "entryFork", entries: [rival, entry]});
    return [{kind: "evidence", what: "fork", proof}];
  }
}
