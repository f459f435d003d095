/**
 * What the network library wants to remember: who its peers are, and who announced which content.
 *
 * Strangers write both, as often as they like, and the library's own memory has no bound. Here every
 * kind of entry has one: what is too large or of another kind is refused, the oldest goes first, and
 * what this node says of itself stays. Nothing is kept on disk: known peers are in knownPeers.ts.
 */
import {CodedError} from "@catalyze/core/errors/codedError";
import {NotFoundError} from "@libp2p/interface";
import type {createLibp2p} from "libp2p";
import {ProviderRecords} from "./providerRecords.ts";

type Datastore = NonNullable<NonNullable<Parameters<typeof createLibp2p>[0]>["datastore"]>;
type Key = Parameters<Datastore["put"]>[0];
type Query = Parameters<Datastore["query"]>[0];
type KeyQuery = Parameters<Datastore["queryKeys"]>[0];
type Pair = {key: Key; value: Uint8Array};

/** Five times the connections of a node: who left lately is found again. */
const PEERS_MAX = 1_024;
/** Addresses, protocols and a signed record of an honest peer take 2 KiB. Each new stream rewrites them. */
const PEER_BYTES_MAX = 16 * 1024;
/** A time, as a varint. */
const RECORD_BYTES_MAX = 16;
/** Two ids in text. A content id may hold megabytes in place of a hash. */
const KEY_CHARS_MAX = 256;

type Shelf = {readonly entries: Map<string, Pair>; readonly bytesMax: number};

export class NetMemory implements Datastore {
  readonly #peers: Shelf = {entries: new Map(), bytesMax: PEER_BYTES_MAX};
  readonly #records: Shelf;

  /** `self` is this node's peer id in text. */
  constructor(self: string) {
    this.#records = {entries: new ProviderRecords(self), bytesMax: RECORD_BYTES_MAX};
  }

  /** Throws `FRAME_TOO_LARGE`, and `FORBIDDEN` for what nobody asked this node to keep. */
  put(key: Key, value: Uint8Array): Key {
    const text = key.toString();
    const shelf = this.#shelfOf(text);
    if (shelf === undefined) throw new CodedError("FORBIDDEN", {evidence: {reason: "notKept"}});
    if (text.length > KEY_CHARS_MAX || value.length > shelf.bytesMax) {
      throw new CodedError("FRAME_TOO_LARGE", {evidence: {bytes: value.length, max: shelf.bytesMax}});
    }
    shelf.entries.delete(text);
    shelf.entries.set(text, {key, value});
    const {entries} = this.#peers;
    const [oldest] = entries.keys();
    if (entries.size > PEERS_MAX && oldest !== undefined) entries.delete(oldest);
    return key;
  }

  get(key: Key): Uint8Array {
    const text = key.toString();
    const pair = this.#shelfOf(text)?.entries.get(text);
    if (pair === undefined) throw new NotFoundError();
    // Peers that are in use are asked for; those of a passing crowd are not.
    if (this.#peers.entries.delete(text)) this.#peers.entries.set(text, pair);
    return pair.value;
  }

  has(key: Key): boolean {
    const text = key.toString();
    return this.#shelfOf(text)?.entries.has(text) ?? false;
  }

  delete(key: Key): void {
    const text = key.toString();
    this.#shelfOf(text)?.entries.delete(text);
  }

  async *putMany(source: AsyncIterable<Pair> | Iterable<Pair>): AsyncGenerator<Key> {
    for await (const {key, value} of source) yield this.put(key, value);
  }

  async *getMany(source: AsyncIterable<Key> | Iterable<Key>): AsyncGenerator<Pair> {
    for await (const key of source) yield {key, value: this.get(key)};
  }

  async *deleteMany(source: AsyncIterable<Key> | Iterable<Key>): AsyncGenerator<Key> {
    for await (const key of source) {
      this.delete(key);
      yield key;
    }
  }

  batch(): ReturnType<Datastore["batch"]> {
    const steps: (() => void)[] = [];
    return {
      put: (key, value) => void steps.push(() => this.put(key, value)),
      delete: (key) => void steps.push(() => this.delete(key)),
      commit: () => {
        for (const step of steps.splice(0)) step();
      },
    };
  }

  *query({prefix = "", filters = [], orders = [], offset = 0, limit}: Query): Generator<Pair> {
    let found = this.#all(prefix).filter((pair) => filters.every((matches) => matches(pair)));
    for (const order of orders) found = found.sort(order);
    yield* found.slice(offset, limit === undefined ? undefined : offset + limit);
  }

  *queryKeys({prefix = "", filters = [], orders = [], offset = 0, limit}: KeyQuery): Generator<Key> {
    let found = this.#all(prefix)
      .map(({key}) => key)
      .filter((key) => filters.every((matches) => matches(key)));
    for (const order of orders) found = found.sort(order);
    yield* found.slice(offset, limit === undefined ? undefined : offset + limit);
  }

  #all(prefix: string): Pair[] {
    return [this.#peers, this.#records].flatMap(({entries}) =>
      [...entries].flatMap(([key, pair]) => (key.startsWith(prefix) ? [pair] : [])),
    );
  }

  /** Values of the DHT have none: nobody here looks for them. */
  #shelfOf(key: string): Shelf | undefined {
    if (key.startsWith("/peers/")) return this.#peers;
    return key.startsWith("/dht/provider/") ? this.#records : undefined;
  }
}
