/** Content-addressed bytes over any blockstore and the network port. */
import {CodedError} from "@catalyze/core/errors/codedError";
import type {Blobs, FetchOptions, FetchProgress} from "@catalyze/core/ports/blobs";
import type {Clock} from "@catalyze/core/ports/clock";
import type {Log} from "@catalyze/core/ports/log";
import type {Net} from "@catalyze/core/ports/net";
import type {ContentRouting} from "@catalyze/core/ports/routing";
import type {Cid, PeerId} from "@catalyze/core/primitives/id";
import type {CID} from "multiformats/cid";
import {BlockFetch, Sources} from "./blockFetch.ts";
import type {Wanted} from "./blockQueue.ts";
import {BlockServer} from "./blockServer.ts";
import {type BlockStorage, DAG_PB, parseCid, RAW, readBlock, textOf, writeBlock} from "./blockStorage.ts";
import {type Child, childrenOf, exportBlob, importBlob, walk} from "./dag.ts";

export type BlockBlobsComponents = {
  readonly net: Net;
  readonly clock: Clock;
  readonly log: Log;
  readonly storage: BlockStorage;
  /** More sources than the caller names; without it only those are asked. */
  readonly routing?: ContentRouting;
};

/** Largest blob that is ever held in memory as one piece. */
const BLOB_BYTES_MAX = 2 ** 31;
const PROVIDERS_MAX = 8;
const DEPTH_MAX = 3;
/** All but the last child of an honest node are 1 MiB or more; a tree of tiny ones is a bomb. */
const CHILD_COST_BYTES = 64 * 1024;

export class BlockBlobs implements Blobs {
  readonly #components: BlockBlobsComponents;
  readonly #storage: BlockStorage;
  readonly #server: BlockServer;
  /** One fetch of a blob at a time; a second caller waits and then finds it here. */
  readonly #fetching = new Map<Cid, Promise<void>>();
  #stopServing: (() => void) | undefined;

  constructor(components: BlockBlobsComponents) {
    this.#components = components;
    this.#storage = components.storage;
    this.#server = new BlockServer(components);
  }

  /** From now on other peers can fetch what is here. */
  start(): void {
    this.#stopServing ??= this.#components.net.handle("blob", (stream) => this.#server.serve(stream));
  }

  stop(): void {
    this.#stopServing?.();
    this.#stopServing = undefined;
  }

