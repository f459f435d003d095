import {CodedError, codeFromPeer} from "@catalyze/core/errors/codedError";
import type {Head} from "@catalyze/core/ledger/checkpoint";
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
/** One after the other with nothing new: each begins elsewhere in a log that forked. */
const BARREN_MAX = 8;
/** Links of a branch that are asked for at once, from its end on down. */
const STEP_MAX = 64n;
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
  const logs = new Map(heads.map((head) => [head.witness, new CoveredLog(head)]));
  for (let [page, barren] = [0, 0]; page < PAGES_MAX && barren < BARREN_MAX; page += 1) {
    const wanted = [...logs.values()].map((log) => log.wanted());
    let isNew = false;
    for (const entry of await entriesAfter(ask, wanted, height)) {
      const log = logs.get(entry.header.witness);
      if (log?.lacks(entry) !== true) continue;
      checkAuthor(entry, register, proof);
      log.add(entry);
      isNew = true;
    }
    const found = [...logs.values()].map((log) => log.whole());
    if (found.every((log) => log !== undefined)) return found.flat();
    barren = isNew ? 0 : barren + 1;
  }
  throw new CodedError("NOT_FOUND", {message: "Entries below the cut are missing."});
}

/** What came of one log, in any order: pages begin anywhere in a log that forked. */
class CoveredLog {
  readonly #end: Head;
  readonly #entries = new Map<Hash, Entry>();
  readonly #numbers = new Set<bigint>();
  #reached: bigint;
  #step = 0n;
  #isNew = false;

  constructor(end: Head) {
    this.#end = end;
    this.#reached = coveredFloor(end);
  }

  lacks({hash, header: {n}}: Entry): boolean {
    return n > coveredFloor(this.#end) && n <= this.#end.n && !this.#entries.has(hash);
  }

  add(entry: Entry): void {
    this.#entries.set(entry.hash, entry);
    this.#numbers.add(entry.header.n);
    this.#isNew = true;
    while (this.#numbers.has(this.#reached + 1n)) this.#reached += 1n;
  }

  whole(): readonly Entry[] | undefined {
    return coveredLogs(this.#entries.values(), [this.#end]);
  }

  /** Below the first number that is missing, or below the link at which another branch has come instead. */
  wanted(): WireHead {
    const {witness} = this.#end;
    return {witness, n: this.#reached < this.#end.n ? this.#reached : this.#belowBranch(), hash: NO_HASH};
  }

  #belowBranch(): bigint {
    const floor = coveredFloor(this.#end);
    let {n, hash} = this.#end;
    for (let entry = this.#entries.get(hash); entry !== undefined && n > floor; n -= 1n) {
      hash = entry.header.prev;
      entry = this.#entries.get(hash);
    }
    if (n === floor) return this.#end.n;
    // As much of it as pages have had room for.
    this.#step = this.#isNew && this.#step < STEP_MAX ? 2n * this.#step + 1n : 0n;
    this.#isNew = false;
    const below = n - 1n - this.#step;
    return below > floor ? below : floor;
  }
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
