/** Who announced which content, oldest first, with a share for each peer and each content. */

/** Announcements kept for others: a share of a network of some thousand nodes. */
const RECORDS_MAX = 4_096;
/** Models and bundles of one node. A flood of announcements costs only the flooder. */
const RECORDS_PER_PEER_MAX = 256;
/** Who asks for a content takes a handful; all of them travel in one answer. */
const RECORDS_PER_CONTENT_MAX = 32;

/** A map from `/dht/provider/<content>/<peer>` that makes room for what is set. */
export class ProviderRecords<Value> extends Map<string, Value> {
  readonly #self: string;
  readonly #ofPeer = new Map<string, Set<string>>();
  readonly #ofContent = new Map<string, Set<string>>();

  /** Records of `self` count for nobody and are not pushed out. */
  constructor(self: string) {
    super();
    this.#self = self;
  }

  override set(key: string, value: Value): this {
    this.delete(key);
    if (peerOf(key) === this.#self) return super.set(key, value);
    this.#dropOldest(this.#ofContent.get(contentOf(key)), RECORDS_PER_CONTENT_MAX);
    this.#dropOldest(this.#ofPeer.get(peerOf(key)), RECORDS_PER_PEER_MAX);
    if (this.size >= RECORDS_MAX) this.#dropOldest(this.#largestShare(), 1);
    add(this.#ofContent, contentOf(key), key);
    add(this.#ofPeer, peerOf(key), key);
    return super.set(key, value);
  }

  override delete(key: string): boolean {
    remove(this.#ofContent, contentOf(key), key);
    remove(this.#ofPeer, peerOf(key), key);
    return super.delete(key);
  }

  /** Room for one more where there is none. */
  #dropOldest(keys: ReadonlySet<string> | undefined, max: number): void {
    if (keys === undefined || keys.size < max) return;
    const [oldest] = keys;
    if (oldest !== undefined) this.delete(oldest);
  }

  #largestShare(): ReadonlySet<string> | undefined {
    let most: ReadonlySet<string> | undefined;
    for (const share of this.#ofPeer.values()) if (share.size > (most?.size ?? 0)) most = share;
    return most;
  }
}

function add(sets: Map<string, Set<string>>, name: string, key: string): void {
  const set = sets.get(name);
  if (set === undefined) sets.set(name, new Set([key]));
  else set.add(key);
}

function remove(sets: Map<string, Set<string>>, name: string, key: string): void {
  const set = sets.get(name);
  set?.delete(key);
  if (set?.size === 0) sets.delete(name);
}

function contentOf(key: string): string {
  return key.slice(0, key.lastIndexOf("/"));
}

function peerOf(key: string): string {
  return key.slice(key.lastIndexOf("/") + 1);
}
