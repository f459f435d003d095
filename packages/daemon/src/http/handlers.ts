/** One handler per JSON route: from checked input to a call of the facade to the answer's fields. */
import type {BodyOf, ParamsOf, QueryOf, ResponseOf, Route} from "@catalyze/api/route";
import {ROUTES, type RouteName, type Routes} from "@catalyze/api/routes";
import type {AccountId, CellId, LockId, OpId, TaskId} from "@catalyze/core/primitives/id";
import type {ConfigStore} from "../options/configStore.ts";
import type {NodeFacade} from "./nodeFacade.ts";
import {readTaskRequest, readUctz} from "./taskRequest.ts";

/** Where lists end when nobody says. */
const LIST_LIMIT = 100;

export type HandlerInput<K extends RouteName> = {
  readonly params: ParamsOf<Routes[K]>;
  readonly query: QueryOf<Routes[K]>;
  /** Checked, but for routes that take raw bytes: `readTaskRequest` checks those. */
  readonly body: BodyOf<Routes[K]>;
  readonly taskHeader: unknown;
};

export type HandlerContext = {
  /** Throws `STARTING` while there is none. */
  facade(): NodeFacade;
  readonly config: ConfigStore;
  /** Starts the stop; the answer still goes out. */
  requestShutdown(): void;
};

/** Routes that the server answers itself: they work before there is a node, or are not JSON. */
type OwnRoute = "healthz" | "readyz" | "metrics" | "taskRun" | "taskEvents" | "taskOutput" | "ledgerExport";

export type HandledRoute = Exclude<RouteName, OwnRoute>;

type Handlers = {
  readonly [K in HandledRoute]: (
    context: HandlerContext,
    input: HandlerInput<K>,
  ) => Promise<ResponseOf<Routes[K]>>;
};

export const HANDLERS: Handlers = {
  status: async (context) => await context.facade().status(),
  taskCreate: async (context, {body, taskHeader}) =>
    await context.facade().tasks.create(readTaskRequest(ROUTES.taskCreate as Route, body, taskHeader)),
  taskList: async (context, {query}) => {
    const {state, limit} = query;
    const filter = {limit: limit ?? LIST_LIMIT, ...(state === undefined ? {} : {state})};
    return {tasks: [...(await context.facade().tasks.list(filter))]};
  },
  taskShow: async (context, {params}) => await context.facade().tasks.show(params.id as TaskId),
  taskCancel: async (context, {params}) => await context.facade().tasks.cancel(params.id as TaskId),
  taskExplain: async (context, {params}) => await context.facade().tasks.explain(params.id as TaskId),
  taskReceipt: async (context, {params}) => await context.facade().tasks.receipt(params.id as TaskId),
  quote: async (context, {body, taskHeader}) =>
    await context.facade().quote(readTaskRequest(ROUTES.quote as Route, body, taskHeader)),
  asks: async (context, {query}) => ({asks: [...(await context.facade().asks(query.taskClass))]}),
  peers: async (context) => ({peers: [...(await context.facade().peers())]}),
  wallet: async (context) => await context.facade().wallet.show(),
  walletSend: async (context, {body}) =>
    await context.facade().wallet.send(body.to as AccountId, readUctz(body.amountUctz), body.memo ?? ""),
  walletStake: async (context, {body}) =>
    await context.facade().wallet.stake(body.stake, readUctz(body.amountUctz)),
  walletUnstake: async (context, {body}) =>
    await context.facade().wallet.unstake(body.stake, readUctz(body.amountUctz)),
  walletHistory: async (context, {query}) => ({
    items: [...(await context.facade().wallet.history(query.limit ?? LIST_LIMIT))],
  }),
  walletBackup: async (context, {body}) => await context.facade().wallet.backup(body.path),
  walletAssets: async (context) => await context.facade().assets.list(),
  walletIssue: async (context, {body}) => await context.facade().assets.issue(body),
  walletSendUnits: async (context, {body}) => await context.facade().assets.send(body),
  walletBurnUnits: async (context, {body}) => await context.facade().assets.burn(body),
  walletHarvest: async (context, {body}) => await context.facade().assets.harvest(body),
  walletRate: async (context, {body}) => await context.facade().assets.rate(body),
  walletSell: async (context, {body}) => await context.facade().assets.offer(body),
  walletSales: async (context, {query}) =>
    await context.facade().assets.sales({limit: query.limit ?? LIST_LIMIT, isAll: query.isAll === true}),
  ledgerCells: async (context, {params}) => await context.facade().ledger.cells(params.id as CellId),
  locks: async (context, {query}) =>
    await context.facade().locks.list({limit: query.limit ?? LIST_LIMIT, isAll: query.isAll === true}),
  lockOpen: async (context, {body}) => await context.facade().locks.open(body),
  lockJudged: async (context, {body}) => await context.facade().judges.open(body),
  lockAward: async (context, {params, body}) =>
    await context.facade().judges.award(params.id as LockId, body),
  lockSign: async (context, {body}) => await context.facade().judges.sign(body),
  lockPay: async (context, {params, body}) => await context.facade().locks.pay(params.id as LockId, body),
  lockTake: async (context, {body}) => await context.facade().locks.take(body),
  lockClaim: async (context, {params, body}) => await context.facade().locks.claim(params.id as LockId, body),
  lockNotice: async (context, {params, body}) =>
    await context.facade().locks.notice(params.id as LockId, body),
  lockAccept: async (context, {params, body}) =>
    await context.facade().locks.accept(params.id as LockId, body),
  ledger: async (context) => await context.facade().ledger.show(),
  ledgerBalances: async (context) => await context.facade().ledger.balances(),
  ledgerHistory: async (context, {params, query}) =>
    await context.facade().ledger.history(params.id as CellId, query.limit ?? LIST_LIMIT),
  ledgerProof: async (context, {params}) => await context.facade().ledger.proof(params.account as AccountId),
  ledgerOpProof: async (context, {params}) => await context.facade().ledger.opProof(params.op as OpId),
  ledgerVerify: async (context) => await context.facade().ledger.verify(),
  ledgerCheckpoints: async (context, {query}) => ({
    checkpoints: [...(await context.facade().ledger.checkpoints(query.limit ?? LIST_LIMIT))],
  }),
  witnessStatus: async (context) => await context.facade().witness.status(),
  witnessJoin: async (context, {body}) =>
    await context.facade().witness.join(readUctz(body.stakeUctz ?? "0")),
  witnessLeave: async (context) => await context.facade().witness.leave(),
  govern: async (context) => await context.facade().govern.show(),
  governPropose: async (context, {body}) => await context.facade().govern.propose(body),
  governVote: async (context, {body}) => await context.facade().govern.vote(body),
  models: async (context) => ({models: [...(await context.facade().models())]}),
  modelAdd: async (context, {body}) => await context.facade().addModel(body),
  nodeInfo: async (context) => await context.facade().info(),
  nodeWhy: async (context) => await context.facade().why(),
  configList: async ({config}) => ({entries: [...(await config.list())], file: config.path}),
  configGet: async ({config}, {params}) => await config.get(params.key),
  configSet: async ({config}, {params, body}) => await config.set(params.key, body.value ?? undefined),
  shutdown: async (context) => {
    context.requestShutdown();
    return {ok: true};
  },
};
