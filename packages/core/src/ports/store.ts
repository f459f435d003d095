/** One change of a batch; `undefined` deletes. */
export type Write = {readonly key: string; readonly value: Uint8Array | undefined};

export type RangeOptions = {readonly after?: string; readonly limit?: number; readonly reverse?: boolean};

export interface StoreReader {
  get(key: string): Promise<Uint8Array | undefined>;
  /** Entries whose key starts with `prefix`, in key order. */
  range(prefix: string, options?: RangeOptions): Promise<readonly (readonly [string, Uint8Array])[]>;
}

/**
 * The ordered key-value store of a node. Keys are ASCII, ordered bytewise. A batch is atomic: after a
 * crash either all of it is there or none. `sync` returns only when the batch is on disk.
 * Throws `STORE_FULL` or `STORE_CORRUPT`.
 */
export interface Store extends StoreReader {
  write(batch: readonly Write[], options?: {readonly sync?: boolean}): Promise<void>;
  /** Everything as it is now, whatever is written later, until `close`. */
  snapshot(): StoreSnapshot;
}

export interface StoreSnapshot extends StoreReader {
  close(): Promise<void>;
}

/**
 * An append-only file of checksummed records for what must survive the loss of the store: signing
 * table, outbox, vouchers. `append` returns when the record is on disk; a torn tail is dropped on open.
 */
export interface AppendLog {
  append(records: readonly Uint8Array[]): Promise<void>;
  /** Every record, oldest first. */
  read(): Promise<readonly Uint8Array[]>;
  /** Replaces the content atomically. */
  compact(records: readonly Uint8Array[]): Promise<void>;
  close(): Promise<void>;
}
