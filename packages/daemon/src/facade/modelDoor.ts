/**
 * Ways a model comes up for sale here: the operator's own ONNX file, a folder with a signed bundle, or the
 * content id of a bundle that others hold, fetched when its first task comes.
 */
import {existsSync} from "node:fs";
import {readFile} from "node:fs/promises";
import {basename, dirname, join} from "node:path";
import type {ModelAddBody} from "@catalyze/api/schema/market";
import {CodedError, toCodedError} from "@catalyze/core/errors/codedError";
import type {Cid} from "@catalyze/core/primitives/id";
import {LIMITS} from "@catalyze/proto/limits";
import {addModel as addOnnx} from "../exec/addModel.ts";
import {readBundleIndex} from "../exec/bundleDraft.ts";
import type {Bundle} from "../exec/bundleStore.ts";
import {classOf} from "../node/bundleCatalog.ts";
import type {Parts} from "../node/wire.ts";

/** The signed manifest in a bundle's folder; its files lie beside it under their manifest names. */
export const MANIFEST_FILE = "manifest.bin";
/** Of a folder of prepared bundles, beside their folders. */
const INDEX_FILE = "index.json";
const HOLDERS_PATIENCE_MS = 8_000;
const HOLDERS_RETRY_MS = 250;
const CID = /^b[a-z2-7]{20,120}$/;

/** Throws `MODEL_INVALID`, `MODEL_METER_UNKNOWN`, `BLOB_NOT_FOUND`, `REQUEST_INVALID`. */
export async function addModel(parts: Parts, body: ModelAddBody): Promise<Bundle> {
  const bundle = await open(parts, body);
  await parts.catalog.sell(bundle);
  return bundle;
}

async function open(parts: Parts, body: ModelAddBody): Promise<Bundle> {
  switch (body.source) {
    case "onnx":
      return await fromOnnx(parts, body);
    case "bundle":
      return await fromFolder(parts, required(body.path, "path"), body.royaltyBps ?? 0);
    case "cid":
      return await fromNetwork(parts, required(body.cid, "cid"));
  }
}

async function fromOnnx({bundles, inspector, identity}: Parts, body: ModelAddBody): Promise<Bundle> {
  const {title, alias, licence, royaltyBps} = body;
  return await addOnnx(
    {bundles, inspector},
    {
      path: required(body.path, "path"),
      signer: identity.accountSigner,
      ...(title === undefined ? {} : {title}),
      ...(alias === undefined ? {} : {alias}),
      ...(licence === undefined ? {} : {licence}),
      ...(royaltyBps === undefined || royaltyBps === 0
        ? {}
        : {creator: {account: identity.account, royaltyBps}}),
    },
  );
}

async function fromFolder(parts: Parts, folder: string, royaltyBps: number): Promise<Bundle> {
  const {bundles, blobs} = parts;
  if (!existsSync(join(folder, MANIFEST_FILE))) return await fromDraft(parts, folder, royaltyBps);
  const manifest = await read(join(folder, MANIFEST_FILE), LIMITS.manifestBytesMax * 2);
  const bundle = await bundles.add(manifest).catch((cause: unknown) => {
    throw asModelError(cause, folder);
  });
  for (const {name, cid, bytes} of bundle.manifest.files) {
    const content = await read(join(folder, name), bytes);
    if ((await blobs.put(content)) !== cid)
      throw new CodedError("MODEL_INVALID", {message: `${name} is not the file that the manifest names.`});
  }
  return bundle;
}

/** What a peer would lose standing for is here a file of the user's. */
function asModelError(cause: unknown, folder: string): CodedError {
  const error = toCodedError(cause);
  if (error.code !== "DECODE_INVALID" && error.code !== "SIGNATURE_INVALID") return error;
  return new CodedError("MODEL_INVALID", {
    message: `${join(folder, MANIFEST_FILE)} is damaged, or signed for another network.`,
    cause,
  });
}

/** A bundle that `npm run models` has prepared and nobody has signed yet: this node becomes its creator. */
async function fromDraft({bundles, identity}: Parts, folder: string, royaltyBps: number): Promise<Bundle> {
  const index = join(dirname(folder), INDEX_FILE);
  const drafts = existsSync(index) ? await readBundleIndex(index) : [];
  const draft = drafts.find(({alias}) => alias === basename(folder));
  if (draft === undefined) {
    throw new CodedError("MODEL_INVALID", {
      message: `${folder} holds no signed bundle (${MANIFEST_FILE}) and no prepared one.`,
    });
  }
  const creator = royaltyBps === 0 ? undefined : {account: identity.account, royaltyBps};
  return await bundles.publish(draft, identity.accountSigner, creator);
}

/**
 * Only the manifest now: the files come with the first task, or stay away if none comes. A node that has
 * just started does not know everybody yet, so holders are looked for again for a while.
 */
async function fromNetwork({catalog, net, clock}: Parts, cid: string): Promise<Bundle> {
  if (!CID.test(cid))
    throw new CodedError("REQUEST_INVALID", {
      message: "A bundle's content id starts with b and has only a-z and 2-7.",
    });
  const taskClass = classOf(cid as Cid);
  const untilMs = clock.monotonicMs() + HOLDERS_PATIENCE_MS;
  for (;;) {
    const peers = net.peers().map(({peer}) => peer);
    const manifest = await catalog.manifestOf(taskClass, peers);
    if (manifest !== undefined) return {cid: cid as Cid, manifest};
    if (clock.monotonicMs() >= untilMs) {
      throw new CodedError("BLOB_NOT_FOUND", {
        message: `None of ${peers.length} connected peers holds this bundle, and the DHT knows nobody who does.`,
        evidence: {bundle: cid, peers: peers.length},
      });
    }
    await clock.sleep(HOLDERS_RETRY_MS);
  }
}

async function read(path: string, bytesMax: number): Promise<Uint8Array> {
  let content: Uint8Array;
  try {
    content = await readFile(path);
  } catch (cause) {
    throw new CodedError("MODEL_INVALID", {message: `Cannot read ${path}.`, cause});
  }
  if (content.length > bytesMax)
    throw new CodedError("MODEL_INVALID", {message: `${path} is larger than the manifest says.`});
  return content;
}

function required(value: string | undefined, field: string): string {
  if (value === undefined) throw new CodedError("REQUEST_INVALID", {message: `${field} is missing.`});
  return value;
}
