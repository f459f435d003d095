import {CodedError} from "@catalyze/core/errors/codedError";
import type {
  AccountId,
  AttemptId,
  Hash,
  LockId,
  PeerId,
  TaskClass,
  TaskHash,
  TaskId,
} from "@catalyze/core/primitives/id";
import type {UnixMs} from "@catalyze/core/primitives/time";
import {ATTEMPT_DEADLINES, TASK_DEADLINES} from "@catalyze/core/task/deadlines";
import {reasonOf} from "@catalyze/core/task/endReason";
import {
  FINAL_ATTEMPT_STATES,
  FINAL_TASK_STATES,
  OPEN_ATTEMPT_STATES,
  OPEN_TASK_STATES,
  type TaskRecord,
} from "@catalyze/core/task/task";
import {decodeTask, encodeTask} from "@catalyze/core/task/taskCodec";
import {
  ATTEMPT_MOVES,
  isOpenAttempt,
  isOpenTask,
  move,
  nextDeadlineMs,
  submitTask,
  TASK_MOVES,
  type TaskEvent,
} from "@catalyze/core/task/taskState";
import * as fc from "fast-check";
import {describe, expect, it} from "vitest";

const NOW = 1_700_000_000_000 as UnixMs;
const ids = ["a1".repeat(16), "b2".repeat(16), "c3".repeat(16)] as AttemptId[];
const [A, B] = ids as [AttemptId, AttemptId, AttemptId];
const lockId = "10".repeat(32) as LockId;
const outputHash = "0f".repeat(32) as Hash;
const commit = {outputHash, units: 5n, charge: 70n, executorMs: 12};

function task(changes: Partial<Parameters<typeof submitTask>[0]> = {}): TaskRecord {
  return submitTask(
    {
      taskId: "01".repeat(16) as TaskId,
      taskHash: "02".repeat(32) as TaskHash,
      taskClass: "onnx/bafy" as TaskClass,
      idempotencyKey: "key",
      payer: "03".repeat(32) as AccountId,
      priceMax: 100n,
      copies: 1,
      taskDeadlineMs: (NOW + 60_000) as UnixMs,
      ...changes,
    },
    NOW,
  );
}

function awardOf(attemptId: AttemptId, kind: "remote" | "local" = "remote"): TaskEvent {
  const provider = "04".repeat(32) as AccountId;
  return {kind: "award", attempt: {attemptId, kind, provider, peer: "p" as PeerId, chargeMax: 100n}};
}

const run = (attemptId: AttemptId): TaskEvent => ({kind: "run", attemptId, lockId, runningMs: 20_000});
const failed = (attemptId: AttemptId): TaskEvent => ({
  kind: "attemptFailed",
  attemptId,
  reason: reasonOf("PROVIDER_DIED"),
});

function walk(record: TaskRecord, events: readonly TaskEvent[], nowMs = NOW): TaskRecord {
  return events.reduce((sum, event) => {
    const result = move(sum, event, nowMs);
    if (result.kind === "illegal") throw new Error(`${event.kind}: ${result.reason}`);
    return result.record;
  }, record);
}

const toCommit: TaskEvent[] = [
  {kind: "price"},
  awardOf(A),
  {kind: "lock", attemptId: A},
  run(A),
  {kind: "commit", attemptId: A, commit},
];

