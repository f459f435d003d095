/**
 * The append-only file. One frame a write: `magic ‖ u32 length ‖ u32 crc32 ‖ payload`, the payload a
 * list of length-prefixed records, the checksum over length and payload. A frame is on disk before the
 * next is written, so a crash can tear only the last: it is cut off on open. A bad frame with a good one
 * behind it is no torn tail but damage, and opening fails rather than forget what was acknowledged.
 */
import {constants} from "node:fs";
import {type FileHandle, mkdir, open, rename, rm} from "node:fs/promises";
import {dirname} from "node:path";
import {crc32} from "node:zlib";
import {CodedError} from "@catalyze/core/errors/codedError";
import type {AppendLog} from "@catalyze/core/ports/store";
import {storeError} from "./storeError.ts";

const MAGIC = Buffer.from("CTZL");
const HEADER_BYTES = 12;
const FILE_MODE = 0o600;

type Waiting = {
  readonly records: readonly Uint8Array[];
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
};

export class FileLog implements AppendLog {
  readonly #path: string;
  #file: FileHandle;
  #length: number;
  #waiting: Waiting[] = [];
  /** Everything that touches the file runs after the one before it. */
  #turn: Promise<unknown> = Promise.resolve();
  #broken: CodedError | undefined;

  private constructor(path: string, file: FileHandle, length: number) {
    this.#path = path;
    this.#file = file;
    this.#length = length;
  }

  /** Creates the file where there is none. Throws `STORE_CORRUPT` for damage before the last frame. */
  static async open(path: string): Promise<FileLog> {
    try {
      await mkdir(dirname(path), {recursive: true, mode: 0o700});
      await rm(temporaryOf(path), {force: true});
      const file = await open(path, constants.O_RDWR | constants.O_CREAT, FILE_MODE);
      try {
        const bytes = await readAll(file);
        const end = parse(bytes, () => {});
        if (end < bytes.length) await file.truncate(end);
        await file.sync();
        await syncDirectory(path);
        return new FileLog(path, file, end);
      } catch (error) {
        await file.close();
        throw error;
      }
    } catch (error) {
      throw storeError(error);
    }
  }

  append(records: readonly Uint8Array[]): Promise<void> {
    if (records.length === 0) return Promise.resolve();
    const copies = records.map((record) => record.slice());
    return new Promise((resolve, reject) => {
      this.#waiting.push({records: copies, resolve, reject});
      if (this.#waiting.length === 1) void this.#next(() => this.#flush());
    });
  }

  read(): Promise<readonly Uint8Array[]> {
    return this.#next(async () => recordsIn(await readAll(this.#file)));
  }

  async compact(records: readonly Uint8Array[]): Promise<void> {
    const frame = records.length === 0 ? Buffer.alloc(0) : frameOf(records);
    await this.#next(async () => {
      const file = await this.#replace(frame);
      await this.#file.close();
      this.#file = file;
      this.#length = frame.length;
      this.#broken = undefined;
    });
  }

  async close(): Promise<void> {
    await this.#next(() => this.#file.close());
  }

  /** All that waits goes out as one frame with one sync. */
  async #flush(): Promise<void> {
    const group = this.#waiting.splice(0);
    try {
      if (this.#broken !== undefined) throw this.#broken;
      await this.#write(frameOf(group.flatMap(({records}) => records)));
      for (const {resolve} of group) resolve();
    } catch (error) {
      for (const {reject} of group) reject(storeError(error));
    }
  }

  async #write(frame: Buffer): Promise<void> {
    try {
      await writeFully(this.#file, frame, this.#length);
      await this.#file.datasync();
      this.#length += frame.length;
    } catch (error) {
      await this.#cutBack(storeError(error));
      throw error;
    }
  }

  /** A failed write leaves half a frame; the next frame must not come behind it. */
  async #cutBack(reason: CodedError): Promise<void> {
    try {
      await this.#file.truncate(this.#length);
      await this.#file.sync();
    } catch {
      this.#broken = reason;
    }
  }

  async #replace(frame: Buffer): Promise<FileHandle> {
    const temporary = temporaryOf(this.#path);
    const file = await open(temporary, "w+", FILE_MODE);
    try {
      await writeFully(file, frame, 0);
      await file.sync();
      await rename(temporary, this.#path);
      await syncDirectory(this.#path);
      return file;
    } catch (error) {
      await file.close();
      await rm(temporary, {force: true});
      throw error;
    }
  }

  #next<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work).catch((error) => {
      throw storeError(error);
    });
    this.#turn = result.catch(() => {});
    return result;
  }
}

