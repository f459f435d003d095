/**
 * The only file that constructs adapters. Everything is built here and started in `node.ts`; parts know
 * ports and what they are handed, never each other.
 */
import {mkdir} from "node:fs/promises";
import {cpus} from "node:os";
import {join} from "node:path";
import {encodeGenesis, type Genesis, genesisHash} from "@catalyze/core/ledger/genesis";
import type {Clock} from "@catalyze/core/ports/clock";
import type {Log} from "@catalyze/core/ports/log";
import type {SignatureVerifier} from "@catalyze/core/ports/signer";
import {fromHex} from "@catalyze/core/primitives/bytes";
import {BlockBlobs} from "../blobs/blockBlobs.ts";
import {openFsBlocks} from "../blobs/fsBlocks.ts";
import {BundleStore} from "../exec/bundleStore.ts";
import {EXECUTOR_DEFAULTS, ExecutorPool} from "../exec/executorPool.ts";
import {detectIsolation, type Isolation} from "../exec/isolation.ts";
import {ModelInspector} from "../exec/modelInspector.ts";
import type {HomeLayout} from "../home/homePath.ts";
import {CheckedAhead} from "../identity/checkedAhead.ts";
import {CheckThread} from "../identity/checkThread.ts";
import type {NodeKeys} from "../identity/nodeKeys.ts";
import {createSigner} from "../identity/signatures.ts";
import {LedgerNode} from "../ledger/ledgerNode.ts";
import {VoucherBook} from "../ledger/voucherBook.ts";
import {Libp2pNet} from "../net/libp2pNet.ts";
import type {Metrics} from "../observe/metrics.ts";
import type {DaemonOptions} from "../options/daemonOptions.ts";
import type {Identity} from "../pipeline/identity.ts";
import {MARKETPLACE_DEFAULTS, Marketplace} from "../pipeline/marketplace.ts";
import {SystemRandom} from "../runtime/systemRandom.ts";
import {FileLog} from "../store/fileLog.ts";
import {LevelStore} from "../store/levelStore.ts";
import {BundleCatalog} from "./bundleCatalog.ts";
import {nodeIdentity} from "./nodeIdentity.ts";

export type WireInput = {
  readonly layout: HomeLayout;
  readonly options: DaemonOptions;
  readonly keys: NodeKeys;
  readonly genesis: Genesis;
  readonly verifier: SignatureVerifier;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly isRecovering: boolean;
  readonly onRecovered: () => void;
};

/** Measuring a large model runs it a few times. */
const INSPECT_MS = 120_000;

/** Every part of a running node. */
export type Parts = {
  readonly clock: Clock;
  readonly identity: Identity;
  readonly genesis: Genesis;
  readonly store: LevelStore;
  readonly records: readonly FileLog[];
  readonly net: Libp2pNet;
  readonly blobs: BlockBlobs;
  readonly bundles: BundleStore;
  readonly executor: ExecutorPool | undefined;
  readonly inspector: ModelInspector;
  readonly isolation: Isolation;
  readonly ledger: LedgerNode;
  readonly vouchers: VoucherBook;
  readonly catalog: BundleCatalog;
  readonly marketplace: Marketplace;
  readonly checkThread: CheckThread;
};

