/**
 * The node's store on LevelDB; the only file that imports it. One process opens a home's database: the
 * CLI talks to the daemon instead.
 *
 * The schema version is kept twice: in a plain file, read before LevelDB opens (opening alone rewrites
 * its log), and under `meta/schema`, inside the same atomic world as the data.
 */
import {mkdir, readdir, readFile, stat, statfs, writeFile} from "node:fs/promises";
import {join} from "node:path";
import {setImmediate} from "node:timers/promises";
import {CodedError} from "@catalyze/core/errors/codedError";
import type {RangeOptions, Store, StoreSnapshot, Write} from "@catalyze/core/ports/store";
import {fromUtf8, utf8} from "@catalyze/core/primitives/bytes";
import {Level} from "level";
import {storeError} from "./storeError.ts";

/** Raised whenever the meaning of stored keys or values changes. */
export const SCHEMA_VERSION = 1;
const SCHEMA_KEY = "meta/schema";
const SCHEMA_FILE = "SCHEMA";
/** Above every ASCII key that starts with the same prefix. */
const PREFIX_END = "\u{10ffff}";

/**
 * Writes stop while there is still room to open again: recovery turns the log (4 MiB at most) into a
 * table before it deletes the log.
 */
const FREE_BYTES_MIN = 8 * 1024 * 1024;
/** Bytes written between two looks at the free space. */
const SPACE_CHECK_BYTES = 1024 * 1024;

/** Bytes of callers that are written as one batch. */
const GROUP_BYTES_MAX = 4 * 1024 * 1024;
/** A few milliseconds. */
const ITEMS_PER_TURN = 1_024;

type Database = Level<string, Uint8Array>;
type Snapshot = ReturnType<Database["snapshot"]>;
type Row = readonly [string, Uint8Array];

type Waiting = {
  readonly batch: readonly Write[];
  readonly sync: boolean;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
};

export class LevelStore implements Store {
  readonly #db: Database;
  readonly #path: string;
  #bytesUnchecked = SPACE_CHECK_BYTES;
  /** Set after a failed write: the log may end in half a record, and only opening again cuts it off. */
  #isTorn = false;
  #healing: Promise<void> = Promise.resolve();
  readonly #waiting: Waiting[] = [];
  #writing: Promise<void> | undefined;

  private constructor(db: Database, path: string) {
    this.#db = db;
    this.#path = path;
  }

  /** Throws `HOME_LOCKED`, `SCHEMA_NEWER` (nothing was written), `STORE_CORRUPT` or `STORE_FULL`. */
  static async open(path: string): Promise<LevelStore> {
    try {
      await mkdir(path, {recursive: true, mode: 0o700});
      const isNew = await checkSchemaFile(path);
      const db: Database = new Level<string, Uint8Array>(path, {keyEncoding: "utf8", valueEncoding: "view"});
      await db.open();
      try {
        await checkSchemaKey(db);
      } catch (error) {
        await db.close();
        throw error;
      }
      if (isNew) await writeFile(join(path, SCHEMA_FILE), `${SCHEMA_VERSION}\n`, {mode: 0o600});
      return new LevelStore(db, path);
    } catch (error) {
      throw storeError(error);
    }
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    await this.#healing;
    return await getFrom(this.#db, key);
  }

  async range(prefix: string, options: RangeOptions = {}): Promise<readonly Row[]> {
    await this.#healing;
    return await rangeOf(this.#db, prefix, options);
  }

  /** Ends with the store; a failed write ends it too. Reads then throw. */
  snapshot(): StoreSnapshot {
    const snapshot = snapshotOf(this.#db);
    return {
      get: async (key) => await getFrom(this.#db, key, snapshot),
      range: async (prefix, options = {}) => await rangeOf(this.#db, prefix, {...options, snapshot}),
      close: async () => await snapshot.close(),
    };
  }

  /**
   * In the order of the calls. What comes while a write is under way goes with the next one, as one batch
   * with one sync: many callers at once cost the disk little more than one.
   */
  write(batch: readonly Write[], options: {readonly sync?: boolean} = {}): Promise<void> {
    const {promise, resolve, reject} = Promise.withResolvers<void>();
    this.#waiting.push({batch, sync: options.sync === true, resolve, reject});
    this.#writing ??= this.#drain();
    return promise;
  }

  async close(): Promise<void> {
    await this.#writing;
    await this.#healing.catch(() => {});
    await this.#db.close();
  }

  /** Never rejects: each caller hears of its own group. */
  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      const group = this.#nextGroup();
      try {
        await this.#writeGroup(group);
        for (const {resolve} of group) resolve();
      } catch (error) {
        for (const {reject} of group) reject(error);
      }
    }
    this.#writing = undefined;
  }

  /** What waits, up to a size: LevelDB holds a batch in memory twice. */
  #nextGroup(): readonly Waiting[] {
    let bytes = 0;
    let count = 0;
    for (const {batch} of this.#waiting) {
      bytes += bytesOf(batch);
      if (count > 0 && bytes > GROUP_BYTES_MAX) break;
      count += 1;
    }
    return this.#waiting.splice(0, count);
  }

  async #writeGroup(group: readonly Waiting[]): Promise<void> {
    await this.#checkSpace(group);
    if (this.#isTorn) this.#heal();
    await this.#healing;
    try {
      await this.#writeBatch(
        group.flatMap(({batch}) => batch),
        group.some(({sync}) => sync),
      );
    } catch (error) {
      this.#isTorn = true;
      throw storeError(error);
    }
  }

  /**
   * One batch, handed over item by item, which costs a quarter of handing over a list; of a large one so many in
   * a turn, so that the others on this thread do not wait for all of it.
   */
  async #writeBatch(writes: readonly Write[], sync: boolean): Promise<void> {
    const batch = this.#db.batch();
    try {
      for (const [index, {key, value}] of writes.entries()) {
        if (index % ITEMS_PER_TURN === ITEMS_PER_TURN - 1) await setImmediate();
        if (value === undefined) batch.del(key);
        else batch.put(key, value);
      }
    } catch (error) {
      await batch.close();
      throw error;
    }
    await batch.write({sync});
  }

