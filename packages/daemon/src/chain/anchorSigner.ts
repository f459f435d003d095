/**
 * This witness's part of an anchor: it signs what its own ledger agreed on, tells the others, and takes in
 * their signatures. Epochs that are not on the chain yet are said again from time to time, because the
 * contract takes them in order: whoever was away when an epoch ended can still fill the gap.
 */
import type {AnchorTarget} from "@catalyze/contracts/anchorDigest";
import {committeeHashOf} from "@catalyze/contracts/committeeHash";
import {toCodedError} from "@catalyze/core/errors/codedError";
import type {ErrorCode} from "@catalyze/core/errors/table";
import {type Anchor, anchorOf} from "@catalyze/core/ledger/anchorRules";
import {type Checkpoint, decodeCheckpoint} from "@catalyze/core/ledger/checkpoint";
import type {CheckpointSummary} from "@catalyze/core/ledger/effects";
import type {AnchorMember} from "@catalyze/core/ledger/handover";
import type {Clock} from "@catalyze/core/ports/clock";
import type {Log} from "@catalyze/core/ports/log";
import type {Hash, PeerId} from "@catalyze/core/primitives/id";
import type {PrivateKeyAccount} from "viem/accounts";
import {type AnchorBook, type AnchorMembers, EPOCHS_AHEAD_MAX} from "./anchorBook.ts";
import {
  type AnchorSignature,
  decodeAnchorSignature,
  encodeAnchorSignature,
  signAnchor,
  verifyAnchorSignature,
} from "./anchorSignature.ts";

/** What the ledger offers; `LedgerNode` has it. */
export type AnchorHooks = {
  pushAnchorSignature(bytes: Uint8Array): void;
  onAnchorSignature(handler: (bytes: Uint8Array, from: PeerId) => void): () => void;
  onEpochEnd(handler: (checkpoint: Uint8Array, summary: CheckpointSummary) => void): () => void;
  noteAnchored(epoch: number, height: bigint): Promise<void>;
  anchorSigners(epoch: number): readonly AnchorMember[];
  /** Of this node's vote key. */
  readonly seat: number | undefined;
  readonly witnessPeers: {isSeated(peer: PeerId): boolean};
};

export type AnchorSignerComponents = {
  readonly ledger: AnchorHooks;
  readonly book: AnchorBook;
  readonly account: PrivateKeyAccount;
  readonly clock: Clock;
  readonly log: Log;
  /** A peer that sent what no honest one sends. */
  readonly penalize?: (peer: PeerId, code: ErrorCode) => void;
  /** Last checkpoint of an epoch that an earlier run agreed on: for what a crash made this service miss. */
  readonly checkpointOf?: (epoch: number) => Promise<Uint8Array | undefined>;
};

export type AnchorSignerOptions = AnchorTarget & {
  readonly membersAt: AnchorMembers;
  /** Own place in that list; −1 signs nothing. */
  readonly memberAt: (epoch: number) => number;
  readonly genesisHash: Hash;
  /** Only witnesses are heard, those of earlier epochs too. */
  readonly isHeard: (peer: PeerId) => boolean;
};

/** Between two rounds of saying signatures again. */
const RESEND_MS = 5_000;
/** Epochs whose signatures are said again in one round: the oldest are the ones that block. */
const RESEND_EPOCHS_MAX = 8;
/** Messages waiting for their check of 2 ms: a committee of 21 sends one each an epoch. */
const INBOX_MAX = 256;

export class AnchorSigner {
  readonly #components: AnchorSignerComponents;
  readonly #options: AnchorSignerOptions;
  readonly #removers: (() => void)[] = [];
  #work: Promise<void> = Promise.resolve();
  #inbox = 0;
  #isStopped = false;
  #resentAtMs = Number.NEGATIVE_INFINITY;
  /** Newest epoch on the chain, with the hash of its checkpoint. */
  #last: {readonly epoch: number; readonly checkpointHash: Hash};

  constructor(components: AnchorSignerComponents, options: AnchorSignerOptions) {
    this.#components = components;
    this.#options = options;
    this.#last = {epoch: 0, checkpointHash: options.genesisHash};
  }

