/** The settlement chain of a node, when its home has one configured; without it the network runs unanchored. */
import {join} from "node:path";
import type {AnchorView, LedgerView} from "@catalyze/api/schema/money";
import type {Clock} from "@catalyze/core/ports/clock";
import type {Log} from "@catalyze/core/ports/log";
import type {ReadBack} from "../chain/anchorContract.ts";
import type {AnchorService} from "../chain/anchorService.ts";
import type {ChainDoor} from "../facade/chainDoor.ts";
import type {HomeLayout} from "../home/homePath.ts";
import type {DaemonOptions} from "../options/daemonOptions.ts";
import {type ChainFile, readChainFile} from "./chainFile.ts";
import type {Service} from "./runningNode.ts";
import type {Parts} from "./wire.ts";

export type OpenedChain = {readonly service: Service; readonly door: ChainDoor; isReachable(): boolean};

export type OpenChainInput = {
  readonly parts: Parts;
  readonly layout: HomeLayout;
  readonly options: DaemonOptions;
  /** secp256k1, 32 bytes: signs anchors where this home is a witness. */
  readonly evmKey: Uint8Array;
  /** A restored home watches the chain and signs nothing. */
  readonly isReadOnly: boolean;
  readonly log: Log;
  readonly clock: Clock;
};

/** Throws `CONFIG_INVALID`. */
export async function openChain(input: OpenChainInput): Promise<OpenedChain | undefined> {
  const {parts, layout, options, evmKey, isReadOnly, log, clock} = input;
  const file = await readChainFile(join(layout.home, "chain.json"));
  if (file === undefined) return undefined;
  // Only nodes with a chain pay for its client library in memory and start-up time.
  const {AnchorService, anchorTiming} = await import("../chain/anchorService.ts");
  const {ledger, store, net, genesis} = parts;
  // Votes may change the pace a little; who posts when is better the same everywhere.
  const {checkpointIntervalMs, checkpointsPerEpoch} = genesis.params;
  const service = new AnchorService(
    {
      ...{ledger, store, clock},
      log: log.child({module: "chain"}),
      penalize: (peer, code) => net.penalize(peer, code),
      checkpointOf: (epoch) => ledger.epochCheckpoint(epoch),
    },
    {
      genesis,
      evmKey,
      isReadOnly,
      chainId: file.chainId,
      contract: file.anchor,
      deployBlock: BigInt(file.deployBlock),
      rpcUrls: [options.chainRpcUrl ?? file.rpcUrl],
      ...anchorTiming(checkpointIntervalMs * checkpointsPerEpoch),
    },
  );
  const door = new AnchorDoor(service, file);
  return {service, door, isReachable: () => service.status().failure === undefined};
}

class AnchorDoor implements ChainDoor {
  readonly #service: AnchorService;
  readonly #file: ChainFile;
  /** What has been read back; an anchor on the chain does not change. */
  readonly #read = new Map<number, ReadBack>();

  constructor(service: AnchorService, file: ChainFile) {
    this.#service = service;
    this.#file = file;
  }

  async view(): Promise<NonNullable<LedgerView["chain"]>> {
    const {settled, failure} = this.#service.status();
    const last =
      settled === undefined || settled.epoch === 0 ? undefined : await this.anchorOf(settled.epoch);
    return {
      chainId: this.#file.chainId.toString(),
      contract: this.#file.anchor,
      token: this.#file.token,
      isReachable: failure === undefined,
      ...(last === undefined ? {} : {lastAnchor: last}),
    };
  }

  async anchorOf(epoch: number): Promise<AnchorView | undefined> {
    const {finalEpoch} = this.#service.status();
    const found = this.#read.get(epoch) ?? (await this.#service.readBack(epoch).catch(() => undefined));
    if (found === undefined) return undefined;
    this.#read.set(epoch, found);
    if (this.#read.size > READ_MAX) this.#read.delete(this.#read.keys().next().value ?? 0);
    return {
      epoch,
      root: found.stateRoot,
      rootOnChain: found.stateRoot,
      tx: found.tx,
      state: epoch <= finalEpoch ? "final" : "posted",
    };
  }
}

const READ_MAX = 256;
