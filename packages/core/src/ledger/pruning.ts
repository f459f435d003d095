/**
 * What a node may forget (reference/ledger 8.4). A closed epoch's logs matter for as long as evidence from it
 * counts; after that whoever needs them begins with a snapshot. So a node's logs start at the newest snapshot
 * that is older than that window. To have one then, it keeps a snapshot for each half of a window.
 */
import type {StoreReader, Write} from "../ports/store.ts";
import {coveredFloor} from "./coveredLogs.ts";
import type {Governance} from "./governance.ts";
import {heightsOf, type LedgerParams} from "./params.ts";
import {coveredHeads} from "./register.ts";
import type {SnapshotHead} from "./snapshot.ts";
import {
  checkpointKey,
  entryPrefix,
  heightInKey,
  heightWrite,
  KEY,
  numberInKey,
  storedHeight,
} from "./storeKeys.ts";

/** Entries are up to 1 MiB each, and a step reads so many. */
const STEP_ENTRIES = 16;
const STEP_CHECKPOINTS = 512;

/** Heights for which evidence may still change something, whichever parameters the epoch had. */
export function pruneWindowH({terms}: Pick<Governance, "terms">): bigint {
  const windows = terms.map(({params}) =>
    heightsOf(Math.max(params.evidenceWindowS, params.lateCertificateWindowS), params),
  );
  return windows.reduce((longest, each) => (each > longest ? each : longest), 0n);
}

export type StartPlan = {
  /** Where the logs may start from now on; `undefined`: where they did. */
  readonly start: bigint | undefined;
  /** Snapshots that nobody needs any more. */
  readonly gone: readonly bigint[];
};

export type StartLimits = {
  /** 0 for the genesis. */
  readonly begun: bigint;
  /** `undefined` for an archive. */
  readonly windowH: bigint | undefined;
};

/** `snapshots` ascend; the last one is new. It stays, as does where the logs start, and one each half window. */
export function planStarts(snapshots: readonly bigint[], {begun, windowH}: StartLimits): StartPlan {
  const newest = snapshots.at(-1) ?? 0n;
  const isOld = (height: bigint) => windowH !== undefined && height > begun && height + windowH <= newest;
  const start = snapshots.findLast(isOld);
  const first = start ?? begun;
  let before = first === 0n ? first : undefined;
  const gone = snapshots.filter((height) => {
    if (height < first) return true;
    const isNear = before !== undefined && (windowH === undefined || (height - before) * 2n < windowH);
    if (isNear) return height !== newest;
    before = height;
    return false;
  });
  return {start, gone};
}

/**
 * Deletes, in batches to be written one after the other, what lies before the snapshot at which the logs
 * start: entries but for the latest below its cut, and checkpoints but for the ends of epochs, which anchors
 * need. It can stop after any batch, and goes on where the store says it was. Rejects as the store does.
 */
export async function* pruneSteps(
  store: StoreReader,
  {final: {checkpoint}, register}: Pick<SnapshotHead, "final" | "register">,
  params: LedgerParams,
): AsyncGenerator<PruneStep> {
  for (const head of coveredHeads(checkpoint, register)) {
    const floor = coveredFloor(head);
    for (let keys = await oldKeys(store, head.witness, floor); keys.length > 0; ) {
      yield {entries: keys.length, writes: keys.map((key) => ({key, value: undefined}))};
      keys = await oldKeys(store, head.witness, floor);
    }
  }
  yield* checkpointSteps(store, checkpoint.height, params);
}

export type PruneStep = {readonly entries: number; readonly writes: readonly Write[]};

async function oldKeys(store: StoreReader, witness: number, floor: bigint): Promise<string[]> {
  const page = await store.range(entryPrefix(witness), {limit: STEP_ENTRIES});
  return page.map(([key]) => key).filter((key) => numberInKey(key) <= floor);
}

async function* checkpointSteps(
  store: StoreReader,
  end: bigint,
  {checkpointsPerEpoch}: LedgerParams,
): AsyncGenerator<PruneStep> {
  const [first] = await store.range(KEY.checkpoints, {limit: 1});
  const lowest = first === undefined ? end : heightInKey(first[0]);
  const pruned = (await storedHeight(store, KEY.pruned)) ?? 0n;
  let height = pruned > lowest ? pruned : lowest;
  while (height < end) {
    const writes: Write[] = [];
    for (; height < end && writes.length < STEP_CHECKPOINTS; height += 1n)
      if (height % BigInt(checkpointsPerEpoch) !== 0n)
        writes.push({key: checkpointKey(height), value: undefined});
    yield {entries: 0, writes: [...writes, heightWrite(KEY.pruned, height)]};
  }
}