  /** On disk, as far as files stay while they are counted. */
  async sizeBytes(): Promise<number> {
    const names = await readdir(this.#path);
    const sizes = await Promise.all(
      names.map(async (name) => {
        try {
          return (await stat(join(this.#path, name))).size;
        } catch {
          // Deleted by a compaction meanwhile.
          return 0;
        }
      }),
    );
    return sizes.reduce((sum, size) => sum + size, 0);
  }

  async #checkSpace(group: readonly Waiting[]): Promise<void> {
    for (const {batch} of group) this.#bytesUnchecked += bytesOf(batch);
    if (this.#bytesUnchecked < SPACE_CHECK_BYTES && !this.#isTorn) return;
    const {bavail, bsize} = await statfs(this.#path);
    const bytesFree = bavail * bsize;
    // The count stays up while the disk is full, so the next write looks again.
    if (bytesFree < FREE_BYTES_MIN) throw new CodedError("STORE_FULL", {evidence: {bytesFree}});
    this.#bytesUnchecked = 0;
  }

  #heal(): void {
    this.#isTorn = false;
    this.#healing = (async () => {
      try {
        await this.#db.close();
        await this.#db.open();
      } catch (error) {
        this.#isTorn = true;
        throw storeError(error);
      }
    })();
    // Whoever waits for it sees the error; nobody waiting is no crash.
    this.#healing.catch(() => {});
  }
}

function snapshotOf(db: Database): Snapshot {
  try {
    return db.snapshot();
  } catch (error) {
    throw storeError(error);
  }
}

async function getFrom(db: Database, key: string, snapshot?: Snapshot): Promise<Uint8Array | undefined> {
  try {
    const value = await db.get(key, {snapshot});
    return value === undefined ? undefined : plain(value);
  } catch (error) {
    throw storeError(error);
  }
}

async function rangeOf(
  db: Database,
  prefix: string,
  {after, limit, reverse = false, snapshot}: RangeOptions & {readonly snapshot?: Snapshot},
): Promise<readonly Row[]> {
  const end = `${prefix}${PREFIX_END}`;
  const bounds = reverse
    ? {gte: prefix, lt: after !== undefined && after < end ? after : end}
    : after !== undefined && after >= prefix
      ? {gt: after, lt: end}
      : {gte: prefix, lt: end};
  try {
    const entries = await db.iterator({...bounds, reverse, limit: limit ?? -1, snapshot}).all();
    return entries.map(([key, value]) => [key, plain(value)]);
  } catch (error) {
    throw storeError(error);
  }
}

function bytesOf(batch: readonly Write[]): number {
  return batch.reduce((sum, {key, value}) => sum + key.length + (value?.length ?? 0), 0);
}

/** LevelDB hands out Buffers, whose `slice()` shares memory where that of a Uint8Array copies. */
function plain(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** True when there is no file yet. */
async function checkSchemaFile(path: string): Promise<boolean> {
  let text: string;
  try {
    text = await readFile(join(path, SCHEMA_FILE), "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return true;
    throw error;
  }
  refuseNewer(text);
  return false;
}

async function checkSchemaKey(db: Database): Promise<void> {
  const stored = await db.get(SCHEMA_KEY);
  if (stored === undefined) await db.put(SCHEMA_KEY, utf8(String(SCHEMA_VERSION)), {sync: true});
  else refuseNewer(fromUtf8(stored));
}

function refuseNewer(text: string): void {
  const found = Number.parseInt(text, 10);
  if (!Number.isSafeInteger(found)) throw new CodedError("STORE_CORRUPT", {evidence: {reason: "schema"}});
  if (found > SCHEMA_VERSION) {
    throw new CodedError("SCHEMA_NEWER", {evidence: {found, supported: SCHEMA_VERSION}});
  }
}
