import {checkpointHash} from "@catalyze/core/ledger/checkpoint";
import {COVERED_PER_WITNESS} from "@catalyze/core/ledger/coveredLogs";
import {decodeFinalCheckpoint} from "@catalyze/core/ledger/finality";
import {genesisCheckpoint, genesisState} from "@catalyze/core/ledger/genesisState";
import {PARAMS_DEMO, PARAMS_PRODUCTION} from "@catalyze/core/ledger/params";
import {planStarts, pruneSteps, pruneWindowH} from "@catalyze/core/ledger/pruning";
import {restoreReplica} from "@catalyze/core/ledger/restoreReplica";
import {storedAfter} from "@catalyze/core/ledger/storedAfter";
import {
  checkpointKey,
  entryKeyAt,
  heightInKey,
  heightWrite,
  KEY,
  numberInKey,
} from "@catalyze/core/ledger/storeKeys";
import type {Hash} from "@catalyze/core/primitives/id";
import fc from "fast-check";
import {describe, expect, it} from "vitest";
import {MemoryStore} from "../../../../test/sim/fakes/memoryStore.ts";
import {testGenesis} from "./kit.ts";
import {storedLedger, storeOf} from "./storedLedger.ts";
import {ROOM} from "./witnessKit.ts";

const someBytes = Uint8Array.of(1);

describe("the window of logs", () => {
  it("is the longer of the times for which a closed epoch can still be answered for", () => {
    expect(pruneWindowH({terms: [{sinceEpoch: 0, params: PARAMS_PRODUCTION}]})).toBe((7n * 86_400n) / 5n);
    const [short, long] = [
      {...PARAMS_DEMO, evidenceWindowS: 3, lateCertificateWindowS: 9},
      {...PARAMS_DEMO, evidenceWindowS: 12, lateCertificateWindowS: 9},
    ];
    const terms = [long, short].map((params, at) => ({sinceEpoch: at, params}));
    expect(pruneWindowH({terms})).toBe(12n);
    expect(pruneWindowH({terms: terms.slice(1)})).toBe(9n);
  });
});

describe("snapshots at which logs start", () => {
  const life = fc.record({
    epochH: fc.bigInt({min: 1n, max: 20n}),
    windowH: fc.bigInt({min: 1n, max: 200n}),
    epochs: fc.integer({min: 1, max: 120}),
    first: fc.bigInt({min: 0n, max: 3n}),
    /** A node makes none while it catches up. */
    missed: fc.array(fc.integer({min: 1, max: 120})),
  });

  it("keep the window and little more, however long a node lives", () => {
    fc.assert(
      fc.property(life, ({epochH, windowH, epochs, first, missed}) => {
        let begun = first * epochH;
        let kept: bigint[] = [];
        const isMissed = new Set(missed);
        let gapH = epochH;
        let lastH = begun;
        for (let epoch = 1; epoch <= epochs; epoch += 1) {
          const height = begun > BigInt(epoch) * epochH ? undefined : BigInt(epoch) * epochH;
          if (height === undefined || isMissed.has(epoch)) continue;
          gapH = height - lastH > gapH ? height - lastH : gapH;
          lastH = height;
          kept.push(height);
          const {start, gone} = planStarts(kept, {begun, windowH});
          kept = kept.filter((each) => !gone.includes(each));
          expect(kept.at(-1)).toBe(height);
          if (start !== undefined) {
            expect(start + windowH).toBeLessThanOrEqual(height);
            begun = start;
          }
          // What is kept begins where the logs do, and reaches little further back than it must.
          if (begun > 0n) expect(kept[0]! >= begun).toBe(true);
          if (begun > first * epochH) expect(kept[0]).toBe(begun);
          expect(height - begun <= windowH + windowH / 2n + 2n * gapH || begun === first * epochH).toBe(true);
          if (height > first * epochH + windowH + windowH / 2n + 2n * gapH)
            expect(begun).toBeGreaterThan(first * epochH);
          expect(kept.length).toBeLessThanOrEqual(5);
        }
      }),
    );
  });

  it("of an archive are the newest, and the one at which its logs start", () => {
    const archive = {windowH: undefined, begun: 0n};
    expect(planStarts([10n, 20n], archive)).toEqual({start: undefined, gone: [10n]});
    expect(planStarts([10n, 20n, 30n], {...archive, begun: 10n})).toEqual({start: undefined, gone: [20n]});
  });
});

