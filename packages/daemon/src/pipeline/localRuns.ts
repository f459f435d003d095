/** A provider's own tasks run here, free of charge: no lock, no voucher, the same executor and checks. */
import {hashHex} from "@catalyze/core/crypto/sha256";
import {toCodedError} from "@catalyze/core/errors/codedError";
import type {Clock} from "@catalyze/core/ports/clock";
import type {Executor} from "@catalyze/core/ports/executor";
import type {Random} from "@catalyze/core/ports/random";
import {toHex} from "@catalyze/core/primitives/bytes";
import type {AttemptId} from "@catalyze/core/primitives/id";
import {reasonFrom} from "@catalyze/core/task/endReason";
import {checkOutput} from "@catalyze/core/task/output";
import type {Catalog} from "./catalog.ts";
import type {Identity} from "./identity.ts";
import type {TaskBook} from "./taskBook.ts";
import type {TaskContext} from "./taskContext.ts";
import type {TaskEvents} from "./taskEvents.ts";

export type LocalRunsComponents = {
  readonly clock: Clock;
  readonly random: Random;
  readonly identity: Identity;
  readonly catalog: Catalog;
  readonly executor: Executor;
  readonly book: TaskBook;
  readonly events: TaskEvents;
};

export class LocalRuns {
  readonly #components: LocalRunsComponents;

  constructor(components: LocalRunsComponents) {
    this.#components = components;
  }

  /** Ends the task as done, or throws its coded reason with the attempt's record closed. */
  async run(task: TaskContext): Promise<void> {
    const {book, random, identity, clock} = this.#components;
    const attemptId = toHex(random.bytes(16)) as AttemptId;
    const {account: provider, peer} = identity;
    await book.move(task.taskId, {
      kind: "award",
      attempt: {attemptId, kind: "local", provider, peer, chargeMax: 0n},
    });
    try {
      const runningMs = Math.max(1, task.deadlineMs - clock.now());
      await book.move(task.taskId, {kind: "run", attemptId, lockId: undefined, runningMs});
      const {output, units, executorMs} = await this.#execute(task, runningMs);
      const commit = {outputHash: hashHex(output), units, charge: 0n, executorMs: Math.round(executorMs)};
      const extras = {units, outputBytes: output.length, route: "own" as const};
      await book.move(task.taskId, {kind: "commit", attemptId, commit}, {extras, output});
      await book.move(task.taskId, {kind: "accept", attemptId});
      await book.move(task.taskId, {kind: "pay", attemptId, chargedUctz: 0n}, {sync: true});
    } catch (error) {
      const coded = toCodedError(error);
      await book.move(task.taskId, {kind: "attemptFailed", attemptId, reason: reasonFrom(coded)});
      throw coded;
    }
  }

  async #execute(task: TaskContext, timeoutMs: number) {
    const {catalog, executor, events} = this.#components;
    const bundle = await catalog.ensureLocal(task.spec.taskClass, {sources: [], signal: task.signal});
    const request = {bundle, params: task.spec.params, input: task.input, unitsMax: task.unitsMax, timeoutMs};
    events.emit(task.taskId, {kind: "phase", phase: "running", note: "on this node"});
    const result = await executor.run(request, {
      signal: task.signal,
      onOutput: (chunk) => events.emit(task.taskId, {kind: "output", chunk}),
      onProgress: (progress) => events.emit(task.taskId, {kind: "progress", ...progress}),
    });
    checkOutput(task.manifest.kind, result.output);
    return result;
  }
}
