/** A signed bundle as a folder: what a creator hands to providers, who add it with `ctz model add <folder>`. */
import {mkdir, readFile, rm, symlink, writeFile} from "node:fs/promises";
import {join} from "node:path";
import {accountIdOf} from "@catalyze/core/crypto/accountId";
import type {Signer} from "@catalyze/core/ports/signer";
import type {Cid} from "@catalyze/core/primitives/id";
import type {BundleFile, Manifest} from "@catalyze/core/task/manifest";
import {signManifest} from "@catalyze/core/task/manifestCodec";
import {textOf} from "../blobs/blockStorage.ts";
import {importBlob} from "../blobs/dag.ts";
import {openFsBlocks} from "../blobs/fsBlocks.ts";
import type {BundleDraft} from "../exec/bundleDraft.ts";
import {MANIFEST_FILE} from "../facade/modelDoor.ts";

export type WriteBundleInput = {
  readonly draft: BundleDraft;
  /** Its account earns the royalty. */
  readonly creator: Signer;
  readonly royaltyBps: number;
  readonly genesisHash: Uint8Array;
  /** Made anew. */
  readonly folder: string;
};

/** Signs the manifest and links the files beside it. The bundle's content id. */
export async function writeBundle({
  draft,
  creator,
  royaltyBps,
  genesisHash,
  folder,
}: WriteBundleInput): Promise<Cid> {
  await rm(folder, {recursive: true, force: true});
  const scratch = join(folder, ".blocks");
  await mkdir(scratch, {recursive: true, mode: 0o700});
  const storage = await openFsBlocks(scratch);
  const files: BundleFile[] = [];
  for (const {name, path} of draft.files) {
    const content = await readFile(path);
    files.push({name, cid: textOf(await importBlob(storage, content)), bytes: content.length});
    await symlink(path, join(folder, name));
  }
  const manifest: Manifest = {
    ...draft,
    files,
    creator: {account: accountIdOf(creator.publicKey), royaltyBps},
  };
  const bytes = signManifest(manifest, creator, genesisHash);
  await writeFile(join(folder, MANIFEST_FILE), bytes, {mode: 0o600});
  const cid = textOf(await importBlob(storage, bytes));
  await rm(scratch, {recursive: true, force: true});
  return cid;
}
