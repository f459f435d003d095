/** Keys, network, store and market of one daemon: everything behind the API, opened in order. */
import type {Op} from "@catalyze/core/ledger/op";
import type {Clock} from "@catalyze/core/ports/clock";
import {AssetDoor} from "../facade/assetDoor.ts";
import {GovernDoor} from "../facade/governDoor.ts";
import {JudgeDoor} from "../facade/judgeDoor.ts";
import {LockDoor} from "../facade/lockDoor.ts";
import {LedgerDoor, WalletDoor} from "../facade/moneyDoors.ts";
import {NodeDoor} from "../facade/nodeDoor.ts";
import {TasksDoor} from "../facade/tasksFacade.ts";
import {WitnessDoor} from "../facade/witnessDoor.ts";
import type {HomeLayout} from "../home/homePath.ts";
import type {NodeFacade} from "../http/nodeFacade.ts";
import {markRecovered} from "../identity/keystore.ts";
import {createSigner, openVerifier} from "../identity/signatures.ts";
import {AwardBook} from "../ledger/awardBook.ts";
import type {Metrics} from "../observe/metrics.ts";
import type {PinoLog} from "../observe/pinoLog.ts";
import type {DaemonOptions} from "../options/daemonOptions.ts";
import {VERSION} from "../options/version.ts";
import {freePort} from "./freePort.ts";
import {openGenesis} from "./genesisFile.ts";
import {type HomeKeys, openHomeKeys} from "./homeKeys.ts";
import {openChain} from "./openChain.ts";
import {RunningNode} from "./runningNode.ts";
import {type Parts, wire} from "./wire.ts";

export type OpenNodeInput = {
  readonly layout: HomeLayout;
  readonly options: DaemonOptions;
  readonly clock: Clock;
  readonly log: PinoLog;
  readonly metrics: Metrics;
  readonly enter: (phase: string) => void;
};

export type NodeFacts = {readonly apiUrl: string; readonly startedAtMs: number; readonly phase: () => string};

export type OpenedNode = {
  readonly facade: NodeFacade;
  readonly peerId: string;
  setPrices(prices: DaemonOptions["prices"]): void;
  stop(drainMs: number): Promise<void>;
};

/** Throws the coded reason of the step that failed; nothing of the node runs then. */
export async function openNode(input: OpenNodeInput, facts: NodeFacts): Promise<OpenedNode> {
  const {layout, options, clock, log, metrics, enter} = input;
  enter("keys");
  const home = await openHomeKeys(layout);
  const {verifier} = openVerifier(log);
  enter("network");
  const {genesis, isMade} = await openGenesis(
    {path: layout.genesis, stated: options.genesis, join: options.join, self: home.witness},
    {clock, log},
  );
  const onRecovered = () => {
    markRecovered(layout.keystore).catch((error: unknown) =>
      log.error("recovery not noted in the keystore", {error}),
    );
  };
  // A network of its own that was just made knows no earlier signature of these keys.
  if (home.isRecovering && isMade) onRecovered();
  enter("store");
  const p2pPort = options.isP2pPortExplicit
    ? options.p2pPort
    : await freePort(options.p2pPort, options.listenHosts[0] ?? "127.0.0.1");
  const parts = await wire({
    ...{layout, genesis, verifier, clock, log, metrics},
    options: {...options, p2pPort},
    keys: home.keys,
    isRecovering: home.isRecovering && !isMade,
    onRecovered,
  });
  const chain = await openChain({
    parts,
    layout,
    options,
    evmKey: home.keys.evm,
    isReadOnly: home.isRecovering && !isMade,
    log,
    clock,
  });
  const node = new RunningNode(parts, chain === undefined ? [] : [chain.service], log);
  enter("joining");
  await node.start();
  metrics.observe({
    peers: () => parts.net.peers().length,
    tasksOpen: () => ({
      requester: parts.marketplace.tasks.openCount,
      provider: parts.marketplace.jobs.openCount,
    }),
    slots: () => parts.executor?.state() ?? {slots: 0, busy: 0, queued: 0},
    balanceUctz: () => parts.ledger.accountView(parts.identity.account)?.balance ?? 0n,
    receivableUctz: () => parts.marketplace.claimer.receivable(),
    checkpointAgeMs: () => clock.now() - Number(parts.ledger.checkpoint().timeMs),
    asksKnown: () => parts.marketplace.asks.size,
    ledgerEntries: () => parts.ledger.entries,
    storeBytes: () => parts.store.sizeBytes(),
    checkThreadFailures: () => parts.checkThread.failures,
  });
  const facade = openDoors(parts, {input, facts, home, chain});
  return {
    facade,
    peerId: parts.identity.peer,
    setPrices: (prices) => parts.catalog.setPrices(prices),
    stop: (drainMs) => node.stop(drainMs),
  };
}

type DoorContext = {
  readonly input: OpenNodeInput;
  readonly facts: NodeFacts;
  readonly home: HomeKeys;
  readonly chain: Awaited<ReturnType<typeof openChain>>;
};

function openDoors(parts: Parts, {input, facts, home, chain}: DoorContext): NodeFacade {
  const {options, layout} = input;
  const {marketplace, ledger, vouchers, catalog, identity, net} = parts;
  const {maxPriceDefaultUctz, middlewareBps} = options;
  const money = {ledger, marketplace, vouchers, identity, net, chain: chain?.door};
  const {store} = parts;
  const isVoid = ({body}: Op) => !ledger.isPaid(body);
  const awards = new AwardBook({store, signer: identity.accountSigner, isVoid}, identity.genesisHash);
  const roles = options.roles.filter((role) => role !== "witness");
  return new NodeDoor(
    parts,
    {
      tasks: new TasksDoor({marketplace, ledger, catalog, identity}, {maxPriceDefaultUctz}),
      wallet: new WalletDoor(money, {
        keys: home.keys,
        passphrase: home.passphrase,
        evmAddress: `0x${home.witness.evmAddress}`,
      }),
      locks: new LockDoor({ledger, vouchers, identity}),
      judges: new JudgeDoor({ledger, vouchers, identity, awards}),
      assets: new AssetDoor({ledger, vouchers, account: identity.account}),
      ledger: new LedgerDoor(money),
      govern: new GovernDoor(money),
      witness: new WitnessDoor(money, {
        voteSigner: createSigner(home.keys.witness),
        evmAddress: home.witness.evmAddress,
      }),
    },
    {
      ...facts,
      version: VERSION,
      home: layout.home,
      logFile: layout.logFile,
      roles: () => ["requester", ...roles, ...(ledger.status().isWitness ? ["witness"] : [])],
      ...{middlewareBps, maxPriceDefaultUctz},
      isAnchored: () => chain?.isReachable() ?? false,
    },
  );
}