  async has(cid: Cid): Promise<boolean> {
    try {
      for await (const step of walk(parseCid(cid), (node) => this.#read(node), BLOB_BYTES_MAX)) {
        if (step.cid.code === RAW && !(await this.#storage.has(step.cid))) return false;
      }
      return true;
    } catch (error) {
      if (error instanceof CodedError && isAbsent(error)) return false;
      throw error;
    }
  }

  async put(bytes: Uint8Array): Promise<Cid> {
    if (bytes.length > BLOB_BYTES_MAX) throw new CodedError("BLOB_TOO_LARGE");
    const cid = textOf(await importBlob(this.#storage, bytes));
    void this.#components.routing?.provide(cid);
    return cid;
  }

  async get(cid: Cid): Promise<Uint8Array | undefined> {
    if (!(await this.has(cid))) return undefined;
    return await exportBlob(this.#storage, parseCid(cid));
  }

  async size(cid: Cid): Promise<number | undefined> {
    const root = parseCid(cid);
    if (root.code === RAW) return (await readBlock(this.#storage, root))?.length;
    if (!(await this.has(cid))) return undefined;
    let total = 0;
    for await (const step of walk(root, (node) => this.#read(node), BLOB_BYTES_MAX)) {
      if (step.cid.code === RAW) total += step.bytes ?? 0;
    }
    return total;
  }

  /** Reads and hashes every block. Damaged ones are removed, so that a fetch repairs the blob. */
  async verifyAll(cid: Cid): Promise<boolean> {
    let isWhole = true;
    try {
      for await (const step of walk(parseCid(cid), (node) => this.#read(node), BLOB_BYTES_MAX)) {
        if (step.cid.code !== RAW) continue;
        const isFine = await readBlock(this.#storage, step.cid).then(
          (bytes) => bytes !== undefined,
          () => false,
        );
        isWhole &&= isFine;
      }
    } catch (error) {
      if (error instanceof CodedError && isAbsent(error)) return false;
      throw error;
    }
    return isWhole;
  }

  /** Deletes the blob's blocks; one that another blob shares is fetched again when that is needed. */
  async remove(cid: Cid): Promise<void> {
    const found: CID[] = [];
    try {
      for await (const step of walk(parseCid(cid), (node) => this.#read(node), BLOB_BYTES_MAX)) {
        found.push(step.cid);
      }
    } catch (error) {
      // Half a blob: what was reached can go.
      if (!(error instanceof CodedError && isAbsent(error))) throw error;
    }
    for (const block of found.reverse()) await this.#storage.delete(block);
  }

  async fetch(cid: Cid, options: FetchOptions): Promise<void> {
    const root = parseCid(cid);
    for (let other = this.#fetching.get(cid); other !== undefined; other = this.#fetching.get(cid)) {
      // Whatever became of it, the next look says what is still absent.
      await other.catch(() => {});
      options.signal?.throwIfAborted();
    }
    const work = this.#fetch(root, options);
    this.#fetching.set(cid, work);
    try {
      await work;
    } finally {
      this.#fetching.delete(cid);
    }
    void this.#components.routing?.provide(cid);
  }

  async #fetch(root: CID, options: FetchOptions): Promise<void> {
    const {net, routing} = this.#components;
    if (await this.has(textOf(root))) return;
    const first = options.sources.filter((peer) => peer !== net.self);
    const more: Promise<readonly PeerId[]> =
      routing?.findProviders(textOf(root), PROVIDERS_MAX, options.signal) ?? Promise.resolve([]);
    const sources = new Sources(
      first,
      more.catch(() => []),
    );
    const progress = new Progress(options);
    let level: readonly Wanted[] = [{cid: root, bytes: undefined}];
    for (let depth = 0; level.length > 0; depth++) {
      if (depth > DEPTH_MAX) throw new CodedError("BLOB_CORRUPT", {evidence: {reason: "tooDeep"}});
      await this.#fetchLevel(level, {sources, progress, options});
      level = await this.#below(level, options.bytesMax);
      progress.expect(level);
    }
  }

  /** Brings the absent ones of `level` here. Blocks that are here count as progress at once. */
  async #fetchLevel(
    level: readonly Wanted[],
    {sources, progress, options}: {sources: Sources; progress: Progress; options: FetchOptions},
  ): Promise<void> {
    const absent = new Map<string, Wanted>();
    for (const wanted of level) {
      if (await this.#storage.has(wanted.cid)) progress.add(wanted);
      else absent.set(wanted.cid.toString(), wanted);
    }
    if (absent.size === 0) return;
    await new BlockFetch(this.#components, {
      wanted: [...absent.values()],
      sources,
      signal: options.signal,
      store: async (cid, bytes) => {
        if (bytes.length > options.bytesMax) throw new CodedError("BLOB_TOO_LARGE");
        await writeBlock(this.#storage, cid, bytes);
        progress.add({cid, bytes: bytes.length});
      },
    }).run();
  }

  /** The children of all file nodes of a level. Sizes are as stated, nodes cost a little on top. */
  async #below(level: readonly Wanted[], bytesMax: number): Promise<readonly Child[]> {
    const children: Child[] = [];
    let total = 0;
    for (const {cid} of level) {
      if (cid.code !== DAG_PB) continue;
      for (const child of childrenOf(cid, await this.#read(cid))) {
        total += Math.max(child.bytes, CHILD_COST_BYTES);
        if (total > bytesMax + bytesMax / 64 + CHILD_COST_BYTES)
          throw new CodedError("BLOB_TOO_LARGE", {evidence: {bytesMax}});
        children.push(child);
      }
    }
    return children;
  }

  async #read(cid: CID): Promise<Uint8Array> {
    const bytes = await readBlock(this.#storage, cid);
    if (bytes === undefined) throw new CodedError("BLOB_NOT_FOUND", {evidence: {cid: textOf(cid)}});
    return bytes;
  }
}

/** Counts leaves, so that the sum at the end is the blob's size. */
class Progress {
  readonly #report: ((progress: FetchProgress) => void) | undefined;
  #bytesDone = 0;
  #bytesTotal: number | undefined;

  constructor({onProgress}: FetchOptions) {
    this.#report = onProgress;
  }

  expect(level: readonly Wanted[]): void {
    if (level.length > 0) this.#bytesTotal = level.reduce((sum, {bytes}) => sum + (bytes ?? 0), 0);
  }

  add({cid, bytes}: Wanted): void {
    if (cid.code !== RAW) return;
    this.#bytesDone += bytes ?? 0;
    this.#report?.({bytesDone: this.#bytesDone, bytesTotal: this.#bytesTotal});
  }
}

/** Absent, or damaged and therefore removed. */
function isAbsent({code, evidence}: CodedError): boolean {
  return code === "BLOB_NOT_FOUND" || (code === "BLOB_CORRUPT" && evidence["reason"] === "disk");
}
