/**
 * Ties the pipeline together from ports alone: the daemon gives real adapters, the simulator fakes. The
 * order of construction is the way of a task: asks, routing, quotes, attempts, jobs, money.
 */

import {AskBook} from "@catalyze/core/market/askBook";
import type {Clock} from "@catalyze/core/ports/clock";
import type {Executor} from "@catalyze/core/ports/executor";
import type {LedgerClient} from "@catalyze/core/ports/ledger";
import type {Log} from "@catalyze/core/ports/log";
import type {Net} from "@catalyze/core/ports/net";
import type {Random} from "@catalyze/core/ports/random";
import type {Store} from "@catalyze/core/ports/store";
import {AUDIT_PPM_MIN} from "@catalyze/core/verify/coin";
import {Admission} from "./admission.ts";
import {AskService} from "./askService.ts";
import {AuctionHouse} from "./auctionHouse.ts";
import {Candidates} from "./candidates.ts";
import type {Catalog} from "./catalog.ts";
import {Claimer} from "./claimer.ts";
import type {Identity} from "./identity.ts";
import {IncomingPayments, type VoucherRecords} from "./incomingPayments.ts";
import {JobBook} from "./jobBook.ts";
import {JobService} from "./jobService.ts";
import {LocalRuns} from "./localRuns.ts";
import {MarketClient} from "./marketClient.ts";
import {MarketService} from "./marketService.ts";
import {OutgoingPayments} from "./outgoingPayments.ts";
import {PaymentCourier} from "./paymentCourier.ts";
import {RemoteAttempts} from "./remoteAttempts.ts";
import {ReputationBook} from "./reputationBook.ts";
import {Router} from "./router.ts";
import {SecondOpinion} from "./secondOpinion.ts";
import {Settlement} from "./settlement.ts";
import {TaskBook} from "./taskBook.ts";
import {TaskEvents} from "./taskEvents.ts";
import {TaskPreparer} from "./taskPreparer.ts";
import {TaskRunner} from "./taskRunner.ts";
import {TaskService} from "./taskService.ts";
import {TermsFinder} from "./termsFinder.ts";

export type MarketplaceComponents = {
  readonly net: Net;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly store: Store;
  readonly identity: Identity;
  readonly ledger: LedgerClient;
  readonly vouchers: VoucherRecords;
  readonly catalog: Catalog;
  /** Absent where models cannot run: such a node can only ask. */
  readonly executor: Executor | undefined;
};

export type MarketplaceOptions = {
  /** Absent without the middleware role. */
  readonly middlewareBps: number | undefined;
  readonly askIntervalMs: number;
  readonly auditPpm: number;
  readonly queueMax: number;
  readonly openTasksMax: number;
  readonly timeoutMsDefault: number;
  readonly providerWaitMs: number;
};

export const MARKETPLACE_DEFAULTS = {
  // Asks live 30 s: six chances to be heard.
  askIntervalMs: 5_000,
  auditPpm: AUDIT_PPM_MIN,
  queueMax: 64,
  openTasksMax: 256,
  timeoutMsDefault: 60_000,
  providerWaitMs: 3_000,
} as const;

export class Marketplace {
  readonly asks: AskBook;
  readonly askService: AskService;
  readonly router: Router;
  readonly reputations: ReputationBook;
  readonly tasks: TaskService;
  readonly taskBook: TaskBook;
  readonly events: TaskEvents;
  readonly jobs: JobBook;
  readonly claimer: Claimer;
  readonly payments: OutgoingPayments;
  readonly #admission: Admission;
  readonly #market: MarketService;
  readonly #jobService: JobService;
  readonly #auctions: AuctionHouse;
  readonly #courier: PaymentCourier;

  constructor(components: MarketplaceComponents, options: MarketplaceOptions) {
    const {net, clock, random, identity, ledger, vouchers, catalog, executor} = components;
    const {auditPpm} = options;

    this.asks = new AskBook();
    const shared = {...components, book: this.asks};
    this.askService = new AskService(shared, {intervalMs: options.askIntervalMs});
    this.reputations = new ReputationBook(components);
    this.router = new Router({
      ...shared,
      reputations: this.reputations,
      account: identity.account,
      canRunLocally: executor !== undefined,
    });
    this.#admission = new Admission(executor, {queueMax: options.queueMax});
    const client = new MarketClient({net, clock, identity});
    this.#market = new MarketService(
      {...components, asks: this.askService, admission: this.#admission, client, router: this.router},
      {middlewareBps: options.middlewareBps},
    );
    const quote = (request: Parameters<MarketService["quote"]>[0]) => this.#market.quote(request);
    this.#auctions = new AuctionHouse({...components, router: this.router, client, quote});
    this.#market.onBid((peer, offerId, signed) => this.#auctions.receive(peer, offerId, signed));

    this.taskBook = new TaskBook(components);
    this.events = new TaskEvents();
    this.payments = new OutgoingPayments(components);
    this.#courier = new PaymentCourier(components);
    const finder = new TermsFinder(
      {net, clock, identity, router: this.router, client, auctions: this.#auctions},
      {auditPpm},
    );
    this.tasks = this.#requester(components, finder, options);

    this.jobs = new JobBook(components);
    const incoming = new IncomingPayments({
      ...{clock, ledger, vouchers, identity},
      creditedOn: (lockId) => this.jobs.creditedOn(lockId),
    });
    this.#jobService = new JobService({
      ...components,
      random,
      catalog,
      admission: this.#admission,
      payments: incoming,
      jobs: this.jobs,
    });
    this.claimer = new Claimer(components);
  }

  /** The parts that drive this node's own tasks, around the records and the router. */
  #requester(
    components: MarketplaceComponents,
    finder: TermsFinder,
    options: MarketplaceOptions,
  ): TaskService {
    const {executor} = components;
    const {taskBook: book, events, payments, router, asks} = this;
    const {auditPpm, providerWaitMs, askIntervalMs, openTasksMax: openMax, timeoutMsDefault} = options;
    const shared = {...components, book, events, payments, router, finder, courier: this.#courier};
    const attempts = new RemoteAttempts(shared);
    const local = executor === undefined ? undefined : new LocalRuns({...shared, executor});
    const candidates = new Candidates({...shared, attempts, local}, {providerWaitMs, askIntervalMs});
    const opinion = new SecondOpinion({...shared, candidates}, {auditPpm});
    const settlement = new Settlement(shared);
    const runner = new TaskRunner({...shared, candidates, opinion, settlement});
    const preparer = new TaskPreparer({...shared, asks});
    return new TaskService({...shared, preparer, runner, settlement}, {openMax, timeoutMsDefault});
  }

  /** Records first, then the doors: nobody is answered from half a memory. */
  async start(): Promise<void> {
    await this.reputations.start();
    await this.taskBook.start();
    await this.jobs.start();
    await this.payments.start();
    this.#jobService.start();
    this.#market.start();
    this.#auctions.start();
    this.askService.start();
    this.claimer.start();
    this.#courier.start();
    await this.tasks.start();
  }

  /** No new work from here on; what runs goes on. */
  drain(): void {
    this.askService.drain();
    this.#admission.drain();
  }

  /** After `drain`: waits for running jobs and tasks for `drainMs`, then ends them safely. */
  async stop(drainMs: number): Promise<void> {
    this.drain();
    this.#auctions.stop();
    this.#market.stop();
    await Promise.all([this.tasks.stop(drainMs), this.#jobService.stop(drainMs)]);
    this.#courier.stop();
    this.claimer.stop();
    this.askService.stop();
    this.taskBook.stop();
  }
}
