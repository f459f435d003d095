/**
 * Brings a set of blocks here from several peers at once. A peer that cheats is charged and dropped, one
 * that is lost is dropped, and its blocks go to the others; peers found through the network join later.
 */
import {CodedError, toCodedError} from "@catalyze/core/errors/codedError";
import type {Clock} from "@catalyze/core/ports/clock";
import type {Log} from "@catalyze/core/ports/log";
import type {Net} from "@catalyze/core/ports/net";
import type {PeerId} from "@catalyze/core/primitives/id";
import type {CID} from "multiformats/cid";
import {exchangeBlocks} from "./blockExchange.ts";
import {BlockQueue, type Wanted} from "./blockQueue.ts";

const SOURCES_AT_ONCE = 4;
/** A peer is tried this often: a broken stream is not yet a lost peer. */
const TRIES_MAX = 2;

export type BlockFetchComponents = {readonly net: Net; readonly clock: Clock; readonly log: Log};

export type FetchJob = {
  readonly wanted: readonly Wanted[];
  readonly sources: Sources;
  readonly store: (cid: CID, bytes: Uint8Array) => Promise<void>;
  readonly signal?: AbortSignal | undefined;
};

/** The peers of one fetch, across its levels: what a peer did wrong on one level counts on the next. */
export class Sources {
  readonly #tries = new Map<PeerId, number>();
  /** Settles when the network has no more peers to name. */
  readonly #more: Promise<void>;

  constructor(first: readonly PeerId[], more: Promise<readonly PeerId[]>) {
    for (const peer of first) this.#tries.set(peer, 0);
    this.#more = more.then((peers) => {
      for (const peer of peers) if (!this.#tries.has(peer)) this.#tries.set(peer, 0);
    });
  }

  /** Peers worth trying, in order. */
  list(): readonly PeerId[] {
    return [...this.#tries].filter(([, tries]) => tries < TRIES_MAX).map(([peer]) => peer);
  }

  drop(peer: PeerId, isFinal: boolean): void {
    this.#tries.set(peer, isFinal ? TRIES_MAX : (this.#tries.get(peer) ?? 0) + 1);
  }

  settled(): Promise<void> {
    return this.#more;
  }
}

export class BlockFetch {
  readonly #components: BlockFetchComponents;
  readonly #job: FetchJob;
  readonly #queue: BlockQueue;
  readonly #abort = new AbortController();
  readonly #busy = new Set<PeerId>();
  readonly #finished = new Set<PeerId>();
  #failure: CodedError | undefined;

  constructor(components: BlockFetchComponents, job: FetchJob) {
    this.#components = components;
    this.#job = job;
    this.#queue = new BlockQueue(job.wanted);
  }

  /** Throws `BLOB_NOT_FOUND`, `STORE_FULL`, `BLOB_CORRUPT` for a tree that lies, or the signal's reason. */
  async run(): Promise<void> {
    const {signal, sources} = this.#job;
    signal?.throwIfAborted();
    const onAbort = () => {
      this.#abort.abort(signal?.reason);
      this.#queue.wake();
    };
    signal?.addEventListener("abort", onAbort, {once: true});
    let isLookupDone = false;
    void sources.settled().then(() => {
      isLookupDone = true;
      this.#queue.wake();
    });
    try {
      for (;;) {
        this.#startSources();
        if (this.#queue.isDone) return;
        if (this.#failure !== undefined) throw this.#failure;
        signal?.throwIfAborted();
        if (this.#busy.size === 0 && isLookupDone && !this.#hasMore()) throw this.#notFound();
        await this.#queue.changed();
      }
    } finally {
      signal?.removeEventListener("abort", onAbort);
      this.#abort.abort(new Error("fetch over"));
    }
  }

  #hasMore(): boolean {
    return this.#job.sources.list().some((peer) => !this.#finished.has(peer));
  }

  #startSources(): void {
    for (const peer of this.#job.sources.list()) {
      if (this.#busy.size >= SOURCES_AT_ONCE || this.#queue.isDone) return;
      if (this.#busy.has(peer) || this.#finished.has(peer)) continue;
      this.#busy.add(peer);
      void this.#useSource(peer);
    }
  }

  async #useSource(peer: PeerId): Promise<void> {
    try {
      await this.#exchange(peer);
      this.#finished.add(peer);
    } catch (error) {
      this.#judge(peer, error);
    } finally {
      this.#busy.delete(peer);
      // Also wakes the loop.
      this.#queue.release(peer);
    }
  }

  async #exchange(peer: PeerId): Promise<void> {
    const {net, clock} = this.#components;
    const {signal} = this.#abort;
    const stream = await net.open(peer, "blob", signal);
    try {
      await exchangeBlocks({stream, queue: this.#queue, clock, signal, store: this.#job.store});
      await stream.close();
    } catch (error) {
      stream.abort();
      throw error;
    }
  }

  #judge(peer: PeerId, error: unknown): void {
    if (this.#abort.signal.aborted) return;
    const {net, log} = this.#components;
    const coded = toCodedError(error);
    const {sources} = this.#job;
    log.debug("block source dropped", {peer, code: coded.code});
    switch (coded.code) {
      case "PEER_UNREACHABLE":
      case "PEER_BUDGET_EXHAUSTED":
        sources.drop(peer, false);
        return;
      case "BLOB_CORRUPT":
        if (coded.evidence["reason"] === "layout") break;
        net.penalize(peer, coded.code);
        sources.drop(peer, true);
        return;
      case "DECODE_INVALID":
      case "MESSAGE_UNEXPECTED":
      case "FRAME_TOO_LARGE":
        net.penalize(peer, coded.code);
        sources.drop(peer, true);
        return;
      default:
        break;
    }
    // Ours, not the peer's: a full disk stays full with any other source.
    this.#failure ??= coded;
  }

  #notFound(): CodedError {
    const cid = this.#queue.next?.cid.toString() ?? "";
    return new CodedError("BLOB_NOT_FOUND", {evidence: {cid}});
  }
}
