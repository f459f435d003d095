/**
 * Ranks who should run a task, from live asks and own experience, and learns from what came of it. The
 * rule is core's `route`; here are the figures it needs.
 */
import type {CodedError} from "@catalyze/core/errors/codedError";
import type {AskBook} from "@catalyze/core/market/askBook";
import {type Candidate, candidateOf, type RouteResult, route} from "@catalyze/core/market/route";
import type {Clock} from "@catalyze/core/ports/clock";
import type {Net} from "@catalyze/core/ports/net";
import type {Random} from "@catalyze/core/ports/random";
import type {AccountId, PeerId, TaskClass} from "@catalyze/core/primitives/id";
import {outcomeOf} from "@catalyze/core/reputation/outcome";
import {type OutcomeEvent, type PeerReputation, standingOf} from "@catalyze/core/reputation/reputation";
import type {Catalog} from "./catalog.ts";
import type {ReputationBook} from "./reputationBook.ts";

export type RouterComponents = {
  readonly net: Net;
  readonly clock: Clock;
  readonly random: Random;
  readonly book: AskBook;
  readonly catalog: Catalog;
  readonly reputations: ReputationBook;
  readonly account: AccountId;
  /** False when this node cannot run models. */
  readonly canRunLocally: boolean;
};

export type RankRequest = {
  readonly taskClass: TaskClass;
  readonly unitsMax: bigint;
  /** µCTZ; `undefined` for no limit. */
  readonly priceMax: bigint | undefined;
  readonly deadlineMs: number;
  readonly excluded: ReadonlySet<PeerId>;
  readonly allowLocal: boolean;
  readonly auditPpm: number;
};

const PRICE_UNLIMITED = 1n << 62n;
/** Bytes a second that a fetch of a missing model is taken to bring. */
const FETCH_BYTES_PER_MS = 10_000;
const RTT_UNKNOWN_MS = 20;
/** Of a task's maximum, what it uses; replaced by what was seen. */
const SHARE_UNKNOWN = 0.5;
const SHARE_WEIGHT = 0.2;

export class Router {
  readonly #components: RouterComponents;
  readonly #shareUsed = new Map<TaskClass, number>();

  constructor(components: RouterComponents) {
    this.#components = components;
  }

  rank(request: RankRequest): RouteResult {
    const {clock, random} = this.#components;
    const nowMs = clock.now();
    const policy = {
      priceMax: request.priceMax ?? PRICE_UNLIMITED,
      deadlineMs: request.deadlineMs,
      nowMs,
      excluded: request.excluded,
    };
    return route(this.#candidates(request), policy, random);
  }

  reputationOf(peer: PeerId, taskClass: TaskClass): PeerReputation {
    return this.#components.reputations.get(peer, taskClass);
  }

  started(peer: PeerId, taskClass: TaskClass): void {
    this.#record(peer, taskClass, {kind: "started"});
  }

  failed(peer: PeerId, taskClass: TaskClass, error: CodedError): void {
    switch (outcomeOf(error.code)) {
      case "soft":
        this.#record(peer, taskClass, {kind: "soft", retryAfterMs: error.retryAfterMs});
        break;
      case "fault": {
        const isLate = error.code === "PROVIDER_LATE";
        this.#record(peer, taskClass, {kind: "fault", weight: 1, isLate});
        break;
      }
      case "fraud":
        this.#record(peer, taskClass, {kind: "fraud"});
        break;
      case "neutral":
        break;
    }
  }

  succeeded(
    peer: PeerId,
    taskClass: TaskClass,
    facts: {
      readonly latencyMs: number;
      readonly isAudited: boolean;
      readonly units: bigint;
      readonly unitsMax: bigint;
    },
  ): void {
    this.#record(peer, taskClass, {
      kind: "success",
      latencyMs: facts.latencyMs,
      weight: 1,
      isAudited: facts.isAudited,
      isOnTime: true,
    });
    if (facts.unitsMax === 0n) return;
    const seen = Number(facts.units) / Number(facts.unitsMax);
    const before = this.#shareUsed.get(taskClass) ?? seen;
    this.#shareUsed.set(taskClass, before + SHARE_WEIGHT * (seen - before));
  }

  #candidates(request: RankRequest): Candidate[] {
    const {book, clock, net} = this.#components;
    const nowMs = clock.now();
    const share = this.#shareUsed.get(request.taskClass) ?? SHARE_UNKNOWN;
    const units = BigInt(Math.ceil(Number(request.unitsMax) * share));
    const latencies = new Map(net.peers().map(({peer, latencyMs}) => [peer, latencyMs]));
    const candidates: Candidate[] = [];
    for (const live of book.live(request.taskClass, nowMs)) {
      const {ask} = live;
      if (ask.peer === net.self) continue;
      const fetchMs = ask.isWarm ? 0 : this.#fetchMs(request.taskClass);
      candidates.push(
        candidateOf(live, {
          units: units > request.unitsMax ? request.unitsMax : units,
          unitsMax: request.unitsMax,
          transferMs: (latencies.get(ask.peer) ?? RTT_UNKNOWN_MS) + fetchMs,
          auditPpm: request.auditPpm,
          standing: standingOf(this.reputationOf(ask.peer, request.taskClass), nowMs),
        }),
      );
    }
    const local = request.allowLocal ? this.#local(request.taskClass) : undefined;
    return local === undefined ? candidates : [...candidates, local];
  }

  /** Own hardware: free of charge, no lock, no voucher. */
  #local(taskClass: TaskClass): Candidate | undefined {
    const {catalog, net, account, canRunLocally} = this.#components;
    if (!canRunLocally || !catalog.sold().some((entry) => entry.taskClass === taskClass && entry.isLocal))
      return undefined;
    return {
      kind: "local",
      peer: net.self,
      account,
      price: 0n,
      chargeMax: 0n,
      auditPpm: 0,
      estimateMs: undefined,
      queueMs: 0,
      standing: undefined,
      ask: undefined,
    };
  }

  #fetchMs(taskClass: TaskClass): number {
    return this.#components.catalog.bytesOf(taskClass) / FETCH_BYTES_PER_MS;
  }

  #record(peer: PeerId, taskClass: TaskClass, event: OutcomeEvent): void {
    this.#components.reputations.record(peer, taskClass, event);
  }
}
