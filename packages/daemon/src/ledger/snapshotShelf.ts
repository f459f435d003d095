/**
 * The snapshot of the last epoch's end that peers may fetch, and those at which this node's logs start or will
 * start once older ones are pruned. Made in small steps while the ledger goes on, and put on the shelf in the
 * batch that takes away what it replaces: a reader sees all of one or all of the other.
 */
import {toCodedError} from "@catalyze/core/errors/codedError";
import type {Effect} from "@catalyze/core/ledger/effects";
import type {Genesis} from "@catalyze/core/ledger/genesis";
import {shortenChain} from "@catalyze/core/ledger/handover";
import {makeSnapshot, type SnapshotSource, snapshotSource} from "@catalyze/core/ledger/makeSnapshot";
import {planStarts} from "@catalyze/core/ledger/pruning";
import type {LedgerReplica} from "@catalyze/core/ledger/replicaTypes";
import {
  decodeSnapshotHead,
  encodeSnapshotHead,
  SNAPSHOT_CHUNKS_MAX,
  SNAPSHOT_WITHDRAWALS_MAX,
  type SnapshotHead,
  snapshotIdOf,
} from "@catalyze/core/ledger/snapshot";
import {
  heightWrite,
  KEY,
  snapshotChunkKey,
  snapshotHeadKey,
  storedHandovers,
  storedHeight,
} from "@catalyze/core/ledger/storeKeys";
import {storePages} from "@catalyze/core/ledger/storePages";
import type {Clock} from "@catalyze/core/ports/clock";
import type {Log} from "@catalyze/core/ports/log";
import type {Store, Write} from "@catalyze/core/ports/store";
import type {Hash} from "@catalyze/core/primitives/id";

export type SnapshotShelfComponents = {
  readonly genesis: Genesis;
  readonly store: Store;
  readonly clock: Pick<Clock, "sleep">;
  readonly log: Log;
  readonly replica: Pick<LedgerReplica, "base" | "finalCheckpoint">;
  /** A node that catches up passes by many epoch ends. */
  readonly isBehind: () => boolean;
  /** Heights of which the logs are kept; `undefined` for an archive. */
  readonly windowH: () => bigint | undefined;
  /** The logs may start at this snapshot from now on. */
  readonly started: (start: SnapshotHead) => void;
};

/** Height of the snapshot that is being written: what a crash leaves is found by it. */
const MAKING = "lp/making";
/** Between two steps, so that making takes a part of the processor only. */
const PAUSE_MS = 2;
const NOTHING = new Uint8Array();

type Newest = {readonly id: Hash; readonly height: bigint; readonly bytes: Uint8Array};

export class SnapshotShelf {
  readonly #components: SnapshotShelfComponents;
  readonly #abort = new AbortController();
  /** Chunks of each by height, ascending. */
  readonly #chunks = new Map<bigint, number>();
  #newest: Newest | undefined;
  #making: Promise<void> | undefined;
  /** Of an epoch that ended while another's snapshot was being made; the latest only. */
  #next: SnapshotSource | undefined;

  constructor(components: SnapshotShelfComponents) {
    this.#components = components;
  }

