import {COVERED_PER_WITNESS, coveredFloor} from "@catalyze/core/ledger/coveredLogs";
import {entryNumber} from "@catalyze/core/ledger/entryNumber";
import {decodeSnapshotHead} from "@catalyze/core/ledger/snapshot";
import {entryPrefix, heightInKey, KEY, numberInKey, storedHeight} from "@catalyze/core/ledger/storeKeys";
import {describe, expect, it} from "vitest";
import {MemoryStore} from "../../../../test/sim/fakes/memoryStore.ts";
import {deepVerified} from "./deepVerified.ts";
import {CTZ, LedgerRig} from "./ledgerRig.ts";
import {transfer} from "./transfer.ts";

/** Epochs of three seconds, logs of six. */
const params = {checkpointsPerEpoch: 3, evidenceWindowS: 6, lateCertificateWindowS: 3};

function storeOf(rig: LedgerRig, index: number): MemoryStore {
  return new MemoryStore(rig.home(index).disk);
}

async function begunOf(rig: LedgerRig, index: number): Promise<bigint> {
  return (await storedHeight(storeOf(rig, index), KEY.begun)) ?? 0n;
}

async function heightsOf(rig: LedgerRig, index: number): Promise<bigint[]> {
  return (await storeOf(rig, index).range(KEY.checkpoints)).map(([key]) => heightInKey(key));
}

async function firstEntry(rig: LedgerRig, index: number, witness: number): Promise<bigint> {
  const [first] = await storeOf(rig, index).range(entryPrefix(witness), {limit: 1});
  return first === undefined ? 0n : numberInKey(first[0]);
}

function heightNow(rig: LedgerRig): bigint {
  return rig.node(0).head().height;
}

async function pay(rig: LedgerRig, from: number, count: number): Promise<void> {
  for (let at = 0; at < count; at += 1) {
    const payment = transfer(rig.account(90), CTZ / 1_000n);
    await rig.clock.complete(rig.node(from).submit(rig.account(from), payment), 60_000);
  }
}

/** Logs so long that some of them may go. */
async function old(rig: LedgerRig): Promise<void> {
  await pay(rig, 0, COVERED_PER_WITNESS + 60);
  const height = heightNow(rig);
  await rig.until(() => heightNow(rig) >= height + 15n, 60_000);
  await rig.clock.advance(500);
}

/** In its memory are the latest entries only, then. */
async function restart(rig: LedgerRig, index: number): Promise<void> {
  rig.crash(index);
  await rig.start(index);
}

function expectOneRoot(rig: LedgerRig): void {
  const views = rig.homes.flatMap(({node}) => node?.accountView(rig.account(90))?.balance ?? []);
  expect(new Set(views).size).toBe(1);
}

