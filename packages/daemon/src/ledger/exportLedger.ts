/** The bytes of an export of the store of a node that goes on working. */
import {exportPieces} from "@catalyze/core/ledger/exportStream";
import type {Genesis} from "@catalyze/core/ledger/genesis";
import {storedRecords} from "@catalyze/core/ledger/storedRecords";
import {storedStart} from "@catalyze/core/ledger/storedStart";
import type {Clock} from "@catalyze/core/ports/clock";
import type {Store} from "@catalyze/core/ports/store";

export type ExportLedgerComponents = {
  readonly store: Store;
  readonly clock: Pick<Clock, "monotonicMs" | "sleep">;
};

/** Work in one go; no single record takes a millisecond on top. */
const WORK_MS_MAX = 5;

/** Of the store as it is when the first piece is asked for. Rejects as the store does. */
export async function* exportLedger(
  {store, clock}: ExportLedgerComponents,
  genesis: Genesis,
): AsyncGenerator<Uint8Array> {
  const snapshot = store.snapshot();
  try {
    // Before the first byte, so that who asks hears why.
    await storedStart(snapshot);
    let sinceMs = clock.monotonicMs();
    const breathe = async (): Promise<void> => {
      if (clock.monotonicMs() - sinceMs < WORK_MS_MAX) return;
      await clock.sleep(0);
      sinceMs = clock.monotonicMs();
    };
    yield* exportPieces(genesis, storedRecords(snapshot, {breathe}));
  } finally {
    await snapshot.close();
  }
}
