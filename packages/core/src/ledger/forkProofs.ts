/** Tells of each forked log once in an epoch: the two entries are proof enough for a slash. */
import type {Dag} from "./dag.ts";
import type {Effect} from "./effects.ts";
import type {Entry} from "./entry.ts";
import {epochOfEntry} from "./entryNumber.ts";
import {encodeEvidence} from "./evidenceCodec.ts";

export class ForkProofs {
  /** Witness → epoch of the last fork that was told. */
  readonly #told = new Map<number, number>();

  /** After the graph has seen `entry`. */
  of(entry: Entry, dag: Dag): Effect[] {
    const {witness, n} = entry.header;
    const epoch = epochOfEntry(n);
    if (!dag.isForked(witness) || this.#told.get(witness) === epoch) return [];
    const rival = dag.rivalOf(entry);
    if (rival === undefined) return [];
    this.#told.set(witness, epoch);
    const proof = encodeEvidence({kind: "entryFork", entries: [rival, entry]});
    return [{kind: "evidence", what: "fork", proof}];
  }
}
