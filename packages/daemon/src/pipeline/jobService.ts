/**
 * The provider's side of a task: steps 5 to 8 of the way of a task. One stream is one job: terms and lock
 * checked, input in, model here, executor run, result committed, voucher taken, receipt signed. Each end
 * without pay has a code in the job's record.
 */
import {hashHex} from "@catalyze/core/crypto/sha256";
import {CodedError, toCodedError} from "@catalyze/core/errors/codedError";
import {chargeAt} from "@catalyze/core/market/price";
import type {Clock} from "@catalyze/core/ports/clock";
import type {Executor, RunResult} from "@catalyze/core/ports/executor";
import type {Log} from "@catalyze/core/ports/log";
import type {FrameStream, Net} from "@catalyze/core/ports/net";
import type {Random} from "@catalyze/core/ports/random";
import type {PeerId} from "@catalyze/core/primitives/id";
import {reasonFrom} from "@catalyze/core/task/endReason";
import {isOpenJob, offerJob} from "@catalyze/core/task/jobState";
import {
  openCommit,
  PROVIDER_NONCE_BYTES,
  type ResultCommit,
  signCommit,
} from "@catalyze/core/task/resultCommit";
import {isInputOf} from "@catalyze/core/task/spec";
import type {TaskOpen} from "@catalyze/proto/gen/catalyze/v1/task_pb";
import type {Admission} from "./admission.ts";
import type {Catalog} from "./catalog.ts";
import type {Identity} from "./identity.ts";
import type {IncomingPayments} from "./incomingPayments.ts";
import type {JobBook} from "./jobBook.ts";
import {JobChannel} from "./jobChannel.ts";
import {receiveInput} from "./jobInput.ts";
import {JobPayments} from "./jobPayments.ts";
import {type JobTerms, openJobTerms} from "./jobTerms.ts";
import {isOffence} from "./marketService.ts";

export type JobServiceComponents = {
  readonly net: Net;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly identity: Identity;
  readonly catalog: Catalog;
  readonly executor: Executor | undefined;
  readonly admission: Admission;
  readonly payments: IncomingPayments;
  readonly jobs: JobBook;
  readonly onPaid?: () => void;
};

const REQUEST_MS = 2_000;

export class JobService {
  readonly #components: JobServiceComponents;
  readonly #open = new Set<Promise<void>>();
  readonly #channels = new Set<JobChannel>();
  readonly #payments: JobPayments;
  #stop: () => void = () => undefined;

  constructor(components: JobServiceComponents) {
    this.#components = components;
    this.#payments = new JobPayments(components);
  }

