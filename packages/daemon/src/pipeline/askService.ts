/**
 * Asks in both directions: publishes what this node sells, again whenever its load changes, and keeps
 * the live asks of others. Step 2 of the way of a task starts from this book.
 */
import {ASK_TTL_MS, type Ask, openAsk, signAsk} from "@catalyze/core/market/ask";
import type {AskBook} from "@catalyze/core/market/askBook";
import {encodeSigned} from "@catalyze/core/market/envelope";
import {legsFor} from "@catalyze/core/market/legs";
import type {Clock} from "@catalyze/core/ports/clock";
import type {Executor} from "@catalyze/core/ports/executor";
import type {LedgerClient} from "@catalyze/core/ports/ledger";
import type {Log} from "@catalyze/core/ports/log";
import type {GossipMessage, Net, Verdict} from "@catalyze/core/ports/net";
import type {Random} from "@catalyze/core/ports/random";
import {toHex} from "@catalyze/core/primitives/bytes";
import type {TaskClass} from "@catalyze/core/primitives/id";
import type {UnixMs} from "@catalyze/core/primitives/time";
import type {Verified} from "@catalyze/core/primitives/verified";
import type {Signed} from "@catalyze/proto/gen/catalyze/v1/market_pb";
import type {Catalog, SoldClass} from "./catalog.ts";
import type {Identity} from "./identity.ts";

export type AskServiceComponents = {
  readonly net: Net;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly identity: Identity;
  readonly catalog: Catalog;
  readonly executor: Executor | undefined;
  readonly book: AskBook;
  readonly ledger: Pick<LedgerClient, "params">;
};

export type AskServiceOptions = {
  readonly intervalMs: number;
};

/** A change of load is told at most this often: asks stay sparse however busy the node is. */
const SPACING_MS = 400;
const SWEEP_MS = 5_000;

export class AskService {
  readonly #components: AskServiceComponents;
  readonly #options: AskServiceOptions;
  /** Our own standing asks by class: what a requester may take as a quote. */
  readonly #own = new Map<TaskClass, {ask: Verified<Ask>; signed: Signed}>();
  #sequence = 0n;
  #stops: (() => void)[] = [];
  #isPending = false;
  #cancelPending: () => void = () => undefined;
  #isSelling = true;
  #lastState = "";

  constructor(components: AskServiceComponents, options: AskServiceOptions) {
    this.#components = components;
    this.#options = options;
  }

  start(): void {
    const {net, clock, book} = this.#components;
    // Sequences must rise across restarts without a record of their own: time does.
    this.#sequence = BigInt(clock.now());
    this.#stops = [
      net.subscribe("asks", (message) => this.#onAsk(message)),
      net.onPeer(({kind, peer}) => (kind === "down" ? book.removePeer(peer) : this.changed())),
      this.#every(this.#options.intervalMs, () => this.#publish()),
      this.#every(SWEEP_MS, () => {
        book.sweep(clock.now());
      }),
      this.#every(SPACING_MS, () => this.#publishIfLoadChanged()),
    ];
    this.#publish();
  }

  stop(): void {
    this.#cancelPending();
    for (const stop of this.#stops.splice(0)) stop();
  }

  /** No new work: asks stop and lapse, running jobs go on. */
  drain(): void {
    this.#isSelling = false;
    this.#own.clear();
  }

  /** Prices, models or load changed: tell soon, many changes in one message. */
  changed(): void {
    if (this.#isPending) return;
    this.#isPending = true;
    this.#cancelPending = this.#components.clock.after(SPACING_MS / 4, () => {
      this.#isPending = false;
      this.#publish();
    });
  }

  /** Our live ask of a class, as signed. */
  own(taskClass: TaskClass): {ask: Verified<Ask>; signed: Signed} | undefined {
    return this.#own.get(taskClass);
  }

  #publishIfLoadChanged(): void {
    const state = JSON.stringify(this.#components.executor?.state() ?? {});
    if (state === this.#lastState) return;
    this.#lastState = state;
    this.#publish();
  }

  #publish(): void {
    const {net, catalog, log} = this.#components;
    if (!this.#isSelling) return;
    const sold = catalog.sold();
    for (const taskClass of this.#own.keys()) {
      if (!sold.some((entry) => entry.taskClass === taskClass)) this.#own.delete(taskClass);
    }
    for (const entry of sold) {
      const signed = this.#sign(entry);
      net
        .publish("asks", encodeSigned(signed))
        .catch((error: unknown) => log.debug("ask not published", {error}));
    }
  }

  #sign({taskClass, manifest, price, isLocal, bundle}: SoldClass): Signed {
    const {identity, clock, random, executor, book, ledger} = this.#components;
    const {slots, busy, queued} = executor?.state() ?? {slots: 1, busy: 0, queued: 0};
    const now = clock.now();
    this.#sequence += 1n;
    const creator = manifest.creator;
    const terms = {
      askId: toHex(random.bytes(16)),
      account: identity.account,
      peer: identity.peer,
      taskClass,
      ...price,
      legs: legsFor(
        {
          provider: identity.account,
          creator: creator === undefined ? undefined : {account: creator.account, bps: creator.royaltyBps},
        },
        ledger.params(),
      ),
      determinism: executor?.determinism ?? "",
      unitsPerSecond: BigInt(Math.trunc(executor?.unitsPerSecond(bundle) ?? 0)),
      slots: Math.max(1, slots),
      slotsBusy: Math.min(busy, Math.max(1, slots)),
      queueLength: queued,
      isWarm: isLocal,
      issuedAtMs: now,
      expiresAtMs: (now + ASK_TTL_MS) as UnixMs,
      sequence: this.#sequence,
    };
    const signed = signAsk(terms, identity.binding, identity.accountSigner, identity);
    const opened = openAsk(signed, {...identity, nowMs: now});
    if (opened.verdict !== "accept") throw opened.error;
    this.#own.set(taskClass, {ask: opened.ask, signed});
    book.add(opened.ask, now);
    return signed;
  }

  #onAsk({from, data}: GossipMessage): Verdict {
    const {identity, clock, book, net, log} = this.#components;
    const opened = openAsk(data, {...identity, nowMs: clock.now()});
    if (opened.verdict !== "accept") {
      log.debug("ask refused", {from, code: opened.error.code});
      if (opened.verdict === "reject") net.penalize(from, opened.error.code);
      return opened.verdict;
    }
    if (opened.ask.peer === identity.peer) return "ignore";
    const added = book.add(opened.ask, clock.now());
    return added.kind === "refused" ? "ignore" : "accept";
  }

  #every(ms: number, task: () => void): () => void {
    const {clock, log} = this.#components;
    let cancel: () => void = () => undefined;
    const schedule = () => {
      cancel = clock.after(ms, () => {
        try {
          task();
        } catch (error) {
          log.warn("ask timer failed", {error});
        }
        schedule();
      });
    };
    schedule();
    return () => cancel();
  }
}
