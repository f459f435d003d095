/** Four witnesses around a real EVM node: their ledger is reduced to the checkpoints that it would agree on. */
import {createHash} from "node:crypto";
import {mkdtemp, rm} from "node:fs/promises";
import {tmpdir} from "node:os";
import {join} from "node:path";
import type {Deployment} from "@catalyze/contracts/deploy";
import {deployByRpc} from "@catalyze/contracts/deployByRpc";
import {accountIdOf} from "@catalyze/core/crypto/accountId";
import {type Checkpoint, checkpointHash, encodeCheckpoint} from "@catalyze/core/ledger/checkpoint";
import type {CheckpointSummary} from "@catalyze/core/ledger/effects";
import type {Genesis} from "@catalyze/core/ledger/genesis";
import {genesisCheckpoint, genesisState} from "@catalyze/core/ledger/genesisState";
import type {AnchorMember} from "@catalyze/core/ledger/handover";
import {PARAMS_DEMO} from "@catalyze/core/ledger/params";
import type {LedgerState} from "@catalyze/core/ledger/state";
import {withdrawalRoot} from "@catalyze/core/ledger/withdrawals";
import type {Log} from "@catalyze/core/ports/log";
import {toHex} from "@catalyze/core/primitives/bytes";
import type {Hash, PeerId} from "@catalyze/core/primitives/id";
import {AnchorService, type AnchorServiceOptions} from "@catalyze/daemon/chain/anchorService";
import type {AnchorHooks} from "@catalyze/daemon/chain/anchorSigner";
import {evmAddressOf} from "@catalyze/daemon/chain/evmAddress";
import {CHAIN_ID_EMBEDDED, EvmNode} from "@catalyze/daemon/chain/evmNode";
import {createSigner} from "@catalyze/daemon/identity/signatures";
import {SystemClock} from "@catalyze/daemon/runtime/systemClock";
import {MemoryDisk, MemoryStore} from "../sim/fakes/memoryStore.ts";

export const quiet: Log = {debug() {}, info() {}, warn() {}, error() {}, child: () => quiet};
export const clock = new SystemClock();

const bytesOf = (name: string) => new Uint8Array(createHash("sha256").update(name).digest());
export const evmKeys = [0, 1, 2, 3].map((index) => bytesOf(`evm ${index}`));
export const peers = [0, 1, 2, 3].map((index) => `12D3KooW${"ABCD"[index]?.repeat(40)}` as PeerId);
export const holder = accountIdOf(createSigner(bytesOf("account 0")).publicKey);

export const genesis: Genesis = {
  v: 1,
  name: "chain-test",
  accounts: [{id: holder, balance: 1_000_000_000_000n}],
  witnesses: evmKeys.map((key, index) => ({
    peerId: peers[index]!,
    voteKey: toHex(createSigner(bytesOf(`vote ${index}`)).publicKey),
    evmAddress: evmAddressOf(key),
    weight: 1,
    account: holder,
  })),
  params: PARAMS_DEMO,
  aliases: {},
};

/** Witnesses that hear each other; one may be cut off. */
export class Bus {
  readonly #handlers = new Map<number, (bytes: Uint8Array, from: PeerId) => void>();
  readonly #epochEnds = new Map<number, (bytes: Uint8Array, summary: CheckpointSummary) => void>();
  readonly anchored = new Map<number, number>();
  readonly #committees = new Map<number, readonly number[]>([[0, [0, 1, 2, 3]]]);
  readonly deaf = new Set<number>();
  readonly penalties: string[] = [];

  hooksOf(index: number): AnchorHooks {
    return {
      pushAnchorSignature: (bytes) => {
        if (this.deaf.has(index)) return;
        for (const [other, handler] of this.#handlers) {
          if (other !== index && !this.deaf.has(other)) handler(bytes, peers[index]!);
        }
      },
      onAnchorSignature: (handler) => {
        this.#handlers.set(index, handler);
        return () => this.#handlers.delete(index);
      },
      onEpochEnd: (handler) => {
        this.#epochEnds.set(index, handler);
        return () => this.#epochEnds.delete(index);
      },
      anchorSigners: (epoch) => this.#committeeOf(epoch),
      seat: index,
      witnessPeers: {isSeated: (peer) => peers.includes(peer)},
      noteAnchored: async (epoch) => {
        this.anchored.set(index, epoch);
      },
    };
  }

  /** From this epoch on these seats sign; nothing but the anchors of later epochs knows of it. */
  committeeFrom(epoch: number, seats: readonly number[]): void {
    this.#committees.set(epoch, seats);
  }

  #committeeOf(epoch: number): readonly AnchorMember[] {
    const since = [...this.#committees.keys()]
      .filter((each) => each <= epoch)
      .sort((left, right) => right - left);
    const seats = this.#committees.get(since[0] ?? 0) ?? [];
    return seats.map((seat) => ({seat, evmAddress: genesis.witnesses[seat]!.evmAddress, weight: 1}));
  }

