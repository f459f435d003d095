/**
 * The node as the doors see it: every handler of the HTTP server calls one of these and nothing else.
 * `node/` implements it. Methods throw `CodedError`; anything else becomes `INTERNAL`. Views carry no
 * `v`: the server adds it. Bytes and money come in decoded, money goes out as decimal strings of µCTZ.
 */

import type {
  AssetBurnBody,
  AssetList,
  AssetSendBody,
  HarvestBody,
  HarvestView,
  IssueBody,
  IssuedView,
  OfferedView,
  RateBody,
  RateView,
  SaleBody,
  SaleList,
} from "@catalyze/api/schema/asset";
import type {CellsView} from "@catalyze/api/schema/cell";
import type {GovernView, ProposeBody, VoteBody} from "@catalyze/api/schema/govern";
import type {
  LockAwardBody,
  LockAwardView,
  LockJudgedBody,
  LockSignBody,
} from "@catalyze/api/schema/judgedLock";
import type {
  LockAcceptBody,
  LockClaimBody,
  LockClaimedView,
  LockList,
  LockNoticeBody,
  LockNoticeView,
  LockOpenBody,
  LockOpenedView,
  LockPayBody,
  LockTakeBody,
  LockView,
  VoucherView,
} from "@catalyze/api/schema/lock";
import type {AskView, ModelAddBody, ModelView, PeerView, QuoteView} from "@catalyze/api/schema/market";
import type {
  BackupView,
  BalanceList,
  BalanceProofView,
  CellOpList,
  CheckpointView,
  HistoryItem,
  LedgerReport,
  LedgerView,
  OpProofView,
  OpView,
  WalletView,
} from "@catalyze/api/schema/money";
import type {NodeInfo, NodeWhy, Readiness, StatusView} from "@catalyze/api/schema/node";
import type {
  ReceiptView,
  TaskCreated,
  TaskEvent,
  TaskExplanation,
  TaskState,
  TaskView,
} from "@catalyze/api/schema/task";
import type {WitnessStatusView} from "@catalyze/api/schema/witness";
import type {StakeKind} from "@catalyze/core/ledger/op";
import type {AccountId, CellId, LockId, OpId, TaskId} from "@catalyze/core/primitives/id";

/** A task as a door hands it in: sizes and types checked, class and money not yet. */
export type TaskRequest = {
  /** Class (`onnx/<cid>`), alias (`ocr`) or a bundle's content id. */
  readonly taskClass: string;
  readonly params: Readonly<Record<string, unknown>>;
  /** At most `LIMITS.inputBytesMax`. */
  readonly input: Uint8Array;
  /**
   * Absent: `options.maxPriceDefault` applies, and a task whose cheapest candidate is above it ends as
   * `NEEDS_CONFIRMATION` with `evidence: {priceUctz, maxPriceDefaultUctz}`.
   */
  readonly maxPriceUctz: bigint | undefined;
  /** 2: a second provider must give the same result. */
  readonly verify: 1 | 2;
  readonly route: "direct" | "auction" | "middleware";
  readonly timeoutMs: number | undefined;
  /** Same key and same content: the same task. Same key, other content: `IDEMPOTENCY_CONFLICT`. */
  readonly idempotencyKey: string | undefined;
};

export type TaskOutput = {readonly bytes: Uint8Array; readonly mediaType: string};

export interface TasksFacade {
  /** Returns once the task is on record; refuses at once what cannot start (`INPUT_INVALID`, `TASK_CLASS_UNKNOWN`). */
  create(request: TaskRequest): Promise<TaskCreated>;
  /** Newest first. */
  list(filter: {readonly state?: TaskState; readonly limit: number}): Promise<readonly TaskView[]>;
  /** These six throw `TASK_NOT_FOUND`. */
  show(id: TaskId): Promise<TaskView>;
  explain(id: TaskId): Promise<TaskExplanation>;
  /** `NOT_FOUND` while there is none. */
  receipt(id: TaskId): Promise<ReceiptView>;
  /** `NOT_FOUND` while there is none; the failure's own code for a failed task. */
  output(id: TaskId): Promise<TaskOutput>;
  /** `TASK_FINISHED` when it is too late. Returns once the cancel is on record. */
  cancel(id: TaskId): Promise<TaskView>;
  /** Returns once the task has ended, however it did; ends early with the task as it is when `signal` aborts. */
  ended(id: TaskId, signal: AbortSignal): Promise<TaskView>;
  /**
   * From now on, with what was missed first (phase, output so far); the last event is `done`, at once
   * for a task that has ended. Ends early when `signal` aborts, without leaving listeners behind.
   */
  events(id: TaskId, signal: AbortSignal): AsyncIterable<TaskEvent>;
}

export interface WalletFacade {
  show(): Promise<WalletView>;
  /** Returns once certified. */
  send(to: AccountId, amountUctz: bigint, memo: string): Promise<OpView>;
  /** Both return once certified. An unstake acts at the next checkpoint. */
  stake(stake: StakeKind, amountUctz: bigint): Promise<OpView>;
  unstake(stake: StakeKind, amountUctz: bigint): Promise<OpView>;
  /** Newest first. */
  history(limit: number): Promise<readonly HistoryItem[]>;
  /** Refuses a path that exists (`REQUEST_INVALID`). The file is as encrypted as the keystore, mode 0600. */
  backup(path: string): Promise<BackupView>;
}

