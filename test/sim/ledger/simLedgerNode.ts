/**
 * One simulated ledger node: the real replica, a disk that survives crashes, and nothing else. Effects are
 * performed as the shell does it: records, then store, then words. A crash can fall between any two.
 */
import type {Effect, ReplicaInput} from "@catalyze/core/ledger/effects";
import type {EntryRoom} from "@catalyze/core/ledger/entryRoom";
import type {Genesis} from "@catalyze/core/ledger/genesis";
import {type SnapshotSource, snapshotSource} from "@catalyze/core/ledger/makeSnapshot";
import {Replica} from "@catalyze/core/ledger/replica";
import {restoreReplica} from "@catalyze/core/ledger/restoreReplica";
import type {Signer} from "@catalyze/core/ports/signer";
import type {UnixMs} from "@catalyze/core/primitives/time";
import {MemoryDisk, MemoryStore} from "../fakes/memoryStore.ts";
import type {Words} from "./words.ts";

/** Of work on a checkpoint at a time. */
const SMALL_UNITS = 10;
const LARGE_UNITS = 800;

export type SimLedgerOptions = {
  readonly index: number;
  readonly genesis: Genesis;
  readonly words: Words;
  readonly voteSigner: Signer | undefined;
  /** Goes on with its own branch when its log turns out to be forked. */
  readonly isForker: boolean;
  readonly entryRoom?: EntryRoom;
};

export type Spoken = Exclude<Effect, {kind: "store"} | {kind: "sign"}>;

export class SimLedgerNode {
  readonly index: number;
  disk = new MemoryDisk();
  signed: Uint8Array[] = [];
  /** Its home as it was some time ago. */
  #backup: {readonly disk: MemoryDisk; readonly signed: readonly Uint8Array[]} | undefined;
  readonly #options: SimLedgerOptions;
  #seat: number | undefined;
  replica: Replica | undefined;
  /** Effects of the next step that still reach the disk before this node dies; `undefined` for all. */
  dyingAfter: number | undefined;
  /** State and checkpoint of the last epoch that ended here in this run. */
  snapshot: SnapshotSource | undefined;
  /** Of the last checkpoint on its disk. */
  height = 0n;

  constructor(options: SimLedgerOptions) {
    this.index = options.index;
    this.#options = options;
  }

  async start(): Promise<void> {
    const {genesis, words, voteSigner, isForker, index, entryRoom} = this.#options;
    // Every second node computes its checkpoints in small pieces, with inputs in between.
    const workUnits = index % 2 === 1 ? SMALL_UNITS : LARGE_UNITS;
    const restored = await restoreReplica({genesis, store: this.store, signed: [...this.signed]});
    const {verifier, decoders} = words;
    const room = entryRoom === undefined ? {} : {entryRoom};
    const about = {genesis, verifier, decoders, voteSigner, isForker, workUnits};
    this.replica = new Replica({...about, ...room}, restored);
    this.height = this.replica.checkpoint.height;
  }

  /** Of its vote key; survives its crashes. */
  get seat(): number | undefined {
    this.#seat = this.replica?.seat ?? this.#seat;
    return this.#seat;
  }

  get store(): MemoryStore {
    return new MemoryStore(this.disk);
  }

  crash(): void {
    this.replica = undefined;
    this.dyingAfter = undefined;
    this.disk.crash();
  }

  /** A crash after which the database cannot be read and is made anew. */
  wipe(): void {
    this.crash();
    this.snapshot = undefined;
    this.disk = new MemoryDisk();
    this.height = 0n;
  }

  /** As a file system's snapshot does it. */
  backUp(): void {
    this.#backup = {disk: this.disk.copy(), signed: [...this.signed]};
  }

  /** A crash after which everything is as it was at the backup, or gone where there is none. */
  restore(): void {
    this.crash();
    this.snapshot = undefined;
    this.disk = this.#backup?.disk.copy() ?? new MemoryDisk();
    this.signed = [...(this.#backup?.signed ?? [])];
  }

  /** What is said once everything is on disk. */
  step(
    input: ReplicaInput,
    nowMs: number,
  ): {readonly spoken: readonly Spoken[]; readonly records: readonly Uint8Array[]} {
    if (this.replica === undefined) return {spoken: [], records: []};
    const effects = this.replica.step(input, nowMs as UnixMs);
    const {finalCheckpoint: final} = this.replica;
    const isNew = effects.some((effect) => effect.kind === "checkpointed");
    if (isNew && final.checkpoint.isLastOfEpoch) this.snapshot = snapshotSource(this.replica.base, final);
    const records = effects.flatMap((effect) => (effect.kind === "sign" ? [effect.record] : []));
    const writes = effects.flatMap((effect) => (effect.kind === "store" ? effect.writes : []));
    const isDying = this.dyingAfter !== undefined;
    const kept = this.dyingAfter === undefined ? records : records.slice(0, this.dyingAfter);
    this.signed.push(...kept);
    if (!isDying || (this.dyingAfter ?? 0) > records.length) {
      this.disk.write(writes, true);
      this.height = final.checkpoint.height;
    }
    if (isDying) {
      this.crash();
      return {spoken: [], records: kept};
    }
    // As the shell does it with a long table: more often here.
    if (isNew && !this.#options.isForker && this.index % 2 === 0) this.signed = this.replica.signingRecords();
    const spoken = effects.filter(
      (effect): effect is Spoken => effect.kind !== "sign" && effect.kind !== "store",
    );
    return {spoken, records};
  }
}

/** Else the ledger's end would be lost with the disk: a shortened signing table does not go back so far. */
export function isHeldElsewhere(node: SimLedgerNode, nodes: readonly SimLedgerNode[]): boolean {
  return nodes.some((other) => other !== node && other.height >= node.height);
}
