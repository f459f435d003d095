/** The provider's job records: in memory for the figures, on disk before anything that depends on them is sent. */
import {CodedError, toCodedError} from "@catalyze/core/errors/codedError";
import type {Clock} from "@catalyze/core/ports/clock";
import type {Store, Write} from "@catalyze/core/ports/store";
import {fromUtf8, utf8} from "@catalyze/core/primitives/bytes";
import type {AttemptId, LockId} from "@catalyze/core/primitives/id";
import {reasonFrom, reasonOf} from "@catalyze/core/task/endReason";
import {decodeJob, encodeJob} from "@catalyze/core/task/jobCodec";
import {isOpenJob, type JobEvent, type JobRecord, moveJob} from "@catalyze/core/task/jobState";

const KEY = "job/";
/** Per lock, the charges of its paid jobs: outlives the job records, so that no voucher pays twice. */
const CREDIT_KEY = "job-credit/";
/** Ended jobs kept for `node why`; older ones are dropped, money is in the ledger and the voucher book. */
const KEPT_MAX = 2_000;
/** Moves that only the next one writes: after a crash an open job ends, in whichever of these states it was. */
const SILENT: ReadonlySet<JobEvent["kind"]> = new Set(["accept", "fetch", "run"]);

export class JobBook {
  readonly #store: Store;
  readonly #clock: Clock;
  /** Oldest first. */
  readonly #jobs = new Map<AttemptId, JobRecord>();
  readonly #credited = new Map<LockId, bigint>();

  constructor(components: {readonly store: Store; readonly clock: Clock}) {
    this.#store = components.store;
    this.#clock = components.clock;
  }

  /** Jobs that were open when the node died end now: their requesters have gone elsewhere. */
  async start(): Promise<void> {
    const records = (await this.#store.range(KEY)).map(([, bytes]) => decodeJob(bytes));
    records.sort((left, right) => left.offeredAtMs - right.offeredAtMs);
    const writes: Write[] = [];
    for (const record of records) {
      const ended = this.#afterRestart(record);
      if (ended !== record) writes.push(toWrite(ended));
      this.#jobs.set(ended.attemptId, ended);
    }
    if (writes.length > 0) await this.#store.write(writes, {sync: true});
    for (const [key, bytes] of await this.#store.range(CREDIT_KEY)) {
      this.#credited.set(key.slice(CREDIT_KEY.length) as LockId, BigInt(fromUtf8(bytes)));
    }
  }

  all(): Iterable<JobRecord> {
    return this.#jobs.values();
  }

  get openCount(): number {
    let count = 0;
    for (const {state} of this.#jobs.values()) if (isOpenJob(state)) count += 1;
    return count;
  }

  get(id: AttemptId): JobRecord | undefined {
    return this.#jobs.get(id);
  }

  /** Charges of paid jobs on a lock: what the vouchers received so far have been used for. */
  creditedOn(lockId: LockId): bigint {
    return this.#credited.get(lockId) ?? 0n;
  }

  /** Results on a lock that were written off, oldest first. */
  unpaidOn(lockId: LockId): readonly AttemptId[] {
    const unpaid: AttemptId[] = [];
    for (const job of this.#jobs.values()) {
      if (job.state === "unpaid" && job.lockId === lockId) unpaid.push(job.attemptId);
    }
    return unpaid;
  }

  /**
   * Throws `MESSAGE_UNEXPECTED` when this attempt id was used before. A job that cannot be written is
   * refused: remembered until a restart, so that `node why` names the disk, and never on it.
   */
  async add(job: JobRecord): Promise<void> {
    if (this.#jobs.has(job.attemptId))
      throw new CodedError("MESSAGE_UNEXPECTED", {evidence: {attempt: job.attemptId}});
    this.#jobs.set(job.attemptId, job);
    try {
      await this.#store.write([toWrite(job), ...this.#dropOldest()]);
    } catch (error) {
      const refused = moveJob(
        job,
        {kind: "refuse", reason: reasonFrom(toCodedError(error))},
        this.#clock.now(),
      );
      if (refused.kind === "moved") this.#jobs.set(job.attemptId, refused.record);
      throw error;
    }
  }

  /**
   * Moves and writes; `sync` when something that depends on it is sent next. When it throws nothing has
   * changed, but that a job without pay has ended: a restart comes to the same.
   */
  async move(id: AttemptId, event: JobEvent, sync = false): Promise<JobRecord> {
    const record = this.#jobs.get(id);
    if (record === undefined) throw new CodedError("NOT_FOUND", {evidence: {attempt: id}});
    const result = moveJob(record, event, this.#clock.now());
    if (result.kind === "illegal")
      throw new CodedError("MESSAGE_UNEXPECTED", {evidence: {reason: result.reason}});
    const {lockId, charge = 0n} = result.record;
    this.#jobs.set(id, result.record);
    if (SILENT.has(event.kind)) return result.record;
    const writes = [toWrite(result.record)];
    const paid = event.kind === "pay" && lockId !== undefined ? {lockId, charge} : undefined;
    if (paid !== undefined) writes.push(this.#credit(paid.lockId, paid.charge));
    try {
      await this.#store.write(writes, {sync});
    } catch (error) {
      if (event.kind !== "fail" && event.kind !== "refuse") this.#jobs.set(id, record);
      if (paid !== undefined) this.#credit(paid.lockId, -paid.charge);
      throw error;
    }
    return result.record;
  }

  #credit(lockId: LockId, charge: bigint): Write {
    const credited = this.creditedOn(lockId) + charge;
    this.#credited.set(lockId, credited);
    return {key: CREDIT_KEY + lockId, value: utf8(credited.toString())};
  }

  #afterRestart(record: JobRecord): JobRecord {
    if (!isOpenJob(record.state)) return record;
    const event: JobEvent =
      record.state === "committed"
        ? {kind: "fail", reason: reasonOf("PAYMENT_WITHHELD")}
        : {kind: "fail", reason: reasonOf("PROVIDER_DIED")};
    const result = moveJob(record, event, this.#clock.now());
    return result.kind === "moved" ? result.record : record;
  }

  #dropOldest(): Write[] {
    const writes: Write[] = [];
    for (const job of this.#jobs.values()) {
      if (this.#jobs.size - writes.length <= KEPT_MAX) break;
      if (!isOpenJob(job.state)) writes.push({key: KEY + job.attemptId, value: undefined});
    }
    for (const {key} of writes) this.#jobs.delete(key.slice(KEY.length) as AttemptId);
    return writes;
  }
}

function toWrite(job: JobRecord): Write {
  return {key: KEY + job.attemptId, value: encodeJob(job)};
}