export interface AssetsFacade {
  list(): Promise<AssetList>;
  /** These four return once certified. Throw `UNITS_INVALID`, `ASSET_UNKNOWN`, `UNITS_INSUFFICIENT`. */
  issue(body: IssueBody): Promise<IssuedView>;
  send(body: AssetSendBody): Promise<OpView>;
  burn(body: AssetBurnBody): Promise<OpView>;
  /** Both return once certified. Throw `ASSET_UNKNOWN`, `ASSET_NOT_YOURS`; `NOTHING_TO_HARVEST`. */
  rate(body: RateBody): Promise<RateView>;
  harvest(body: HarvestBody): Promise<HarvestView>;
  /** A checkpoint matches it with another that fits, or what it gives comes back when it expires. */
  offer(body: SaleBody): Promise<OfferedView>;
  sales(filter: {readonly limit: number; readonly isAll: boolean}): Promise<SaleList>;
}

export interface LocksFacade {
  /** The next to expire first. */
  list(filter: {readonly limit: number; readonly isAll: boolean}): Promise<LockList>;
  /** Returns once certified. Throws `PAYEE_KEY_UNKNOWN`, `AMOUNT_INVALID`, `FUNDS_INSUFFICIENT`. */
  open(body: LockOpenBody): Promise<LockOpenedView>;
  /** These five throw `LOCK_UNKNOWN`, `LOCK_CLOSED`, `LOCK_NOT_YOURS`. The voucher is on disk when it returns. */
  pay(id: LockId, body: LockPayBody): Promise<VoucherView>;
  take(body: LockTakeBody): Promise<LockView>;
  /** These three return once certified. Throws `NOTHING_TO_CLAIM`. */
  claim(id: LockId, body: LockClaimBody): Promise<LockClaimedView>;
  notice(id: LockId, body: LockNoticeBody): Promise<LockNoticeView>;
  accept(id: LockId, body: LockAcceptBody): Promise<OpView>;
}

export interface JudgesFacade {
  /** Returns once certified. Throws like `LocksFacade.open`. */
  open(body: LockJudgedBody): Promise<LockOpenedView>;
  /**
   * Both return once certified, or when the signature is on disk and more are needed. Throw `LOCK_UNKNOWN`,
   * `LOCK_CLOSED`, `LOCK_NOT_YOURS`, `LOCK_EXHAUSTED`, `PAYEE_NOT_ALLOWED`, `AWARD_CONFLICT`; `AWARD_INVALID`.
   */
  award(id: LockId, body: LockAwardBody): Promise<LockAwardView>;
  sign(body: LockSignBody): Promise<LockAwardView>;
}

export interface LedgerFacade {
  show(): Promise<LedgerView>;
  balances(): Promise<BalanceList>;
  /** `NOT_FOUND` when there is nothing. */
  cells(id: CellId): Promise<CellsView>;
  /** Newest first. `NOT_FOUND` when there is nothing under this id, and no op that names it. */
  history(id: CellId, limit: number): Promise<CellOpList>;
  /** `NOT_FOUND` before the first checkpoint. */
  proof(account: AccountId): Promise<BalanceProofView>;
  /** Of one of the latest ops. `NOT_FOUND` when what shows that it counts is not here. */
  opProof(id: OpId): Promise<OpProofView>;
  verify(): Promise<LedgerReport>;
  /** The file of `ctz ledger export`, of one moment, in pieces. */
  export(): AsyncIterable<Uint8Array>;
  /** Newest first. */
  checkpoints(limit: number): Promise<readonly CheckpointView[]>;
}

export interface WitnessFacade {
  status(): Promise<WitnessStatusView>;
  /** Both return once certified, and act when the epoch ends. Throws `STAKE_TOO_SMALL`, `WITNESS_BARRED`. */
  join(stakeUctz: bigint): Promise<OpView>;
  leave(): Promise<OpView>;
}

export interface GovernFacade {
  show(): Promise<GovernView>;
  /**
   * Both return once certified, and act at the next checkpoint. Throws `PARAM_UNKNOWN`, `PARAM_OUT_OF_BOUNDS`,
   * `VOTE_WITHOUT_STAKE`, `PROPOSAL_UNKNOWN`.
   */
  propose(body: ProposeBody): Promise<OpView>;
  vote(body: VoteBody): Promise<OpView>;
}

export interface NodeFacade {
  /** Cheap and synchronous: `/readyz` calls it. */
  readiness(): Readiness;
  status(): Promise<StatusView>;
  /** Resolves when all that the doors have shown of the ledger so far is on disk; at once on a full one. */
  written(): Promise<void>;
  readonly tasks: TasksFacade;
  quote(request: TaskRequest): Promise<QuoteView>;
  asks(taskClass: string | undefined): Promise<readonly AskView[]>;
  peers(): Promise<readonly PeerView[]>;
  readonly wallet: WalletFacade;
  readonly assets: AssetsFacade;
  readonly locks: LocksFacade;
  readonly judges: JudgesFacade;
  readonly ledger: LedgerFacade;
  readonly witness: WitnessFacade;
  readonly govern: GovernFacade;
  models(): Promise<readonly ModelView[]>;
  addModel(request: ModelAddBody): Promise<ModelView>;
  info(): Promise<NodeInfo>;
  why(): Promise<NodeWhy>;
}
