/**
 * Keeps a node in its network: addresses that a person gave and pinned peers are dialled for ever, peers
 * known from before while there are few connections. Waits double from one second to one minute.
 */
import type {Clock} from "@catalyze/core/ports/clock";
import type {Random} from "@catalyze/core/ports/random";

const TICK_MS = 1_000;
const WAIT_MS_MIN = 1_000;
const WAIT_MS_MAX = 60_000;
/** Below this many connections, known peers are tried too. */
const PEERS_WANTED = 8;
const DIALS_AT_ONCE = 4;
const TARGETS_MAX = 512;

export type RedialerComponents = {
  readonly clock: Clock;
  readonly random: Random;
  /** Connects, or throws. Resolves at once when connected already; `false` means never try again. */
  readonly dial: (address: string) => Promise<boolean>;
  readonly isConnected: (address: string) => boolean;
  readonly peerCount: () => number;
};

type Target = {
  readonly address: string;
  isPinned: boolean;
  failures: number;
  nextAtMs: number;
  isBusy: boolean;
};

export class Redialer {
  readonly #components: RedialerComponents;
  readonly #targets = new Map<string, Target>();
  #cancelTick: (() => void) | undefined;

  constructor(components: RedialerComponents) {
    this.#components = components;
  }

  /** An address to dial: pinned ones for ever, others only while there are few connections. */
  add(address: string, isPinned: boolean): void {
    const known = this.#targets.get(address);
    if (known !== undefined) {
      known.isPinned ||= isPinned;
      return;
    }
    if (this.#targets.size >= TARGETS_MAX) return;
    this.#targets.set(address, {address, isPinned, failures: 0, nextAtMs: 0, isBusy: false});
  }

  remove(address: string): void {
    this.#targets.delete(address);
  }

  start(): void {
    if (this.#cancelTick === undefined) this.#tick();
  }

  stop(): void {
    this.#cancelTick?.();
    this.#cancelTick = undefined;
  }

  #tick(): void {
    const {clock} = this.#components;
    this.#cancelTick = clock.after(TICK_MS, () => this.#tick());
    let busy = [...this.#targets.values()].filter(({isBusy}) => isBusy).length;
    for (const target of this.#targets.values()) {
      if (busy >= DIALS_AT_ONCE) return;
      if (!this.#isDue(target, clock.monotonicMs())) continue;
      busy += 1;
      void this.#dial(target);
    }
  }

  #isDue(target: Target, nowMs: number): boolean {
    const {isConnected, peerCount} = this.#components;
    if (target.isBusy || target.nextAtMs > nowMs || isConnected(target.address)) return false;
    return target.isPinned || peerCount() < PEERS_WANTED;
  }

  async #dial(target: Target): Promise<void> {
    const {clock, random, dial} = this.#components;
    target.isBusy = true;
    try {
      if (!(await dial(target.address))) this.#targets.delete(target.address);
      target.failures = 0;
      target.nextAtMs = clock.monotonicMs() + WAIT_MS_MIN;
    } catch {
      // An unreachable peer is the ordinary case here; it is tried again later.
      target.failures += 1;
      const waitMs = Math.min(WAIT_MS_MAX, WAIT_MS_MIN * 2 ** Math.min(target.failures - 1, 10));
      target.nextAtMs = clock.monotonicMs() + waitMs * (0.8 + 0.4 * random.float());
    } finally {
      target.isBusy = false;
    }
  }
}
