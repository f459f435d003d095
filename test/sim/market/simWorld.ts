import type {Genesis} from "@catalyze/core/ledger/genesis";
import type {PeerId} from "@catalyze/core/primitives/id";
import type {DiskFaults} from "../fakes/diskFaults.ts";
import type {FakeClock} from "../fakes/fakeClock.ts";
import type {FakeNetwork} from "../fakes/fakeNetwork.ts";
import type {SeededRandom} from "../fakes/seededRandom.ts";
import type {SharedLedger} from "./sharedLedger.ts";
import type {SimClass} from "./simCatalog.ts";
import type {SimCrypto} from "./simKeys.ts";
import type {LedgerHome} from "./simLedgers.ts";

/** What a node shares with the others. */
export type SimWorld = {
  readonly clock: FakeClock;
  readonly random: SeededRandom;
  readonly network: FakeNetwork;
  /** Unused where the nodes have replicas of their own. */
  readonly ledger: SharedLedger;
  readonly crypto: SimCrypto;
  readonly genesis: Genesis;
  readonly genesisHash: Uint8Array;
  readonly classes: readonly SimClass[];
  readonly diskMsMax: number;
  readonly complaints: {readonly node: string; readonly message: string; readonly fields?: unknown}[];
  ledgerHome(name: string, faults: DiskFaults): LedgerHome;
  peerOf(name: string): PeerId;
  keyOfPeer(peer: PeerId): Uint8Array | undefined;
};
