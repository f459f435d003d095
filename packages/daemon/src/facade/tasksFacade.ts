/** Tasks for the doors: requests in, views and event streams out. */
import type {TaskCreated, TaskEvent, TaskExplanation, TaskState, TaskView} from "@catalyze/api/schema/task";
import {CodedError} from "@catalyze/core/errors/codedError";
import type {TaskId} from "@catalyze/core/primitives/id";
import {isOpenTask} from "@catalyze/core/task/taskState";
import type {TaskOutput, TaskRequest, TasksFacade} from "../http/nodeFacade.ts";
import type {LedgerNode} from "../ledger/ledgerNode.ts";
import type {Catalog} from "../pipeline/catalog.ts";
import type {Identity} from "../pipeline/identity.ts";
import type {Marketplace} from "../pipeline/marketplace.ts";
import type {TaskNews} from "../pipeline/taskEvents.ts";
import type {TaskSubmission} from "../pipeline/taskService.ts";
import {attemptViews, candidateView, mediaTypeOf, receiptView, taskView} from "./taskViews.ts";

export type TasksFacadeComponents = {
  readonly marketplace: Marketplace;
  readonly ledger: LedgerNode;
  readonly catalog: Catalog;
  readonly identity: Identity;
};

/** News that a slow watcher has not read; beyond it the oldest progress is dropped, never output. */
const NEWS_MAX = 4_096;

export class TasksDoor implements TasksFacade {
  readonly #components: TasksFacadeComponents;
  readonly #maxPriceDefault: bigint;

  constructor(components: TasksFacadeComponents, options: {readonly maxPriceDefaultUctz: bigint}) {
    this.#components = components;
    this.#maxPriceDefault = options.maxPriceDefaultUctz;
  }

  async create(request: TaskRequest): Promise<TaskCreated> {
    return await this.#components.marketplace.tasks.create(this.submission(request));
  }