  inject(to: number, bytes: Uint8Array, from: PeerId): void {
    this.#handlers.get(to)?.(bytes, from);
  }

  epochEnded(checkpoint: Checkpoint, only: readonly number[] = [0, 1, 2, 3]): void {
    const {height, epoch, stateRoot, isLastOfEpoch} = checkpoint;
    const summary = {height, epoch, stateRoot, isLastOfEpoch, hash: checkpointHash(checkpoint)};
    for (const index of only) this.#epochEnds.get(index)?.(encodeCheckpoint(checkpoint), summary);
  }
}

/** The checkpoint that ends the epoch after `parent`'s, over this state. */
export function nextEpochEnd(parent: Checkpoint, state: LedgerState, salt = ""): Checkpoint {
  const epoch = parent.epoch + 1;
  return {
    ...parent,
    epoch,
    height: BigInt(epoch * PARAMS_DEMO.checkpointsPerEpoch),
    parent: checkpointHash(parent),
    timeMs: epoch * 15_000 + salt.length,
    stateRoot: toHex(state.tree().root()) as Hash,
    totals: state.totals,
    withdrawalRoot: toHex(withdrawalRoot(state.withdrawals())) as Hash,
    isLastOfEpoch: true,
  };
}

export class ChainNetwork {
  readonly bus = new Bus();
  readonly disks = evmKeys.map(() => new MemoryDisk());
  readonly services: (AnchorService | undefined)[] = [];
  readonly state = genesisState(genesis);
  checkpoint: Checkpoint = genesisCheckpoint(genesis);
  #folder = "";
  #node: EvmNode | undefined;
  deployment: Deployment | undefined;
  startMs = 0;
  deployMs = 0;

  get node(): EvmNode {
    return this.#node!;
  }

  get contract(): Deployment {
    return this.deployment!;
  }

  async start(isMiningOnDemand = true): Promise<void> {
    this.#folder = await mkdtemp(join(tmpdir(), "ctz chain "));
    let from = performance.now();
    this.#node = new EvmNode(
      {clock, log: quiet},
      {folder: this.#folder, environment: process.env, isMiningOnDemand},
    );
    await this.#node.start();
    this.startMs = performance.now() - from;
    for (const key of evmKeys) await this.#node.fund(`0x${evmAddressOf(key)}`);
    from = performance.now();
    const target = {
      rpcUrl: this.#node.url,
      chainId: CHAIN_ID_EMBEDDED,
      privateKey: `0x${toHex(evmKeys[0]!)}` as const,
    };
    const pending = deployByRpc(target, genesis, {objectionBond: 1n});
    if (!isMiningOnDemand) {
      while ((await Promise.race([pending.then(() => true), clock.sleep(50).then(() => false)])) === false) {
        await this.#node.mine();
      }
    }
    this.deployment = await pending;
    this.deployMs = performance.now() - from;
  }

  optionsOf(index: number): AnchorServiceOptions {
    const {chainId, anchor, deployBlock} = this.contract;
    const rpcUrls = [this.node.url];
    return {
      chainId,
      contract: anchor,
      deployBlock,
      genesis,
      rpcUrls,
      evmKey: evmKeys[index]!,
      pollMs: 100,
      stepMs: 400,
    };
  }

  async startService(index: number): Promise<AnchorService> {
    const service = new AnchorService(
      {
        ledger: this.bus.hooksOf(index),
        store: new MemoryStore(this.disks[index]!),
        clock,
        log: quiet,
        penalize: (_, code) => this.bus.penalties.push(code),
      },
      this.optionsOf(index),
    );
    await service.start();
    this.services[index] = service;
    return service;
  }

  async stopService(index: number): Promise<void> {
    await this.services[index]?.stop();
    this.services[index] = undefined;
  }

  endEpoch(only?: readonly number[]): Checkpoint {
    this.checkpoint = nextEpochEnd(this.checkpoint, this.state);
    this.bus.epochEnded(this.checkpoint, only);
    return this.checkpoint;
  }

  async stop(): Promise<void> {
    for (const service of this.services) await service?.stop();
    await this.#node?.stop();
    await rm(this.#folder, {recursive: true, force: true});
  }
}

/** Looks every 50 ms; throws with what it waited for. */
export async function until(
  what: string,
  isSo: () => boolean | Promise<boolean>,
  withinMs = 20_000,
): Promise<void> {
  const end = performance.now() + withinMs;
  while (!(await isSo())) {
    if (performance.now() > end) throw new Error(`waited ${withinMs} ms for: ${what}`);
    await clock.sleep(50);
  }
}