describe("a node that prunes", () => {
  it("keeps the window, works, restarts, and is verified from where its logs start", async () => {
    const rig = await LedgerRig.started({witnesses: 1, followers: 1, params});
    await old(rig);
    for (const index of [0, 1]) {
      const begun = await begunOf(rig, index);
      expect(heightNow(rig) - begun).toBeLessThanOrEqual(6n + 3n + 6n);
      const heights = await heightsOf(rig, index);
      expect(heights.filter((height) => height < begun && height % 3n !== 0n)).toEqual([]);
      expect(heights.filter((height) => height > begun)).toHaveLength(Number(heights.at(-1)! - begun));
      const first = await firstEntry(rig, index, 0);
      expect(first).toBeGreaterThan(entryNumber(1, 1n));
      const snapshots = await storeOf(rig, index).range(KEY.snapshotHeads);
      expect(heightInKey(snapshots[0]![0])).toBe(begun);
      expect(snapshots.length).toBeLessThanOrEqual(5);
      expect(await deepVerified(rig, index)).toMatchObject({begun, divergence: undefined});
      expect((await rig.node(index).verify()).ok).toBe(true);
    }
    const history = await rig.node(0).historyOf(rig.account(0), {limit: 1_000});
    expect(history.filter(({kind}) => kind === "transfer")).toHaveLength(COVERED_PER_WITNESS + 60);
    await restart(rig, 0);
    await pay(rig, 0, 3);
    await rig.clock.advance(5_000);
    expectOneRoot(rig);
    const later = await rig.node(0).historyOf(rig.account(0), {limit: 1_000});
    expect(later.filter(({kind}) => kind === "transfer")).toHaveLength(COVERED_PER_WITNESS + 63);
    expect((await rig.node(0).verify()).ok).toBe(true);
    await rig.stop();
  });

  it("goes on after a crash in the middle of it", async () => {
    const rig = await LedgerRig.started({witnesses: 1, followers: 0, params});
    await pay(rig, 0, COVERED_PER_WITNESS + 60);
    let crashes = 0;
    for (let tries = 0; tries < 10_000 && crashes < 2; tries += 1) {
      const before = await firstEntry(rig, 0, 0);
      await rig.clock.advance(3);
      // In the middle: some are gone, and not all that may go.
      const first = await firstEntry(rig, 0, 0);
      const [head] = await storeOf(rig, 0).range(KEY.snapshotHeads);
      const start = head && decodeSnapshotHead(head[1]).final.checkpoint;
      const floor = coveredFloor(start?.heads[0] ?? {n: 0n});
      if (start?.height !== (await begunOf(rig, 0)) || first === before || first > floor) continue;
      crashes += 1;
      await restart(rig, 0);
    }
    expect(crashes).toBeGreaterThan(0);
    await old(rig);
    const begun = await begunOf(rig, 0);
    expect(await deepVerified(rig, 0)).toMatchObject({begun, divergence: undefined});
    expect((await heightsOf(rig, 0)).filter((height) => height < begun && height % 3n !== 0n)).toEqual([]);
    await rig.stop();
  });

  it("keeps everything as an archive", async () => {
    const rig = new LedgerRig({witnesses: 1, followers: 1, params});
    await rig.start(0);
    await rig.start(1, {isArchive: true});
    await rig.clock.advance(100);
    await old(rig);
    expect(await begunOf(rig, 0)).toBeGreaterThan(0n);
    expect(await begunOf(rig, 1)).toBe(0n);
    expect(await firstEntry(rig, 1, 0)).toBe(entryNumber(1, 1n));
    expect((await heightsOf(rig, 1))[0]).toBe(1n);
    expect(await storeOf(rig, 1).range(KEY.snapshotHeads)).toHaveLength(1);
    expect(await deepVerified(rig, 1)).toMatchObject({begun: 0n, divergence: undefined});
    await rig.stop();
  });
});

describe("a node that needs logs which are pruned", () => {
  it("begins anew with a snapshot when it was away for too long, and keeps its history", async () => {
    const rig = await LedgerRig.started({witnesses: 1, followers: 1, params});
    await pay(rig, 1, 2);
    await rig.clock.advance(1_000);
    rig.crash(1);
    await old(rig);
    await restart(rig, 0);
    await rig.start(1);
    await rig.until(() => rig.node(1).head().height >= heightNow(rig), 60_000);
    expect(await begunOf(rig, 1)).toBeGreaterThan(6n);
    await pay(rig, 1, 2);
    await rig.clock.advance(3_000);
    expectOneRoot(rig);
    expect(await deepVerified(rig, 1)).toMatchObject({divergence: undefined});
    expect((await rig.node(1).historyOf(rig.account(1), {limit: 10})).length).toBe(4);
    await restart(rig, 1);
    await rig.clock.advance(3_000);
    expectOneRoot(rig);
    await rig.stop();
  });

  it("is a witness that lost its database: it votes again once its log has come back", async () => {
    const rig = await LedgerRig.started({witnesses: 4, followers: 0, params});
    await old(rig);
    rig.crash(3);
    const keys = (await storeOf(rig, 3).range("")).map(([key]) => ({key, value: undefined}));
    rig.home(3).disk.write(keys, true);
    for (const index of [0, 1, 2]) await restart(rig, index);
    await rig.start(3);
    await rig.until(() => rig.node(3).head().height >= heightNow(rig), 60_000);
    expect(await begunOf(rig, 3)).toBeGreaterThan(0n);
    // Without its votes there is no quorum.
    rig.crash(2);
    await pay(rig, 0, 2);
    await pay(rig, 3, 1);
    expect(rig.node(3).status().isStopped).toBe(false);
    await rig.stop();
  });

  it("is an archive: it takes no snapshot, and waits for another archive", async () => {
    const rig = new LedgerRig({witnesses: 1, followers: 2, params});
    await rig.start(0);
    await rig.start(1, {isArchive: true});
    await rig.clock.advance(100);
    await old(rig);
    rig.crash(1);
    await restart(rig, 0);
    await rig.start(2, {isArchive: true});
    await rig.clock.advance(10_000);
    expect(rig.node(2).head().height).toBe(0n);
    await rig.start(1, {isArchive: true});
    await rig.until(() => rig.node(2).head().height >= heightNow(rig), 60_000);
    expect(await deepVerified(rig, 2)).toMatchObject({begun: 0n, divergence: undefined});
    await rig.stop();
  });
});
