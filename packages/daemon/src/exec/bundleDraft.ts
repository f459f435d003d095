/** What `npm run models` writes: bundles as files, before anybody signs them. */
import {readFile} from "node:fs/promises";
import {dirname, resolve} from "node:path";
import {CodedError} from "@catalyze/core/errors/codedError";
import {isRecord} from "@catalyze/core/primitives/canonicalJson";
import type {Manifest} from "@catalyze/core/task/manifest";

export type DraftFile = {
  readonly name: string;
  /** Absolute once read. */
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
};

/** A manifest without content ids and creator, and where its files lie. */
export type BundleDraft = Omit<Manifest, "files" | "creator"> & {readonly files: readonly DraftFile[]};

/** Reads an `index.json`: `{"v": 1, "bundles": [BundleDraft…]}`, file paths relative to it. */
export async function readBundleIndex(indexPath: string): Promise<readonly BundleDraft[]> {
  const value: unknown = JSON.parse(await readFile(indexPath, "utf8"));
  if (!isRecord(value) || value["v"] !== 1 || !Array.isArray(value["bundles"])) {
    throw new CodedError("MODEL_INVALID", {message: "This is not a bundle index.", evidence: {indexPath}});
  }
  const folder = dirname(indexPath);
  return (value["bundles"] as readonly BundleDraft[]).map((draft) => ({
    ...draft,
    files: draft.files.map((file) => ({...file, path: resolve(folder, file.path)})),
  }));
}
