import type {Head} from "@catalyze/core/ledger/checkpoint";
import {itemText} from "@catalyze/core/ledger/divergence";
import {entryName, entryNumber} from "@catalyze/core/ledger/entryNumber";
import {decodeFinalCheckpoint} from "@catalyze/core/ledger/finality";
import type {LedgerRecord} from "@catalyze/core/ledger/ledgerRecord";
import {cellKey, decodeCarried, entryKeyAt, KEY} from "@catalyze/core/ledger/storeKeys";
import type {CellId} from "@catalyze/core/primitives/id";
import fc from "fast-check";
import {beforeAll, describe, expect, it} from "vitest";
import {recordsOf, type StoredLedger, storedLedger, verified} from "./storedLedger.ts";

let ledger: StoredLedger;
let honest: readonly LedgerRecord[];
beforeAll(async () => {
  ledger = storedLedger();
  honest = await recordsOf(ledger);
});

/** The name that a divergence must give the record of this key. */
function nameOf(key: string): string {
  const [, witness, n] = /^le\/(\d+)\/(\d+)/.exec(key) ?? [];
  if (n !== undefined) return `entry ${Number(witness)}/${entryName(BigInt(n))}`;
  if (key.startsWith(KEY.checkpoints)) return `checkpoint ${BigInt(key.slice(KEY.checkpoints.length))}`;
  if (key.startsWith(KEY.cells)) return `cell ${key.slice(KEY.cells.length).split("/")[0]}`;
  if (key === KEY.carried) return "carried";
  if (key.startsWith(KEY.places)) return `places ${BigInt(key.slice(KEY.places.length))}`;
  return key === KEY.meta ? "head" : `withdrawal ${key.slice(KEY.withdrawals.length)}`;
}

function names(): readonly string[] {
  return [...ledger.records.keys()];
}

async function divergenceOf(change: (records: Map<string, Uint8Array>) => void) {
  const records = new Map(ledger.records);
  change(records);
  return (await verified(ledger.genesis, await recordsOf({...ledger, records}))).divergence;
}

/** Nothing but its own bytes says that there was an entry above the last cut. */
function isCovered(key: string, heads: readonly Head[]): boolean {
  const [, witness, n] = key.split("/").map(Number);
  return heads.some((head) => head.witness === witness && Number(head.n) >= n!);
}

const flipped = (bytes: Uint8Array, at: number, bit = 0): Uint8Array =>
  bytes.map((byte, index) => (index === at ? byte ^ (1 << bit) : byte));

