import {CodedError, codeFromPeer} from "@catalyze/core/errors/codedError";
import {coveredFloor, coveredLogs} from "@catalyze/core/ledger/coveredLogs";
import type {Entry} from "@catalyze/core/ledger/entry";
import {decodeEntry, verifyEntry} from "@catalyze/core/ledger/entryCodec";
import type {ProofContext} from "@catalyze/core/ledger/finality";
import {coveredHeads, type Register} from "@catalyze/core/ledger/register";
import type {SnapshotHead} from "@catalyze/core/ledger/snapshot";
import type {Hash} from "@catalyze/core/primitives/id";
import type {Ask} from "./askPeer.ts";

type WireHead = {readonly witness: number; readonly n: bigint; readonly hash: Uint8Array};

const PAGES_MAX = 128;
const ENTRIES_MAX = 1_024;
const NO_HASH = new Uint8Array(32);

/**
 * The latest entries of each log below a checkpoint's cut, in the pages of an ordinary sync. Rejects with
 * `NOT_FOUND` when the peer does not have them all, and with what proves its fault.
 */
export async function fetchCovered(
  ask: Ask,
  {final: {checkpoint}, register}: Pick<SnapshotHead, "final" | "register">,
  proof: Omit<ProofContext, "committee">,
): Promise<readonly Entry[]> {
  const {height} = checkpoint;
  const heads = coveredHeads(checkpoint, register);
  const ends = new Map(heads.map(({witness, n}) => [witness, n]));
  const reached = new Map(heads.map((head) => [head.witness, coveredFloor(head)]));
  const found = new Map<Hash, Entry>();
  for (let page = 0; page < PAGES_MAX; page += 1) {
    const wanted = heads.map(({witness}) => ({witness, n: reached.get(witness) ?? 0n, hash: NO_HASH}));
    let isNew = false;
    for (const entry of await entriesAfter(ask, wanted, height)) {
      const {witness, n} = entry.header;
      const end = ends.get(witness);
      if (end === undefined || n > end || found.has(entry.hash)) continue;
      checkAuthor(entry, register, proof);
      found.set(entry.hash, entry);
      if (n > (reached.get(witness) ?? 0n)) reached.set(witness, n);
      isNew = true;
    }
    const isThere = heads.every(({witness, n}) => (reached.get(witness) ?? 0n) >= n);
    if (isThere || !isNew) break;
  }
  const logs = coveredLogs(found.values(), heads);
  if (logs === undefined) throw new CodedError("NOT_FOUND", {message: "Entries below the cut are missing."});
  return logs;
}

async function entriesAfter(ask: Ask, heads: readonly WireHead[], height: bigint): Promise<Entry[]> {
  const value = {heads: [...heads], checkpointHeight: height, entriesMax: ENTRIES_MAX};
  const {entries, code} = await ask({case: "syncRequest", value}, "syncReply");
  if (code !== "") throw new CodedError(codeFromPeer(code));
  return entries.slice(0, ENTRIES_MAX).map(decodeEntry);
}

/** The hash of an entry does not cover its signature, and whoever keeps one passes it on. */
function checkAuthor(
  {header, headerBytes, signature, hash}: Entry,
  {seats}: Register,
  {verifier, genesisHash}: Omit<ProofContext, "committee">,
): void {
  const voteKey = seats[header.witness]?.voteKey;
  const isValid =
    voteKey !== undefined && verifyEntry(verifier, {headerBytes, signature}, {genesisHash, voteKey}).valid;
  if (!isValid) throw new CodedError("SIGNATURE_INVALID", {evidence: {entry: hash}});
}
