import {itemText} from "@catalyze/core/ledger/divergence";
import {decodeEntry} from "@catalyze/core/ledger/entryCodec";
import {entryName, epochOfEntry} from "@catalyze/core/ledger/entryNumber";
import {exportPieces, openExport} from "@catalyze/core/ledger/exportStream";
import {decodeFinalCheckpoint} from "@catalyze/core/ledger/finality";
import type {LedgerRecord} from "@catalyze/core/ledger/ledgerRecord";
import {rederive} from "@catalyze/core/ledger/rederive";
import {decodeSnapshotHead, encodeSnapshotHead} from "@catalyze/core/ledger/snapshot";
import {heightInKey, KEY, snapshotHeadKey} from "@catalyze/core/ledger/storeKeys";
import fc from "fast-check";
import {beforeAll, describe, expect, it} from "vitest";
import {cachedVerifier, recordsOf, type StoredLedger, storedLedger, verified} from "./storedLedger.ts";
import {entryOf} from "./witnessKit.ts";

let ledger: StoredLedger;
let honest: readonly LedgerRecord[];
beforeAll(async () => {
  ledger = storedLedger({checkpointsPerEpoch: 2});
  honest = await recordsOf(ledger);
});

/** What the verification must name when this record is damaged. */
function nameOf(record: LedgerRecord): string {
  switch (record.kind) {
    case "entry":
      return `entry ${record.witness}/${entryName(record.n)}`;
    case "checkpoint":
    case "snapshot":
    case "places":
      return `${record.kind} ${record.height}`;
    case "chunk":
      return `chunk ${record.index}`;
    case "cell":
      return `cell ${record.name.id}`;
    case "withdrawal":
      return `withdrawal ${record.address}`;
    case "head":
    case "register":
    case "governance":
    case "carried":
      return record.kind;
  }
}

async function divergenceOf(records: readonly LedgerRecord[]): Promise<string | undefined> {
  const {divergence} = await verified(ledger.genesis, records);
  return divergence && itemText(divergence.item);
}

/** By a cut of the epoch in which it votes. */
function isCovered({witness, n}: Extract<LedgerRecord, {kind: "entry"}>): boolean {
  const heads = honest.flatMap((record) =>
    record.kind === "checkpoint" ? decodeFinalCheckpoint(record.bytes).checkpoint.heads : [],
  );
  const isOfEpoch = (end: bigint) => epochOfEntry(end) === epochOfEntry(n);
  return heads.some((head) => head.witness === witness && isOfEpoch(head.n) && head.n >= n);
}

describe("verification from a snapshot on", () => {
  it("derives what the store holds, and says where it starts", async () => {
    const result = await verified(ledger.genesis, honest);
    expect(result).toMatchObject({begun: 2n, heights: 6n, divergence: undefined});
    expect(honest.slice(0, 3).map(({kind}) => kind)).toEqual(["snapshot", "chunk", "chunk"]);
    expect(honest.filter(({kind}) => kind === "checkpoint")).toHaveLength(4);
    expect(result.ops).toBeGreaterThan(2);
    expect(result.ops).toBeLessThan(9);
  });

  it("names the record in which any one bit was flipped", async () => {
    const flip = fc.record({which: fc.nat(honest.length - 1), at: fc.nat(), bit: fc.nat({max: 7})});
    await fc.assert(
      fc.asyncProperty(flip, async ({which, at, bit}) => {
        const {bytes} = honest[which]!;
        const place = at % bytes.length;
        const changed = bytes.with(place, bytes[place]! ^ (1 << bit));
        const records = honest.with(which, {...honest[which]!, bytes: changed});
        const named = await divergenceOf(records);
        // The head of a snapshot names where its chunks begin: the first that does not says so.
        const isHead = honest[which]!.kind === "snapshot" && named?.startsWith("chunk ");
        if (!isHead) expect(named).toBe(nameOf(honest[which]!));
      }),
      {numRuns: 250},
    );
  });

  it("misses each record that is gone", async () => {
    for (const [which, record] of honest.entries()) {
      const named = await divergenceOf(honest.toSpliced(which, 1));
      // Nothing but its own bytes says that there was an entry above the last cut of its epoch.
      if (record.kind === "entry" && named === undefined)
        expect(isCovered(record), nameOf(record)).toBe(false);
      else expect(named, nameOf(record)).toBeDefined();
    }
  });

  it("takes nobody's word for where a ledger starts", async () => {
    const key = snapshotHeadKey(2n);
    const head = decodeSnapshotHead(ledger.records.get(key)!);
    const unsigned = {...head, final: {...head.final, signatures: head.final.signatures.slice(0, 2)}};
    const changed = new Map(ledger.records).set(key, encodeSnapshotHead(unsigned));
    expect(await divergenceOf(await recordsOf({records: changed}))).toBe("snapshot 2");
    const other = {...ledger.genesis, name: "another"};
    const {divergence} = await verified(other, honest);
    expect(divergence?.item.kind).toBe("snapshot");
  });

  it("takes no other entry of the same author below the cut", async () => {
    const record = honest.find((each) => each.kind === "entry" && each.witness === 1);
    if (record?.kind !== "entry") throw new Error("no entry");
    const {header} = decodeEntry(record.bytes);
    const other = entryOf(ledger.genesis, {...header, refs: [], timeMs: header.timeMs + 1});
    const changed = honest.with(honest.indexOf(record), {...record, bytes: other.bytes});
    expect(await divergenceOf(changed)).toBe(nameOf(record));
  });

  it("refuses a snapshot that does not come first, and a second one", async () => {
    const [first] = honest;
    const at = honest.findIndex(({kind}) => kind === "checkpoint");
    expect(await divergenceOf([...honest.slice(0, at + 1), first!])).toBe("snapshot 2");
    expect(await divergenceOf([first!, ...honest])).toBe("snapshot 2");
    expect(await divergenceOf(honest.slice(1))).toBe("chunk 0");
    expect(await divergenceOf(honest.slice(0, 1))).toBe("snapshot 2");
  });

  it("is the same from a file", async () => {
    async function* each() {
      yield* honest;
    }
    const {genesis, records} = await openExport(exportPieces(ledger.genesis, each()));
    const result = await rederive(records, {genesis, verifier: cachedVerifier});
    expect(result).toMatchObject({begun: 2n, divergence: undefined});
  });

  it("has no checkpoint from before", () => {
    const heights = [...ledger.records.keys()].filter((key) => key.startsWith(KEY.checkpoints));
    expect(heights.map(heightInKey)).toEqual([2n, 3n, 4n, 5n, 6n]);
  });
});