describe("verification from the logs", () => {
  it("derives what the store holds, and counts what it looked at", async () => {
    const result = await verified(ledger.genesis, honest);
    expect(result.divergence).toBeUndefined();
    expect(result).toMatchObject({heights: 6n, height: 6n, ops: 12});
    expect(result.entries).toBe(honest.filter(({kind}) => kind === "entry").length);
    expect(result.cells).toBe(honest.filter(({kind}) => kind === "cell").length);
    expect(honest.some(({kind}) => kind === "withdrawal")).toBe(true);
    expect(decodeCarried(ledger.records.get(KEY.carried)!).ops).toHaveLength(2);
    expect(honest.filter(({kind}) => kind === "places")).toHaveLength(6);
  });

  it("names the record in which any one bit was flipped", async () => {
    const keys = names();
    const flip = fc.record({key: fc.constantFrom(...keys), at: fc.nat(), bit: fc.nat({max: 7})});
    await fc.assert(
      fc.asyncProperty(flip, async ({key, at, bit}) => {
        const divergence = await divergenceOf((records) => {
          const bytes = records.get(key)!;
          records.set(key, flipped(bytes, at % bytes.length, bit));
        });
        expect(divergence && itemText(divergence.item)).toBe(nameOf(key));
      }),
      {numRuns: 150},
    );
  });

  it("names every record that is gone, or the checkpoint that rests on it", async () => {
    const lastCheckpoint = names().findLast((key) => key.startsWith(KEY.checkpoints))!;
    const {heads} = decodeFinalCheckpoint(ledger.records.get(lastCheckpoint)!).checkpoint;
    for (const key of names()) {
      const divergence = await divergenceOf((records) => records.delete(key));
      const named = divergence && itemText(divergence.item);
      // The head says that there was one more.
      if (key === lastCheckpoint) expect(named).toBe("head");
      else if (!key.startsWith(KEY.entries)) expect(named).toBe(nameOf(key));
      else if (isCovered(key, heads))
        expect(named).toMatch(new RegExp(`^(?:${nameOf(key)}|checkpoint \\d+)$`));
    }
  });

  it.each([
    ["stateRoot", (offset: {heads: number}) => offset.heads + 8 + 8],
    ["totals.accounts", (offset: {heads: number}) => offset.heads + 8 + 8 + 32 + 15],
    ["totals.locks", (offset: {heads: number}) => offset.heads + 8 + 8 + 32 + 16 + 15],
    ["depositCursor", (offset: {heads: number}) => offset.heads],
    ["timeMs", (offset: {heads: number}) => offset.heads + 8 + 7],
    ["parent", () => 4 + 17],
  ])("names the field of a checkpoint: %s", async (field, at) => {
    const key = `${KEY.checkpoints}${"3".padStart(12, "0")}`;
    const heads = 4 + 1 + 4 + 4 + 8 + 32 + 1 + 4 * 42;
    const divergence = await divergenceOf((records) =>
      records.set(key, flipped(records.get(key)!, at({heads}))),
    );
    expect(divergence).toMatchObject({height: 3n, item: {kind: "checkpoint", height: 3n}, field});
    expect(divergence?.expected).not.toBe(divergence?.found);
  });

  it("looks at what lies in the place of a linked entry before it says that there is none", async () => {
    const n = entryNumber(1, 1n);
    const key = entryKeyAt(3, n);
    const stampHashAt = 4 + 1 + 4 + 4 + 2 + 8 + 32 + 8;
    const divergence = await divergenceOf((records) =>
      records.set(key, flipped(records.get(key)!, stampHashAt)),
    );
    expect(divergence).toMatchObject({item: {kind: "entry", witness: 3, n}, field: "signature"});
    const gone = await divergenceOf((records) => records.delete(key));
    expect(gone).toMatchObject({item: {kind: "entry", witness: 3, n}, field: "hash"});
  });

  it("names the field of a cell, with both values", async () => {
    const key = names().find((each) => each.startsWith(KEY.cells))!;
    const seqAt = 1 + 1 + 32 + 7;
    const seq = BigInt(ledger.records.get(key)![seqAt]!);
    const divergence = await divergenceOf((records) => records.set(key, flipped(records.get(key)!, seqAt)));
    expect(divergence).toMatchObject({
      height: 6n,
      field: "seq",
      expected: `${seq}`,
      found: `${seq ^ 1n}`,
    });
  });

  it("does not take cells that no log leads to", async () => {
    const key = names().find((each) => each.startsWith(KEY.cells))!;
    const id = "ab".repeat(32) as CellId;
    const divergence = await divergenceOf((records) =>
      records.set(cellKey({kind: "account", id}), records.get(key)!),
    );
    expect(divergence).toMatchObject({item: {kind: "cell", id}, expected: "none here"});
  });

  it("takes no record before what it rests on, none twice, none after the cells", async () => {
    const swapped = (left: number, right: number) =>
      honest.map(
        (record, index) => honest[index === left ? right : index === right ? left : index] ?? record,
      );
    const entries = honest.flatMap((record, index) =>
      record.kind === "entry" && record.witness === 0 ? [index] : [],
    );
    const checkpoints = honest.flatMap(({kind}, index) => (kind === "checkpoint" ? [index] : []));
    const cells = honest.flatMap(({kind}, index) => (kind === "cell" ? [index] : []));
    const wrong = [
      swapped(entries[0]!, entries[1]!),
      swapped(checkpoints[0]!, checkpoints[1]!),
      swapped(checkpoints[0]!, checkpoints[0]! - 1),
      swapped(cells[0]!, cells[1]!),
      [...honest.slice(0, 1), ...honest],
      [...honest.slice(0, checkpoints[1]), ...honest.slice(checkpoints[0])],
    ];
    for (const [index, records] of wrong.entries())
      expect((await verified(ledger.genesis, records)).divergence, `order ${index}`).toBeDefined();
  });

  it("is for one genesis only", async () => {
    const other = {...ledger.genesis, name: "other"};
    expect((await verified(other, honest)).divergence).toMatchObject({
      item: {kind: "entry"},
      field: "network",
    });
  });
});
