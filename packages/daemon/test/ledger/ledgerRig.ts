/** A few ledger nodes over the simulated ports: every fault of the fakes, one seed, no real time. */
import {accountIdOf} from "@catalyze/core/crypto/accountId";
import type {Genesis} from "@catalyze/core/ledger/genesis";

import {type LedgerParams, PARAMS_DEMO} from "@catalyze/core/ledger/params";
import {toHex} from "@catalyze/core/primitives/bytes";
import type {AccountId, PeerId} from "@catalyze/core/primitives/id";
import {CheckedAhead} from "@catalyze/daemon/identity/checkedAhead";
import {NO_METRICS} from "@catalyze/daemon/ledger/ledgerMetrics";
import {LedgerNode} from "@catalyze/daemon/ledger/ledgerNode";
import {DiskFaults} from "../../../../test/sim/fakes/diskFaults.ts";
import {FakeClock, NodeClock} from "../../../../test/sim/fakes/fakeClock.ts";
import type {FakeNet} from "../../../../test/sim/fakes/fakeNet.ts";
import {FakeNetwork, type NetworkFaults} from "../../../../test/sim/fakes/fakeNetwork.ts";
import {MemoryLog, MemoryLogFile} from "../../../../test/sim/fakes/memoryLog.ts";
import {MemoryDisk, MemoryStore} from "../../../../test/sim/fakes/memoryStore.ts";
import {SeededRandom} from "../../../../test/sim/fakes/seededRandom.ts";
import {silentLog} from "./silentLog.ts";
import {testSigner, testVerifier} from "./testSigner.ts";

export const CTZ = 1_000_000n;

export type RigOptions = {
  readonly witnesses: number;
  readonly followers: number;
  readonly seed?: number;
  readonly params?: Partial<LedgerParams>;
  readonly faults?: Partial<NetworkFaults>;
  /** Every node has its signatures checked elsewhere, which takes up to this long. */
  readonly checksMsMax?: number;
};

class Home {
  readonly index: number;
  readonly peer: PeerId;
  readonly faults = new DiskFaults();
  readonly disk = new MemoryDisk(this.faults);
  readonly signing = new MemoryLogFile(this.faults);
  readonly outbox = new MemoryLogFile(this.faults);
  node: LedgerNode | undefined;
  clock: NodeClock | undefined;
  net: FakeNet | undefined;

  constructor(index: number) {
    this.index = index;
    this.peer = `peer${index}` as PeerId;
  }
}

export class LedgerRig {
  readonly clock = new FakeClock();
  readonly random: SeededRandom;
  readonly network: FakeNetwork;
  readonly genesis: Genesis;
  readonly homes: readonly Home[];

  readonly #checksMsMax: number | undefined;

  constructor({witnesses, followers, seed = 1, params = {}, faults = {}, checksMsMax}: RigOptions) {
    this.#checksMsMax = checksMsMax;
    this.random = new SeededRandom(seed);
    this.network = new FakeNetwork(this.clock, this.random.fork("net"), faults);
    this.homes = Array.from({length: witnesses + followers}, (_, index) => new Home(index));
    this.genesis = {
      v: 1,
      name: "rig",
      accounts: this.homes.map(({index}) => ({id: this.account(index), balance: 1_000n * CTZ})),
      witnesses: this.homes.slice(0, witnesses).map(({index, peer}) => ({
        peerId: peer,
        voteKey: toHex(voteSigner(index).publicKey),
        evmAddress: (index + 1).toString(16).padStart(40, "0"),
        weight: 1,
        account: this.account(index),
      })),
      params: {...PARAMS_DEMO, ...params},
      aliases: {},
    };
  }

  static async started(options: RigOptions): Promise<LedgerRig> {
    const rig = new LedgerRig(options);
    for (const {index} of rig.homes) await rig.start(index);
    await rig.clock.advance(100);
    return rig;
  }

  account(index: number): AccountId {
    return accountIdOf(accountSigner(index).publicKey);
  }

  node(index: number): LedgerNode {
    const {node} = this.home(index);
    if (node === undefined) throw new Error(`node ${index} is down`);
    return node;
  }

  home(index: number): Home {
    const home = this.homes[index];
    if (home === undefined) throw new Error(`no node ${index}`);
    return home;
  }

  async start(index: number, options: {readonly isArchive?: boolean} = {}): Promise<void> {
    const home = this.home(index);
    home.clock = new NodeClock(this.clock);
    home.net = this.network.join(home.peer);
    const node = new LedgerNode(
      {
        net: home.net,
        store: new MemoryStore(home.disk),
        signingTable: new MemoryLog(home.signing),
        outboxLog: new MemoryLog(home.outbox),
        clock: home.clock,
        random: this.random.fork(`node${index}/${this.clock.now()}`),
        log: silentLog,
        metrics: NO_METRICS,
        ...this.#verifiers(index),
        accountSigner: accountSigner(index),
        voteSigner: voteSigner(index),
      },
      {genesis: this.genesis, ...options},
    );
    await this.clock.complete(node.start());
    home.node = node;
  }

  #verifiers(index: number) {
    const msMax = this.#checksMsMax;
    if (msMax === undefined) return {verifier: testVerifier};
    const random = this.random.fork(`checks${index}/${this.clock.now()}`);
    const checked = new CheckedAhead(testVerifier, {
      check: async (checks) => {
        await this.clock.sleep(random.int(msMax));
        return Uint8Array.from(checks, ({signature, message, publicKey}) =>
          testVerifier.verify(signature, message, publicKey).valid ? 1 : 0,
        );
      },
    });
    return {verifier: checked, checks: checked};
  }

  /** The process dies at once; what was synced stays. */
  crash(index: number): void {
    const home = this.home(index);
    this.network.crash(home.peer);
    home.clock?.stop();
    home.disk.crash(this.random.fork(`crash${this.clock.now()}`));
    home.signing.crash();
    home.outbox.crash();
    home.faults.clear();
    home.node = undefined;
  }

  async stop(): Promise<void> {
    for (const {node} of this.homes) if (node !== undefined) await this.clock.complete(node.stop(), 60_000);
  }

  async until(isDone: () => boolean, limitMs = 30_000): Promise<void> {
    const isReached = await this.clock.runUntil(isDone, limitMs);
    if (!isReached) throw new Error(`not reached within ${limitMs} ms`);
  }

  balance(at: number, of: number): bigint {
    return this.node(at).accountView(this.account(of))?.balance ?? -1n;
  }
}

export function accountSigner(index: number) {
  return testSigner(1_000 + index);
}

export function voteSigner(index: number) {
  return testSigner(2_000 + index);
}
