/** The node as its doors see it: implements the facade over the running parts. */
import type {AskView, ModelAddBody, ModelView, PeerView, QuoteView} from "@catalyze/api/schema/market";
import type {NodeInfo, NodeWhy, Readiness, StatusView} from "@catalyze/api/schema/node";
import {ERRORS} from "@catalyze/core/errors/table";
import {jobFigures} from "@catalyze/core/task/jobFigures";
import {isOpenTask} from "@catalyze/core/task/taskState";
import type {Bundle} from "../exec/bundleStore.ts";
import {describeIsolation} from "../exec/isolation.ts";
import type {
  AssetsFacade,
  GovernFacade,
  JudgesFacade,
  LedgerFacade,
  LocksFacade,
  NodeFacade,
  TaskRequest,
  WalletFacade,
  WitnessFacade,
} from "../http/nodeFacade.ts";
import {bundleOf, classOf} from "../node/bundleCatalog.ts";
import type {Parts} from "../node/wire.ts";
import {notesOf} from "../pipeline/termsFinder.ts";
import {earningLines} from "./earningLines.ts";
import {addModel} from "./modelDoor.ts";
import type {TasksDoor} from "./tasksFacade.ts";
import {askView, candidateView, legViews, rejectedViews} from "./taskViews.ts";

export type NodeDoorOptions = {
  readonly version: string;
  readonly startedAtMs: number;
  readonly apiUrl: string;
  readonly home: string;
  readonly logFile: string;
  /** A witness may come and go with each epoch. */
  readonly roles: () => readonly string[];
  readonly middlewareBps: number;
  readonly maxPriceDefaultUctz: bigint;
  readonly isAnchored: () => boolean;
  readonly phase: () => string;
};

export class NodeDoor implements NodeFacade {
  readonly tasks: TasksDoor;
  readonly wallet: WalletFacade;
  readonly assets: AssetsFacade;
  readonly locks: LocksFacade;
  readonly judges: JudgesFacade;
  readonly ledger: LedgerFacade;
  readonly witness: WitnessFacade;
  readonly govern: GovernFacade;
  readonly #parts: Parts;
  readonly #options: NodeDoorOptions;

  constructor(
    parts: Parts,
    doors: Pick<NodeFacade, "wallet" | "assets" | "locks" | "judges" | "ledger" | "witness" | "govern"> & {
      readonly tasks: TasksDoor;
    },
    options: NodeDoorOptions,
  ) {
    this.#parts = parts;
    this.#options = options;
    this.tasks = doors.tasks;
    this.wallet = doors.wallet;
    this.assets = doors.assets;
    this.locks = doors.locks;
    this.judges = doors.judges;
    this.ledger = doors.ledger;
    this.witness = doors.witness;
    this.govern = doors.govern;
  }

  readiness(): Readiness {
    const {ledger} = this.#parts;
    const {broken, failure} = ledger.status();
    const phase = this.#options.phase();
    if (broken.length > 0)
      return {isReady: false, phase, reason: `${ERRORS.LEDGER_INVARIANT.message} ${broken.join("; ")}.`};
    if (failure !== undefined) return {isReady: false, phase, reason: failure.message};
    return {isReady: phase === "ready", phase};
  }

  async written(): Promise<void> {
    await this.#parts.ledger.written();
  }

