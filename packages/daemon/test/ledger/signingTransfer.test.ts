import {signEntry} from "@catalyze/core/ledger/entryCodec";
import {encodeSigningRecord} from "@catalyze/core/ledger/signingRecord";
import {readSigningTable} from "@catalyze/core/ledger/signingTable";
import type {Hash} from "@catalyze/core/primitives/id";
import {exportTable, importTable} from "@catalyze/daemon/ledger/signingTransfer";
import {describe, expect, it} from "vitest";
import {MemoryLog, MemoryLogFile} from "../../../../test/sim/fakes/memoryLog.ts";
import {testSigner} from "./testSigner.ts";

const ZERO = "0".repeat(64) as Hash;
const owner = {voteKey: "ab".repeat(32), genesis: "cd".repeat(32) as Hash};
const other = {...owner, voteKey: "ef".repeat(32)};

function signed(n: bigint): Uint8Array {
  const header = {
    ...{
      network: 1,
      epoch: 1,
      witness: 0,
      n,
      prev: n === 1n ? ZERO : owner.genesis,
      stampH: 0n,
      stampHash: ZERO,
      timeMs: 1,
    },
    ...{isSeal: false, refs: []},
  };
  const entry = signEntry({header, carry: [], acks: []}, testSigner(1), new Uint8Array(32));
  return encodeSigningRecord({kind: "entry", entry, votes: []});
}

async function tableOf(...records: Uint8Array[]): Promise<MemoryLog> {
  const table = new MemoryLog(new MemoryLogFile());
  if (records.length > 0) await table.append(records);
  return table;
}

const codeOf = async (work: Promise<unknown>) => await work.catch((error) => error.code);

describe("a signing table that moves", () => {
  it("is whole on the other machine, and never signs again where it was", async () => {
    const records = [signed(1n), signed(2n)];
    const [from, to] = [await tableOf(...records), await tableOf()];
    const file = await exportTable(from, owner);
    expect(readSigningTable(await from.read()).isMoved).toBe(true);
    expect(await importTable(to, file, owner)).toBe(2);
    expect((await to.read()).map((record) => Uint8Array.from(record))).toEqual(records);
    expect(readSigningTable(await to.read()).isMoved).toBe(false);
    // Asked for again after a crash in between: the same table, locked once.
    expect(await exportTable(from, owner)).toEqual(file);
    expect(await from.read()).toHaveLength(3);
    // And back, over the one that was left.
    await exportTable(to, owner);
    expect(await importTable(from, file, owner)).toBe(2);
  });

  it("is refused over one that may sign, for another key or network, and when it is no table", async () => {
    const file = await exportTable(await tableOf(signed(1n)), owner);
    expect(await codeOf(importTable(await tableOf(signed(1n)), file, owner))).toBe("HOME_INVALID");
    expect(await codeOf(importTable(await tableOf(), file, other))).toBe("TABLE_INVALID");
    expect(await codeOf(importTable(await tableOf(), file, {...owner, genesis: ZERO}))).toBe("TABLE_INVALID");
    const json = JSON.parse(Buffer.from(file).toString("utf8"));
    const damaged = [
      null,
      [],
      {...json, version: 2},
      {...json, format: "ctz-backup"},
      {...json, records: "AA=="},
      {...json, records: [1]},
      {...json, records: ["AA=="]},
      {...json, records: []},
      {...json, records: [...json.records, Buffer.of(4).toString("base64")]},
      {...json, records: [Buffer.from(signed(1n)).toString("base64").slice(8)]},
    ];
    for (const each of damaged) {
      const bytes = Buffer.from(JSON.stringify(each));
      expect(await codeOf(importTable(await tableOf(), bytes, owner))).toBe("TABLE_INVALID");
    }
    expect(await codeOf(importTable(await tableOf(), Buffer.from("{"), owner))).toBe("TABLE_INVALID");
    expect(await codeOf(exportTable(await tableOf(), owner))).toBe("NOT_FOUND");
  });
});
