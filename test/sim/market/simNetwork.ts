/**
 * A whole network from one seed: production markets, simulated ports, one shared ledger. Tests submit
 * tasks, break things, and ask afterwards whether the money adds up (`audit.ts`).
 */
import {accountIdOf} from "@catalyze/core/crypto/accountId";
import {type Genesis, genesisHash} from "@catalyze/core/ledger/genesis";
import {type LedgerParams, PARAMS_DEMO} from "@catalyze/core/ledger/params";
import type {LedgerState} from "@catalyze/core/ledger/state";
import {fromHex, toHex, utf8} from "@catalyze/core/primitives/bytes";
import type {AccountId, PeerId, TaskId} from "@catalyze/core/primitives/id";
import type {TaskEntry} from "@catalyze/daemon/pipeline/taskBook";
import type {TaskSubmission} from "@catalyze/daemon/pipeline/taskService";
import {FakeClock} from "../fakes/fakeClock.ts";
import {FakeNetwork, type NetworkFaults} from "../fakes/fakeNetwork.ts";
import {SeededRandom} from "../fakes/seededRandom.ts";
import {SharedLedger} from "./sharedLedger.ts";
import {simClass} from "./simCatalog.ts";
import {CHEAP_CRYPTO, type SimCrypto} from "./simKeys.ts";
import {ReplicaHome, SharedLedgerHome} from "./simLedgers.ts";
import {SimNode, type SimNodeOptions} from "./simNode.ts";
import type {SimWorld} from "./simWorld.ts";

export const CTZ = 1_000_000n;

export type SimNetworkOptions = {
  readonly seed?: number;
  readonly nodes: Readonly<Record<string, SimNodeOptions>>;
  readonly crypto?: SimCrypto;
  readonly faults?: Partial<NetworkFaults>;
  readonly params?: Partial<LedgerParams>;
  readonly ledgerLagMaxMs?: number;
  /** The first so many nodes witness a ledger of replicas; absent for the shared one. */
  readonly witnesses?: number;
  /** A write takes up to so long; 0, the default, is done at once. */
  readonly diskMsMax?: number;
};

/** What most tests submit; any field may be replaced. */
export type Ask = Partial<TaskSubmission> & {readonly text?: string};

export class SimNetwork {
  readonly world: SimWorld;
  readonly nodes: readonly SimNode[];
  /** The royalty account of class `paid`. */
  readonly creator: AccountId;

  constructor(options: SimNetworkOptions) {
    const {seed = 1, crypto = CHEAP_CRYPTO, faults = {}, params = {}, ledgerLagMaxMs = 40} = options;
    const clock = new FakeClock();
    const random = new SeededRandom(seed);
    const names = Object.keys(options.nodes);
    const accountOf = (name: string) => accountIdOf(crypto.signer(`account ${name}`).publicKey);
    this.creator = accountOf("creator");
    const peers = new Map(names.map((name) => [peerOf(name), crypto.signer(`peer ${name}`).publicKey]));
    const genesis: Genesis = {
      v: 1,
      name: "simulation",
      accounts: names.map((name) => ({
        id: accountOf(name),
        balance: options.nodes[name]?.balance ?? 1_000n * CTZ,
      })),
      witnesses: names.slice(0, options.witnesses ?? 1).map((name, index) => ({
        peerId: peerOf(name),
        voteKey: toHex(crypto.signer(`vote ${name}`).publicKey),
        evmAddress: (index + 1).toString(16).padStart(40, "0"),
        weight: 1,
        account: accountOf(name),
      })),
      params: {...PARAMS_DEMO, ...params},
      aliases: {},
    };
    const ledger = new SharedLedger(clock, random.fork("ledger"), {
      ...{genesis, verifier: crypto.verifier},
      certifyMinMs: 5,
      certifyMaxMs: 60,
    });
    this.world = {
      ...{clock, random, crypto, genesis, peerOf, ledger, diskMsMax: options.diskMsMax ?? 0},
      network: new FakeNetwork(clock, random.fork("net"), faults),
      ledgerHome: (name, disk) =>
        options.witnesses === undefined
          ? new SharedLedgerHome(ledger, ledgerLagMaxMs)
          : new ReplicaHome({name, genesis, crypto, faults: disk}),
      genesisHash: fromHex(genesisHash(genesis)),
      classes: [simClass("story"), simClass("verse"), simClass("paid", this.creator)],
      complaints: [],
      keyOfPeer: (peer) => peers.get(peer),
    };
    this.nodes = names.map((name) => new SimNode(name, this.world, options.nodes[name] ?? {}));
  }

  static async started(options: SimNetworkOptions): Promise<SimNetwork> {
    const sim = new SimNetwork(options);
    for (const node of sim.nodes) await sim.clock.complete(node.start());
    await sim.clock.advance(1_000);
    return sim;
  }

  get clock(): FakeClock {
    return this.world.clock;
  }

  node(name: string): SimNode {
    const node = this.nodes.find((each) => each.name === name);
    if (node === undefined) throw new Error(`no node ${name}`);
    return node;
  }

  /** Acknowledged when it returns. */
  async submit(name: string, ask: Ask = {}): Promise<TaskId> {
    const {taskId} = await this.clock.complete(this.node(name).market.tasks.create(submissionOf(ask)));
    return taskId;
  }

  /** The task's record once it has ended. */
  async ended(name: string, taskId: TaskId, limitMs = 300_000): Promise<TaskEntry> {
    return await this.clock.complete(this.node(name).market.tasks.ended(taskId), limitMs);
  }

  async run(name: string, ask: Ask = {}): Promise<TaskEntry> {
    return await this.ended(name, await this.submit(name, ask));
  }

  /** The agreed ledger, as the first node that is up has it. */
  get state(): LedgerState {
    const node = this.nodes.find(({isUp}) => isUp) ?? this.nodes[0];
    if (node === undefined) throw new Error("a network without nodes");
    return node.ledgerHome.state();
  }

  balance(account: AccountId): bigint {
    const cell = this.state.account(account);
    return cell === undefined ? 0n : cell.in - cell.out;
  }

  async stop(): Promise<void> {
    for (const node of this.nodes) {
      if (node.isUp) await this.clock.complete(node.stop(1_000), 60_000);
    }
  }
}

export function submissionOf({text = "Once upon a time", ...rest}: Ask): TaskSubmission {
  return {
    name: "story",
    params: {maxTokens: 100},
    input: utf8(text),
    priceMax: 10n * CTZ,
    isPriceDefault: false,
    copies: 1,
    route: "direct",
    timeoutMs: undefined,
    idempotencyKey: undefined,
    ...rest,
  };
}

/** Letters that base58 has. */
function peerOf(name: string): PeerId {
  return `Sim${name.replace(/[^1-9a-km-z]/g, "x")}` as PeerId;
}
