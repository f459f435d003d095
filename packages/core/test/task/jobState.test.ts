import {CodedError} from "@catalyze/core/errors/codedError";
import type {
  AccountId,
  AttemptId,
  Hash,
  LockId,
  PeerId,
  TaskClass,
  TaskHash,
} from "@catalyze/core/primitives/id";
import type {UnixMs} from "@catalyze/core/primitives/time";
import {reasonOf} from "@catalyze/core/task/endReason";
import {decodeJob, encodeJob} from "@catalyze/core/task/jobCodec";
import {jobFigures} from "@catalyze/core/task/jobFigures";
import {
  FINAL_JOB_STATES,
  isOpenJob,
  JOB_DEADLINES,
  JOB_MOVES,
  type JobEvent,
  type JobRecord,
  moveJob,
  OPEN_JOB_STATES,
  offerJob,
} from "@catalyze/core/task/jobState";
import * as fc from "fast-check";
import {describe, expect, it} from "vitest";

const NOW = 1_700_000_000_000 as UnixMs;
const outputHash = "0f".repeat(32) as Hash;

const job = (): JobRecord =>
  offerJob(
    {
      attemptId: "a1".repeat(16) as AttemptId,
      taskHash: "02".repeat(32) as TaskHash,
      taskClass: "onnx/bafy" as TaskClass,
      payer: "03".repeat(32) as AccountId,
      payerPeer: "p" as PeerId,
      lockId: "10".repeat(32) as LockId,
      chargeMax: 100n,
    },
    NOW,
  );

const EVENTS: JobEvent[] = [
  {kind: "accept"},
  {kind: "refuse", reason: reasonOf("PROVIDER_BUSY")},
  {kind: "fetch"},
  {kind: "run", runningMs: 5_000},
  {kind: "commit", charge: 70n, outputHash},
  {kind: "pay", paidUctz: 70n},
  {kind: "reject", reason: reasonOf("VERIFY_MISMATCH")},
  {kind: "fail", reason: reasonOf("EXECUTOR_CRASHED")},
  {kind: "expire"},
];

function walk(events: readonly JobEvent[], nowMs = NOW): JobRecord {
  return events.reduce((sum, event) => {
    const result = moveJob(sum, event, nowMs);
    if (result.kind === "illegal") throw new Error(result.reason);
    return result.record;
  }, job());
}

const committed = EVENTS.filter(({kind}) => ["accept", "fetch", "run", "commit"].includes(kind));

describe("a job", () => {
  it("is paid after its commit, and a late payment still counts", () => {
    expect(walk([...committed, {kind: "pay", paidUctz: 70n}])).toMatchObject({state: "paid", paidUctz: 70n});
    const late = moveJob(walk(committed), {kind: "expire"}, (NOW + 300_000) as UnixMs);
    if (late.kind === "illegal") throw new Error(late.reason);
    expect(late.record).toMatchObject({state: "unpaid", reason: {code: "PAYMENT_WITHHELD"}});
    expect(moveJob(late.record, {kind: "pay", paidUctz: 70n}, NOW)).toMatchObject({
      record: {state: "paid", reason: undefined},
    });
  });

  it("never commits above the agreed maximum", () => {
    const running = walk(committed.slice(0, 3));
    expect(moveJob(running, {kind: "commit", charge: 101n, outputHash}, NOW).kind).toBe("illegal");
  });

  it("has a deadline for every open state and no way out of a final one but a late payment", () => {
    expect(Object.keys(JOB_DEADLINES).sort()).toEqual([...OPEN_JOB_STATES].sort());
    for (const state of OPEN_JOB_STATES) expect(isOpenJob(JOB_MOVES[state].expire ?? "offered")).toBe(false);
    const ways = FINAL_JOB_STATES.map((state) => [state, Object.keys(JOB_MOVES[state])]);
    expect(ways).toEqual([
      ["paid", []],
      ["unpaid", ["pay"]],
      ["failed", []],
      ["refused", []],
    ]);
  });

  it("ends with a reason or a payment, whatever happens", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom(...EVENTS), fc.nat(100_000)), {maxLength: 20}),
        (events) => {
          let record = job();
          let now: number = NOW;
          for (const [event, waitMs] of events) {
            now += waitMs;
            const result = moveJob(record, event, now as UnixMs);
            if (result.kind === "moved") record = result.record;
            expect(decodeJob(encodeJob(record))).toEqual(record);
          }
          if (isOpenJob(record.state)) {
            expect(moveJob(record, {kind: "expire"}, (record.deadlineMs - 1) as UnixMs).kind).toBe("illegal");
            const result = moveJob(record, {kind: "expire"}, record.deadlineMs);
            if (result.kind === "moved") record = result.record;
          }
          expect(isOpenJob(record.state)).toBe(false);
          expect(record.state === "paid" ? record.paidUctz === 70n : record.reason !== undefined).toBe(true);
        },
      ),
    );
  });

  it("is read strictly", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          fc.json().map((json) => new TextEncoder().encode(json)),
        ),
        (noise) => {
          expect(() => decodeJob(noise)).toThrow(CodedError);
        },
      ),
    );
  });
});

describe("jobFigures", () => {
  it("sums up why tasks did not earn, the most frequent reason first", () => {
    const refuse = (code: "PROVIDER_BUSY" | "LOCK_INVALID") =>
      walk([{kind: "refuse", reason: reasonOf(code)}]);
    const jobs = [
      refuse("LOCK_INVALID"),
      refuse("PROVIDER_BUSY"),
      refuse("PROVIDER_BUSY"),
      job(),
      walk([...committed, {kind: "pay", paidUctz: 70n}]),
    ];
    expect(jobFigures(jobs)).toEqual({
      paid: {count: 1, uctz: 70n},
      open: 1,
      lost: [
        {code: "PROVIDER_BUSY", count: 2, chargeMaxUctz: 200n},
        {code: "LOCK_INVALID", count: 1, chargeMaxUctz: 100n},
      ],
    });
  });
});
