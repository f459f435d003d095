import {CodedError} from "@catalyze/core/errors/codedError";
import {
  ExportReader,
  encodeExportEnd,
  encodeExportHeader,
  encodeExportRecord,
} from "@catalyze/core/ledger/exportFile";
import type {LedgerRecord} from "@catalyze/core/ledger/ledgerRecord";
import {concat} from "@catalyze/core/primitives/bytes";
import fc from "fast-check";
import {beforeAll, describe, expect, it} from "vitest";
import {recordsOf, type StoredLedger, storedLedger, verified} from "./storedLedger.ts";

let ledger: StoredLedger;
let records: readonly LedgerRecord[];
let file: Uint8Array;
beforeAll(async () => {
  ledger = storedLedger();
  records = await recordsOf(ledger);
  file = fileOf(records);
});

function fileOf(written: readonly LedgerRecord[]): Uint8Array {
  const parts = written.map(encodeExportRecord);
  return concat(encodeExportHeader(ledger.genesis), ...parts, encodeExportEnd(BigInt(written.length)));
}

function read(bytes: Uint8Array, pieceBytes = 1_000) {
  const reader = new ExportReader();
  const found: LedgerRecord[] = [];
  for (let at = 0; at < bytes.length; at += pieceBytes)
    for (const record of reader.take(bytes.slice(at, at + pieceBytes))) found.push(record);
  reader.finish();
  return {records: found, genesis: reader.genesis};
}

/** The code of a refusal; anything else that is thrown fails the test. */
function refusalOf(bytes: Uint8Array): string | undefined {
  try {
    read(bytes);
    return undefined;
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    return error.code;
  }
}

describe("a ledger's export", () => {
  it("gives back every record, whatever the pieces in which it is read", () => {
    fc.assert(
      fc.property(fc.integer({min: 1, max: 5_000}), (pieceBytes) => {
        const back = read(file, pieceBytes);
        expect(back.genesis).toEqual(ledger.genesis);
        expect(back.records).toEqual(records);
      }),
      {numRuns: 20},
    );
  });

  it("is refused when it ends early, wherever", () => {
    fc.assert(
      fc.property(fc.integer({min: 0, max: file.length - 1}), (length) => {
        expect(refusalOf(file.slice(0, length))).toBe("LEDGER_FILE_INVALID");
      }),
    );
  });

  it("is refused, or found to diverge, with any bit flipped", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat({max: file.length - 1}), fc.nat({max: 7}), async (at, bit) => {
        const bytes = file.slice();
        bytes[at] = bytes[at]! ^ (1 << bit);
        const refusal = refusalOf(bytes);
        if (refusal !== undefined) expect(refusal).toBe("LEDGER_FILE_INVALID");
        else expect((await verified(ledger.genesis, read(bytes).records)).divergence).toBeDefined();
      }),
      {numRuns: 150},
    );
  });

  it("is refused with what follows its end, another order of kinds, a false count or a huge length", () => {
    const cells = records.filter(({kind}) => kind === "cell");
    const header = encodeExportHeader(ledger.genesis);
    const huge = concat(header, new Uint8Array([2, ...new Uint8Array(8), 0xff, 0xff, 0xff, 0xff]));
    const wrong = [
      concat(file, new Uint8Array(1)),
      fileOf([...cells, ...records]),
      concat(header, encodeExportEnd(1n)),
      concat(header, new Uint8Array([99])),
      huge,
      new Uint8Array(200),
    ];
    for (const bytes of wrong) expect(refusalOf(bytes)).toBe("LEDGER_FILE_INVALID");
    expect(refusalOf(concat(header, encodeExportEnd(0n)))).toBeUndefined();
  });

  it("takes no noise", () => {
    fc.assert(
      fc.property(fc.uint8Array({maxLength: 300}), (noise) => {
        expect(refusalOf(noise)).toBe("LEDGER_FILE_INVALID");
        expect(refusalOf(concat(encodeExportHeader(ledger.genesis), noise))).toBe("LEDGER_FILE_INVALID");
      }),
    );
  });
});
