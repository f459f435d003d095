/**
 * The bundles of this node: signed manifests in the store, their files as blobs, and plain files in a
 * folder for executors to read. Blobs checks every hash; the folder is a cache that can be deleted.
 */
import {mkdir, readFile, rename, rm, stat, writeFile} from "node:fs/promises";
import {join} from "node:path";
import {CodedError} from "@catalyze/core/errors/codedError";
import type {Blobs, FetchOptions} from "@catalyze/core/ports/blobs";
import type {Log} from "@catalyze/core/ports/log";
import type {SignatureVerifier, Signer} from "@catalyze/core/ports/signer";
import type {Store} from "@catalyze/core/ports/store";
import type {Cid} from "@catalyze/core/primitives/id";
import type {BundleFile, Manifest} from "@catalyze/core/task/manifest";
import {signManifest, verifyManifest} from "@catalyze/core/task/manifestCodec";
import {LIMITS} from "@catalyze/proto/limits";
import type {BundleDraft} from "./bundleDraft.ts";
import type {ModelFile} from "./protocol.ts";

export type BundleStoreComponents = {
  readonly blobs: Blobs;
  readonly store: Store;
  readonly verifier: SignatureVerifier;
  readonly log: Log;
};

export type BundleStoreOptions = {
  /** Where files for executors are laid out, e.g. `<home>/cache/bundles`. */
  readonly dir: string;
  readonly genesisHash: Uint8Array;
};

export type Bundle = {readonly cid: Cid; readonly manifest: Manifest};

/** A bundle whose files lie on the disk. */
export type OpenBundle = Bundle & {readonly files: readonly ModelFile[]; readonly bytes: number};

const KEY = "bundle/";
/** Bundles a node keeps; each is at most 64 KiB of manifest in memory. */
const BUNDLES_MAX = 10_000;

export class BundleStore {
  readonly #components: BundleStoreComponents;
  readonly #options: BundleStoreOptions;
  readonly #known = new Map<Cid, Manifest>();
  readonly #opening = new Map<Cid, Promise<OpenBundle>>();
  #loaded: Promise<void> | undefined;

  constructor(components: BundleStoreComponents, options: BundleStoreOptions) {
    this.#components = components;
    this.#options = options;
  }

  /** Where executors read. */
  get dir(): string {
    return this.#options.dir;
  }

