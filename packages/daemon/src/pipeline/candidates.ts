/**
 * Steps 2 to 6 of the way of a task: finds terms and tries candidates in order until one has committed.
 * A failed candidate costs time, never money; what no other candidate can change ends the task at once.
 */
import {CodedError, toCodedError} from "@catalyze/core/errors/codedError";
import type {ErrorCode} from "@catalyze/core/errors/table";
import type {Clock} from "@catalyze/core/ports/clock";
import type {Net} from "@catalyze/core/ports/net";
import type {PeerId} from "@catalyze/core/primitives/id";
import type {LocalRuns} from "./localRuns.ts";
import {OF_OWN_NODE} from "./ownNodeCodes.ts";
import type {RemoteAttempts} from "./remoteAttempts.ts";
import type {TaskBook} from "./taskBook.ts";
import type {AttemptTerms, CommittedAttempt, TaskContext} from "./taskContext.ts";
import type {TaskEvents} from "./taskEvents.ts";
import type {RouteKind} from "./taskExtras.ts";
import type {Found, TermsFinder} from "./termsFinder.ts";

export type CandidatesComponents = {
  readonly net: Net;
  readonly clock: Clock;
  readonly book: TaskBook;
  readonly finder: TermsFinder;
  readonly attempts: RemoteAttempts;
  readonly local: LocalRuns | undefined;
  readonly events: TaskEvents;
};

export type CandidatesOptions = {
  /** How long a task waits for a first provider to appear before it says that there is none. */
  readonly providerWaitMs: number;
  /** A node that has just started hears every ask within one interval: so long it waits at least. */
  readonly askIntervalMs: number;
};

/** Asks are jittered, and a connection takes a moment. */
const WARM_UP_MARGIN_MS = 1_500;

/** One search for a result, with what it has met so far. */
export type Drive = {
  readonly task: TaskContext;
  readonly route: RouteKind;
  readonly allowLocal: boolean;
  readonly excluded: Set<PeerId>;
  readonly failures: CodedError[];
  /** How long it waits for somebody to offer, at most what the options say; for a wish of our own, not at all. */
  readonly waitMs?: number;
};

/** Candidates tried before a task gives up; each failed one costs time, never money. */
const ATTEMPTS_MAX = 6;
const POLL_MS = 100;

/** Ends that another provider cannot change: the input, the wallet or the user's own word. */
const FATAL: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "INPUT_INVALID",
  "INPUT_TOO_LARGE",
  "TENSOR_SHAPE_MISMATCH",
  ...OF_OWN_NODE,
]);

/** Waiting may help: a provider may come up, or come free. */
const WAITABLE: ReadonlySet<ErrorCode> = new Set<ErrorCode>(["NO_PEERS", "NO_PROVIDER", "PROVIDER_BUSY"]);

export class Candidates {
  readonly #components: CandidatesComponents;
  readonly #options: CandidatesOptions;
  /** Monotonic. Until then the silence of a provider means nothing. */
  readonly #warmAtMs: number;

  constructor(components: CandidatesComponents, options: CandidatesOptions) {
    this.#warmAtMs = components.clock.monotonicMs() + options.askIntervalMs + WARM_UP_MARGIN_MS;
    this.#components = components;
    this.#options = options;
  }

  /** Candidates in order until one has committed; `own` when this node's own run has ended the task. */
  async firstResult(drive: Drive): Promise<CommittedAttempt | "own"> {
    const {failures} = drive;
    while (failures.length < ATTEMPTS_MAX) {
      const found = await this.#find(drive);
      const [terms] = found.terms;
      if (terms === undefined) break;
      try {
        return await this.#attempt(drive, terms, found.reason);
      } catch (error) {
        // Terms were made for this moment: after a failure look again, without the one that failed.
        this.#note(drive, terms, toCodedError(error));
      }
    }
    throw giveUp(failures);
  }

  async #attempt(
    {task, failures}: Drive,
    terms: AttemptTerms | "own",
    reason: string,
  ): Promise<CommittedAttempt | "own"> {
    const {attempts, local, events} = this.#components;
    if (terms === "own") {
      if (local === undefined) throw new CodedError("EXECUTOR_UNAVAILABLE");
      await local.run(task);
      return "own";
    }
    const last = failures.at(-1);
    const note = last === undefined ? reason : `next candidate after ${last.code}`;
    events.emit(task.taskId, {kind: "phase", phase: "awarded", note});
    return await attempts.run(task, terms);
  }

  /** Throws what no other provider can change; remembers the rest and goes on. */
  #note({task, excluded, failures}: Drive, terms: AttemptTerms | "own", error: CodedError): void {
    const {net, clock} = this.#components;
    if (task.signal.aborted) throw toCodedError(task.signal.reason);
    if (FATAL.has(error.code)) throw error;
    if (clock.now() >= task.deadlineMs) throw new CodedError("DEADLINE", {cause: error});
    failures.push(error);
    excluded.add(terms === "own" ? net.self : terms.peer);
  }

  /** Terms now, or as soon as somebody offers; says what it waits for. */
  async #find(drive: Drive): Promise<Found> {
    const {clock, events} = this.#components;
    const patienceMs = Math.max(this.#options.providerWaitMs, this.#warmAtMs - clock.monotonicMs());
    const {task, failures, waitMs = patienceMs} = drive;
    const untilMs = Math.min(task.deadlineMs, clock.now() + waitMs);
    for (let isFirst = true; ; isFirst = false) {
      if (task.signal.aborted) throw toCodedError(task.signal.reason);
      try {
        return await this.#terms(drive);
      } catch (error) {
        const {message} = checkWaitable(failures, toCodedError(error), clock.now() >= untilMs);
        if (isFirst) events.emit(task.taskId, {kind: "phase", phase: "waiting", note: message});
        await clock.sleep(POLL_MS, task.signal);
      }
    }
  }

  async #terms({task, route, allowLocal, excluded, failures}: Drive): Promise<Found> {
    const {finder, book} = this.#components;
    const found = await finder.find(task, {route, excluded, allowLocal});
    const {state} = book.get(task.taskId).record;
    // A second opinion is sought while the first result stands: the task is past its price.
    if (state !== "submitted" && state !== "priced") return found;
    const {reason, candidates, rejected} = found;
    const extras = failures.length > 0 ? {} : {reason, candidates, rejected};
    await book.move(task.taskId, {kind: "price"}, {extras});
    return found;
  }
}

/** Throws why the search ends, unless waiting may help. */
function checkWaitable(failures: readonly CodedError[], error: CodedError, isOver: boolean): CodedError {
  // After failures the list is exhausted: what they said is the answer, not that nobody is left.
  if (failures.length > 0 && !FATAL.has(error.code)) throw giveUp(failures);
  if (!WAITABLE.has(error.code) || isOver) throw error;
  return error;
}

/** One reason if all failed for the same, else the list of them. */
function giveUp(failures: readonly CodedError[]): CodedError {
  const codes = [...new Set(failures.map(({code}) => code))];
  const last = failures.at(-1);
  if (last !== undefined && codes.length === 1) return last;
  return new CodedError("ALL_PROVIDERS_FAILED", {
    evidence: {attempts: failures.length, codes: codes.join(", ")},
  });
}
