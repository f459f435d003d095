/** What can go wrong with the disk of one simulated node; its store and its logs share one. */
import {CodedError} from "@catalyze/core/errors/codedError";
import type {FakeClock} from "./fakeClock.ts";
import type {SeededRandom} from "./seededRandom.ts";

/** A crashed process never sees its promises settle. */
export function never<T>(): Promise<T> {
  return new Promise(() => {});
}

export type CrashPoint = {
  /** Counted over store batches and log appends together, from now. */
  readonly afterWrites: number;
  /** Whether the write at which the node dies reached the disk. */
  readonly isWritten: boolean;
  readonly onCrash: () => void;
};

export class DiskFaults {
  /** While true every write fails with `STORE_FULL`. */
  isFull = false;
  /** Writes that were attempted, for choosing a crash point in a second run. */
  writes = 0;
  #failAfter = Number.POSITIVE_INFINITY;
  #takeTime: (() => Promise<void>) | undefined;
  #queue: Promise<void> = Promise.resolve();
  #crash: {at: number; point: CrashPoint} | undefined;

  /**
   * From now on a write takes up to `maxMs`, one after the other as on a disk, so that memory is ahead of
   * it: what a node tells before it is written shows when it dies in between.
   */
  slowDown(clock: FakeClock, random: SeededRandom, maxMs: number): void {
    this.#takeTime = () => clock.sleep(random.int(maxMs + 1));
  }

  /** The next `count` writes work, later ones find a full disk. */
  fillAfter(count: number): void {
    this.#failAfter = this.writes + count;
  }

  clear(): void {
    this.isFull = false;
    this.#failAfter = Number.POSITIVE_INFINITY;
    this.#crash = undefined;
  }

  crashAt(point: CrashPoint): void {
    this.#crash = {at: this.writes + point.afterWrites, point};
  }

  /** Every write goes through here. Resolves when it is done; never, when the node died before or at it. */
  async write(apply: () => void, isDead: () => boolean = () => false): Promise<void> {
    const takeTime = this.#takeTime;
    if (takeTime !== undefined) {
      this.#queue = this.#queue.then(takeTime);
      await this.#queue;
      if (isDead()) return await never();
    }
    this.writes += 1;
    if (this.isFull || this.writes > this.#failAfter) throw new CodedError("STORE_FULL");
    const crash = this.#crash;
    if (crash !== undefined && this.writes > crash.at) {
      this.#crash = undefined;
      if (crash.point.isWritten) apply();
      crash.point.onCrash();
      return await never();
    }
    apply();
  }
}
