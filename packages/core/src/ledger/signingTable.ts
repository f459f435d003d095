/** What the records of the signing table say when a witness starts again. */
import {assert} from "../errors/assert.ts";
import type {ConsensusMessage} from "./consensusCodec.ts";
import type {Entry} from "./entry.ts";
import {decodeSigningRecord} from "./signingRecord.ts";
import type {SlotVote} from "./voter.ts";

export type SigningTable = {
  readonly votes: readonly SlotVote[];
  /** Own entries, oldest first. */
  readonly entries: readonly Entry[];
  readonly consensus: readonly ConsensusMessage[];
  /** It was exported: another machine signs with this key. */
  readonly isMoved: boolean;
  /**
   * Height of the final checkpoint on which the table was last shortened; 0n for never. Votes on slots that were
   * taken there are gone, and messages on the checkpoints below it. A database that was lost or set back knows
   * neither: nothing is signed before it has caught up to here.
   */
  readonly shortenedH: bigint;
};

/** Throws `DECODE_INVALID` on a record that this code did not write, and when the table contradicts itself. */
export function readSigningTable(records: readonly Uint8Array[]): SigningTable {
  const votes = new Map<string, SlotVote>();
  const entries = new Map<bigint, Entry>();
  const consensus: ConsensusMessage[] = [];
  let isMoved = false;
  let shortenedH = 0n;
  for (const bytes of records) {
    const record = decodeSigningRecord(bytes);
    if (record.kind === "consensus") consensus.push(record.message);
    if (record.kind === "moved") isMoved = true;
    if (record.kind === "shortened") shortenedH = record.height;
    if (record.kind === "entry") addEntry(entries, record.entry);
    for (const vote of "votes" in record ? record.votes : []) addVote(votes, vote);
  }
  return {votes: [...votes.values()], entries: [...entries.values()], consensus, isMoved, shortenedH};
}

function addEntry(entries: Map<bigint, Entry>, entry: Entry): void {
  const known = entries.get(entry.header.n);
  assert(known === undefined || known.hash === entry.hash, "two entries were signed with one number");
  entries.set(entry.header.n, entry);
}

function addVote(votes: Map<string, SlotVote>, vote: SlotVote): void {
  const slot = `${vote.epoch}/${vote.cell}/${vote.seq}`;
  const known = votes.get(slot);
  assert(known === undefined || known.opId === vote.opId, "two ops were voted for at one slot in one epoch");
  votes.set(slot, vote);
}
