/**
 * Every metric of the node, prefix `ctz_`, base units, labels from closed sets: never a peer or a task.
 * Parts see small interfaces (`LedgerMetrics` and the like); this class satisfies them.
 */
import type {ErrorCode} from "@catalyze/core/errors/table";
import {Counter, collectDefaultMetrics, Gauge, Histogram, Registry} from "prom-client";
import type {LedgerMetrics} from "../ledger/ledgerMetrics.ts";
import {ledgerMetrics} from "./promLedger.ts";

export type TaskRole = "requester" | "provider" | "middleware";
export type TaskOutcome = "done" | "failed" | "cancelled";

/** From a warm call of milliseconds to a long model run. */
const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];

/** Read when somebody scrapes, so that nothing has to push them. */
export type MetricSources = {
  readonly peers?: () => number;
  readonly tasksOpen?: () => {readonly requester: number; readonly provider: number};
  readonly slots?: () => {readonly slots: number; readonly busy: number; readonly queued: number};
  readonly balanceUctz?: () => bigint;
  readonly receivableUctz?: () => bigint;
  readonly checkpointAgeMs?: () => number;
  readonly asksKnown?: () => number;
  /** Entries of the ledger in the present epoch, branches of forked logs not counted. */
  readonly ledgerEntries?: () => number;
  /** Times that the thread which checks signatures died or hung. */
  readonly checkThreadFailures?: () => number;
  /** Of the database. */
  readonly storeBytes?: () => Promise<number>;
};

export class Metrics {
  readonly #registry = new Registry();
  readonly ledger: LedgerMetrics;
  readonly #tasks: Counter<"role" | "outcome" | "code">;
  readonly #phases: Histogram<"phase">;
  readonly #quotes: Counter<"outcome">;
  readonly #quoteSeconds: Histogram;
  readonly #attempts: Counter<"kind" | "outcome" | "code">;
  readonly #gossip: Counter<"topic" | "verdict">;
  readonly #vouchers: Counter<"dir" | "outcome">;
  readonly #earned: Counter;
  readonly #spent: Counter;
  readonly #anchors: Counter<"outcome">;
  readonly #fetched: Counter<"outcome">;
  readonly #api: Histogram<"route" | "code">;
  readonly #ready: Gauge;