  /** Finds what an earlier run made, and makes what it did not get to: also where this node has just begun. */
  async start(): Promise<void> {
    const {store, replica, started} = this.#components;
    const begun = (await storedHeight(store, KEY.begun)) ?? 0n;
    for await (const [, bytes] of storePages(store, KEY.snapshotHeads, {pageMax: 1})) {
      const head = decodeSnapshotHead(bytes);
      const {height} = head.final.checkpoint;
      // Those from before this node began anew are of no use to anybody, and go with the next.
      if (height < begun) this.#chunks.set(height, head.firsts.length);
      else this.#put(head, bytes);
      if (height === begun) started(head);
    }
    const {height, isLastOfEpoch} = replica.finalCheckpoint.checkpoint;
    if (isLastOfEpoch && height > (this.#newest?.height ?? 0n)) this.#makeOf();
  }

  /** What is being made is dropped. */
  async stop(): Promise<void> {
    this.#abort.abort();
    this.#next = undefined;
    await this.#making;
  }

  /** Looks for an epoch's end, right after the step: a moment later the state is another one. */
  onEffects(effects: readonly Effect[]): void {
    const {replica, isBehind} = this.#components;
    const isEnd = effects.some(
      (effect) => effect.kind === "checkpointed" && effect.checkpoint.hash === replica.finalCheckpoint.hash,
    );
    if (!isEnd || !replica.finalCheckpoint.checkpoint.isLastOfEpoch) return;
    if (isBehind() || this.#abort.signal.aborted) return;
    this.#makeOf();
  }

  #makeOf(): void {
    const {base, finalCheckpoint} = this.#components.replica;
    this.#next = snapshotSource(base, finalCheckpoint);
    this.#making ??= this.#makeAll();
  }

  /** Encoded; empty for none. */
  head(): Uint8Array {
    return this.#newest?.bytes ?? NOTHING;
  }

  /** Encoded; empty when it is not of the snapshot that is here now. */
  async chunk(id: Hash, index: number): Promise<Uint8Array> {
    const newest = this.#newest;
    if (newest?.id !== id || index >= (this.#chunks.get(newest.height) ?? 0)) return NOTHING;
    return (await this.#components.store.get(snapshotChunkKey(newest.height, index))) ?? NOTHING;
  }

  async #makeAll(): Promise<void> {
    for (let source = this.#next; source !== undefined; source = this.#next) {
      this.#next = undefined;
      try {
        await this.#make(source);
      } catch (error) {
        // The disk is full, or the node stops: the old one stays, the next epoch's end tries again.
        if (!this.#abort.signal.aborted)
          this.#components.log.warn("no snapshot was made", {code: toCodedError(error).code});
      }
    }
    this.#making = undefined;
  }

  async #make(source: SnapshotSource): Promise<void> {
    const {genesis, store, clock, log} = this.#components;
    const {height} = source.final.checkpoint;
    if (source.withdrawals.length > SNAPSHOT_WITHDRAWALS_MAX) {
      log.warn("too many withdrawals for a snapshot", {withdrawals: source.withdrawals.length});
      return;
    }
    await store.write([...(await this.#leftovers()), heightWrite(MAKING, height)]);
    const chain = shortenChain(genesis, await storedHandovers(store), source.final);
    const steps = makeSnapshot({...source, ...chain});
    for (let step = steps.next(); ; step = steps.next()) {
      if (step.done === true) return await this.#shelve(step.value);
      if (step.value !== undefined) {
        const {index, chunk} = step.value;
        await store.write([{key: snapshotChunkKey(height, index), value: chunk}]);
      }
      await clock.sleep(PAUSE_MS, this.#abort.signal);
    }
  }

  async #shelve(head: SnapshotHead): Promise<void> {
    const {store, log, windowH, started} = this.#components;
    if (head.firsts.length > SNAPSHOT_CHUNKS_MAX) {
      log.warn("too many cells for a snapshot", {chunks: head.firsts.length});
      return;
    }
    const bytes = encodeSnapshotHead(head);
    const {height} = head.final.checkpoint;
    const begun = (await storedHeight(store, KEY.begun)) ?? 0n;
    const {start, gone} = planStarts([...this.#chunks.keys(), height], {begun, windowH: windowH()});
    await store.write(
      [
        {key: snapshotHeadKey(height), value: bytes},
        {key: MAKING, value: undefined},
        ...gone.flatMap((old) => this.#deletes(old)),
        ...(start === undefined ? [] : [heightWrite(KEY.begun, start)]),
      ],
      {sync: true},
    );
    for (const old of gone) this.#chunks.delete(old);
    this.#put(head, bytes);
    log.debug("a snapshot was made", {height, chunks: head.firsts.length});
    // A node that has just begun has its start only now.
    const from = start ?? begun;
    const found =
      start === undefined && height !== begun ? undefined : await store.get(snapshotHeadKey(from));
    if (found !== undefined) started(decodeSnapshotHead(found));
  }

  #put(head: SnapshotHead, bytes: Uint8Array): void {
    const {height} = head.final.checkpoint;
    this.#chunks.set(height, head.firsts.length);
    this.#newest = {id: snapshotIdOf(head), height, bytes};
  }

  #deletes(height: bigint): Write[] {
    const chunks = Array.from({length: this.#chunks.get(height) ?? 0}, (_, index) =>
      snapshotChunkKey(height, index),
    );
    return [snapshotHeadKey(height), ...chunks].map((key) => ({key, value: undefined}));
  }

  /** Deletes what a run that was cut short has written. */
  async #leftovers(): Promise<Write[]> {
    const {store} = this.#components;
    const height = await storedHeight(store, MAKING);
    if (height === undefined || this.#chunks.has(height)) return [];
    const found: Write[] = [];
    for (let index = 0; ; index += 1) {
      const key = snapshotChunkKey(height, index);
      if ((await store.get(key)) === undefined) return found;
      found.push({key, value: undefined});
    }
  }
}