  start(): void {
    const {ledger} = this.#components;
    this.#removers.push(
      ledger.onEpochEnd((bytes) => this.#enqueue(() => this.#epochEnded(decodeCheckpoint(bytes)))),
      ledger.onAnchorSignature((bytes, from) => this.#receive(bytes, from)),
    );
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    for (const remove of this.#removers.splice(0)) remove();
    await this.#work;
  }

  /** The chain was looked at: catches up with what this node missed and says again what is missing there. */
  chainAt(last: {readonly epoch: number; readonly checkpointHash: Hash}, settledEpoch: number): void {
    this.#last = last;
    const now = this.#components.clock.monotonicMs();
    if (now - this.#resentAtMs < RESEND_MS) return;
    this.#resentAtMs = now;
    this.#enqueue(() => this.#catchUp(last.epoch + 1));
    for (const {epoch, signatures} of this.#components.book.after(settledEpoch).slice(0, RESEND_EPOCHS_MAX)) {
      const own = signatures.get(this.#options.memberAt(epoch));
      if (own !== undefined) this.#components.ledger.pushAnchorSignature(encodeAnchorSignature(own));
    }
  }

  /** A crash may have come between agreement, the book, and the signature. */
  async #catchUp(next: number): Promise<void> {
    const {book, checkpointOf} = this.#components;
    if (book.get(next)?.own === undefined) {
      const bytes = await checkpointOf?.(next);
      if (bytes !== undefined) await this.#epochEnded(decodeCheckpoint(bytes));
    }
    for (const {epoch, own, signatures} of book.after(next - 1).slice(0, RESEND_EPOCHS_MAX)) {
      if (own !== undefined && !signatures.has(this.#options.memberAt(epoch))) await this.#sign(own);
    }
  }

  async #epochEnded(checkpoint: Checkpoint): Promise<void> {
    const {book, log} = this.#components;
    const previousHash = await this.#previousHashOf(checkpoint.epoch);
    if (previousHash === undefined) {
      log.warn("the epoch before is unknown here, so this one is left to others", {epoch: checkpoint.epoch});
      return;
    }
    const nextCommitteeHash = committeeHashOf(this.#options.membersAt(checkpoint.epoch + 1));
    const anchor = anchorOf(checkpoint, {previousHash, nextCommitteeHash});
    await book.putOwn(anchor);
    await this.#sign(anchor);
  }

  /** Idempotent: an anchor has one signature of a key (RFC 6979). On disk before it is said. */
  async #sign(anchor: Anchor): Promise<void> {
    const member = this.#options.memberAt(anchor.epoch);
    if (member < 0) return;
    const {account, book, ledger} = this.#components;
    const signed = {anchor, member, signature: await signAnchor(account, anchor, this.#options)};
    await book.putSignature(signed);
    ledger.pushAnchorSignature(encodeAnchorSignature(signed));
  }

  async #previousHashOf(epoch: number): Promise<Hash | undefined> {
    const {book, checkpointOf} = this.#components;
    if (epoch === 1) return this.#options.genesisHash;
    if (this.#last.epoch === epoch - 1) return this.#last.checkpointHash;
    const before = book.get(epoch - 1)?.own;
    if (before !== undefined) return before.checkpointHash;
    const bytes = await checkpointOf?.(epoch - 1);
    if (bytes !== undefined) {
      await this.#epochEnded(decodeCheckpoint(bytes));
      return book.get(epoch - 1)?.own?.checkpointHash;
    }
    // More than 2/3 of the weight signed it: it is the checkpoint that was agreed on.
    return book.quorumOf(epoch - 1)?.[0]?.anchor.checkpointHash;
  }

  #receive(bytes: Uint8Array, from: PeerId): void {
    if (!this.#options.isHeard(from) || this.#inbox >= INBOX_MAX) return;
    let signed: AnchorSignature;
    try {
      signed = decodeAnchorSignature(bytes);
    } catch (error) {
      this.#components.penalize?.(from, toCodedError(error).code);
      return;
    }
    this.#inbox += 1;
    this.#enqueue(async () => {
      this.#inbox -= 1;
      await this.#accept(signed, from);
    });
  }

  async #accept(signed: AnchorSignature, from: PeerId): Promise<void> {
    const {book, penalize} = this.#components;
    const {epoch} = signed.anchor;
    const last = this.#last.epoch;
    if (epoch <= last || epoch > last + EPOCHS_AHEAD_MAX || !book.wants(signed)) return;
    if (await verifyAnchorSignature(signed, this.#options.membersAt(epoch), this.#options)) {
      await book.putSignature(signed);
    } else {
      penalize?.(from, "SIGNATURE_INVALID");
    }
  }

  #enqueue(work: () => Promise<void>): void {
    if (this.#isStopped) return;
    this.#work = this.#work.then(work).catch((error: unknown) => {
      this.#components.log.error("an anchor signature was not kept", {error});
    });
  }
}