  async list(): Promise<readonly Bundle[]> {
    await this.#load();
    return [...this.#known].map(([cid, manifest]) => ({cid, manifest}));
  }

  async get(cid: Cid): Promise<Bundle | undefined> {
    await this.#load();
    const manifest = this.#known.get(cid);
    return manifest === undefined ? undefined : {cid, manifest};
  }

  /** Keeps a signed manifest. Its files need not be here. Throws `DECODE_INVALID`, `SIGNATURE_INVALID`. */
  async add(manifestBytes: Uint8Array): Promise<Bundle> {
    const {blobs, store, verifier} = this.#components;
    await this.#load();
    const manifest = verifyManifest(manifestBytes, verifier, this.#options.genesisHash);
    const cid = await blobs.put(manifestBytes);
    if (!this.#known.has(cid) && this.#known.size >= BUNDLES_MAX) throw new CodedError("STORE_FULL");
    await store.write([{key: KEY + cid, value: manifestBytes}], {sync: true});
    this.#known.set(cid, manifest);
    return {cid, manifest};
  }

  /** Signs a draft with the creator's key and keeps manifest and files. The royalty goes to that key's account. */
  async publish(draft: BundleDraft, signer: Signer, creator?: Manifest["creator"]): Promise<Bundle> {
    const files: BundleFile[] = [];
    for (const {name, path} of draft.files) {
      const bytes = await readFile(path);
      files.push({name, cid: await this.#components.blobs.put(bytes), bytes: bytes.length});
    }
    const manifest: Manifest = {...draft, files, ...(creator === undefined ? {} : {creator})};
    return await this.add(signManifest(manifest, signer, this.#options.genesisHash));
  }

  /** Files of a known bundle that are not here. Throws `MODEL_UNKNOWN`. */
  async missing(cid: Cid): Promise<readonly BundleFile[]> {
    const {manifest} = await this.#require(cid);
    const absent: BundleFile[] = [];
    for (const file of manifest.files) if (!(await this.#components.blobs.has(file.cid))) absent.push(file);
    return absent;
  }

  /** Brings manifest and files here. Throws what `Blobs.fetch` throws, `DECODE_INVALID`, `SIGNATURE_INVALID`. */
  async fetch(cid: Cid, options: Omit<FetchOptions, "bytesMax">): Promise<Bundle> {
    const bundle = (await this.get(cid)) ?? (await this.fetchManifest(cid, options));
    const absent = await this.missing(cid);
    const bytesTotal = absent.reduce((sum, file) => sum + file.bytes, 0);
    let before = 0;
    for (const file of absent) {
      const {onProgress} = options;
      await this.#components.blobs.fetch(file.cid, {
        ...options,
        bytesMax: file.bytes,
        ...(onProgress && {
          onProgress: ({bytesDone}) => onProgress({bytesDone: before + bytesDone, bytesTotal}),
        }),
      });
      before += file.bytes;
    }
    return bundle;
  }

  /** Lays the files out for executors. Throws `MODEL_UNKNOWN`, `BLOB_NOT_FOUND`, `BLOB_CORRUPT`, `STORE_FULL`. */
  async open(cid: Cid): Promise<OpenBundle> {
    const running = this.#opening.get(cid);
    if (running !== undefined) return await running;
    const opening = this.#open(cid).finally(() => this.#opening.delete(cid));
    this.#opening.set(cid, opening);
    return await opening;
  }

  async #open(cid: Cid): Promise<OpenBundle> {
    const bundle = await this.#require(cid);
    const folder = join(this.#options.dir, cid);
    await mkdir(folder, {recursive: true});
    const files: ModelFile[] = [];
    let bytes = 0;
    for (const file of bundle.manifest.files) {
      files.push({name: file.name, path: await this.#layOut(folder, file)});
      bytes += file.bytes;
    }
    return {...bundle, files, bytes};
  }

  async #layOut(folder: string, file: BundleFile): Promise<string> {
    const path = join(folder, file.name);
    const present = await stat(path).catch(() => undefined);
    if (present?.size === file.bytes) return path;
    const content = await this.#components.blobs.get(file.cid);
    if (content === undefined) throw new CodedError("BLOB_NOT_FOUND", {evidence: {cid: file.cid}});
    if (content.length !== file.bytes) {
      throw new CodedError("MODEL_INVALID", {evidence: {file: file.name, bytes: content.length}});
    }
    // Renamed into place, so that a crash leaves no half file under the right name.
    const partial = `${path}.${process.pid}.partial`;
    try {
      await writeFile(partial, content, {mode: 0o644});
      await rename(partial, path);
    } catch (cause) {
      await rm(partial, {force: true});
      const code = (cause as {code?: string}).code === "ENOSPC" ? "STORE_FULL" : "INTERNAL";
      throw new CodedError(code, {cause});
    }
    return path;
  }

  /** Brings the signed manifest alone. Throws as `fetch` does. */
  async fetchManifest(cid: Cid, options: Omit<FetchOptions, "bytesMax">): Promise<Bundle> {
    const {blobs} = this.#components;
    await blobs.fetch(cid, {
      sources: options.sources,
      bytesMax: LIMITS.manifestBytesMax + 256,
      ...signalOf(options),
    });
    const bytes = await blobs.get(cid);
    if (bytes === undefined) throw new CodedError("BLOB_NOT_FOUND", {evidence: {cid}});
    return await this.add(bytes);
  }

  async #require(cid: Cid): Promise<Bundle> {
    const bundle = await this.get(cid);
    if (bundle === undefined) throw new CodedError("MODEL_UNKNOWN", {evidence: {bundle: cid}});
    return bundle;
  }

  #load(): Promise<void> {
    this.#loaded ??= this.#readAll();
    return this.#loaded;
  }

  async #readAll(): Promise<void> {
    const {store, verifier, log} = this.#components;
    for (const [key, bytes] of await store.range(KEY, {limit: BUNDLES_MAX})) {
      try {
        this.#known.set(
          key.slice(KEY.length) as Cid,
          verifyManifest(bytes, verifier, this.#options.genesisHash),
        );
      } catch (error) {
        log.warn("a stored manifest is not valid and is left out", {key, error: String(error)});
      }
    }
  }
}

function signalOf({signal}: {readonly signal?: AbortSignal}): {signal?: AbortSignal} {
  return signal === undefined ? {} : {signal};
}
