/** A node that answers from memory: what the doors need to be tested without one. */
import type {SaleBody, SaleView} from "@catalyze/api/schema/asset";
import type {ProposalView} from "@catalyze/api/schema/govern";
import type {LockOpenBody, LockView} from "@catalyze/api/schema/lock";
import type {AskView, CandidateView, ModelView, PeerView} from "@catalyze/api/schema/market";
import type {TaskEvent, TaskView} from "@catalyze/api/schema/task";
import {CodedError} from "@catalyze/core/errors/codedError";
import type {NodeFacade, TaskRequest} from "../../src/http/nodeFacade.ts";

export const ACCOUNT = "a".repeat(64);
export const OTHER = "b".repeat(64);
export const HASH = "c".repeat(64);
export const TASK_ID = "1".repeat(32);
export const PEER = "12D3KooWFakePeerOne";

export const LEGS = [
  {role: "provider", account: OTHER, bps: 8500, amountUctz: "850", isBurned: false},
  {role: "middleware", account: ACCOUNT, bps: 500, amountUctz: "50", isBurned: false},
  {role: "creator", account: HASH, bps: 500, amountUctz: "50", isBurned: false},
  {role: "fee", bps: 500, amountUctz: "50", isBurned: true},
] as const;

const candidate = (rank: number, chargeMaxUctz: string): CandidateView => ({
  rank,
  peerId: `${PEER}${rank}`,
  account: OTHER,
  isSelf: false,
  unitPriceUctz: "800",
  feeMinUctz: "200",
  chargeMaxUctz,
  indexUctz: "1200",
  terms: [
    {name: "price", costUctz: "1000"},
    {name: "waiting", costUctz: "200"},
  ],
  expectedMs: 80,
  reliability: 0.98,
  isWarm: true,
  split: [...LEGS],
});

export const CANDIDATES = [candidate(1, "1000"), candidate(2, "3000")];

export const ASK: AskView = {
  askId: "f".repeat(32),
  peerId: PEER,
  account: OTHER,
  isSelf: false,
  taskClass: "onnx/bafyfake",
  alias: "ocr",
  title: "Text from an image",
  unit: "mac",
  unitScale: "1000000000",
  unitPriceUctz: "800",
  feeMinUctz: "200",
  legs: [...LEGS],
  determinism: "ort-1.30-cpu",
  slots: 2,
  slotsBusy: 1,
  queueLength: 0,
  isWarm: true,
  expiresAtMs: 1_800_000_000_000,
};

const PEER_VIEW: PeerView = {
  peerId: PEER,
  account: OTHER,
  addresses: ["/ip4/127.0.0.1/tcp/4150"],
  direction: "outbound",
  connectedAtMs: 1_700_000_000_000,
  latencyMs: 1.5,
  roles: ["provider"],
  asks: 2,
  clockOffsetMs: 12,
  successes: 3,
  failures: 0,
};

export const MODEL: ModelView = {
  bundle: "bafyfake",
  taskClass: "onnx/bafyfake",
  alias: "ocr",
  kind: "ocr",
  title: "Text from an image",
  licence: "Apache-2.0",
  unit: "mac",
  bytes: 12_000_000,
  files: [{name: "detect.onnx", cid: "bafyfile", bytes: 12_000_000}],
  creator: HASH,
  royaltyBps: 500,
  inputBytesMax: 4_000_000,
  outputBytesMax: 100_000,
  isLocal: true,
  isSold: true,
  unitPriceUctz: "800",
  feeMinUctz: "200",
};

export function taskView(change: Partial<TaskView> = {}): TaskView {
  return {
    taskId: TASK_ID,
    taskClass: "onnx/bafyfake",
    alias: "ocr",
    state: "done",
    phase: "done",
    createdAtMs: 1_700_000_000_000,
    endedAtMs: 1_700_000_000_150,
    deadlineMs: 1_700_000_060_000,
    inputBytes: 5,
    outputBytes: 5,
    outputType: "text/plain; charset=utf-8",
    verify: 1,
    maxPriceUctz: "100000",
    chargedUctz: "1000",
    ledgerFeesUctz: "100",
    units: "1000000000",
    peerId: `${PEER}1`,
    reason: "lowest expected cost",
    attempts: [],
    ...change,
  };
}

