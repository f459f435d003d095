/**
 * Virtual time. Timers fire in order of (time, creation); between two timers every pending promise
 * reaction runs, so a run is a pure function of the code and its seed as long as nothing touches a real
 * disk, socket or thread.
 */
import type {Clock} from "@catalyze/core/ports/clock";
import {sleepOn} from "@catalyze/core/primitives/sleep";
import type {UnixMs} from "@catalyze/core/primitives/time";

type Timer = {readonly atMs: number; readonly order: number; task: (() => void) | undefined};

/** A fixed date, so that logs of two runs compare. */
const START_MS = 1_750_000_000_000;

export class FakeClock implements Clock {
  readonly #startMs: number;
  #elapsedMs = 0;
  #order = 0;
  /** Latest first: the next timer is the last element. */
  readonly #timers: Timer[] = [];

  constructor(startMs: number = START_MS) {
    this.#startMs = startMs;
  }

  now(): UnixMs {
    return Math.floor(this.#startMs + this.#elapsedMs) as UnixMs;
  }

  monotonicMs(): number {
    return this.#elapsedMs;
  }

  after(delayMs: number, task: () => void): () => void {
    const timer: Timer = {atMs: this.#elapsedMs + Math.max(0, delayMs), order: this.#order++, task};
    this.#insert(timer);
    return () => {
      timer.task = undefined;
    };
  }

  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    return sleepOn(this, delayMs, signal);
  }

  /** Fires every timer due until `untilMs` after the start; an error that a timer throws ends the run. */
  async run(untilMs: number): Promise<void> {
    await this.settle();
    for (let next = this.#next(); next !== undefined && next.atMs <= untilMs; next = this.#next()) {
      await this.#fire(next);
    }
    this.#elapsedMs = Math.max(this.#elapsedMs, untilMs);
  }

  async advance(ms: number): Promise<void> {
    await this.run(this.#elapsedMs + ms);
  }

  /** Runs until `isDone()`; false when `limitMs` more virtual time, or the last timer, passed first. */
  async runUntil(isDone: () => boolean, limitMs: number): Promise<boolean> {
    const untilMs = this.#elapsedMs + limitMs;
    await this.settle();
    while (!isDone()) {
      const next = this.#next();
      if (next === undefined || next.atMs > untilMs) return false;
      await this.#fire(next);
    }
    return true;
  }

  /** Awaits `work` while virtual time runs. Throws when it does not end within `limitMs`. */
  async complete<T>(work: Promise<T>, limitMs = 3_600_000): Promise<T> {
    let isDone = false;
    const mark = () => {
      isDone = true;
    };
    work.then(mark, mark);
    const ended = await this.runUntil(() => isDone, limitMs);
    if (!ended) throw new Error(`not done after ${limitMs} ms of virtual time`);
    return await work;
  }

  /** Lets every promise reaction that is due run; time stands still. */
  settle(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
  }

  get timersPending(): number {
    return this.#timers.reduce((count, timer) => count + (timer.task === undefined ? 0 : 1), 0);
  }

  async #fire(timer: Timer): Promise<void> {
    this.#timers.pop();
    this.#elapsedMs = Math.max(this.#elapsedMs, timer.atMs);
    timer.task?.();
    await this.settle();
  }

  #next(): Timer | undefined {
    while (this.#timers.length > 0 && this.#timers.at(-1)?.task === undefined) this.#timers.pop();
    return this.#timers.at(-1);
  }

  #insert(timer: Timer): void {
    let low = 0;
    let high = this.#timers.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (isLater(this.#timers[middle]!, timer)) low = middle + 1;
      else high = middle;
    }
    this.#timers.splice(low, 0, timer);
  }
}

/**
 * The clock of one simulated node: may be off by `skewMs`, and after `stop()` (a crash) none of its timers
 * or sleeps ever ends, as if the process were gone.
 */
export class NodeClock implements Clock {
  readonly #clock: FakeClock;
  readonly #skewMs: number;
  #isStopped = false;

  constructor(clock: FakeClock, skewMs = 0) {
    this.#clock = clock;
    this.#skewMs = skewMs;
  }

  now(): UnixMs {
    return (this.#clock.now() + this.#skewMs) as UnixMs;
  }

  monotonicMs(): number {
    return this.#clock.monotonicMs();
  }

  after(delayMs: number, task: () => void): () => void {
    return this.#clock.after(delayMs, () => {
      if (!this.#isStopped) task();
    });
  }

  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    return sleepOn(this, delayMs, signal);
  }

  stop(): void {
    this.#isStopped = true;
  }
}

function isLater(left: Timer, right: Timer): boolean {
  return left.atMs === right.atMs ? left.order > right.order : left.atMs > right.atMs;
}
