import {createHash} from "node:crypto";
import {mkdtemp, readFile, rm, writeFile} from "node:fs/promises";
import {tmpdir} from "node:os";
import {join} from "node:path";
import {accountIdOf} from "@catalyze/core/crypto/accountId";
import type {Blobs} from "@catalyze/core/ports/blobs";
import type {Log} from "@catalyze/core/ports/log";
import type {Store} from "@catalyze/core/ports/store";
import type {Cid} from "@catalyze/core/primitives/id";
import {afterEach, beforeEach, describe, expect, it} from "vitest";
import type {BundleDraft} from "../../src/exec/bundleDraft.ts";
import {BundleStore} from "../../src/exec/bundleStore.ts";
import {createSigner, openVerifier} from "../../src/identity/signatures.ts";

const signer = createSigner(new Uint8Array(32).fill(3));
const log: Log = {debug() {}, info() {}, warn() {}, error() {}, child: () => log};
const {verifier} = openVerifier(log);

/** Blobs in memory; `fetch` takes from `elsewhere`. */
function memoryBlobs(
  elsewhere: ReadonlyMap<Cid, Uint8Array> = new Map(),
): Blobs & {readonly held: Map<Cid, Uint8Array>} {
  const held = new Map<Cid, Uint8Array>();
  const cidOf = (bytes: Uint8Array) =>
    `b${createHash("sha256")
      .update(bytes)
      .digest("hex")
      .replace(/[0189]/g, "a")}` as Cid;
  return {
    held,
    has: async (cid) => held.has(cid),
    put: async (bytes) => {
      held.set(cidOf(bytes), bytes);
      return cidOf(bytes);
    },
    get: async (cid) => held.get(cid),
    size: async (cid) => held.get(cid)?.length,
    fetch: async (cid, {bytesMax, onProgress}) => {
      const bytes = elsewhere.get(cid);
      if (bytes === undefined) throw new Error("nobody has it");
      expect(bytes.length).toBeLessThanOrEqual(bytesMax);
      held.set(cid, bytes);
      onProgress?.({bytesDone: bytes.length, bytesTotal: bytes.length});
    },
  };
}

function memoryStore(): Store {
  const entries = new Map<string, Uint8Array>();
  return {
    get: async (key) => entries.get(key),
    range: async (prefix) => [...entries].filter(([key]) => key.startsWith(prefix)),
    write: async (batch) => {
      for (const {key, value} of batch) value === undefined ? entries.delete(key) : entries.set(key, value);
    },
    snapshot: () => {
      throw new Error("nobody asks for it");
    },
  };
}

describe("BundleStore", () => {
  let folder: string;
  let draft: BundleDraft;
  const genesisHash = new Uint8Array(32).fill(1);
  const storeOf = (blobs: Blobs, store: Store, name: string) =>
    new BundleStore({blobs, store, verifier, log}, {dir: join(folder, name), genesisHash});

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "ctz bundle "));
    await writeFile(join(folder, "vad.onnx"), "model bytes");
    draft = {
      v: 1,
      kind: "vad",
      title: "Voice",
      pipeline: 1,
      files: [{name: "vad.onnx", path: join(folder, "vad.onnx"), bytes: 11, sha256: ""}],
      unit: "mac",
      meter: {models: {"vad.onnx": []}},
      inputBytesMax: 100,
      outputBytesMax: 100,
      licence: "MIT",
    };
  });
  afterEach(() => rm(folder, {recursive: true}));

  it("publishes, survives a restart and lays files out", async () => {
    const [blobs, store] = [memoryBlobs(), memoryStore()];
    const creator = {account: accountIdOf(signer.publicKey), royaltyBps: 500};
    const {cid, manifest} = await storeOf(blobs, store, "a").publish(draft, signer, creator);
    expect(manifest.creator).toEqual(creator);
    const again = storeOf(blobs, store, "a");
    expect(await again.list()).toEqual([{cid, manifest}]);
    const {files, bytes} = await again.open(cid);
    expect(bytes).toBe(11);
    expect(await readFile(files[0]?.path ?? "", "utf8")).toBe("model bytes");
  });

  it("lays out again what was damaged", async () => {
    const bundles = storeOf(memoryBlobs(), memoryStore(), "a");
    const {cid} = await bundles.publish(draft, signer);
    const path = (await bundles.open(cid)).files[0]?.path ?? "";
    await writeFile(path, "mod");
    await bundles.open(cid);
    expect(await readFile(path, "utf8")).toBe("model bytes");
  });

  it("fetches manifest and files from elsewhere, once", async () => {
    const origin = memoryBlobs();
    const {cid} = await storeOf(origin, memoryStore(), "a").publish(draft, signer);
    const blobs = memoryBlobs(origin.held);
    const bundles = storeOf(blobs, memoryStore(), "b");
    const seen: unknown[] = [];
    await bundles.fetch(cid, {sources: [], onProgress: (progress) => seen.push(progress)});
    expect(seen).toEqual([{bytesDone: 11, bytesTotal: 11}]);
    expect(await bundles.missing(cid)).toEqual([]);
    expect((await bundles.open(cid)).bytes).toBe(11);
  });

  it("says in a code what it does not have", async () => {
    const origin = memoryBlobs();
    const published = await storeOf(origin, memoryStore(), "a").publish(draft, signer);
    const bundles = storeOf(memoryBlobs(), memoryStore(), "b");
    await expect(bundles.open(published.cid)).rejects.toMatchObject({code: "MODEL_UNKNOWN"});
    await bundles.add(origin.held.get(published.cid) as Uint8Array);
    expect(await bundles.missing(published.cid)).toHaveLength(1);
    await expect(bundles.open(published.cid)).rejects.toMatchObject({code: "BLOB_NOT_FOUND"});
  });

  it("refuses a manifest of another network or with a broken signature", async () => {
    const origin = memoryBlobs();
    const {cid} = await storeOf(origin, memoryStore(), "a").publish(draft, signer);
    const bytes = (origin.held.get(cid) as Uint8Array).slice();
    const elsewhere = new BundleStore(
      {blobs: memoryBlobs(), store: memoryStore(), verifier, log},
      {dir: folder, genesisHash: new Uint8Array(32)},
    );
    await expect(elsewhere.add(bytes)).rejects.toMatchObject({code: "SIGNATURE_INVALID"});
    bytes[bytes.length - 1] = (bytes.at(-1) as number) ^ 1;
    await expect(storeOf(origin, memoryStore(), "c").add(bytes)).rejects.toMatchObject({
      code: "SIGNATURE_INVALID",
    });
  });
});