/** Behaviour that a test changes before it calls. */
export type FakeState = {
  readonly created: TaskRequest[];
  readonly cancelled: string[];
  events: TaskEvent[];
  /** Kept open after `events` until the task is cancelled or the stream aborted. */
  isEndless: boolean;
  onCancel: () => void;
  task: TaskView;
  output: {bytes: Uint8Array; mediaType: string};
  /** Thrown by whatever has this name, such as `wallet.show`. */
  readonly failures: Map<string, unknown>;
  candidates: CandidateView[];
  isReady: boolean;
  ledgerOk: boolean;
  readonly offers: SaleBody[];
  readonly locks: LockOpenBody[];
  saleState: SaleView["state"];
  /** Pieces of an export. */
  ledgerExport: readonly Uint8Array[];
  /** What it shows of the ledger is on disk. */
  written: Promise<void>;
};

export function fakeState(): FakeState {
  return {
    created: [],
    cancelled: [],
    events: [
      {type: "phase", phase: "price"},
      {type: "progress", phase: "execute", done: 1, total: 2},
      {type: "done", task: taskView()},
    ],
    isEndless: false,
    onCancel() {},
    task: taskView(),
    output: {bytes: new TextEncoder().encode("hello"), mediaType: "text/plain; charset=utf-8"},
    failures: new Map(),
    candidates: CANDIDATES,
    isReady: true,
    ledgerOk: true,
    offers: [],
    locks: [],
    saleState: "open",
    ledgerExport: [],
    written: Promise.resolve(),
  };
}

const OP_VIEW = {
  ...{opId: HASH, grade: "certified" as const, height: "43", witnesses: 4},
  feeUctz: "100",
};

const PROPOSAL: ProposalView = {
  ...{id: HASH, proposer: ACCOUNT, changes: [{name: "opFee", value: "200"}], passing: "majority"},
  ...{untilEpoch: 3, endsAtMs: 1_700_000_060_000, depositUctz: "10", votes: 1, yesUctz: "5", noUctz: "0"},
  ...{isPassing: true, ownVote: "yes"},
};

const ASSET = {
  ...{assetId: HASH, kind: "seed" as const, contentHash: HASH, royaltyBps: 500, issuer: OTHER},
  ...{supply: "1000", burned: "10"},
  nextRoyalty: {bps: 750, epoch: 5, startsAtMs: 1_700_000_060_000},
};

const ROYALTIES = {harvestableUctz: "80", waitingUctz: "1200", harvestedUctz: "0"};

const SALE: SaleView = {
  ...{saleId: HASH, seller: OTHER, isOwn: false, isInReach: true, grade: "checkpointed", state: "open"},
  ...{gives: {assetId: HASH, units: "7"}, wants: {amountUctz: "2500000"}},
  ...{expiryHeight: "99", expiresAtMs: 1_700_000_060_000},
};

export const VOUCHER = "v".repeat(182);

const LOCK: LockView = {
  ...{lockId: HASH, payer: OTHER, payee: ACCOUNT, amountUctz: "9000000", drawnUctz: "1000000"},
  leftUctz: "8000000",
  ...{paidUctz: "1000000", awardedUctz: "0", refundTo: OTHER, isOpen: true, isPlain: true},
  authority: {kind: "payer", key: HASH, account: OTHER},
  split: [{target: "account", account: ACCOUNT, bps: 10_000}],
  ...{expiryHeight: "99", expiresAtMs: 1_700_000_060_000, voucherReceivedUctz: "3000000"},
  ...{claimableUctz: "2000000", grade: "certified"},
};

const JUDGED: LockView = {
  ...LOCK,
  authority: {
    ...{kind: "controller", threshold: 2, payees: [{target: "burn"}, {target: "account", account: OTHER}]},
    judges: [ACCOUNT, OTHER].map((account) => ({account, key: HASH})),
  },
  ...{split: [], isPlain: false, claimableUctz: "0"},
};

export const AWARD = "w".repeat(400);