/** Builds a node. Throws `HOME_LOCKED`, `SCHEMA_NEWER`, `STORE_CORRUPT`, `STORE_FULL`; then nothing is left open. */
export async function wire(input: WireInput): Promise<Parts> {
  const {layout, options, keys, genesis, verifier, clock, log, metrics} = input;
  const hash = genesisHash(genesis);
  const checkThread = new CheckThread({clock, log: log.child({module: "identity"})});
  const checked = new CheckedAhead(verifier, checkThread);
  const identity = nodeIdentity(keys, fromHex(hash), checked, checked);
  const random = new SystemRandom();
  const store = await LevelStore.open(layout.db);
  const records = await openRecords(layout.records);
  const net = await Libp2pNet.create(
    {clock, random, log: log.child({module: "net"}), store},
    {
      seed: keys.peer,
      networkTag: hash.slice(0, 8),
      listen: options.listenHosts.map((host) => listenAddress(host, options.p2pPort)),
      bootstrap: options.join,
      mdns: options.mdns,
    },
  );
  net.serveGenesis(encodeGenesis(genesis));
  const ledger = new LedgerNode(
    {
      ...{net, store, clock, random, verifier: checked, checks: checked},
      signingTable: records.signing,
      outboxLog: records.outbox,
      log: log.child({module: "ledger"}),
      metrics: metrics.ledger,
      accountSigner: identity.accountSigner,
      voteSigner: createSigner(keys.witness),
    },
    {
      genesis,
      isArchive: options.archive,
      ...{isRecovering: input.isRecovering, onRecovered: input.onRecovered},
    },
  );
  const vouchers = new VoucherBook({store, log: records.vouchers});
  const storage = await openFsBlocks(layout.blobs);
  const blobs = new BlockBlobs({
    net,
    clock,
    storage,
    routing: net.routing,
    log: log.child({module: "blobs"}),
  });
  const execution = await wireExecution(input, blobs, store);
  const catalog = new BundleCatalog(
    {bundles: execution.bundles, store},
    {isProvider: options.roles.includes("provider"), aliases: genesis.aliases},
    options.prices,
  );
  const marketplace = new Marketplace(
    {
      ...{net, clock, random, store, identity, ledger, vouchers, catalog},
      executor: execution.executor,
      log: log.child({module: "market"}),
    },
    {
      ...MARKETPLACE_DEFAULTS,
      middlewareBps: options.roles.includes("middleware") ? options.middlewareBps : undefined,
    },
  );
  catalog.onChange(() => marketplace.askService.changed());
  const {signing, outbox, vouchers: voucherLog} = records;
  return {
    ...{clock, identity, genesis, store, net, blobs, ledger, vouchers, catalog, marketplace, checkThread},
    ...execution,
    records: [signing, outbox, voucherLog],
  };
}

async function wireExecution(
  {layout, options, log, genesis, verifier}: WireInput,
  blobs: BlockBlobs,
  store: LevelStore,
) {
  const dir = join(layout.home, "cache", "bundles");
  await mkdir(dir, {recursive: true, mode: 0o755});
  const bundles = new BundleStore(
    {blobs, store, verifier, log: log.child({module: "bundles"})},
    {dir, genesisHash: fromHex(genesisHash(genesis))},
  );
  const isolation = await detectIsolation();
  const execLog = log.child({module: "exec"});
  const inspector = new ModelInspector({
    isolation,
    memoryBytesMax: EXECUTOR_DEFAULTS.memoryBytesMax,
    timeoutMs: INSPECT_MS,
  });
  if (!options.roles.includes("provider")) return {bundles, inspector, isolation, executor: undefined};
  const pool = {...EXECUTOR_DEFAULTS, isolation, bundlesDir: dir, delayMs: options.devnetDelayMs};
  try {
    const executor = new ExecutorPool({bundles, log: execLog}, {...pool, slots: slotsOf(options.slots)});
    return {bundles, inspector, isolation, executor};
  } catch (error) {
    // The runtime is missing: the node still asks, pays and witnesses, and says why it does not earn.
    log.warn("this node cannot run models", {error});
    return {bundles, inspector, isolation, executor: undefined};
  }
}

/** One core stays for the daemon itself. */
function slotsOf(stated: number): number {
  return stated > 0 ? stated : Math.max(1, cpus().length - 1);
}

async function openRecords(folder: string) {
  return {
    signing: await FileLog.open(join(folder, "signing.log")),
    outbox: await FileLog.open(join(folder, "outbox.log")),
    vouchers: await FileLog.open(join(folder, "vouchers.log")),
  };
}

function listenAddress(host: string, port: number): string {
  return `/${host.includes(":") ? "ip6" : "ip4"}/${host}/tcp/${port}`;
}