  async status(): Promise<StatusView> {
    const {identity, net, ledger, marketplace} = this.#parts;
    const {version, startedAtMs, apiUrl, roles, isAnchored} = this.#options;
    const {isReady, phase} = this.readiness();
    const {height, witnesses} = ledger.head();
    const states = marketplace.taskBook.list().map(({record}) => record.state);
    return {
      ...{version, phase, isReady, startedAtMs, apiUrl, witnesses},
      peerId: identity.peer,
      account: identity.account,
      roles: [...roles()],
      addresses: [...net.addresses()],
      peers: net.peers().length,
      network: ledger.genesisHash.slice(0, 8),
      height: height.toString(),
      isAnchored: isAnchored(),
      balanceUctz: (ledger.accountView(identity.account)?.balance ?? 0n).toString(),
      tasksOpen: states.filter(isOpenTask).length,
      tasksDone: states.filter((state) => state === "done").length,
      tasksFailed: states.filter((state) => state === "failed").length,
      earnedUctz: jobFigures(marketplace.jobs.all()).paid.uctz.toString(),
      notes: [...this.#notes()],
    };
  }

  async quote(request: TaskRequest): Promise<QuoteView> {
    const {marketplace, catalog, identity} = this.#parts;
    const {prepared, result} = await marketplace.tasks.quote(
      this.tasks.submission({...request, maxPriceUctz: request.maxPriceUctz ?? MAX_PRICE}),
    );
    const {spec, manifest, unitsMax} = prepared;
    const alias = catalog.aliasOf(spec.taskClass);
    const {candidates} = notesOf(result, []);
    return {
      taskClass: spec.taskClass,
      ...(alias === undefined ? {} : {alias}),
      unit: manifest.unit,
      unitsMax: unitsMax.toString(),
      candidates: candidates.map((note, index) => ({
        ...candidateView(note, index, identity.peer),
        split: legViews(result.ranked[index]?.candidate.ask?.legs ?? [], note.chargeMax),
      })),
      rejected: rejectedViews(result),
      maxPriceDefaultUctz: this.#options.maxPriceDefaultUctz.toString(),
    };
  }

  async asks(taskClass: string | undefined): Promise<readonly AskView[]> {
    const {marketplace, catalog, identity, clock} = this.#parts;
    const wanted = taskClass === undefined ? undefined : catalog.resolve(taskClass);
    const live = marketplace.asks
      .all(clock.now())
      .filter(({ask}) => taskClass === undefined || ask.taskClass === wanted);
    // Names come with manifests; what is not known yet is fetched for the next look.
    const views = live.map(async ({ask}) => {
      const manifest = await catalog.manifestOf(ask.taskClass, [ask.peer]).catch(() => undefined);
      return askView(ask, {
        alias: manifest?.alias,
        title: manifest?.title,
        isSelf: ask.peer === identity.peer,
      });
    });
    return await Promise.all(views);
  }

  async peers(): Promise<readonly PeerView[]> {
    const {net, marketplace, ledger, clock} = this.#parts;
    const witnesses = new Map(ledger.register().seats.map(({peerId, account}) => [peerId, account]));
    const asks = marketplace.asks.all(clock.now());
    return net.peers().map(({peer, addresses, direction, connectedAtMs, latencyMs}) => {
      const own = asks.filter(({ask}) => ask.peer === peer);
      const account = witnesses.get(peer) ?? own[0]?.ask.account;
      const {paid, faults} = marketplace.reputations.countsOf(peer);
      return {
        peerId: peer,
        ...(account === undefined ? {} : {account}),
        addresses: [...addresses],
        direction,
        connectedAtMs,
        ...(latencyMs === undefined ? {} : {latencyMs}),
        roles: [
          ...(ledger.witnessPeers.isMember(peer) ? ["witness"] : []),
          ...(own.length > 0 ? ["provider"] : []),
        ],
        asks: own.length,
        successes: paid,
        failures: faults,
      };
    });
  }

  async models(): Promise<readonly ModelView[]> {
    const {catalog, bundles} = this.#parts;
    return await Promise.all(
      catalog
        .known()
        .map(async (bundle) => this.#modelView(bundle, (await bundles.missing(bundle.cid)).length === 0)),
    );
  }

  async addModel(request: ModelAddBody): Promise<ModelView> {
    const bundle = await addModel(this.#parts, request);
    const missing = await this.#parts.bundles.missing(bundle.cid);
    return this.#modelView(bundle, missing.length === 0);
  }

  async info(): Promise<NodeInfo> {
    const {identity, net, executor, isolation, catalog, checkThread} = this.#parts;
    const {version, home, logFile, roles, middlewareBps} = this.#options;
    const state = executor?.state() ?? {slots: 0, busy: 0, queued: 0};
    return {
      ...{version, home, logFile},
      peerId: identity.peer,
      account: identity.account,
      roles: [...roles()],
      addresses: [...net.addresses()],
      executor: {
        kind: executor === undefined ? "none" : "onnx on cpu",
        determinism: executor?.determinism ?? "",
        isIsolated: isolation.bwrap !== undefined,
        isolation: describeIsolation(isolation),
        slots: state.slots,
        slotsBusy: state.busy,
        queueLength: state.queued,
      },
      sells: catalog.sold().map(({taskClass, manifest, price, isLocal}) => ({
        taskClass,
        ...(manifest.alias === undefined ? {} : {alias: manifest.alias}),
        unitPriceUctz: price.unitPrice.toString(),
        feeMinUctz: price.feeMin.toString(),
        isWarm: isLocal,
      })),
      ...(roles().includes("middleware") ? {middlewareBps} : {}),
      rssBytes: process.memoryUsage.rss(),
      checkThreadFailures: checkThread.failures,
      node: process.versions.node,
      platform: `${process.platform} ${process.arch}`,
    };
  }

  async why(): Promise<NodeWhy> {
    const {marketplace} = this.#parts;
    const jobs = [...marketplace.jobs.all()];
    const {paid, lost} = jobFigures(jobs);
    const last = jobs.filter(({state}) => state === "paid").at(-1)?.endedAtMs;
    return {
      isEarning: paid.count > 0,
      lines: [...this.#notes()],
      earnedUctz: paid.uctz.toString(),
      receivableUctz: marketplace.claimer.receivable().toString(),
      tasksWon: jobs.filter(({state}) => state !== "refused").length,
      tasksDone: paid.count,
      ...(last === undefined ? {} : {lastEarnedAtMs: last}),
      reasons: lost.map(({code, count, chargeMaxUctz}) => {
        const latest = jobs.filter(({reason}) => reason?.code === code).at(-1);
        return {
          code,
          count,
          message: ERRORS[code].message,
          lastAtMs: latest?.endedAtMs ?? 0,
          detail: `${latest?.reason?.message ?? ""} (up to ${chargeMaxUctz} µCTZ not earned)`,
        };
      }),
    };
  }

  #notes(): readonly string[] {
    return earningLines(this.#parts, this.#options.roles());
  }

  #modelView({cid, manifest}: Bundle, isLocal: boolean): ModelView {
    const taskClass = classOf(cid);
    const sold = this.#parts.catalog.sold().find((entry) => entry.bundle === bundleOf(taskClass));
    return {
      bundle: cid,
      taskClass,
      ...(manifest.alias === undefined ? {} : {alias: manifest.alias}),
      kind: manifest.kind,
      title: manifest.title,
      licence: manifest.licence,
      unit: manifest.unit,
      bytes: manifest.files.reduce((sum, {bytes}) => sum + bytes, 0),
      files: manifest.files.map(({name, cid: file, bytes}) => ({name, cid: file, bytes})),
      ...(manifest.creator === undefined ? {} : {creator: manifest.creator.account}),
      royaltyBps: manifest.creator?.royaltyBps ?? 0,
      inputBytesMax: manifest.inputBytesMax,
      outputBytesMax: manifest.outputBytesMax,
      isLocal,
      isSold: sold !== undefined,
      ...(sold === undefined
        ? {}
        : {unitPriceUctz: sold.price.unitPrice.toString(), feeMinUctz: sold.price.feeMin.toString()}),
    };
  }
}

/** A quote shows every candidate; what a task may cost is asked when it is run. */
const MAX_PRICE = 1n << 62n;