describe("a task", () => {
  it("goes through every step to done, and is charged what was paid", () => {
    const states: string[] = [];
    let record = task();
    const pay: TaskEvent = {kind: "pay", attemptId: A, chargedUctz: 70n};
    for (const event of [
      ...toCommit,
      {kind: "verify", attemptId: A},
      {kind: "accept", attemptId: A},
      pay,
    ] as TaskEvent[]) {
      record = walk(record, [event]);
      states.push(record.state);
    }
    expect(states).toEqual([
      "priced",
      "awarded",
      "locking",
      "running",
      "committed",
      "verifying",
      "paying",
      "done",
    ]);
    expect(record).toMatchObject({chargedUctz: 70n, outputHash, endedAtMs: NOW, reason: undefined});
  });

  it("goes back to priced when an attempt fails, uncharged, and tries the next", () => {
    const record = walk(task(), [{kind: "price"}, awardOf(A), run(A), failed(A)]);
    expect(record).toMatchObject({state: "priced", chargedUctz: 0n});
    expect(record.attempts[0]).toMatchObject({
      state: "failed",
      reason: {code: "PROVIDER_DIED"},
      chargedUctz: 0n,
    });
    const done = walk(record, [
      awardOf(B),
      run(B),
      {kind: "commit", attemptId: B, commit},
      {kind: "accept", attemptId: B},
      {kind: "pay", attemptId: B, chargedUctz: 70n},
    ]);
    expect(done).toMatchObject({state: "done", chargedUctz: 70n});
  });

  it("runs on own hardware without a lock and free of charge", () => {
    const local: TaskEvent = {kind: "run", attemptId: A, lockId: undefined, runningMs: 1_000};
    const record = walk(task(), [
      {kind: "price"},
      awardOf(A, "local"),
      local,
      {kind: "commit", attemptId: A, commit},
      {kind: "accept", attemptId: A},
    ]);
    expect(move(record, {kind: "pay", attemptId: A, chargedUctz: 1n}, NOW).kind).toBe("illegal");
    expect(walk(record, [{kind: "pay", attemptId: A, chargedUctz: 0n}])).toMatchObject({
      state: "done",
      chargedUctz: 0n,
    });
  });

  it("stands where its most advanced open copy stands", () => {
    const two = walk(task({copies: 2}), [...toCommit, {kind: "verify", attemptId: A}, awardOf(B), run(B)]);
    expect(two.state).toBe("verifying");
    expect(walk(two, [failed(A)]).state).toBe("running");
    const paid = walk(two, [
      {kind: "commit", attemptId: B, commit},
      {kind: "accept", attemptId: A},
      {kind: "accept", attemptId: B},
      {kind: "pay", attemptId: A, chargedUctz: 70n},
    ]);
    expect(paid.state).toBe("paying");
    expect(walk(paid, [{kind: "pay", attemptId: B, chargedUctz: 30n}])).toMatchObject({
      state: "done",
      chargedUctz: 100n,
    });
  });

  it("can be cancelled until a provider has committed, and a committed copy not at all", () => {
    const running = walk(task(), toCommit.slice(0, 4));
    expect(walk(running, [{kind: "cancel"}])).toMatchObject({
      state: "cancelled",
      reason: {code: "TASK_CANCELLED"},
      chargedUctz: 0n,
    });
    const committed = walk(task(), toCommit);
    expect(move(committed, {kind: "cancel"}, NOW).kind).toBe("illegal");
    expect(move(committed, {kind: "attemptCancelled", attemptId: A}, NOW).kind).toBe("illegal");
    const hedged = walk(running, [awardOf(B), run(B), {kind: "attemptCancelled", attemptId: B}]);
    expect(hedged.state).toBe("running");
  });

  it("never pays above the commit or the maximum", () => {
    const accepted = walk(task(), [...toCommit, {kind: "accept", attemptId: A}]);
    expect(move(accepted, {kind: "pay", attemptId: A, chargedUctz: 71n}, NOW).kind).toBe("illegal");
    const dear = walk(task(), [
      ...toCommit.slice(0, 4),
      {kind: "commit", attemptId: A, commit: {...commit, charge: 101n}},
      {kind: "accept", attemptId: A},
    ]);
    expect(move(dear, {kind: "pay", attemptId: A, chargedUctz: 101n}, NOW).kind).toBe("illegal");
  });

  it("does not start without a lock, twice with one id, or without end", () => {
    const awarded = walk(task(), [{kind: "price"}, awardOf(A)]);
    expect(move(awarded, {kind: "run", attemptId: A, lockId: undefined, runningMs: 1}, NOW).kind).toBe(
      "illegal",
    );
    expect(move(awarded, awardOf(A), NOW).kind).toBe("illegal");
    let record = awarded;
    for (let index = 1; index < 32; index += 1)
      record = walk(record, [awardOf(index.toString(16).padStart(32, "0") as AttemptId)]);
    expect(move(record, awardOf(B), NOW)).toEqual({kind: "illegal", reason: "too many attempts"});
  });

  it("keeps a paid copy when the other one runs into the deadline", () => {
    const half = walk(task({copies: 2}), [
      ...toCommit,
      awardOf(B),
      run(B),
      {kind: "accept", attemptId: A},
      {kind: "pay", attemptId: A, chargedUctz: 70n},
    ]);
    expect(half.state).toBe("running");
    const result = move(half, {kind: "expire"}, (NOW + 60_000) as UnixMs);
    expect(result).toMatchObject({kind: "moved", record: {state: "done", chargedUctz: 70n}});
  });
});

describe("the table", () => {
  it("has a deadline and an expiry edge for every open state", () => {
    expect(Object.keys(ATTEMPT_DEADLINES).sort()).toEqual([...OPEN_ATTEMPT_STATES].sort());
    expect(Object.keys(TASK_DEADLINES).sort()).toEqual(["priced", "submitted"]);
    expect(TASK_MOVES.expire).toEqual(OPEN_TASK_STATES);
    for (const row of [...Object.values(ATTEMPT_DEADLINES), ...Object.values(TASK_DEADLINES)]) {
      expect(row.durationMs).toBeGreaterThan(0);
    }
  });

  it("has no way out of a final state", () => {
    for (const state of FINAL_ATTEMPT_STATES) expect(ATTEMPT_MOVES[state]).toEqual({});
    for (const state of FINAL_TASK_STATES) {
      const record: TaskRecord = {...walk(task(), toCommit), state};
      for (const event of allEvents(A))
        expect(move(record, event, (NOW + 1e9) as UnixMs).kind).toBe("illegal");
    }
  });

  it("reaches every state, and from every open attempt an end", () => {
    const reached = new Set([
      "awarded",
      ...OPEN_ATTEMPT_STATES.flatMap((state) => Object.values(ATTEMPT_MOVES[state])),
    ]);
    expect([...reached].sort()).toEqual([...OPEN_ATTEMPT_STATES, ...FINAL_ATTEMPT_STATES].sort());
    // Paying is owed: its only event is the payment; expiry is the other way out.
    expect(ATTEMPT_MOVES.paying).toEqual({pay: "paid"});
  });
});

