import {checksAheadOf} from "@catalyze/core/ledger/checksAhead";
import {peekCarriedOps} from "@catalyze/core/ledger/entryCodec";
import {genesisHash} from "@catalyze/core/ledger/genesis";
import {addSignature} from "@catalyze/core/ledger/opCodec";
import {fromHex} from "@catalyze/core/primitives/bytes";
import fc from "fast-check";
import {describe, expect, it} from "vitest";
import {alice, bob, transfer} from "./kit.ts";
import {entryOf, FIRST, genesisOf, ownOp, verifier} from "./witnessKit.ts";

const genesis = genesisOf(4);
const hash = fromHex(genesisHash(genesis));
const ops = [
  ownOp(genesis, alice, FIRST, transfer(bob.account, 5n)),
  ownOp(genesis, bob, FIRST, transfer(alice.account, 1n)),
];
const entry = entryOf(genesis, {witness: 0, carry: ops});
const member = {genesisHash: hash, isMember: true, hasEntry: () => false, hasCell: () => true};
const from = undefined;

describe("checks ahead of an input", () => {
  it("are what the replica will ask of an op", () => {
    const [check, ...others] = checksAheadOf({kind: "op", bytes: ops[0]!.bytes, from}, member);
    expect(others).toEqual([]);
    expect(verifier.verify(check!.signature, check!.message, check!.publicKey).valid).toBe(true);
    expect(check!.publicKey).toEqual(alice.publicKey);
  });

  it("are none of an op whose cell is not there", () => {
    const hasCell = (cell: string) => cell === bob.account;
    const checked = ops.map(
      ({bytes}) => checksAheadOf({kind: "op", bytes, from}, {...member, hasCell}).length,
    );
    expect(checked).toEqual([0, 1]);
  });

  it("are those of each op that an entry carries", () => {
    expect(peekCarriedOps(entry.bytes)).toEqual(ops.map(({bytes}) => bytes));
    const checks = checksAheadOf({kind: "entry", bytes: entry.bytes, from}, member);
    expect(checks.map(({publicKey}) => publicKey)).toEqual([alice.publicKey, bob.publicKey]);
  });

  it("are none of an entry that is here already, or that nobody votes on here", () => {
    const input = {kind: "entry", bytes: entry.bytes, from} as const;
    expect(checksAheadOf(input, {...member, hasEntry: (id) => id === entry.hash})).toEqual([]);
    expect(checksAheadOf(input, {...member, isMember: false})).toEqual([]);
    expect(checksAheadOf({kind: "tick"}, member)).toEqual([]);
  });

  it("may be wrong about an op with several signatures, which nothing rests on", () => {
    const {bytes} = addSignature(ops[0]!, bob, hash);
    for (const {signature, message, publicKey} of checksAheadOf({kind: "op", bytes, from}, member))
      expect(verifier.verify(signature, message, publicKey).valid).toBe(false);
  });

  it("can be read from any bytes", () => {
    const kinds = fc.constantFrom("op" as const, "entry" as const);
    fc.assert(
      fc.property(kinds, fc.uint8Array({maxLength: 400}), (kind, bytes) => {
        checksAheadOf({kind, bytes, from}, member);
      }),
    );
    fc.assert(
      fc.property(fc.nat(entry.bytes.length), fc.nat(255), (at, value) => {
        const bytes = entry.bytes.slice(0, at + 1);
        bytes[at - 1] = value;
        expect(checksAheadOf({kind: "entry", bytes, from}, member).length).toBeLessThanOrEqual(512);
      }),
      {numRuns: 300},
    );
  });
});
