/**
 * A log file with a size cap: at the cap it becomes `.1`, older ones move up, the oldest goes. Writes are
 * synchronous, so that the last lines before a crash are there; a full disk loses lines, never the node.
 */
import {closeSync, fstatSync, openSync, renameSync, writeSync} from "node:fs";

/** 4 files of 8 MiB: a day of `debug` on a busy node, a month of `info`. */
export const LOG_BYTES_MAX = 8 * 1024 * 1024;
export const LOG_FILES_MAX = 4;

export class RotatingFile {
  readonly #path: string;
  readonly #bytesMax: number;
  #fd: number | undefined;
  #bytes = 0;
  /** Lines that the disk did not take. */
  linesLost = 0;

  constructor(path: string, bytesMax: number = LOG_BYTES_MAX) {
    this.#path = path;
    this.#bytesMax = bytesMax;
    this.#open();
  }

  write(line: string): void {
    try {
      if (this.#bytes >= this.#bytesMax) this.#rotate();
      if (this.#fd === undefined) this.#open();
      if (this.#fd === undefined) throw new Error("closed");
      this.#bytes += writeSync(this.#fd, line);
    } catch {
      // Nobody to tell but the log itself: count, and go on.
      this.linesLost += 1;
    }
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  #open(): void {
    this.#fd = openSync(this.#path, "a", 0o600);
    this.#bytes = fstatSync(this.#fd).size;
  }

  #rotate(): void {
    this.close();
    for (let number = LOG_FILES_MAX - 1; number >= 1; number -= 1) {
      const from = number === 1 ? this.#path : `${this.#path}.${number - 1}`;
      try {
        renameSync(from, `${this.#path}.${number}`);
      } catch {
        // A number that is not in use yet.
      }
    }
    this.#open();
  }
}
