/**
 * How a node with nothing begins: with the newest snapshot that its peers offer, when that is more than an
 * epoch ahead, and the latest entries below its cut, for peers that lag. What peers say is
 * checked against the genesis: the checkpoint by the quorum's signatures, the state by the checkpoint's root,
 * the entries by its heads. A node to which a peer says that the logs it needs are gone begins anew like that,
 * a witness too: it signs nothing before all that its signing table names has come back.
 */
import {CodedError, toCodedError} from "@catalyze/core/errors/codedError";
import type {Entry} from "@catalyze/core/ledger/entry";

import type {FinalCheckpoint, ProofContext} from "@catalyze/core/ledger/finality";
import {type Genesis, genesisHash} from "@catalyze/core/ledger/genesis";
import type {Handover} from "@catalyze/core/ledger/handover";
import {
  decodeSnapshotChunk,
  decodeSnapshotHead,
  type SnapshotHead,
  snapshotIdOf,
} from "@catalyze/core/ledger/snapshot";
import {SnapshotBuilder} from "@catalyze/core/ledger/snapshotBuilder";
import {checkSnapshotProof} from "@catalyze/core/ledger/snapshotProof";
import type {LedgerState} from "@catalyze/core/ledger/state";
import type {Clock} from "@catalyze/core/ports/clock";
import type {Log} from "@catalyze/core/ports/log";
import type {Net} from "@catalyze/core/ports/net";
import type {Random} from "@catalyze/core/ports/random";
import type {SignatureVerifier} from "@catalyze/core/ports/signer";
import {fromHex} from "@catalyze/core/primitives/bytes";
import type {Hash, PeerId} from "@catalyze/core/primitives/id";
import {type Ask, askPeer} from "./askPeer.ts";
import {fetchCovered} from "./fetchCovered.ts";
import {PROVES_FAULT} from "./ledgerProtocol.ts";

/** Where a node begins. */
export type Beginning = {
  readonly final: FinalCheckpoint;
  readonly state: LedgerState;
  readonly covered: readonly Entry[];
  /** Of the changes of committee before it. */
  readonly handovers: readonly Handover[];
};

export type SnapshotJoinComponents = {
  readonly net: Net;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly verifier: SignatureVerifier;
  /** Of the last checkpoint here. */
  readonly height: () => bigint;
  readonly isWitness: () => boolean;
  readonly begin: (beginning: Beginning) => void;
};

export type SnapshotJoinOptions = {
  readonly genesis: Genesis;
  /** Then it waits for somebody who has the logs. */
  readonly isArchive: boolean;
};

type Offer = {readonly peer: PeerId; readonly id: Hash; readonly head: SnapshotHead};

/** Peers asked what they have: a few, so that neither one liar nor one that lags decides. */
const PEERS_ASKED_MAX = 4;
const HEAD_MS = 3_000;
const CHUNK_MS = 10_000;
/** After so many failures the node replays the logs instead: slow, and nobody can keep it from that, but age. */
const ATTEMPTS_MAX = 3;

export class SnapshotJoin {
  readonly #components: SnapshotJoinComponents;
  readonly #options: SnapshotJoinOptions;
  readonly #proof: Omit<ProofContext, "committee">;
  #attempts = 0;
  #lies = 0;
  #isRefused = false;
  /** What an earlier attempt collected. */
  #progress: {readonly id: Hash; readonly builder: SnapshotBuilder} | undefined;

  constructor(components: SnapshotJoinComponents, options: SnapshotJoinOptions) {
    this.#components = components;
    this.#options = options;
    const {verifier} = components;
    this.#proof = {verifier, genesisHash: fromHex(genesisHash(options.genesis))};
  }

  /** A peer's logs do not go back to where this node stands: it tries once more, whatever failed before. */
  refused(): void {
    this.#isRefused = true;
    this.#attempts = Math.min(this.#attempts, ATTEMPTS_MAX - 1);
  }