describe("what is pruned", () => {
  const params = {...PARAMS_DEMO, checkpointsPerEpoch: 10};
  const state = genesisState(testGenesis);
  const covered = BigInt(COVERED_PER_WITNESS);

  /** Three logs, one with a second branch, and checkpoints up to a height. */
  async function grown(heights: bigint, ends: readonly bigint[]): Promise<MemoryStore> {
    const store = new MemoryStore();
    const keys = ends.flatMap((end, witness) =>
      Array.from({length: Number(end) + 40}, (_, at) => entryKeyAt(witness, BigInt(at) + 1n)),
    );
    const branch = [5n, ends[0]! - covered, ends[0]!].map((n) => `${entryKeyAt(0, n)}/${"ab".repeat(32)}`);
    const checkpoints = Array.from({length: Number(heights)}, (_, at) => checkpointKey(BigInt(at) + 1n));
    await store.write([...keys, ...branch, ...checkpoints].map((key) => ({key, value: someBytes})));
    return store;
  }

  function startOf(height: bigint, ends: readonly bigint[]) {
    const heads = ends.map((n, witness) => ({witness, n, hash: "cd".repeat(32) as Hash}));
    const checkpoint = {...genesisCheckpoint(testGenesis, state), height, heads};
    const final = {checkpoint, hash: checkpointHash(checkpoint), iteration: 1, signatures: []};
    const seat = state.register.seats[0]!;
    return {final, register: {...state.register, seats: ends.map(() => seat)}};
  }

  async function left(store: MemoryStore) {
    const entries = (await store.range(KEY.entries)).map(([key]) => key);
    const checkpoints = (await store.range(KEY.checkpoints)).map(([key]) => heightInKey(key));
    return {entries, checkpoints};
  }

  it("leaves the latest entries below the cut, ends of epochs, and everything above", async () => {
    const ends = [300n, 20n, covered + 1n];
    const store = await grown(45n, ends);
    for await (const {writes} of pruneSteps(store, startOf(30n, ends), params)) {
      expect(writes.length).toBeLessThanOrEqual(600);
      await store.write(writes);
    }
    const {entries, checkpoints} = await left(store);
    expect(checkpoints).toEqual([10n, 20n, ...Array.from({length: 16}, (_, at) => 30n + BigInt(at))]);
    for (const [witness, end] of ends.entries()) {
      const log = entries.filter((key) => Number(key.split("/")[1]) === witness);
      const numbers = log.map(numberInKey);
      const floor = end > covered ? end - covered : 0n;
      expect(numbers[0]).toBe(floor + 1n);
      expect(new Set(numbers).size).toBe(Number(end + 40n - floor));
    }
    expect(entries.filter((key) => key.split("/").length > 3)).toHaveLength(1);
  });

  it("can stop after any step, and does the rest when it goes on", async () => {
    const ends = [290n, 400n];
    const whole = await grown(700n, ends);
    for await (const {writes} of pruneSteps(whole, startOf(690n, ends), params)) await whole.write(writes);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({min: 0, max: 12}), {maxLength: 4}), async (stops) => {
        const store = await grown(700n, ends);
        for (const stop of stops) {
          let steps = 0;
          for await (const {writes} of pruneSteps(store, startOf(690n, ends), params)) {
            if (steps++ >= stop) break;
            await store.write(writes);
          }
        }
        for await (const {writes} of pruneSteps(store, startOf(690n, ends), params))
          await store.write(writes);
        expect(await left(store)).toEqual(await left(whole));
      }),
      {numRuns: 10},
    );
  });

  it("has nothing to do a second time", async () => {
    const ends = [290n];
    const store = await grown(40n, ends);
    for await (const {writes} of pruneSteps(store, startOf(30n, ends), params)) await store.write(writes);
    for await (const step of pruneSteps(store, startOf(30n, ends), params)) expect(step).toBeUndefined();
  });
});

describe("a store whose logs start at a snapshot", () => {
  const {genesis, records} = storedLedger({checkpointsPerEpoch: 2});
  const gone = new Map([...records].filter(([key]) => !/^lc\/0+[3]$/.test(key)));

  it("gives peers nothing from below it, and everything from above", async () => {
    const store = await storeOf(records);
    const limits = {...ROOM, seats: 4, checkpointsMax: 100};
    expect(await storedAfter(store, {heads: [], height: 1n}, limits)).toBeUndefined();
    const found = await storedAfter(store, {heads: [], height: 2n}, limits);
    expect(found?.checkpoints).toHaveLength(4);
  });

  it("restores with the checkpoints that follow each other", async () => {
    // An epoch's end from before the start is there too.
    const old = new Map(gone).set(checkpointKey(1n), records.get(checkpointKey(4n))!);
    const begun = heightWrite(KEY.begun, 4n);
    old.set(begun.key, begun.value!);
    const restored = await restoreReplica({genesis, store: await storeOf(old), signed: []});
    expect(restored.checkpoint.checkpoint.height).toBe(6n);
    expect(restored.checkpoints.map((bytes) => decodeFinalCheckpoint(bytes).checkpoint.height)).toEqual([
      4n,
      5n,
    ]);
  });
});