function temporaryOf(path: string): string {
  return `${path}.tmp`;
}

async function readAll(file: FileHandle): Promise<Buffer> {
  const {size} = await file.stat();
  const bytes = Buffer.alloc(size);
  let at = 0;
  while (at < size) {
    const {bytesRead} = await file.read(bytes, at, size - at, at);
    if (bytesRead === 0) break;
    at += bytesRead;
  }
  return bytes.subarray(0, at);
}

async function writeFully(file: FileHandle, bytes: Buffer, position: number): Promise<void> {
  let done = 0;
  while (done < bytes.length) {
    const {bytesWritten} = await file.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(dirname(path), "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

function frameOf(records: readonly Uint8Array[]): Buffer {
  const payloadBytes = records.reduce((sum, record) => sum + 4 + record.length, 0);
  const frame = Buffer.alloc(HEADER_BYTES + payloadBytes);
  MAGIC.copy(frame);
  frame.writeUInt32BE(payloadBytes, 4);
  let at = HEADER_BYTES;
  for (const record of records) {
    at = frame.writeUInt32BE(record.length, at);
    frame.set(record, at);
    at += record.length;
  }
  frame.writeUInt32BE(checksum(frame, 0, payloadBytes), 8);
  return frame;
}

function checksum(bytes: Buffer, at: number, payloadBytes: number): number {
  const ofLength = crc32(bytes.subarray(at + 4, at + 8));
  return crc32(bytes.subarray(at + HEADER_BYTES, at + HEADER_BYTES + payloadBytes), ofLength);
}

function recordsIn(bytes: Buffer): Uint8Array[] {
  const records: Uint8Array[] = [];
  parse(bytes, (from, to) => records.push(new Uint8Array(bytes.subarray(from, to))));
  return records;
}

/** Names the place of each record of every whole frame; returns where they end. */
function parse(bytes: Buffer, found: (from: number, to: number) => void): number {
  let at = 0;
  for (let end = frameEnd(bytes, at); end !== undefined; end = frameEnd(bytes, at)) {
    for (let from = at + HEADER_BYTES; from < end; ) {
      const length = bytes.readUInt32BE(from);
      found(from + 4, from + 4 + length);
      from += 4 + length;
    }
    at = end;
  }
  refuseDamage(bytes, at);
  return at;
}

/** Where the frame at `at` ends; `undefined` when there is no whole, intact frame. */
function frameEnd(bytes: Buffer, at: number): number | undefined {
  if (at + HEADER_BYTES > bytes.length || bytes.compare(MAGIC, 0, 4, at, at + 4) !== 0) return undefined;
  const payloadBytes = bytes.readUInt32BE(at + 4);
  const end = at + HEADER_BYTES + payloadBytes;
  if (end > bytes.length || bytes.readUInt32BE(at + 8) !== checksum(bytes, at, payloadBytes))
    return undefined;
  return end;
}

function refuseDamage(bytes: Buffer, from: number): void {
  for (let at = bytes.indexOf(MAGIC, from + 1); at !== -1; at = bytes.indexOf(MAGIC, at + 1)) {
    if (frameEnd(bytes, at) === undefined) continue;
    throw new CodedError("STORE_CORRUPT", {evidence: {reason: "damagedRecord", offset: from}});
  }
}