  /** False when this node should rather follow the logs now: it has begun, or nobody offers enough. */
  async run(signal: AbortSignal): Promise<boolean> {
    const {begin, log} = this.#components;
    if (!this.#isWanted() || this.#attempts >= ATTEMPTS_MAX) return false;
    this.#isRefused = false;
    const liesBefore = this.#lies;
    const offers = await this.#offers(signal);
    // Whoever lied may have kept others from being heard: they are asked again a little later.
    const isBusy = offers.length > 0 || this.#lies > liesBefore;
    if (isBusy) this.#attempts += 1;
    for (const offer of offers.toSorted(newestFirst)) {
      const beginning = await this.#from(offer, signal);
      if (beginning === undefined) continue;
      log.info("ledger begins with a snapshot", {height: heightOf(offer)});
      begin(beginning);
      break;
    }
    return isBusy;
  }

  #isWanted(): boolean {
    const {height, isWitness} = this.#components;
    if (this.#options.isArchive) return false;
    return this.#isRefused || (height() === 0n && !isWitness());
  }

  async #offers(signal: AbortSignal): Promise<Offer[]> {
    const {net, random} = this.#components;
    const peers = net.peers().map(({peer}) => peer);
    const asked: PeerId[] = [];
    while (asked.length < PEERS_ASKED_MAX && peers.length > 0)
      asked.push(...peers.splice(Math.floor(random.float() * peers.length), 1));
    const offers = await Promise.all(asked.map((peer) => this.#offerOf(peer, signal)));
    return offers.flatMap((offer) => offer ?? []);
  }

  async #offerOf(peer: PeerId, signal: AbortSignal): Promise<Offer | undefined> {
    return await this.#blaming(peer, async () => {
      const {head: bytes} = await askPeer(this.#components, {peer, replyMs: HEAD_MS, signal}, (ask) =>
        ask({case: "snapshotHeadRequest", value: {}}, "snapshotHeadReply"),
      );
      if (bytes.length === 0) return undefined;
      const head = decodeSnapshotHead(bytes);
      const {genesis} = this.#options;
      checkSnapshotProof(head, {genesis, verifier: this.#components.verifier});
      // An epoch is replayed in no time; and whoever lies about its logs moves nobody who keeps up.
      const near = this.#components.height() + BigInt(genesis.params.checkpointsPerEpoch);
      const isFar = head.final.checkpoint.height > near;
      return isFar ? {peer, id: snapshotIdOf(head), head} : undefined;
    });
  }

  /** What is missing, from this peer; what it gave before it failed stays. */
  async #from({peer, id, head}: Offer, signal: AbortSignal): Promise<Beginning | undefined> {
    return await this.#blaming(peer, async () => {
      if (this.#progress?.id !== id) this.#progress = {id, builder: new SnapshotBuilder(head)};
      const {builder} = this.#progress;
      const {final, handovers, firsts} = head;
      return await askPeer(this.#components, {peer, replyMs: CHUNK_MS, signal}, async (ask) => {
        for (const index of firsts.keys())
          if (!builder.has(index)) await takeChunk(ask, {id, index, builder});
        const covered = await fetchCovered(ask, head, this.#proof);
        return {final, state: builder.finish(), covered, handovers};
      });
    });
  }

  async #blaming<T>(peer: PeerId, work: () => Promise<T | undefined>): Promise<T | undefined> {
    const {net, log} = this.#components;
    try {
      return await work();
    } catch (error) {
      const {code} = toCodedError(error);
      if (PROVES_FAULT.has(code)) {
        this.#lies += 1;
        net.penalize(peer, code);
      }
      log.debug("a peer's snapshot was not taken", {peer, code});
      return undefined;
    }
  }
}

type Wanted = {readonly id: Hash; readonly index: number; readonly builder: SnapshotBuilder};

async function takeChunk(ask: Ask, {id, index, builder}: Wanted): Promise<void> {
  const question = {case: "snapshotChunkRequest", value: {snapshot: fromHex(id), index}} as const;
  const {chunk} = await ask(question, "snapshotChunkReply");
  if (chunk.length === 0) throw new CodedError("NOT_FOUND");
  builder.take(index, decodeSnapshotChunk(chunk));
}

/** Those of one snapshot together, so that one goes on where another failed. */
function newestFirst(left: Offer, right: Offer): number {
  if (heightOf(left) !== heightOf(right)) return heightOf(left) > heightOf(right) ? -1 : 1;
  return left.id === right.id ? 0 : left.id < right.id ? -1 : 1;
}

function heightOf({head}: Offer): bigint {
  return head.final.checkpoint.height;
}
