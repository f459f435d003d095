/**
 * Certificates out of the entries at hand, in the form that travels (`certificateProof.ts`). A bad member can have the
 * closing of an epoch leave out as many as logs have room for: all of them are made in one pass over the entries, and
 * each list that an entry carries is hashed once.
 */
import type {OpId} from "../primitives/id.ts";
import {voteEpochOf} from "./checkpoint.ts";
import type {Committee, VoterMask} from "./committee.ts";
import type {Dag, EntryNode} from "./dag.ts";
import type {Entry} from "./entry.ts";
import {encodeAck, TAG_ACKS, TAG_CARRY} from "./entryCodec.ts";
import type {Carrier, Certificate, CertificateVote} from "./evidenceCodec.ts";
import {type MerklePath, MerkleTree} from "./merkle.ts";
import type {Op} from "./op.ts";
import type {LedgerParams} from "./params.ts";

export type VotesIn = {
  readonly dag: Dag;
  /** Of the votes. */
  readonly epoch: number;
  readonly committee: Committee;
  readonly params: Pick<LedgerParams, "checkpointsPerEpoch">;
};

/** Those of the ops for which a quorum's votes are at hand. */
export function makeCertificates(ops: Iterable<Op>, votes: VotesIn): Certificate[] {
  const makers = new Map<OpId, Maker>();
  const paths = new Paths();
  for (const op of ops) makers.set(op.id, new Maker(op, votes.committee, paths));
  if (makers.size === 0) return [];
  const {dag, epoch, params} = votes;
  const nodes = [...dag.nodes()].filter(({entry}) => voteEpochOf(entry.header, params) === epoch);
  const carriers = new Map<EntryNode, readonly Place[]>();
  for (const node of nodes) {
    const places = placesIn(node, makers);
    if (places.length > 0) carriers.set(node, places);
    for (const place of places) place.maker.carried(node.entry, place.index);
  }
  for (const {entry} of nodes) countAcks(entry, carriers, dag);
  return [...makers.values()].flatMap((maker) => maker.certificate() ?? []);
}

function countAcks(entry: Entry, carriers: ReadonlyMap<EntryNode, readonly Place[]>, dag: Dag): void {
  for (const [ackIndex, {hash, exceptions}] of entry.acks.entries()) {
    const acked = dag.node(hash);
    if (acked === undefined) continue;
    const without = new Set(exceptions);
    for (const {maker, index} of carriers.get(acked) ?? [])
      if (!without.has(index)) maker.acknowledged(entry, ackIndex, {carrier: acked.entry, index});
  }
}

type Place = {readonly maker: Maker; readonly index: number};

function placesIn({entry: {carry}}: EntryNode, makers: ReadonlyMap<OpId, Maker>): readonly Place[] {
  return carry.flatMap(({id}, index) => {
    const maker = makers.get(id);
    return maker === undefined ? [] : [{maker, index}];
  });
}

class Maker {
  readonly #committee: Committee;
  readonly #paths: Paths;
  #mask: VoterMask = 0;
  readonly #ops: Op[];
  readonly #carriers: Carrier[] = [];
  readonly #votes: CertificateVote[] = [];

  constructor(op: Op, committee: Committee, paths: Paths) {
    this.#ops = [op];
    this.#committee = committee;
    this.#paths = paths;
  }

  certificate(): Certificate | undefined {
    const {ops, carriers, votes} = {ops: this.#ops, carriers: this.#carriers, votes: this.#votes};
    return this.#committee.isQuorum(this.#mask) ? {ops, carriers, votes} : undefined;
  }

  carried(entry: Entry, index: number): void {
    if (!this.#isNew(entry)) return;
    this.#votes.push({carrier: this.#carrierOf(entry, index), signature: entry.signature, ack: undefined});
  }

  acknowledged(
    entry: Entry,
    ackIndex: number,
    {carrier, index}: {readonly carrier: Entry; readonly index: number},
  ): void {
    const {header, headerBytes, signature, acks} = entry;
    const ack = acks[ackIndex];
    if (ack === undefined || carrier.header.witness === header.witness || !this.#isNew(entry)) return;
    const path = this.#paths.ofAck(entry, ackIndex);
    this.#votes.push({carrier: this.#carrierOf(carrier, index), signature, ack: {headerBytes, ack, path}});
  }

  /** Whether its vote adds anything: not that of who is no member, nor a second one, nor more than a quorum. */
  #isNew({header}: Entry): boolean {
    const mask = this.#mask | this.#committee.bitOf(header.witness);
    if (mask === this.#mask || this.#committee.isQuorum(this.#mask)) return false;
    this.#mask = mask;
    return true;
  }

  #carrierOf(entry: Entry, index: number): number {
    const op = this.#opIndex(entry.carry[index]);
    this.#carriers.push({headerBytes: entry.headerBytes, op, path: this.#paths.ofOp(entry, index)});
    return this.#carriers.length - 1;
  }

  #opIndex(op: Op | undefined): number {
    if (op === undefined) return 0;
    const known = this.#ops.findIndex(({bytes}) => Buffer.compare(bytes, op.bytes) === 0);
    return known === -1 ? this.#ops.push(op) - 1 : known;
  }
}

class Paths {
  readonly #carried = new Map<Entry, MerkleTree>();
  readonly #acks = new Map<Entry, MerkleTree>();

  ofOp(entry: Entry, index: number): MerklePath {
    const items = () => entry.carry.map(({bytes}) => bytes);
    return pathIn(this.#carried, entry, {tag: TAG_CARRY, items, index});
  }

  ofAck(entry: Entry, index: number): MerklePath {
    return pathIn(this.#acks, entry, {tag: TAG_ACKS, items: () => entry.acks.map(encodeAck), index});
  }
}

function pathIn(
  trees: Map<Entry, MerkleTree>,
  entry: Entry,
  {tag, items, index}: {readonly tag: number; readonly items: () => Uint8Array[]; readonly index: number},
): MerklePath {
  const tree = trees.get(entry) ?? new MerkleTree(tag, items());
  trees.set(entry, tree);
  return tree.path(index);
}