export function fakeFacade(state: FakeState): NodeFacade {
  const check = (name: string): void => {
    const failure = state.failures.get(name);
    if (failure !== undefined) throw failure;
  };
  const ofTask = (name: string, id: string): TaskView => {
    check(name);
    if (id !== TASK_ID) throw new CodedError("TASK_NOT_FOUND");
    return state.task;
  };
  return {
    readiness: () => ({isReady: state.isReady, phase: state.isReady ? "ready" : "joining"}),
    written: () => state.written,
    async status() {
      check("status");
      return {
        version: "0.1.0",
        phase: "ready",
        isReady: state.isReady,
        startedAtMs: 1_700_000_000_000,
        apiUrl: "http://127.0.0.1:5150",
        peerId: PEER,
        account: ACCOUNT,
        roles: ["provider"],
        addresses: ["/ip4/127.0.0.1/tcp/4150"],
        peers: 1,
        network: "deadbeef",
        height: "42",
        witnesses: 4,
        isAnchored: true,
        balanceUctz: "1000000000000",
        tasksOpen: 0,
        tasksDone: 3,
        tasksFailed: 1,
        earnedUctz: "5000",
        notes: ["sells ocr at 800 µCTZ"],
      };
    },
    tasks: {
      async create(request) {
        check("tasks.create");
        state.created.push(request);
        return {taskId: TASK_ID, isNew: true};
      },
      async list() {
        check("tasks.list");
        return [state.task];
      },
      show: async (id) => ofTask("tasks.show", id),
      async explain(id) {
        ofTask("tasks.explain", id);
        return {
          taskId: TASK_ID,
          taskClass: "onnx/bafyfake",
          route: "direct",
          reason: "lowest expected cost",
          candidates: state.candidates,
          rejected: [{peerId: PEER, code: "PROVIDER_BUSY", message: "The provider is at capacity."}],
          attempts: [],
        };
      },
      async receipt(id) {
        ofTask("tasks.receipt", id);
        return {
          taskId: TASK_ID,
          taskClass: "onnx/bafyfake",
          taskHash: HASH,
          payer: ACCOUNT,
          provider: OTHER,
          peerId: PEER,
          units: "1000000000",
          chargedUctz: "1000",
          legs: [...LEGS],
          ledgerFeesUctz: "100",
          outputHash: HASH,
          determinism: "ort-1.30-cpu",
          executorMs: 50,
          lockId: HASH,
          voucherCumulativeUctz: "1000",
          contextHash: HASH,
          isSignedByProvider: true,
          isSignedByPayer: true,
          grade: "certified",
          witnesses: 4,
          endedAtMs: 1_700_000_000_150,
        };
      },
      async output(id) {
        ofTask("tasks.output", id);
        return state.output;
      },
      async cancel(id) {
        const task = ofTask("tasks.cancel", id);
        state.cancelled.push(id);
        state.task = {...task, state: "cancelled", chargedUctz: "0"};
        state.onCancel();
        return state.task;
      },
      async ended(id, signal) {
        ofTask("tasks.ended", id);
        if (state.isEndless && !signal.aborted)
          await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
        return state.task;
      },
      async *events(id, signal) {
        ofTask("tasks.events", id);
        yield* state.events;
        if (!state.isEndless) return;
        await new Promise<void>((resolve) => {
          signal.addEventListener("abort", () => resolve());
          state.onCancel = resolve;
        });
        if (!signal.aborted) yield {type: "done", task: state.task};
      },
    },
    async quote(request) {
      check("quote");
      state.created.push(request);
      return {
        taskClass: "onnx/bafyfake",
        alias: "ocr",
        unit: "mac",
        unitsMax: "1000000000",
        candidates: state.candidates,
        rejected: [{peerId: PEER, code: "PROVIDER_BUSY", message: "The provider is at capacity."}],
        maxPriceDefaultUctz: "100000",
      };
    },
    async asks() {
      check("asks");
      return [ASK];
    },
    async peers() {
      check("peers");
      return [PEER_VIEW];
    },
    wallet: {
      async show() {
        check("wallet.show");
        return {
          account: ACCOUNT,
          publicKey: OTHER,
          balanceUctz: "1500000",
          balanceCheckpointedUctz: "1500000",
          stakedUctz: "0",
          cooling: [],
          lockedUctz: "20000",
          receivableUctz: "0",
          opsPending: 0,
          height: "42",
          witnesses: 4,
        };
      },
      async send() {
        check("wallet.send");
        return OP_VIEW;
      },
      async stake() {
        check("wallet.stake");
        return OP_VIEW;
      },
      async unstake() {
        check("wallet.unstake");
        return OP_VIEW;
      },
      async history() {
        check("wallet.history");
        return [
          {
            atMs: 1_700_000_000_000,
            kind: "transfer",
            amountUctz: "-1000",
            feeUctz: "100",
            counterparty: OTHER,
            opId: HASH,
            grade: "certified",
          },
        ];
      },
      async backup(path) {
        check("wallet.backup");
        return {path, bytes: 1234, account: ACCOUNT};
      },
    },
    assets: {
      async list() {
        check("assets.list");
        const held = {isIssuer: false, units: "42", unitsCheckpointed: "40", unitsOffered: "5", ...ROYALTIES};
        return {height: "42", witnesses: 4, assets: [{...ASSET, ...held}]};
      },
      async issue({supply}) {
        check("assets.issue");
        return {...OP_VIEW, height: supply, assetId: HASH};
      },
      async send() {
        check("assets.send");
        return OP_VIEW;
      },
      async burn() {
        check("assets.burn");
        return OP_VIEW;
      },
      async rate({assetId, royaltyBps}) {
        check("assets.rate");
        return {...OP_VIEW, assetId, bps: royaltyBps, fromEpoch: 5};
      },
      async harvest() {
        check("assets.harvest");
        const came = {...OP_VIEW, assetId: HASH, amountUctz: "3000"};
        const left = {assetId: OTHER, ...ROYALTIES, code: "NOTHING_TO_HARVEST"};
        return {harvests: [came], waiting: [left], epoch: 4, epochEndsAtMs: 1_700_000_060_000};
      },
      async offer(body) {
        check("assets.offer");
        state.offers.push(body);
        return {...OP_VIEW, saleId: HASH, expiryHeight: "99", expiresAtMs: 1_700_000_060_000};
      },
      async sales() {
        check("assets.sales");
        return {height: "42", sales: [SALE]};
      },
    },
    judges: {
      async open() {
        check("judges.open");
        return {...OP_VIEW, lockId: HASH, expiryHeight: "99", expiresAtMs: 1_700_000_060_000};
      },
      async award(lockId, {payouts, isFinal = false}) {
        check("judges.award");
        return {
          ...{awardId: HASH, lockId, payouts: [...payouts], isFinal, feeUctz: "100", threshold: 1},
          ...{signedBy: [ACCOUNT], isCertified: true, op: OP_VIEW, lock: JUDGED},
        };
      },
      async sign({award}) {
        check("judges.sign");
        const payouts = [{target: "account" as const, account: OTHER, amountUctz: "2000000"}];
        return {
          ...{awardId: HASH, lockId: HASH, payouts, isFinal: false, feeUctz: "100", threshold: 2},
          ...{signedBy: [ACCOUNT], isCertified: false, award, lock: JUDGED},
        };
      },
    },
    locks: {
      async list() {
        check("locks.list");
        return {height: "42", locks: [LOCK, JUDGED]};
      },
      async open(body) {
        check("locks.open");
        state.locks.push(body);
        return {...OP_VIEW, lockId: HASH, expiryHeight: "99", expiresAtMs: 1_700_000_060_000};
      },
      async pay(lockId, {totalUctz}) {
        check("locks.pay");
        return {lockId, totalUctz, voucher: VOUCHER};
      },
      async take() {
        check("locks.take");
        return LOCK;
      },
      async claim() {
        check("locks.claim");
        return {...OP_VIEW, lock: LOCK};
      },
      async notice() {
        check("locks.notice");
        return {...OP_VIEW, endHeight: "50", endsAtMs: 1_700_000_060_000};
      },
      async accept() {
        check("locks.accept");
        return OP_VIEW;
      },
    },
    witness: {
      async status() {
        check("witness.status");
        return {
          ...{standing: "none" as const, isMember: false, isVoting: false},
          ...{weight: "0", weightTotal: "4", quorum: "3", weightNext: "0", epoch: 2},
          nextEpochAtMs: 1_700_000_060_000,
          ...{stakeUctz: "0", stakeMinUctz: "1000000000", places: 21, candidates: 0},
          witnesses: [
            {peerId: PEER, weight: "1", isSelf: false, isConnected: true, lastEntry: "2/99", isForked: false},
          ],
          note: "It is no witness.",
        };
      },
      async join(stakeUctz) {
        check("witness.join");
        return {...OP_VIEW, height: stakeUctz.toString()};
      },
      async leave() {
        check("witness.leave");
        return OP_VIEW;
      },
    },
    govern: {
      async show() {
        check("govern.show");
        return {
          ...{epoch: 2, treasuryUctz: "0", weightUctz: "5", weightTotalUctz: "9", quorumUctz: "2"},
          parameters: [{name: "opFee", unit: "µCTZ" as const, value: "100", next: "200", nextEpoch: 4}],
          proposals: [PROPOSAL],
        };
      },
      async propose({changes = []}) {
        check("govern.propose");
        return {...OP_VIEW, height: String(changes.length)};
      },
      async vote() {
        check("govern.vote");
        return OP_VIEW;
      },
    },
    ledger: {
      async show() {
        check("ledger.show");
        return {
          network: "deadbeef",
          genesisHash: HASH,
          height: "42",
          epoch: 2,
          stateRoot: HASH,
          isWitness: true,
          isRecovering: false,
          witnesses: [
            {peerId: PEER, weight: "1", isSelf: false, isConnected: true, lastEntry: "2/99", isForked: false},
          ],
          accounts: 6,
          locksOpen: 1,
          opsPending: 0,
          supplyUctz: "1000000000000",
          burnedUctz: "50",
        };
      },
      async balances() {
        return {height: "42", balances: [{account: ACCOUNT, balanceUctz: "1500000", stakedUctz: "0"}]};
      },
      async cells(id) {
        check("ledger.cells");
        const sale = {...SALE, state: state.saleState};
        if (state.saleState !== "open") return {id, height: "42", sale};
        const holders = [{account: OTHER, units: "42"}];
        return {id, height: "42", sale, asset: {...ASSET, holders, holdersTotal: 3}};
      },
      async history(id, limit) {
        check("ledger.history");
        const op = {opId: HASH, atMs: 1_700_000_000_000, cell: OTHER, seq: "7", kind: "transfer"};
        const moved = {amountUctz: "2500000", feeUctz: "100", receivedUctz: "1500000", to: id, opens: []};
        const items = [{...op, ...moved, grade: "checkpointed" as const}].slice(0, limit);
        return {id, items, sinceMs: 1_700_000_000_000, begunHeight: "40"};
      },
      async proof(account) {
        check("ledger.proof");
        return {account, height: "42", genesisHash: HASH, proof: "AQID"};
      },
      async opProof(opId) {
        check("ledger.opProof");
        return {opId, genesisHash: HASH, proof: "AQID"};
      },
      async verify() {
        check("ledger.verify");
        return {
          ok: state.ledgerOk,
          height: "42",
          supplyUctz: "10",
          balancesUctz: "9",
          lockedUctz: "0",
          stakedUctz: "0",
          burnedUctz: "1",
          withdrawnUctz: "0",
          checks: [{name: "conservation", ok: state.ledgerOk, detail: "10 = 9 + 1"}],
        };
      },
      async *export() {
        check("ledger.export");
        yield* state.ledgerExport;
      },
      async checkpoints() {
        return [
          {
            height: "42",
            epoch: 2,
            hash: HASH,
            stateRoot: HASH,
            isLastOfEpoch: false,
            signatures: 4,
            atMs: 1_700_000_000_000,
          },
        ];
      },
    },
    models: async () => [MODEL],
    async addModel() {
      check("addModel");
      return MODEL;
    },
    async info() {
      return {
        version: "0.1.0",
        peerId: PEER,
        account: ACCOUNT,
        home: "/tmp/home",
        logFile: "/tmp/home/logs/ctz.log",
        roles: ["provider"],
        addresses: ["/ip4/127.0.0.1/tcp/4150"],
        executor: {
          kind: "onnx on cpu",
          determinism: "ort-1.30-cpu",
          isIsolated: true,
          isolation: "prlimit",
          slots: 1,
          slotsBusy: 0,
          queueLength: 0,
        },
        sells: [
          {taskClass: "onnx/bafyfake", alias: "ocr", unitPriceUctz: "800", feeMinUctz: "200", isWarm: true},
        ],
        rssBytes: 100_000_000,
        checkThreadFailures: 0,
        node: "20.20.2",
        platform: "linux",
      };
    },
    async why() {
      return {
        isEarning: false,
        lines: ["No task asked for what this node sells."],
        earnedUctz: "0",
        receivableUctz: "0",
        tasksWon: 0,
        tasksDone: 0,
        reasons: [
          {
            code: "PRICE_ABOVE_MAX",
            message: "Too dear.",
            count: 3,
            lastAtMs: 1_700_000_000_000,
            detail: "900 > 800",
          },
        ],
      };
    },
  };
}