  constructor(version: string) {
    const registers = [this.#registry];
    const counter = <Label extends string>(name: string, help: string, labelNames: Label[]): Counter<Label> =>
      new Counter({name, help, labelNames, registers});
    const histogram = <Label extends string>(
      name: string,
      help: string,
      labelNames: Label[],
    ): Histogram<Label> => new Histogram({name, help, labelNames, registers, buckets: SECONDS});
    collectDefaultMetrics({register: this.#registry});
    new Gauge({name: "ctz_build_info", help: "Version", labelNames: ["version"], registers}).set(
      {version},
      1,
    );
    this.#ready = new Gauge({name: "ctz_ready", help: "1 once the node takes tasks", registers});
    this.#tasks = counter("ctz_tasks_total", "Tasks ended", ["role", "outcome", "code"]);
    this.#phases = histogram("ctz_task_phase_duration_seconds", "Time of one phase of a task", ["phase"]);
    this.#attempts = counter("ctz_attempts_total", "Attempts ended", ["kind", "outcome", "code"]);
    this.#quotes = counter("ctz_quotes_requested_total", "Quotes asked of providers", ["outcome"]);
    this.#quoteSeconds = histogram("ctz_quote_duration_seconds", "From quote request to answer", []);
    this.#gossip = counter("ctz_gossip_messages_total", "Gossip received", ["topic", "verdict"]);
    this.#vouchers = counter("ctz_vouchers_total", "Vouchers", ["dir", "outcome"]);
    this.#earned = counter("ctz_earned_uctz_total", "Earned by vouchers received, µCTZ", []);
    this.#spent = counter("ctz_spent_uctz_total", "Charged for tasks of this node, µCTZ", []);
    this.#anchors = counter("ctz_anchors_total", "Anchors posted", ["outcome"]);
    this.#fetched = counter("ctz_blob_fetches_total", "Blobs fetched from peers", ["outcome"]);
    this.#api = histogram("ctz_api_request_duration_seconds", "API requests", ["route", "code"]);
    this.ledger = ledgerMetrics(this.#registry);
  }

  /** Gauges that are read at each scrape; call once the parts exist. */
  observe(sources: MetricSources): void {
    const gauge = (name: string, help: string, read: (() => number | Promise<number>) | undefined): void => {
      if (read === undefined) return;
      new Gauge({
        name,
        help,
        registers: [this.#registry],
        async collect() {
          this.set(await read());
        },
      });
    };
    const {slots, tasksOpen, balanceUctz, receivableUctz, checkpointAgeMs} = sources;
    gauge("ctz_peers", "Connected peers", sources.peers);
    gauge("ctz_ledger_entries", "Entries of the present epoch", sources.ledgerEntries);
    gauge("ctz_check_thread_failures", "Thread of signatures died or hung", sources.checkThreadFailures);
    gauge("ctz_store_bytes", "Size of the database on disk", sources.storeBytes);
    gauge("ctz_offers_known", "Live asks heard", sources.asksKnown);
    gauge("ctz_executor_slots", "Executor processes", slots && (() => slots().slots));
    gauge("ctz_executor_slots_busy", "Executor processes at work", slots && (() => slots().busy));
    gauge("ctz_queue_depth", "Tasks that wait for a slot here", slots && (() => slots().queued));
    gauge("ctz_tasks_open_requester", "Own tasks in flight", tasksOpen && (() => tasksOpen().requester));
    gauge(
      "ctz_tasks_open_provider",
      "Tasks of others in flight here",
      tasksOpen && (() => tasksOpen().provider),
    );
    gauge("ctz_ledger_balance_uctz", "Own balance, µCTZ", balanceUctz && (() => Number(balanceUctz())));
    gauge(
      "ctz_receivable_uctz",
      "Vouchers not claimed yet, µCTZ",
      receivableUctz && (() => Number(receivableUctz())),
    );
    gauge(
      "ctz_checkpoint_age_seconds",
      "Age of the last checkpoint",
      checkpointAgeMs && (() => checkpointAgeMs() / 1000),
    );
  }

  ready(isReady: boolean): void {
    this.#ready.set(isReady ? 1 : 0);
  }

  taskEnded(role: TaskRole, outcome: TaskOutcome, code: ErrorCode | undefined): void {
    this.#tasks.inc({role, outcome, code: code ?? "none"});
  }

  taskPhase(phase: string, seconds: number): void {
    this.#phases.observe({phase}, seconds);
  }

  attemptEnded(kind: string, outcome: TaskOutcome, code: ErrorCode | undefined): void {
    this.#attempts.inc({kind, outcome, code: code ?? "none"});
  }

  quoteAnswered(outcome: "quote" | "refusal" | "failure", seconds: number): void {
    this.#quotes.inc({outcome});
    this.#quoteSeconds.observe(seconds);
  }

  gossipReceived(topic: string, verdict: "accept" | "ignore" | "reject"): void {
    this.#gossip.inc({topic, verdict});
  }

  voucher(dir: "in" | "out", outcome: "accepted" | "refused"): void {
    this.#vouchers.inc({dir, outcome});
  }

  earned(uctz: bigint): void {
    this.#earned.inc(Number(uctz));
  }

  spent(uctz: bigint): void {
    this.#spent.inc(Number(uctz));
  }

  anchor(outcome: "posted" | "final" | "failed"): void {
    this.#anchors.inc({outcome});
  }

  blobFetched(outcome: "done" | "failed"): void {
    this.#fetched.inc({outcome});
  }

  apiRequest(route: string, code: number, seconds: number): void {
    this.#api.observe({route, code: String(code)}, seconds);
  }

  /** The exposition text and its media type. */
  async text(): Promise<{readonly body: string; readonly mediaType: string}> {
    return {body: await this.#registry.metrics(), mediaType: this.#registry.contentType};
  }
}
