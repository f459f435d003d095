/** Sync from both sides: the vector that we send; the page, the cell or the part of the snapshot that we answer with. */

import {CodedError} from "@catalyze/core/errors/codedError";
import {encodeCell} from "@catalyze/core/ledger/cellCodec";
import type {Head} from "@catalyze/core/ledger/checkpoint";
import type {ReplicaInput} from "@catalyze/core/ledger/effects";
import {epochOfEntry} from "@catalyze/core/ledger/entryNumber";
import type {PageRoom} from "@catalyze/core/ledger/entryPage";
import {coveredHeads} from "@catalyze/core/ledger/register";
import type {LedgerReplica} from "@catalyze/core/ledger/replicaTypes";
import {SEATS_MAX} from "@catalyze/core/ledger/seating";
import {type StoredAfter, storedAfter} from "@catalyze/core/ledger/storedAfter";
import type {Random} from "@catalyze/core/ports/random";
import type {Store} from "@catalyze/core/ports/store";
import {fromHex, toHex} from "@catalyze/core/primitives/bytes";
import type {CellId, Hash, PeerId} from "@catalyze/core/primitives/id";
import type {
  CellRequest,
  SnapshotChunkRequest,
  SyncReply,
  SyncRequest,
  WitnessHead,
} from "@catalyze/proto/gen/catalyze/v1/ledger_pb";
import {LIMITS} from "@catalyze/proto/limits";
import type {LedgerFrameInit} from "./ledgerFrame.ts";
import type {LedgerRequest} from "./ledgerProtocol.ts";
import type {SnapshotShelf} from "./snapshotShelf.ts";

/** One for each seat at most. */
const HEADS_MAX = SEATS_MAX;
const ENTRIES_MAX = 1_024;
/** Checkpoints of a page, and entries of one that is read back from the store. */
const STORED_MAX = 256;
const PENDING_MAX = 64;
/** Room for heads and framing below the frame limit: 64 KiB hold 1,024 heads. */
const PAGE_BYTES_MAX = LIMITS.ledgerFrameBytesMax - 64 * 1024;
const CHECKPOINT_BYTES_MAX = PAGE_BYTES_MAX / 4;
const ENTRY_BYTES_MAX = PAGE_BYTES_MAX - CHECKPOINT_BYTES_MAX;

export type LedgerAnswersComponents = {
  readonly replica: LedgerReplica;
  readonly store: Store;
  readonly shelf: SnapshotShelf;
  /** `ReplicaDriver.written`: an own entry that is told before it is on disk would fork our log at a crash. */
  readonly written: () => Promise<void>;
  readonly random: Random;
};

export class LedgerAnswers {
  readonly #replica: LedgerReplica;
  readonly #store: Store;
  readonly #shelf: SnapshotShelf;
  readonly #written: () => Promise<void>;
  readonly #random: Random;

  constructor({replica, store, shelf, written, random}: LedgerAnswersComponents) {
    this.#replica = replica;
    this.#store = store;
    this.#shelf = shelf;
    this.#written = written;
    this.#random = random;
  }

