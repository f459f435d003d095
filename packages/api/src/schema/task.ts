/** Tasks as every door shows them: what was asked, each attempt, what was chosen and why, the receipt. */
import {type Static, Type} from "typebox";
import {
  AccountText,
  Big,
  Count,
  ErrorReport,
  GradeText,
  HashText,
  LegView,
  PeerIdText,
  TaskIdText,
  TimeMs,
  Uctz,
} from "./fields.ts";
import {BundleKindText, CandidateView, RejectedView} from "./market.ts";

/** `open` until the task has ended; `phase` says where it stands. */
export const TaskState = Type.Enum(["open", "done", "failed", "cancelled"]);
export type TaskState = Static<typeof TaskState>;

export const AttemptView = Type.Object({
  attemptId: Type.String(),
  /** Why it was started. */
  kind: Type.Enum(["first", "fallback", "hedge", "verify"]),
  peerId: PeerIdText,
  account: Type.Optional(AccountText),
  middleware: Type.Optional(AccountText),
  outcome: Type.Enum(["running", "done", "failed", "cancelled"]),
  startedAtMs: TimeMs,
  endedAtMs: Type.Optional(TimeMs),
  chargeMaxUctz: Uctz,
  chargedUctz: Uctz,
  failure: Type.Optional(ErrorReport),
});
/** One try of a task at one provider. */
export type AttemptView = Static<typeof AttemptView>;

export const TaskView = Type.Object({
  taskId: TaskIdText,
  taskClass: Type.String(),
  alias: Type.Optional(Type.String()),
  /** The bundle's kind, where it is known: how clients show the output. */
  kind: Type.Optional(BundleKindText),
  state: TaskState,
  phase: Type.String(),
  createdAtMs: TimeMs,
  endedAtMs: Type.Optional(TimeMs),
  deadlineMs: TimeMs,
  inputBytes: Count,
  outputBytes: Type.Optional(Count),
  /** Media type of the output, once there is one. */
  outputType: Type.Optional(Type.String()),
  verify: Count,
  maxPriceUctz: Uctz,
  chargedUctz: Uctz,
  /** Ledger fees that this task caused (a lock opened for it), burned. */
  ledgerFeesUctz: Uctz,
  units: Type.Optional(Big),
  peerId: Type.Optional(PeerIdText),
  /** One line: why this provider, or why none. */
  reason: Type.Optional(Type.String()),
  attempts: Type.Array(AttemptView),
  failure: Type.Optional(ErrorReport),
});
export type TaskView = Static<typeof TaskView>;

/** What to run. The input travels inline as base64, or as the raw body (see `TaskHeader`). */
const taskFields = {
  taskClass: Type.String({
    minLength: 1,
    maxLength: 256,
    description: "class (`onnx/<cid>`), alias (`ocr`), or a bundle's content id",
  }),
  params: Type.Optional(Type.Record(Type.String({maxLength: 64}), Type.Unknown())),
  maxPriceUctz: Type.Optional(Uctz),
  verify: Type.Optional(
    Type.Integer({minimum: 1, maximum: 2, description: "2: a second provider must agree"}),
  ),
  route: Type.Optional(Type.Enum(["direct", "auction", "middleware"])),
  timeoutMs: Type.Optional(Type.Integer({minimum: 100, maximum: 86_400_000})),
  idempotencyKey: Type.Optional(Type.String({minLength: 1, maxLength: 128})),
};

export const TaskHeader = Type.Object(taskFields, {additionalProperties: false});
/** Everything of a task but its input: JSON, base64url, in the `ctz-task` header of a raw upload. */
export type TaskHeader = Static<typeof TaskHeader>;

export const TaskBody = Type.Object(
  {
    ...taskFields,
    input: Type.String({description: "base64, at most 16 MiB decoded", contentEncoding: "base64"}),
  },
  {additionalProperties: false},
);
export type TaskBody = Static<typeof TaskBody>;

export const TaskCreated = Type.Object({
  taskId: TaskIdText,
  /** False when the idempotency key named a task that was already there. */
  isNew: Type.Boolean(),
});
export type TaskCreated = Static<typeof TaskCreated>;

export const TaskList = Type.Object({tasks: Type.Array(TaskView)});

export const TaskExplanation = Type.Object({
  taskId: TaskIdText,
  taskClass: Type.String(),
  route: Type.Enum(["direct", "auction", "middleware", "own"]),
  /** One line: why this provider, or why none. */
  reason: Type.String(),
  candidates: Type.Array(CandidateView),
  rejected: Type.Array(RejectedView),
  attempts: Type.Array(AttemptView),
});
export type TaskExplanation = Static<typeof TaskExplanation>;

export const ReceiptView = Type.Object({
  taskId: TaskIdText,
  taskClass: Type.String(),
  taskHash: HashText,
  payer: AccountText,
  provider: AccountText,
  peerId: PeerIdText,
  units: Big,
  chargedUctz: Uctz,
  /** The charge split as the lock's table says, plus what rounding leaves in the lock. */
  legs: Type.Array(LegView),
  ledgerFeesUctz: Uctz,
  outputHash: HashText,
  determinism: Type.String(),
  executorMs: Count,
  lockId: HashText,
  voucherCumulativeUctz: Uctz,
  contextHash: HashText,
  isSignedByProvider: Type.Boolean(),
  isSignedByPayer: Type.Boolean(),
  /** Of the claim that paid it; `pending` until the provider has claimed. */
  grade: GradeText,
  witnesses: Count,
  endedAtMs: TimeMs,
});
export type ReceiptView = Static<typeof ReceiptView>;

export const TaskEvent = Type.Union([
  Type.Object({type: Type.Literal("phase"), phase: Type.String(), note: Type.Optional(Type.String())}),
  Type.Object({
    type: Type.Literal("progress"),
    phase: Type.String(),
    done: Type.Number(),
    total: Type.Optional(Type.Number()),
  }),
  Type.Object({type: Type.Literal("attempt"), attempt: AttemptView}),
  Type.Object({type: Type.Literal("output"), chunk: Type.String({contentEncoding: "base64"})}),
  /** Output shown so far is void: another provider starts again. */
  Type.Object({type: Type.Literal("reset")}),
  /** Always the last one, also for a task that had already ended. */
  Type.Object({type: Type.Literal("done"), task: TaskView}),
]);
/** One event of a task's stream. */
export type TaskEvent = Static<typeof TaskEvent>;
