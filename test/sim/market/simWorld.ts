import type {Genesis} from "@catalyze/core/ledger/genesis";
import type {PeerId} from "@catalyze/core/primitives/id";
import type {FakeClock} from "../fakes/fakeClock.ts";
import type {FakeNetwork} from "../fakes/fakeNetwork.ts";
import type {SeededRandom} from "../fakes/seededRandom.ts";
import type {SharedLedger} from "./sharedLedger.ts";
import type {SimClass} from "./simCatalog.ts";
import type {SimCrypto} from "./simKeys.ts";

/** What a node shares with the others. */
export type SimWorld = {
  readonly clock: FakeClock;
  readonly random: SeededRandom;
  readonly network: FakeNetwork;
  readonly ledger: SharedLedger;
  readonly crypto: SimCrypto;
  readonly genesis: Genesis;
  readonly genesisHash: Uint8Array;
  readonly classes: readonly SimClass[];
  readonly options: {readonly ledgerLagMaxMs: number};
  readonly complaints: {readonly node: string; readonly message: string; readonly fields?: unknown}[];
  peerOf(name: string): PeerId;
  keyOfPeer(peer: PeerId): Uint8Array | undefined;
};
