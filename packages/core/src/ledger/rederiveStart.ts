/**
 * Where a verification starts when the first logs are gone: at a snapshot. Its checkpoint is proven by the
 * chain of committees from the genesis, its state by that checkpoint's root, and the latest entries below its
 * cut by the checkpoint's heads.
 */
import type {SignatureVerifier} from "../ports/signer.ts";
import {equalBytes} from "../primitives/bytes.ts";
import type {Hash} from "../primitives/id.ts";
import type {Head} from "./checkpoint.ts";
import {coveredFloor} from "./coveredLogs.ts";
import {type Difference, type DivergentItem, undecodable} from "./divergence.ts";
import type {Entry} from "./entry.ts";
import {decodeWithoutOps} from "./entryCodec.ts";
import type {Genesis} from "./genesis.ts";
import type {LedgerRecord} from "./ledgerRecord.ts";
import {coveredHeads, type Register} from "./register.ts";
import type {RestoredReplica} from "./replicaTypes.ts";
import {
  decodeSnapshotChunk,
  decodeSnapshotHead,
  encodeSnapshotChunk,
  encodeSnapshotHead,
  refuseSnapshot,
  type SnapshotHead,
} from "./snapshot.ts";
import {SnapshotBuilder} from "./snapshotBuilder.ts";
import {checkSnapshotProof} from "./snapshotProof.ts";

export type StartDifference = Difference & {readonly item: DivergentItem};

export type StartContext = {readonly genesis: Genesis; readonly verifier: SignatureVerifier};

type RecordOf<Kind extends LedgerRecord["kind"]> = Extract<LedgerRecord, {kind: Kind}>;

/** As `UNCOVERED_BYTES_MAX`: a hostile file fills no memory. */
const COVERED_BYTES_MAX = 256 * 1024 * 1024;

export class RederiveStart {
  readonly #context: StartContext;
  #head: SnapshotHead | undefined;
  #builder: SnapshotBuilder | undefined;
  readonly #entries = new Map<string, Entry>();
  #bytes = 0;
  #missing = 0n;

  constructor(context: StartContext) {
    this.#context = context;
  }

  /** True once every entry below the cut was taken. */
  get isWhole(): boolean {
    return this.#builder?.isComplete === true && this.#missing === 0n;
  }

  /** Whose entries these are. */
  get register(): Register | undefined {
    return this.#head?.register;
  }

  snapshot({height, bytes}: RecordOf<"snapshot">): StartDifference | undefined {
    const item = {kind: "snapshot", height} as const;
    if (this.#head !== undefined) return {item, ...unexpected("one snapshot", "another")};
    return held(item, () => {
      const head = decodeSnapshotHead(bytes);
      if (head.final.checkpoint.height !== height)
        refuseSnapshot({part: "head", reason: "of another height"});
      checkSnapshotProof(head, this.#context);
      if (!equalBytes(encodeSnapshotHead(head), bytes)) refuseSnapshot({part: "head", reason: "encoding"});
      this.#builder = new SnapshotBuilder(head);
      this.#head = head;
      const heads = coveredHeads(head.final.checkpoint, head.register);
      this.#missing = heads.reduce((sum, end) => sum + end.n - coveredFloor(end), 0n);
    });
  }

  chunk({index, bytes}: RecordOf<"chunk">): StartDifference | undefined {
    const item = {kind: "chunk", index} as const;
    const builder = this.#builder;
    if (builder === undefined || builder.has(index))
      return {item, ...unexpected("each chunk once, after its snapshot", "another")};
    return held(item, () => {
      const chunk = decodeSnapshotChunk(bytes);
      builder.take(index, chunk);
      if (!equalBytes(encodeSnapshotChunk(chunk), bytes)) refuseSnapshot({part: "chunk", reason: "encoding"});
    });
  }

  /** The next of the latest entries below the cut, whose author was checked. */
  entry(entry: Entry): Difference | undefined {
    this.#bytes += entry.bytes.length;
    if (this.#bytes > COVERED_BYTES_MAX)
      return unexpected(`at most ${COVERED_BYTES_MAX} bytes below the cut`, "more");
    this.#entries.set(placeOf(entry.header), decodeWithoutOps(entry.bytes));
    this.#missing -= 1n;
    return undefined;
  }

  /** What a replica has that begins here, or what of it is not there. */
  finish(): RestoredReplica | StartDifference {
    const {height} = this.#head?.final.checkpoint ?? {height: 0n};
    const [head, builder] = [this.#head, this.#builder];
    if (head === undefined || builder?.isComplete !== true)
      return {item: {kind: "snapshot", height}, ...unexpected("all its chunks", "fewer")};
    const covered: Entry[] = [];
    for (const end of coveredHeads(head.final.checkpoint, head.register)) {
      const log = this.#logOf(end);
      if ("item" in log) return log;
      covered.push(...log);
    }
    const {final, register} = head;
    const floor = coveredHeads(final.checkpoint, register);
    const nothing = {carried: [], places: [], loads: [], entries: [], checkpoints: [], late: [], signed: []};
    return {base: builder.finish(), checkpoint: final, floor, covered, ...nothing};
  }

  /** Each entry is named by the one after it, and the last by the checkpoint. */
  #logOf(end: Head): readonly Entry[] | StartDifference {
    const log: Entry[] = [];
    let wanted: Hash = end.hash;
    for (let n = end.n; n > coveredFloor(end); n -= 1n) {
      const entry = this.#entries.get(placeOf({...end, n}));
      if (entry?.hash !== wanted) {
        const item = {kind: "entry", witness: end.witness, n} as const;
        return {item, field: "hash", expected: wanted, found: entry?.hash ?? "none"};
      }
      log.push(entry);
      wanted = entry.header.prev;
    }
    return log.reverse();
  }
}

function placeOf({witness, n}: Pick<Head, "witness" | "n">): string {
  return `${witness}/${n}`;
}

function unexpected(expected: string, found: string): Difference {
  return {field: "record", expected, found};
}

function held(item: DivergentItem, check: () => void): StartDifference | undefined {
  try {
    check();
    return undefined;
  } catch (error) {
    return {item, ...undecodable(error)};
  }
}
