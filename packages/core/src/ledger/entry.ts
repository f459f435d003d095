/**
 * Entries: the signed, hash-linked blocks of a witness's log (reference/ledger 2.5). Types only; the
 * canonical bytes are in `entryCodec.ts`.
 *
 * Carrying an op is a vote for it; acknowledging an entry is a vote for every op that it carries, less the
 * exceptions. `prev`, `refs` and `acks` are the links of the witnesses' graph: everything that a vote
 * rests on is in the causal past of its entry.
 */
import type {Hash} from "../primitives/id.ts";
import {ZERO_HASH} from "./cell.ts";
import type {Head} from "./checkpoint.ts";
import type {Op} from "./op.ts";

/** A vote for what the entry of this hash carries. Named by hash, so that a forked log cannot blur it. */
export type Ack = {
  readonly hash: Hash;
  /** Indexes into that entry's ops that get no vote, ascending. */
  readonly exceptions: readonly number[];
};

export type EntryHeader = {
  readonly network: number;
  /** Of the stamp. */
  readonly epoch: number;
  /** Seat in the register. */
  readonly witness: number;
  /** See `entryNumber.ts`. */
  readonly n: bigint;
  /** The one before it in its log; zeros for the first. */
  readonly prev: Hash;
  /** Height and hash of the last checkpoint that the author had adopted. */
  readonly stampH: bigint;
  readonly stampHash: Hash;
  readonly timeMs: number;
  /** The author votes for nothing more in this epoch: see `closing.ts`. */
  readonly isSeal: boolean;
  /** Other witnesses' heads ingested since the author's last entry; by witness, ascending. */
  readonly refs: readonly Head[];
};

export type Entry = {
  readonly header: EntryHeader;
  readonly carry: readonly Op[];
  readonly acks: readonly Ack[];
  /** SHA256(0x45 ‖ header bytes). */
  readonly hash: Hash;
  readonly signature: Uint8Array;
  /** As received. */
  readonly bytes: Uint8Array;
  /** What the signature covers, without domain and genesis hash. */
  readonly headerBytes: Uint8Array;
};

/** Everything that an entry says it has seen. */
export function linksOf({header, acks}: Pick<Entry, "header" | "acks">): Hash[] {
  const links = header.prev === ZERO_HASH ? [] : [header.prev];
  for (const {hash} of header.refs) links.push(hash);
  for (const {hash} of acks) links.push(hash);
  return links;
}
