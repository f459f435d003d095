/** The ledger under a simulated market: a shared one, or the daemon's own replicas among the nodes. */
import type {Genesis} from "@catalyze/core/ledger/genesis";
import type {LedgerState} from "@catalyze/core/ledger/state";
import type {Clock} from "@catalyze/core/ports/clock";
import type {LedgerClient} from "@catalyze/core/ports/ledger";
import type {Log} from "@catalyze/core/ports/log";
import type {Net} from "@catalyze/core/ports/net";
import type {Signer} from "@catalyze/core/ports/signer";
import type {Store} from "@catalyze/core/ports/store";
import {NO_METRICS} from "@catalyze/daemon/ledger/ledgerMetrics";
import {LedgerNode} from "@catalyze/daemon/ledger/ledgerNode";
import type {LedgerStatus} from "@catalyze/daemon/ledger/ledgerStatus";
import {DiskFaults} from "../fakes/diskFaults.ts";
import {MemoryLog, MemoryLogFile} from "../fakes/memoryLog.ts";
import type {SeededRandom} from "../fakes/seededRandom.ts";
import {LedgerCopy, type SharedLedger} from "./sharedLedger.ts";
import {SharedLedgerClient} from "./sharedLedgerClient.ts";
import type {SimCrypto} from "./simKeys.ts";

/** What a node's ledger is opened with, each time that the node starts. */
export type LedgerPorts = {
  readonly net: Net;
  readonly clock: Clock;
  readonly store: Store;
  readonly random: SeededRandom;
  readonly log: Log;
  readonly signer: Signer;
};

export type OpenLedger = {
  readonly client: LedgerClient;
  start(): Promise<void>;
  /** In order, at the end of a node's life. */
  stop(): Promise<void>;
};

/** One node's ledger over its lives. */
export interface LedgerHome {
  open(ports: LedgerPorts): OpenLedger;
  crash(): void;
  /** The agreed state as this node has it. */
  state(): LedgerState;
  /** `undefined` where all nodes share one ledger. */
  status(): LedgerStatus | undefined;
}

export class SharedLedgerHome implements LedgerHome {
  readonly #ledger: SharedLedger;
  readonly #lagMaxMs: number;
  /** What its disk holds. */
  readonly #copy: LedgerCopy;
  #client: SharedLedgerClient | undefined;

  constructor(ledger: SharedLedger, lagMaxMs: number) {
    this.#ledger = ledger;
    this.#lagMaxMs = lagMaxMs;
    this.#copy = new LedgerCopy(ledger.genesis);
  }

  open({clock, random, signer}: LedgerPorts): OpenLedger {
    const client = new SharedLedgerClient(
      {ledger: this.#ledger, copy: this.#copy, clock, random, signer},
      this.#lagMaxMs,
    );
    this.#client = client;
    return {client, start: async () => undefined, stop: async () => client.stop()};
  }

  crash(): void {
    this.#client?.stop();
  }

  state(): LedgerState {
    return this.#ledger.truth.state;
  }

  status(): undefined {
    return undefined;
  }
}

export type ReplicaHomeOptions = {
  readonly name: string;
  readonly genesis: Genesis;
  readonly crypto: SimCrypto;
  readonly faults?: DiskFaults;
};

/** Witnesses are the nodes whose vote keys the genesis lists. */
export class ReplicaHome implements LedgerHome {
  readonly #options: ReplicaHomeOptions;
  readonly #signing: MemoryLogFile;
  readonly #outbox: MemoryLogFile;
  #node: LedgerNode | undefined;

  constructor(options: ReplicaHomeOptions) {
    this.#options = options;
    const {faults = new DiskFaults()} = options;
    this.#signing = new MemoryLogFile(faults);
    this.#outbox = new MemoryLogFile(faults);
  }

  open({signer: accountSigner, ...ports}: LedgerPorts): OpenLedger {
    const {crypto, genesis, name} = this.#options;
    const node = new LedgerNode(
      {
        ...{...ports, accountSigner},
        signingTable: new MemoryLog(this.#signing),
        outboxLog: new MemoryLog(this.#outbox),
        metrics: NO_METRICS,
        verifier: crypto.verifier,
        voteSigner: crypto.signer(`vote ${name}`),
      },
      {genesis},
    );
    this.#node = node;
    return {client: node, start: async () => await node.start(), stop: async () => await node.stop()};
  }

  crash(): void {
    this.#signing.crash();
    this.#outbox.crash();
  }

  state(): LedgerState {
    if (this.#node === undefined) throw new Error(`${this.#options.name} has no ledger yet`);
    return this.#node.checkpointedState();
  }

  status(): LedgerStatus | undefined {
    return this.#node?.status();
  }
}
