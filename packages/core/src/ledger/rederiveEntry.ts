/** One stored entry against what is said of it, and what it rests on. */
import type {Dag} from "./dag.ts";
import {type Difference, firstDifference} from "./divergence.ts";
import type {Entry} from "./entry.ts";
import {verifyEntry} from "./entryCodec.ts";
import {entryName} from "./entryNumber.ts";
import type {LedgerRecord} from "./ledgerRecord.ts";
import type {OpSoundness} from "./rederiveOps.ts";
import type {StateDifference} from "./rederiveState.ts";
import type {Register} from "./register.ts";

export type EntryRecord = Extract<LedgerRecord, {kind: "entry"}>;

/** It is where it says, and of whom it says. */
export function authorDifference(
  entry: Entry,
  {witness, n}: EntryRecord,
  check: OpSoundness & {readonly register: Register},
): Difference | undefined {
  const {header} = entry;
  const {network, register} = check;
  const found = {network: header.network, witness: header.witness, n: header.n};
  const difference = firstDifference({network, witness, n}, found);
  if (difference !== undefined) return difference;
  const voteKey = register.seats[witness]?.voteKey;
  const isSigned = voteKey !== undefined && verifyEntry(check.verifier, entry, {...check, voteKey}).valid;
  if (isSigned) return undefined;
  return {field: "signature", expected: `one of witness ${witness}`, found: `none over hash ${entry.hash}`};
}

/** Of what the entry rests on; named by what is not there, where the link says its place. */
export function missingLink(entry: Entry, dag: Dag): StateDifference | undefined {
  const {header} = entry;
  const [hash] = dag.missingFor(entry);
  if (hash === undefined) return undefined;
  const own = {witness: header.witness, n: header.n - 1n, hash: header.prev};
  const place = [own, ...header.refs].find((ref) => ref.hash === hash) ?? header;
  const item = {kind: "entry", witness: place.witness, n: place.n} as const;
  const found = `none before entry ${header.witness}/${entryName(header.n)}, which links to it`;
  return {item, field: "hash", expected: hash, found};
}
