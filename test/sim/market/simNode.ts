/** One simulated daemon: the production market over simulated ports. Its home outlives its crashes. */
import {accountIdOf} from "@catalyze/core/crypto/accountId";
import {bindPeer} from "@catalyze/core/market/ask";
import type {Price} from "@catalyze/core/market/price";
import type {Log} from "@catalyze/core/ports/log";
import type {Signer} from "@catalyze/core/ports/signer";
import type {AccountId, PeerId} from "@catalyze/core/primitives/id";
import {VoucherBook} from "@catalyze/daemon/ledger/voucherBook";
import type {Identity} from "@catalyze/daemon/pipeline/identity";
import {
  MARKETPLACE_DEFAULTS,
  Marketplace,
  type MarketplaceOptions,
} from "@catalyze/daemon/pipeline/marketplace";
import {DiskFaults} from "../fakes/diskFaults.ts";
import {NodeClock} from "../fakes/fakeClock.ts";
import type {FakeNet} from "../fakes/fakeNet.ts";
import {MemoryLog, MemoryLogFile} from "../fakes/memoryLog.ts";
import {MemoryDisk, MemoryStore} from "../fakes/memoryStore.ts";
import {SimCatalog} from "./simCatalog.ts";
import {SimExecutor, type SimExecutorOptions} from "./simExecutor.ts";
import type {LedgerHome, OpenLedger} from "./simLedgers.ts";
import type {SimWorld} from "./simWorld.ts";

export type SimNodeOptions = {
  /** Classes for sale by alias; none for a node that only asks. */
  readonly prices?: Readonly<Record<string, Omit<Price, "unit">>>;
  readonly executor?: SimExecutorOptions;
  readonly balance?: bigint;
  readonly clockSkewMs?: number;
  readonly market?: Partial<MarketplaceOptions>;
};

export class SimNode {
  readonly name: string;
  readonly peer: PeerId;
  readonly options: SimNodeOptions;
  readonly signer: Signer;
  readonly peerSigner: Signer;
  readonly account: AccountId;
  readonly faults = new DiskFaults();
  readonly disk = new MemoryDisk(this.faults);
  readonly vouchersFile = new MemoryLogFile(this.faults);
  readonly ledgerHome: LedgerHome;
  readonly #world: SimWorld;
  #running: Running | undefined;
  #starts = 0;

  constructor(name: string, world: SimWorld, options: SimNodeOptions) {
    this.name = name;
    this.peer = world.peerOf(name);
    this.options = options;
    this.signer = world.crypto.signer(`account ${name}`);
    this.peerSigner = world.crypto.signer(`peer ${name}`);
    this.account = accountIdOf(this.signer.publicKey);
    this.ledgerHome = world.ledgerHome(name, this.faults);
    this.#world = world;
    if (world.diskMsMax > 0)
      this.faults.slowDown(world.clock, world.random.fork(`disk ${name}`), world.diskMsMax);
  }

  get isUp(): boolean {
    return this.#running !== undefined;
  }

  /** Throws while the node is down. */
  get running(): Running {
    if (this.#running === undefined) throw new Error(`${this.name} is down`);
    return this.#running;
  }

  get market(): Marketplace {
    return this.running.market;
  }

  /** Never resolves when the node dies at a write on the way. */
  async start(): Promise<void> {
    const {clock: time, network, random} = this.#world;
    this.#starts += 1;
    const chance = random.fork(`${this.name}/${this.#starts}`);
    const clock = new NodeClock(time, this.options.clockSkewMs);
    const net = network.join(this.peer);
    const store = new MemoryStore(this.disk);
    const vouchers = new VoucherBook({store, log: new MemoryLog(this.vouchersFile)});
    const log = this.#log();
    const {signer} = this;
    const ledger = this.ledgerHome.open({net, clock, store, log, signer, random: chance.fork("ledger")});
    const {prices = {}, executor: executorOptions} = this.options;
    const executor = executorOptions === undefined ? undefined : new SimExecutor(clock, executorOptions);
    const catalog = new SimCatalog(this.#world.classes, prices);
    const market = new Marketplace(
      {
        ...{net, clock, store, vouchers, catalog, executor, log, random: chance},
        ledger: ledger.client,
        identity: this.#identity(),
      },
      {...MARKETPLACE_DEFAULTS, middlewareBps: undefined, ...this.options.market},
    );
    this.#running = {market, net, clock, ledger, vouchers, catalog, executor, store};
    await ledger.start();
    await vouchers.start();
    await market.start();
  }

  /** The process dies at once; what was synced stays. */
  crash(): void {
    const {network, random, clock} = this.#world;
    this.#running?.clock.stop();
    this.ledgerHome.crash();
    network.crash(this.peer);
    this.disk.crash(random.fork(`crash ${this.name} ${clock.now()}`));
    this.vouchersFile.crash();
    this.faults.clear();
    this.#running = undefined;
  }

  /** In order; the home may be started again. */
  async stop(drainMs: number): Promise<void> {
    const {market, ledger, vouchers} = this.running;
    await market.stop(drainMs);
    await ledger.stop();
    await vouchers.stop();
  }

  #identity(): Identity {
    const {crypto, genesisHash, keyOfPeer} = this.#world;
    const {account, peer, signer: accountSigner} = this;
    return {
      ...{account, peer, accountSigner, genesisHash, keyOfPeer},
      binding: bindPeer(account, peer, this.peerSigner, {genesisHash}),
      verifier: crypto.verifier,
    };
  }

  /** What a person would have to look at fails the simulation. */
  #log(): Log {
    const complain = (message: string, fields?: Readonly<Record<string, unknown>>) =>
      this.#world.complaints.push({node: this.name, message, ...(fields === undefined ? {} : {fields})});
    const trace =
      process.env["SIM_TRACE"] === undefined
        ? () => undefined
        : (message: string, fields?: unknown) =>
            console.log(this.#world.clock.monotonicMs().toFixed(0), this.name, message, fields);
    const log: Log = {debug: trace, info: trace, warn: trace, error: complain, child: () => log};
    return log;
  }
}

export type Running = {
  readonly market: Marketplace;
  readonly net: FakeNet;
  readonly clock: NodeClock;
  readonly ledger: OpenLedger;
  readonly vouchers: VoucherBook;
  readonly catalog: SimCatalog;
  readonly executor: SimExecutor | undefined;
  readonly store: MemoryStore;
};
