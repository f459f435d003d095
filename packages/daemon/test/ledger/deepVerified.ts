import {type Rederived, rederive} from "@catalyze/core/ledger/rederive";
import {storedRecords} from "@catalyze/core/ledger/storedRecords";
import {MemoryStore} from "../../../../test/sim/fakes/memoryStore.ts";
import type {LedgerRig} from "./ledgerRig.ts";
import {testVerifier} from "./testSigner.ts";

/** Derives everything again that is on a node's disk now, as an export of it does. */
export async function deepVerified(rig: LedgerRig, index: number): Promise<Rederived> {
  const store = new MemoryStore(rig.home(index).disk.copy());
  const records = storedRecords(store, {breathe: () => undefined});
  return await rig.clock.complete(rederive(records, {genesis: rig.genesis, verifier: testVerifier}), 60_000);
}
