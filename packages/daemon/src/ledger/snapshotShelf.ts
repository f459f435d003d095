/**
 * The snapshot of the last epoch's end that peers may fetch. Made in small steps while the ledger goes on,
 * written beside the old one, which it replaces in one batch: a reader sees all of one or all of the other.
 */
import {toCodedError} from "@catalyze/core/errors/codedError";
import type {Effect} from "@catalyze/core/ledger/effects";
import type {Genesis} from "@catalyze/core/ledger/genesis";
import {shortenChain} from "@catalyze/core/ledger/handover";
import {makeSnapshot, type SnapshotSource, snapshotSource} from "@catalyze/core/ledger/makeSnapshot";
import type {LedgerReplica} from "@catalyze/core/ledger/replicaTypes";
import {
  decodeSnapshotHead,
  encodeSnapshotHead,
  SNAPSHOT_CHUNKS_MAX,
  SNAPSHOT_WITHDRAWALS_MAX,
  type SnapshotHead,
  snapshotIdOf,
} from "@catalyze/core/ledger/snapshot";
import {storedHandovers} from "@catalyze/core/ledger/storeKeys";
import type {Clock} from "@catalyze/core/ports/clock";
import type {Log} from "@catalyze/core/ports/log";
import type {Store, Write} from "@catalyze/core/ports/store";
import {ByteReader, ByteWriter} from "@catalyze/core/primitives/binary";
import type {Hash} from "@catalyze/core/primitives/id";

export type SnapshotShelfComponents = {
  readonly genesis: Genesis;
  readonly store: Store;
  readonly clock: Pick<Clock, "sleep">;
  readonly log: Log;
  readonly replica: Pick<LedgerReplica, "base" | "finalCheckpoint">;
  /** A node that catches up passes by many epoch ends. */
  readonly isBehind: () => boolean;
};

const PREFIX = "lp/";
const HEAD = `${PREFIX}head`;
/** Height of the snapshot that is being written: what a crash leaves is found by it. */
const MAKING = `${PREFIX}making`;
/** Between two steps, so that making takes a part of the processor only. */
const PAUSE_MS = 2;
const NOTHING = new Uint8Array();

type Shelved = {
  readonly id: Hash;
  readonly height: bigint;
  readonly chunks: number;
  readonly bytes: Uint8Array;
};

export class SnapshotShelf {
  readonly #components: SnapshotShelfComponents;
  readonly #abort = new AbortController();
  #shelved: Shelved | undefined;
  #making: Promise<void> | undefined;
  /** Of an epoch that ended while another's snapshot was being made; the latest only. */
  #next: SnapshotSource | undefined;

  constructor(components: SnapshotShelfComponents) {
    this.#components = components;
  }

  /** Finds what an earlier run made. */
  async start(): Promise<void> {
    const bytes = await this.#components.store.get(HEAD);
    if (bytes !== undefined) this.#shelved = shelvedOf(decodeSnapshotHead(bytes), bytes);
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
    this.#next = snapshotSource(replica.base, replica.finalCheckpoint);
    this.#making ??= this.#makeAll();
  }

  /** Encoded; empty for none. */
  head(): Uint8Array {
    return this.#shelved?.bytes ?? NOTHING;
  }

  /** Encoded; empty when it is not of the snapshot that is here now. */
  async chunk(id: Hash, index: number): Promise<Uint8Array> {
    const shelved = this.#shelved;
    if (shelved === undefined || shelved.id !== id || index >= shelved.chunks) return NOTHING;
    return (await this.#components.store.get(chunkKey(shelved.height, index))) ?? NOTHING;
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
    await store.write([...(await this.#leftovers()), {key: MAKING, value: encodeHeight(height)}]);
    const chain = shortenChain(genesis, await storedHandovers(store), source.final);
    const steps = makeSnapshot({...source, ...chain});
    for (let step = steps.next(); ; step = steps.next()) {
      if (step.done === true) return await this.#replace(step.value);
      if (step.value !== undefined) {
        const {index, chunk} = step.value;
        await store.write([{key: chunkKey(height, index), value: chunk}]);
      }
      await clock.sleep(PAUSE_MS, this.#abort.signal);
    }
  }

  async #replace(head: SnapshotHead): Promise<void> {
    const {store, log} = this.#components;
    if (head.firsts.length > SNAPSHOT_CHUNKS_MAX) {
      log.warn("too many cells for a snapshot", {chunks: head.firsts.length});
      return;
    }
    const bytes = encodeSnapshotHead(head);
    const next = shelvedOf(head, bytes);
    const old = this.#shelved;
    const gone = old === undefined || old.height === next.height ? [] : chunkKeys(old);
    await store.write(
      [
        {key: HEAD, value: bytes},
        {key: MAKING, value: undefined},
        ...gone.map((key) => ({key, value: undefined})),
      ],
      {sync: true},
    );
    this.#shelved = next;
    log.debug("a snapshot was made", {height: next.height, chunks: next.chunks});
  }

  /** Deletes what a run that was cut short has written. */
  async #leftovers(): Promise<Write[]> {
    const {store} = this.#components;
    const making = await store.get(MAKING);
    const height = making === undefined ? undefined : new ByteReader(making).u64();
    if (height === undefined || height === this.#shelved?.height) return [];
    const found: Write[] = [];
    for (let index = 0; ; index += 1) {
      const key = chunkKey(height, index);
      if ((await store.get(key)) === undefined) return found;
      found.push({key, value: undefined});
    }
  }
}

function shelvedOf(head: SnapshotHead, bytes: Uint8Array): Shelved {
  return {id: snapshotIdOf(head), height: head.final.checkpoint.height, chunks: head.firsts.length, bytes};
}

function chunkKeys({height, chunks}: Shelved): string[] {
  return Array.from({length: chunks}, (_, index) => chunkKey(height, index));
}

function chunkKey(height: bigint, index: number): string {
  return `${PREFIX}${String(height).padStart(12, "0")}/${String(index).padStart(6, "0")}`;
}

function encodeHeight(height: bigint): Uint8Array {
  return new ByteWriter().u64(height).finish();
}
