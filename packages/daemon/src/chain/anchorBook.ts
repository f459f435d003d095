/**
 * The epochs that wait for the chain, on disk: this node's own anchor, and everybody's signatures. Kept until
 * the chain has settled the epoch and some time beyond, since a damaged dev chain may go back.
 */
import type {Member} from "@catalyze/contracts/committeeHash";
import {type Anchor, isQuorum} from "@catalyze/core/ledger/anchorRules";
import type {Store} from "@catalyze/core/ports/store";
import {ByteReader, ByteWriter} from "@catalyze/core/primitives/binary";
import {equalBytes} from "@catalyze/core/primitives/bytes";
import {type AnchorSignature, decodeAnchorSignature, encodeAnchorSignature} from "./anchorSignature.ts";

const PREFIX = "an/ep/";
/** Of production: more than a month of epochs. Older settled ones are forgotten. */
const EPOCHS_KEPT = 1_000;
/** How far ahead of the chain epochs are held in memory; without a chain for longer they wait on disk. */
export const EPOCHS_AHEAD_MAX = 10_000;

/** Who signs the anchor of an epoch, in the order of the contract's list. */
export type AnchorMembers = (epoch: number) => readonly Member[];

export type EpochEntry = {
  readonly epoch: number;
  /** From this node's own ledger. */
  readonly own: Anchor | undefined;
  /** At most one a member: a member that signs two anchors of one epoch is heard once. */
  readonly signatures: ReadonlyMap<number, AnchorSignature>;
};

export class AnchorBook {
  readonly #store: Store;
  readonly #membersAt: AnchorMembers;
  readonly #entries = new Map<number, EpochEntry>();

  constructor(store: Store, membersAt: AnchorMembers) {
    this.#store = store;
    this.#membersAt = membersAt;
  }

  async load(): Promise<void> {
    for (const [key, bytes] of await this.#store.range(PREFIX)) {
      const epoch = Number(key.slice(PREFIX.length));
      this.#entries.set(epoch, decodeEntry(epoch, bytes));
    }
  }

  get(epoch: number): EpochEntry | undefined {
    return this.#entries.get(epoch);
  }

  /** Epochs above this one, ascending. */
  after(epoch: number): readonly EpochEntry[] {
    const above = [...this.#entries.values()].filter((entry) => entry.epoch > epoch);
    return above.sort((left, right) => left.epoch - right.epoch);
  }

  /** On disk when it resolves. Agreed checkpoints never change, so the first anchor of an epoch stays. */
  async putOwn(anchor: Anchor): Promise<void> {
    const entry = this.#entryOf(anchor.epoch);
    if (entry.own === undefined) await this.#put({...entry, own: anchor});
  }

  /** True when it was new. A member's signature of our own anchor replaces one of another. */
  async putSignature(signature: AnchorSignature): Promise<boolean> {
    const entry = this.#entryOf(signature.anchor.epoch);
    if (!this.wants(signature)) return false;
    const signatures = new Map(entry.signatures).set(signature.member, signature);
    await this.#put({...entry, signatures});
    return true;
  }

  /** Whether it would change anything: asked before the expensive check. */
  wants({anchor, member}: AnchorSignature): boolean {
    const entry = this.#entries.get(anchor.epoch);
    const known = entry?.signatures.get(member);
    if (known === undefined) return true;
    return entry?.own !== undefined && isSame(anchor, entry.own) && !isSame(known.anchor, entry.own);
  }

  /** Signatures of one anchor by more than 2/3 of the weight, by member; `undefined` while there are too few. */
  quorumOf(epoch: number): readonly AnchorSignature[] | undefined {
    const signatures = [...(this.#entries.get(epoch)?.signatures.values() ?? [])];
    const members = this.#membersAt(epoch);
    const total = weightOf(members);
    for (const candidate of signatures) {
      const same = signatures.filter(({anchor}) => isSame(anchor, candidate.anchor));
      const signed = weightOf(same.flatMap(({member}) => members[member] ?? []));
      if (isQuorum(signed, total)) return same.sort((left, right) => left.member - right.member);
    }
    return undefined;
  }

  /** Forgets epochs long settled. */
  async prune(settled: number): Promise<void> {
    const old = [...this.#entries.keys()].filter((epoch) => epoch <= settled - EPOCHS_KEPT);
    if (old.length === 0) return;
    await this.#store.write(old.map((epoch) => ({key: keyOf(epoch), value: undefined})));
    for (const epoch of old) this.#entries.delete(epoch);
  }

  #entryOf(epoch: number): EpochEntry {
    return this.#entries.get(epoch) ?? {epoch, own: undefined, signatures: new Map()};
  }

  async #put(entry: EpochEntry): Promise<void> {
    this.#entries.set(entry.epoch, entry);
    await this.#store.write([{key: keyOf(entry.epoch), value: encodeEntry(entry)}], {sync: true});
  }
}

function isSame(left: Anchor, right: Anchor): boolean {
  return equalBytes(bytesOf(left), bytesOf(right));
}

function weightOf(members: readonly Member[]): bigint {
  return members.reduce((sum, {weight}) => sum + weight, 0n);
}

const NOBODY = new Uint8Array(64);

function bytesOf(anchor: Anchor): Uint8Array {
  return encodeAnchorSignature({anchor, member: 0, signature: NOBODY});
}

function keyOf(epoch: number): string {
  return PREFIX + epoch.toString().padStart(10, "0");
}

function encodeEntry({own, signatures}: EpochEntry): Uint8Array {
  const writer = new ByteWriter().u8(own === undefined ? 0 : 1);
  if (own !== undefined) writer.bytes(bytesOf(own));
  writer.u16(signatures.size);
  for (const signature of signatures.values()) writer.bytes(encodeAnchorSignature(signature));
  return writer.finish();
}

function decodeEntry(epoch: number, bytes: Uint8Array): EpochEntry {
  const reader = new ByteReader(bytes);
  const next = () => decodeAnchorSignature(reader.bytes(1_024));
  const own = reader.u8() === 1 ? next().anchor : undefined;
  const signatures = Array.from({length: reader.count(reader.u16(), 1_024)}, next);
  reader.finish();
  return {epoch, own, signatures: new Map(signatures.map((each) => [each.member, each]))};
}
