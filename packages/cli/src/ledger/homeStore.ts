/** The ledger of a home on which no daemon runs. */
import type {LedgerRecord} from "@catalyze/core/ledger/ledgerRecord";
import {storedRecords} from "@catalyze/core/ledger/storedRecords";
import {decodeMeta, KEY} from "@catalyze/core/ledger/storeKeys";
import {acquireHomeLock} from "@catalyze/daemon/home/homeLock";
import type {HomeLayout} from "@catalyze/daemon/home/homePath";

export type HomeStore = {
  readonly records: AsyncGenerator<LedgerRecord>;
  readonly heightsTotal: number | undefined;
  close(): Promise<void>;
};

/** Holds the home's lock until it is closed. Throws `HOME_LOCKED` while a daemon has it, and as the store does. */
export async function openHomeStore(layout: HomeLayout): Promise<HomeStore> {
  const lock = await acquireHomeLock(layout.lock);
  try {
    // The database is native code that other commands need not load.
    const {LevelStore} = await import("@catalyze/daemon/store/levelStore");
    const store = await LevelStore.open(layout.db);
    const records = storedRecords(store, {breathe: () => undefined});
    const close = async (): Promise<void> => {
      await records.return(undefined);
      await store.close();
      await lock.release();
    };
    return {records, heightsTotal: heightIn(await store.get(KEY.meta)), close};
  } catch (error) {
    await lock.release();
    throw error;
  }
}

function heightIn(meta: Uint8Array | undefined): number | undefined {
  try {
    return meta === undefined ? undefined : Number(decodeMeta(meta).height);
  } catch {
    // Damaged: the verification says so, a progress bar has no total.
    return undefined;
  }
}