  request(isFromCheckpoint: boolean): LedgerFrameInit {
    const {checkpoint, base} = this.#replica;
    const heads = isFromCheckpoint ? coveredHeads(checkpoint, base.register) : this.#replica.wantedHeads();
    return {
      case: "syncRequest",
      value: {
        heads: heads.map(wireHead),
        checkpointHeight: checkpoint.height,
        entriesMax: ENTRIES_MAX,
        ...(this.#replica.isSilent ? {ownSeat: this.#replica.seat} : {}),
      },
    };
  }

  /** What the peer said of the log of this witness, which asked. */
  testimony({heads, ownWords, ownEpoch}: SyncReply, peer: PeerId): ReplicaInput | undefined {
    const {seat, isSilent, base} = this.#replica;
    if (!isSilent || seat === undefined || ownWords.length === 0) return undefined;
    const seats = [...base.register.seats.entries()].flatMap(([number, {peerId}]) =>
      peerId === peer ? [number] : [],
    );
    const head = decodeHeads(heads).find(({witness}) => witness === seat);
    return {kind: "heard", seats, epoch: ownEpoch, head, words: ownWords, from: peer};
  }

  /** Checkpoints and entries taken in so far, as one number that only grows: a new epoch sets logs back. */
  progress(): bigint {
    const {checkpoint} = this.#replica;
    return this.#replica.heads().reduce((sum, {n}) => sum + n, checkpoint.height << 64n);
  }

  /** True when the peer names entries beyond ours; those of an epoch that is over here are void. */
  isBehind(reply: SyncReply): boolean {
    const own = new Map(this.#replica.heads().map(({witness, n}) => [witness, n]));
    const isOpen = (n: bigint) => epochOfEntry(n) >= this.#replica.epoch;
    return reply.heads.some(({witness, n}) => isOpen(n) && n > (own.get(witness) ?? 0n));
  }

  /** Tells nothing that is not on disk. While nothing can be written, pages come from the store alone. */
  async answer(request: LedgerRequest): Promise<LedgerFrameInit> {
    if (request.case === "snapshotHeadRequest")
      return {case: "snapshotHeadReply", value: {head: this.#shelf.head()}};
    if (request.case === "snapshotChunkRequest") return await this.#chunk(request.value);
    if (request.case === "cellRequest") {
      const reply = this.#cell(request.value);
      await this.#written();
      return reply;
    }
    const page = await this.#page(request.value, true);
    try {
      await this.#written();
      return page;
    } catch {
      return await this.#page(request.value, false);
    }
  }

  async #page(
    {heads, checkpointHeight, entriesMax, ownSeat}: SyncRequest,
    isFromMemory: boolean,
  ): Promise<LedgerFrameInit> {
    const peer = {heads: decodeHeads(heads), height: checkpointHeight};
    const isHeld = isFromMemory && this.#replica.holdsAfter(peer.heads, peer.height);
    const itemsMax = Math.min(entriesMax, isHeld ? ENTRIES_MAX : STORED_MAX);
    const room = {itemsMax, bytesMax: ENTRY_BYTES_MAX, turn: Math.floor(this.#random.float() * 2 ** 32)};
    const found = isHeld
      ? this.#heldAfter(peer, room)
      : await storedAfter(this.#store, peer, {
          ...room,
          seats: this.#replica.base.register.seats.length,
          checkpointsMax: STORED_MAX,
        });
    const own = this.#replica.heads().map(wireHead);
    if (found === undefined) return {case: "syncReply", value: {heads: own, code: "LEDGER_INCOMPLETE"}};
    const {checkpoints, entries, hasMore} = found;
    const fitting = fit(checkpoints, CHECKPOINT_BYTES_MAX);
    const more = hasMore || fitting.length < checkpoints.length || checkpoints.length >= STORED_MAX;
    return {
      case: "syncReply",
      value: {
        checkpoints: fitting,
        entries: entries.map(({bytes}) => bytes),
        heads: own,
        more,
        ...(ownSeat === undefined ? {} : this.#testimonyFor(ownSeat)),
      },
    };
  }

  #testimonyFor(seat: number): {ownWords: Uint8Array; ownEpoch: number} {
    const {words, epoch} = this.#replica.testimonyFor(seat);
    return {ownWords: words, ownEpoch: epoch};
  }

  #heldAfter({heads, height}: {heads: readonly Head[]; height: bigint}, room: PageRoom): StoredAfter {
    return {
      checkpoints: this.#replica.checkpointsAfter(height, STORED_MAX),
      ...this.#replica.entriesAfter(heads, room),
    };
  }

  async #chunk({snapshot, index}: SnapshotChunkRequest): Promise<LedgerFrameInit> {
    if (snapshot.length !== 32) throw new CodedError("DECODE_INVALID", {evidence: {reason: "snapshot"}});
    const chunk = await this.#shelf.chunk(toHex(snapshot) as Hash, index);
    return {case: "snapshotChunkReply", value: {chunk}};
  }

  #cell({cell}: CellRequest): LedgerFrameInit {
    if (cell.length !== 32) throw new CodedError("DECODE_INVALID", {evidence: {reason: "cell"}});
    const id = toHex(cell) as CellId;
    const {view, checkpoint} = this.#replica;
    const found = view.logCell(id);
    const pending = this.#replica.pendingOps().filter((op) => op.body.cell === id);
    return {
      case: "cellReply",
      value: {
        state: found === undefined ? new Uint8Array() : encodeCell(found),
        height: checkpoint.height,
        pendingOps: pending.slice(0, PENDING_MAX).map((op) => op.bytes),
      },
    };
  }
}

function wireHead({witness, n, hash}: Head) {
  return {witness, n, hash: fromHex(hash)};
}

function decodeHeads(heads: readonly WitnessHead[]): Head[] {
  if (heads.length > HEADS_MAX) throw new CodedError("DECODE_INVALID", {evidence: {heads: heads.length}});
  return heads.map(({witness, n, hash}) => {
    if (hash.length !== 32) throw new CodedError("DECODE_INVALID", {evidence: {reason: "head"}});
    return {witness, n, hash: toHex(hash) as Hash};
  });
}

function fit(items: readonly Uint8Array[], bytesMax: number): Uint8Array[] {
  const fitting: Uint8Array[] = [];
  let bytes = 0;
  for (const item of items) {
    if (bytes + item.length > bytesMax) break;
    fitting.push(item);
    bytes += item.length + 8;
  }
  return fitting;
}