  start(): void {
    this.#stop = this.#components.net.handle("task", (stream) => {
      const serving = this.#serve(stream).finally(() => this.#open.delete(serving));
      this.#open.add(serving);
      return serving;
    });
  }

  /** No new streams; waits for running jobs for `drainMs`, then drops them: they end unpaid. */
  async stop(drainMs: number): Promise<void> {
    this.#stop();
    const all = Promise.allSettled(this.#open);
    const patience = new AbortController();
    await Promise.race([all, this.#components.clock.sleep(drainMs, patience.signal).catch(() => undefined)]);
    patience.abort();
    for (const channel of this.#channels) channel.abort();
    await all;
  }

  async #serve(stream: FrameStream): Promise<void> {
    const {clock, log, net} = this.#components;
    const channel = new JobChannel(clock, stream);
    this.#channels.add(channel);
    try {
      const frame = await channel.receive(REQUEST_MS);
      if (frame?.body.case === "open") await this.#job(channel, frame.body.value);
      else if (frame?.body.case === "payment") await this.#payments.acceptLate(frame.body.value.voucher);
      else if (frame !== undefined) throw new CodedError("MESSAGE_UNEXPECTED");
      await channel.close();
    } catch (error) {
      const coded = toCodedError(error);
      log.debug("task stream failed", {peer: channel.peer, code: coded.code, reason: coded.message});
      if (isOffence(coded.code)) net.penalize(channel.peer, coded.code);
      await refuse(channel, coded);
    } finally {
      this.#channels.delete(channel);
    }
  }

  async #job(channel: JobChannel, open: TaskOpen): Promise<void> {
    const {identity, clock, jobs, log} = this.#components;
    const terms = openJobTerms(open, identity, clock.now());
    const {attemptId, spec, quote, lockId} = terms;
    const {taskHash, taskClass, payer, chargeMax} = quote;
    await jobs.add(
      offerJob(
        {attemptId, taskHash, taskClass, payer, payerPeer: channel.peer, lockId, chargeMax},
        clock.now(),
      ),
    );
    const releases: (() => void)[] = [];
    try {
      await this.#admit(channel.peer, {terms, open}, releases);
      await jobs.move(attemptId, {kind: "accept"});
      await channel.send({case: "accepted", value: {queuePosition: 0, expectedMs: BigInt(quote.expectedMs)}});
      const input = await receiveInput(channel, clock);
      if (!isInputOf(spec, input)) throw new CodedError("INPUT_INVALID", {evidence: {field: "inputHash"}});
      const result = await this.#work(channel, terms, input);
      const commit = await this.#commit(channel, terms, result);
      await this.#payments.take(channel, {terms, commit, releases});
    } catch (error) {
      await this.#end(terms, toCodedError(error));
      throw error;
    } finally {
      for (const release of releases) release();
      log.debug("job ended", {attempt: attemptId, state: jobs.get(attemptId)?.state});
    }
  }

  async #admit(
    peer: PeerId,
    {terms: {quote, lockId}, open}: {readonly terms: JobTerms; readonly open: TaskOpen},
    releases: (() => void)[],
  ): Promise<void> {
    const {catalog, admission, payments, log} = this.#components;
    if (!catalog.sold().some((entry) => entry.taskClass === quote.taskClass)) {
      throw new CodedError("CLASS_NOT_SOLD", {evidence: {taskClass: quote.taskClass}});
    }
    if (open.voucher.length > 0) {
      // Heals a payment that was lost on its way; a bad one is no reason to refuse paid work.
      await this.#payments
        .acceptLate(open.voucher)
        .catch((error: unknown) => log.debug("old voucher refused", {error}));
    }
    releases.push(admission.hold());
    releases.push(await payments.reserve(lockId, quote, peer));
  }

  async #work(
    channel: JobChannel,
    {attemptId, spec, quote}: JobTerms,
    input: Uint8Array,
  ): Promise<RunResult & {streamed: number}> {
    const {catalog, executor, jobs} = this.#components;
    if (executor === undefined) throw new CodedError("EXECUTOR_UNAVAILABLE");
    let phase = {phase: "waiting", done: 0, total: 0};
    let streamed = 0;
    return await channel.whileWorking(
      () => phase,
      async (signal) => {
        if (!catalog.sold().some((entry) => entry.taskClass === quote.taskClass && entry.isLocal)) {
          await jobs.move(attemptId, {kind: "fetch"});
        }
        const onFetch = (done: number, total: number) => {
          phase = {phase: "fetching", done, total};
        };
        const bundle = await catalog.ensureLocal(quote.taskClass, {
          sources: [channel.peer],
          onProgress: onFetch,
          signal,
        });
        await jobs.move(attemptId, {kind: "run", runningMs: quote.deadlineMs});
        phase = {phase: "running", done: 0, total: 0};
        const request = {
          bundle,
          params: spec.params,
          input,
          unitsMax: quote.unitsMax,
          timeoutMs: quote.deadlineMs,
        };
        const result = await executor.run(request, {
          signal,
          onProgress: (progress) => {
            phase = progress;
          },
          onOutput: (chunk) => {
            streamed += chunk.length;
            channel.sendOutput(chunk);
          },
        });
        return {...result, streamed};
      },
    );
  }

  async #commit(
    channel: JobChannel,
    terms: JobTerms,
    result: RunResult & {streamed: number},
  ): Promise<ResultCommit> {
    const {identity, random, jobs} = this.#components;
    const {quote, attemptId, lockId} = terms;
    if (result.units > quote.unitsMax)
      throw new CodedError("METER_ABOVE_MAX", {evidence: {units: result.units}});
    const charge = chargeAt(quote, result.units);
    const outputHash = hashHex(result.output);
    const signed = signCommit(
      {
        taskHash: quote.taskHash,
        attemptId,
        outputHash,
        units: result.units,
        charge,
        lockId,
        determinism: quote.determinism,
        providerNonce: random.bytes(PROVIDER_NONCE_BYTES),
        executorMs: Math.round(result.executorMs),
      },
      identity.accountSigner,
      identity,
    );
    channel.sendOutput(result.output.subarray(result.streamed));
    await jobs.move(attemptId, {kind: "commit", charge, outputHash}, true);
    await channel.send({case: "commit", value: signed});
    return openCommit(signed, identity);
  }

  async #end({attemptId}: JobTerms, error: CodedError): Promise<void> {
    const {jobs, log} = this.#components;
    const job = jobs.get(attemptId);
    if (job === undefined || !isOpenJob(job.state)) return;
    const reason = reasonFrom(error);
    await jobs
      .move(attemptId, job.state === "offered" ? {kind: "refuse", reason} : {kind: "fail", reason})
      .catch((failure: unknown) => log.debug("a job's end was not written", {attempt: attemptId, failure}));
  }
}

/** Tells the requester why; it may already be gone. */
async function refuse(channel: JobChannel, {code, message, row, retryAfterMs}: CodedError): Promise<void> {
  try {
    const value = {code, message, retryable: row.retryable, retryAfterMs: BigInt(retryAfterMs ?? 0)};
    await channel.send({case: "failure", value});
    await channel.close();
  } catch {
    channel.abort();
  }
}
