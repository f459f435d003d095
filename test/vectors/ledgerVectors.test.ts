import {readFileSync, writeFileSync} from "node:fs";
import {createVerifier} from "@catalyze/core/crypto/verifySignature";
import {genesisHash} from "@catalyze/core/ledger/genesis";
import {genesisState} from "@catalyze/core/ledger/genesisState";
import {checkOpForm} from "@catalyze/core/ledger/opChecks";
import {decodeOp, encodeOp} from "@catalyze/core/ledger/opCodec";
import {fromHex, toHex} from "@catalyze/core/primitives/bytes";
import {describe, expect, it} from "vitest";
import {NETWORK, testGenesis} from "../../packages/core/test/ledger/kit.ts";
import {ledgerVectors} from "./ledgerVectors.ts";

const file = new URL("./ledger.json", import.meta.url);
if (process.env.CTZ_WRITE_VECTORS === "1")
  writeFileSync(file, `${JSON.stringify(ledgerVectors(), null, 2)}\n`);
const golden = JSON.parse(readFileSync(file, "utf8")) as {name: string; bytes: string; id: string}[];

describe("golden bytes of the ledger", () => {
  it("have one line for each value", () => {
    expect(golden.map(({name}) => name)).toEqual(ledgerVectors().map(({name}) => name));
  });

  it.each(golden)("$name", (vector) => {
    expect(ledgerVectors().find(({name}) => name === vector.name)).toEqual(vector);
  });

  it.each(golden.filter(({name}) => name.startsWith("op: ")))("decode from the file: $name", ({
    bytes,
    id,
  }) => {
    const op = decodeOp(fromHex(bytes));
    expect(op.id).toBe(id);
    expect(toHex(encodeOp(op))).toBe(bytes);
  });

  it("carry signatures that verify", () => {
    const transfer = golden.find(({name}) => name === "op: transfer")!;
    const context = {
      network: NETWORK,
      genesisHash: fromHex(genesisHash(testGenesis)),
      verifier: createVerifier(),
      state: genesisState(testGenesis),
      epoch: 1,
    };
    expect(checkOpForm(decodeOp(fromHex(transfer.bytes)), context)).toEqual({ok: true, slow: false});
  });
});