function allEvents(attemptId: AttemptId): TaskEvent[] {
  return [
    {kind: "price"},
    awardOf(attemptId),
    {kind: "lock", attemptId},
    run(attemptId),
    {kind: "commit", attemptId, commit},
    {kind: "verify", attemptId},
    {kind: "accept", attemptId},
    {kind: "pay", attemptId, chargedUctz: 70n},
    failed(attemptId),
    {kind: "attemptCancelled", attemptId},
    {kind: "fail", reason: reasonOf("ALL_PROVIDERS_FAILED")},
    {kind: "cancel"},
    {kind: "expire"},
  ];
}

const eventArb = fc.tuple(fc.nat(12), fc.constantFrom(...ids), fc.nat(30_000));

describe("any sequence of events", () => {
  it("keeps the record consistent, never charges above the maximum, and time always ends it", () => {
    fc.assert(
      fc.property(fc.array(eventArb, {maxLength: 40}), (events) => {
        let record = task();
        let now: number = NOW;
        for (const [index, attemptId, waitMs] of events) {
          now += waitMs;
          const before = record;
          const result = move(record, allEvents(attemptId)[index] as TaskEvent, now as UnixMs);
          if (result.kind === "moved") record = result.record;
          checkInvariants(before, record);
        }
        for (let steps = 0; isOpenTask(record.state); steps += 1) {
          expect(steps).toBeLessThan(20);
          const deadline = nextDeadlineMs(record);
          expect(deadline).toBeDefined();
          now = Math.max(now, Number(deadline));
          if (now > (deadline as number)) now = Math.max(now, deadline as number);
          const result = move(record, {kind: "expire"}, now as UnixMs);
          expect(result.kind).toBe("moved");
          if (result.kind === "moved") record = result.record;
        }
        expect(nextDeadlineMs(record)).toBeUndefined();
        expect(record.state === "done" || record.reason !== undefined).toBe(true);
        expect(decodeTask(encodeTask(record))).toEqual(record);
      }),
      {numRuns: 300},
    );
  });

  it("does not expire before the deadline", () => {
    fc.assert(
      fc.property(fc.array(eventArb, {maxLength: 15}), (events) => {
        let record = task();
        for (const [index, attemptId] of events) {
          const result = move(record, allEvents(attemptId)[index] as TaskEvent, NOW);
          if (result.kind === "moved") record = result.record;
        }
        const deadline = nextDeadlineMs(record);
        if (deadline === undefined) return;
        expect(move(record, {kind: "expire"}, (deadline - 1) as UnixMs).kind).toBe("illegal");
        expect(move(record, {kind: "expire"}, deadline).kind).toBe("moved");
      }),
    );
  });
});

function checkInvariants(before: TaskRecord, record: TaskRecord): void {
  const open = record.attempts.filter((attempt) => isOpenAttempt(attempt.state));
  if (!isOpenTask(record.state)) {
    expect(open).toEqual([]);
    expect(record.endedAtMs).toBeDefined();
  }
  if (record.state === "done") expect(record.attempts.some((attempt) => attempt.state === "paid")).toBe(true);
  if (record.state === "priced" || record.state === "submitted") expect(open).toEqual([]);
  for (const attempt of record.attempts) {
    expect(attempt.chargedUctz).toBeLessThanOrEqual(attempt.chargeMax);
    if (attempt.state !== "paid") expect(attempt.chargedUctz).toBe(0n);
    const old = before.attempts.find((each) => each.attemptId === attempt.attemptId);
    if (old !== undefined && !isOpenAttempt(old.state)) expect(attempt).toEqual(old);
  }
}

describe("the record on disk", () => {
  const bytes = encodeTask(walk(task(), toCommit));
  const text = new TextDecoder().decode(bytes);

  it("comes back as it was", () => expect(decodeTask(bytes)).toEqual(walk(task(), toCommit)));

  it.each([
    ["another field", text.replace('{"v":1', '{"v":1,"x":1'), "STORE_CORRUPT"],
    ["a missing field", text.replace('"copies":1,', ""), "STORE_CORRUPT"],
    ["a number for money", text.replace('"priceMax":"100"', '"priceMax":100'), "STORE_CORRUPT"],
    ["a state that is none", text.replace('"state":"committed"', '"state":"lost"'), "STORE_CORRUPT"],
    ["a newer version", text.replace('{"v":1', '{"v":2'), "SCHEMA_NEWER"],
    ["half of it", text.slice(0, 100), "STORE_CORRUPT"],
  ])("refuses %s", (_, changed, code) => {
    expect(changed).not.toBe(text);
    expect(() => decodeTask(new TextEncoder().encode(changed))).toThrow(expect.objectContaining({code}));
  });

  it("answers any bytes with a code", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          fc.json().map((json) => new TextEncoder().encode(json)),
        ),
        (noise) => {
          expect(() => decodeTask(noise)).toThrow(CodedError);
        },
      ),
    );
  });
});