  async list({
    state,
    limit,
  }: {
    readonly state?: TaskState;
    readonly limit: number;
  }): Promise<readonly TaskView[]> {
    const views = this.#components.marketplace.taskBook
      .list()
      .map((entry) => this.#view(entry.record.taskId));
    return views.filter((view) => state === undefined || view.state === state).slice(0, limit);
  }

  async show(id: TaskId): Promise<TaskView> {
    return this.#view(id);
  }

  async explain(id: TaskId): Promise<TaskExplanation> {
    const {marketplace, identity} = this.#components;
    const {record, extras} = marketplace.taskBook.get(id);
    return {
      taskId: id,
      taskClass: record.taskClass,
      route: extras.route,
      reason: extras.reason === "" ? (record.reason?.message ?? "not routed yet") : extras.reason,
      candidates: extras.candidates.map((note, index) => candidateView(note, index, identity.peer)),
      rejected: extras.rejected.map(({peer, code, message}) => ({peerId: peer, code, message})),
      attempts: attemptViews(record.attempts),
    };
  }

  async receipt(id: TaskId) {
    const {marketplace, ledger} = this.#components;
    // A voucher is money set aside, but not on the ledger: `pending` until its provider has claimed.
    const entry = await marketplace.tasks.receipted(id);
    const lockId = entry.extras.receipts.find(({voucher}) => voucher !== "")?.lockId;
    const isClaimed = lockId !== undefined && (ledger.lockView(lockId)?.drawn ?? 0n) >= this.#cumulative(id);
    return receiptView(entry, isClaimed ? "certified" : "pending", ledger.head().witnesses);
  }

  async output(id: TaskId): Promise<TaskOutput> {
    const {marketplace} = this.#components;
    const {record, extras} = marketplace.taskBook.get(id);
    if (record.state === "failed" && record.reason !== undefined) {
      throw new CodedError(record.reason.code, {message: record.reason.message});
    }
    const bytes = record.state === "done" ? await marketplace.taskBook.output(id) : undefined;
    if (bytes === undefined)
      throw new CodedError("NOT_FOUND", {message: `The task is ${record.state}: there is no output.`});
    return {bytes, mediaType: mediaTypeOf(extras.kind)};
  }

  async cancel(id: TaskId): Promise<TaskView> {
    await this.#components.marketplace.tasks.cancel(id);
    return this.#view(id);
  }

  async ended(id: TaskId, signal: AbortSignal): Promise<TaskView> {
    const {marketplace} = this.#components;
    if (!isOpenTask(marketplace.taskBook.get(id).record.state)) return this.#view(id);
    const over = Promise.withResolvers<void>();
    const stop = marketplace.events.listen(id, ({kind}) => {
      if (kind === "ended") over.resolve();
    });
    const onAbort = () => over.resolve();
    signal.addEventListener("abort", onAbort, {once: true});
    if (signal.aborted) onAbort();
    await over.promise;
    stop();
    signal.removeEventListener("abort", onAbort);
    return this.#view(id);
  }

  async *events(id: TaskId, signal: AbortSignal): AsyncIterable<TaskEvent> {
    const {marketplace} = this.#components;
    const {record} = marketplace.taskBook.get(id);
    yield {type: "phase", phase: record.state};
    const queue: TaskNews[] = [];
    let wake: () => void = () => undefined;
    const stop = marketplace.events.listen(id, (news) => {
      push(queue, news);
      wake();
    });
    const onAbort = () => wake();
    signal.addEventListener("abort", onAbort, {once: true});
    try {
      while (!signal.aborted) {
        const news = queue.shift();
        if (news === undefined) {
          if (!isOpenTask(marketplace.taskBook.get(id).record.state)) break;
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
          continue;
        }
        if (news.kind === "ended") break;
        yield* this.#eventsOf(id, news);
      }
      if (!signal.aborted) yield {type: "done", task: this.#view(id)};
    } finally {
      stop();
      signal.removeEventListener("abort", onAbort);
    }
  }

  submission(request: TaskRequest): TaskSubmission {
    const {taskClass, params, input, maxPriceUctz, verify, route, timeoutMs, idempotencyKey} = request;
    return {
      ...{name: taskClass, params, input, route, timeoutMs, idempotencyKey, copies: verify},
      priceMax: maxPriceUctz ?? this.#maxPriceDefault,
      isPriceDefault: maxPriceUctz === undefined,
    };
  }

  *#eventsOf(id: TaskId, news: TaskNews): Generator<TaskEvent> {
    if (news.kind === "phase") {
      yield {type: "phase", phase: news.phase, ...(news.note === undefined ? {} : {note: news.note})};
    } else if (news.kind === "progress") {
      yield {
        type: "progress",
        phase: news.phase,
        done: news.done,
        ...(news.total > 0 ? {total: news.total} : {}),
      };
    } else if (news.kind === "output") {
      yield {type: "output", chunk: Buffer.from(news.chunk).toString("base64")};
    } else if (news.kind === "reset") {
      yield {type: "reset"};
    } else {
      const attempt = this.#view(id).attempts.at(-1);
      if (attempt !== undefined) yield {type: "attempt", attempt};
    }
  }

  #view(id: TaskId): TaskView {
    const {marketplace, catalog} = this.#components;
    const entry = marketplace.taskBook.get(id);
    return taskView(entry, catalog.aliasOf(entry.record.taskClass));
  }

  /** Cumulative amount of the voucher that paid a task; out of reach for one that has none. */
  #cumulative(id: TaskId): bigint {
    const receipts = this.#components.marketplace.taskBook.get(id).extras.receipts;
    const stored = receipts.find(({voucher}) => voucher !== "");
    if (stored === undefined) return 1n << 64n;
    return BigInt(
      receiptView(this.#components.marketplace.taskBook.get(id), "pending", 0).voucherCumulativeUctz,
    );
  }
}

function push(queue: TaskNews[], news: TaskNews): void {
  if (queue.length >= NEWS_MAX) {
    const index = queue.findIndex(({kind}) => kind === "progress");
    if (index >= 0) queue.splice(index, 1);
  }
  queue.push(news);
}
