import type {Cid, PeerId} from "../primitives/id.ts";

export type FetchProgress = {readonly bytesDone: number; readonly bytesTotal: number | undefined};

export type FetchOptions = {
  /** Tried in order, several at once; more are found through the network. */
  readonly sources: readonly PeerId[];
  readonly onProgress?: (progress: FetchProgress) => void;
  readonly signal?: AbortSignal;
  readonly bytesMax: number;
};

/** Content-addressed bytes. Blocks already here are never fetched again, so a fetch resumes. */
export interface Blobs {
  /** True when the whole blob is here. */
  has(cid: Cid): Promise<boolean>;
  put(bytes: Uint8Array): Promise<Cid>;
  /** The bytes, or `undefined`. Throws `BLOB_CORRUPT` when the disk lies. */
  get(cid: Cid): Promise<Uint8Array | undefined>;
  size(cid: Cid): Promise<number | undefined>;
  /** Brings the blob here. Throws `BLOB_NOT_FOUND`, `BLOB_CORRUPT`, `STORE_FULL`. */
  fetch(cid: Cid, options: FetchOptions): Promise<void>;
}
