import {CodedError} from "@catalyze/core/errors/codedError";
import type {Op, Payload} from "@catalyze/core/ledger/op";
import {
  addSignature,
  decodeOp,
  encodeOp,
  encodeOpBody,
  NO_OP,
  opIdOf,
  signOp,
} from "@catalyze/core/ledger/opCodec";
import {decodeVoucher, encodeVoucher, VOUCHER_BYTES} from "@catalyze/core/ledger/voucher";
import {fromHex, toHex} from "@catalyze/core/primitives/bytes";
import type {CellId, Hash, OpId} from "@catalyze/core/primitives/id";
import fc from "fast-check";
import {describe, expect, it} from "vitest";
import {alice, award, bob, bodyAt, freeSpec, transfer} from "./kit.ts";

const bytesArb = (length: number) => fc.uint8Array({minLength: length, maxLength: length});
const idArb = bytesArb(32).map((bytes) => toHex(bytes) as CellId);
const hashArb = idArb as fc.Arbitrary<string> as fc.Arbitrary<Hash>;
const u64Arb = fc.bigInt({min: 0n, max: (1n << 64n) - 1n});
const keyArb = bytesArb(32);

const targetArb = fc.oneof(
  fc.record({kind: fc.constant("cell" as const), cell: idArb}),
  fc.record({kind: fc.constantFrom("burn" as const, "treasury" as const)}),
  fc.record({kind: fc.constant("pot" as const), seed: idArb}),
);
const authorityArb = fc.oneof(
  fc.record({
    kind: fc.constantFrom("payer" as const, "key" as const, "payerOrCommittee" as const),
    key: keyArb,
  }),
  fc.record({kind: fc.constant("clock" as const), startH: u64Arb, perH: u64Arb}),
  fc.record({
    kind: fc.constant("controller" as const),
    payees: fc.option(fc.array(targetArb, {minLength: 1, maxLength: 16}), {nil: undefined}),
    threshold: fc.nat(255),
    beside: fc.array(keyArb, {maxLength: 15}),
  }),
);
const specArb = fc.record({
  controller: idArb,
  controllerKey: keyArb,
  amount: u64Arb,
  tag: hashArb,
  authority: authorityArb,
  split: fc.array(fc.record({target: targetArb, bps: fc.nat(0xffff)}), {maxLength: 8}),
  expiryH: u64Arb,
  refundTo: idArb,
});

const verdictArb = fc.record({
  taskId: hashArb,
  amount: u64Arb,
  base: u64Arb,
  epoch: fc.nat(0xffff_ffff),
  signatures: fc
    .uniqueArray(fc.nat(0xffff), {maxLength: 21})
    .map((seats) => seats.sort((left, right) => left - right))
    .chain((seats) =>
      fc.tuple(...seats.map((witness) => bytesArb(64).map((signature) => ({witness, signature})))),
    ),
});

function payloadArb(cell: CellId): fc.Arbitrary<Payload> {
  const voucher = fc.record({
    lockId: fc.constant(cell),
    cumulative: u64Arb,
    contextHash: hashArb,
    signature: bytesArb(64),
  });
  const claim = {
    kind: fc.constant("claim" as const),
    cumulative: u64Arb,
    voucher: fc.option(voucher, {nil: undefined}),
    isFinal: fc.boolean(),
  };
  return fc.oneof(
    fc.record({
      kind: fc.constant("transfer" as const),
      outputs: fc.array(fc.record({to: idArb, amount: u64Arb}), {maxLength: 20}),
      memo: fc.oneof(hashArb, fc.constant("0".repeat(64) as Hash)),
    }),
    fc.record({kind: fc.constant("open" as const), locks: fc.array(specArb, {maxLength: 3})}),
    fc.record(claim),
    fc.record({...claim, verdict: verdictArb}),
    fc.record({
      ...claim,
      payouts: fc.array(fc.record({to: targetArb, amount: u64Arb}), {minLength: 1, maxLength: 16}),
    }),
    fc.record({
      kind: fc.constant("stake" as const),
      stake: fc.constantFrom("witness" as const, "executor" as const, "curate" as const),
      amount: u64Arb,
    }),
    fc.record({
      kind: fc.constant("govern" as const),
      wish: fc.record({kind: fc.constant("notice" as const), lockId: idArb, endH: u64Arb}),
    }),
    fc.record({
      kind: fc.constant("govern" as const),
      wish: fc.record({kind: fc.constant("rate" as const), asset: idArb, royaltyBps: fc.nat(0xffff)}),
    }),
    fc.record({kind: fc.constant("harvest" as const), asset: idArb}),
    fc.record({kind: fc.constant("accept" as const), lockId: idArb, value: u64Arb, untilH: u64Arb}),
    fc.record({kind: fc.constant("withdraw" as const), amount: u64Arb, address: bytesArb(20)}),
    fc.record({
      kind: fc.constant("account" as const),
      threshold: fc.nat(255),
      keys: fc.array(keyArb, {maxLength: 16}),
      exitAddress: bytesArb(20),
    }),
  );
}

const bodyArb = idArb.chain((cell) =>
  fc.record({
    version: fc.constant(1),
    network: fc.nat(0xffff_ffff),
    cell: fc.constant(cell),
    seq: u64Arb,
    prev: idArb as fc.Arbitrary<string> as fc.Arbitrary<OpId>,
    validFromEpoch: fc.nat(0xffff_ffff),
    validUntilEpoch: fc.nat(0xffff_ffff),
    fee: fc.bigInt({min: 0n, max: 0xffff_ffffn}),
    deps: fc.array(idArb as fc.Arbitrary<string> as fc.Arbitrary<OpId>, {maxLength: 4}),
    payload: payloadArb(cell),
  }),
);
const opArb = fc.record({
  body: bodyArb,
  signatures: fc
    .uniqueArray(fc.record({publicKey: keyArb, signature: bytesArb(64)}), {
      minLength: 1,
      maxLength: 3,
      selector: ({publicKey}) => toHex(publicKey),
    })
    .map((all) => all.sort((left, right) => Buffer.compare(left.publicKey, right.publicKey))),
});

describe("op codec", () => {
  it("reads back what it writes", () => {
    fc.assert(
      fc.property(opArb, (op) => {
        const bytes = encodeOp(op);
        const read = decodeOp(bytes);
        expect({body: read.body, signatures: read.signatures}).toEqual(op);
        expect(read.id).toBe(opIdOf(encodeOpBody(op.body)));
        expect(toHex(encodeOp(read))).toBe(toHex(bytes));
      }),
      {numRuns: 300},
    );
  });

  it("keeps a plain transfer small", () => {
    const slot = {seq: 0n, head: "0".repeat(64) as OpId};
    const op = signOp(bodyAt(alice.account, slot, transfer(bob.account, 1n)), alice, new Uint8Array(32));
    expect(op.bytes.length).toBe(231);
  });

  it("keeps the id when signatures are added, in any order of signing", () => {
    const slot = {seq: 0n, head: "0".repeat(64) as OpId};
    const body = bodyAt(alice.account, slot, transfer(bob.account, 1n));
    const genesisHash = new Uint8Array(32);
    const one: Op = addSignature(signOp(body, alice, genesisHash), bob, genesisHash);
    const other: Op = addSignature(signOp(body, bob, genesisHash), alice, genesisHash);
    expect(one.id).toBe(signOp(body, alice, genesisHash).id);
    expect(toHex(one.bytes)).toBe(toHex(other.bytes));
    expect(decodeOp(one.bytes).signatures.length).toBe(2);
  });

  it("refuses our own values that do not fit", () => {
    const slot = {seq: 0n, head: "0".repeat(64) as OpId};
    const body = bodyAt(alice.account, slot, transfer(bob.account, 1n << 64n));
    expect(() => encodeOpBody(body)).toThrow(/u64/);
    expect(() => encodeOpBody({...body, payload: transfer(bob.account, 1n), fee: 1n << 32n})).toThrow(/u32/);
    expect(() => encodeOpBody({...body, payload: transfer(bob.account, -1n)})).toThrow(/u64/);
    const authority = {kind: "controller" as const, payees: [], threshold: 1, beside: []};
    const open: Payload = {kind: "open", locks: [{...freeSpec, authority}]};
    expect(() => encodeOpBody({...body, payload: open})).toThrow(/nobody/);
    expect(() => encodeOpBody({...body, payload: {...award(0n, []), payouts: []} as Payload})).toThrow(
      /none/,
    );
  });
});

describe("op decoder", () => {
  it("refuses a list of payouts that is empty, or too long, and an unknown tail of a claim", () => {
    const payouts = [{to: {kind: "burn" as const}, amount: 5n}];
    const body = bodyAt(alice.account, {seq: 0n, head: NO_OP}, award(0n, payouts));
    const {bytes, bodyBytes} = signOp(body, alice, new Uint8Array(32));
    // At the end of the body: shown u8 | count u8 | target u8 | amount u64.
    const count = bodyBytes.length - 10;
    const reasonOf = (at: number, value: number) => {
      try {
        decodeOp(bytes.with(at, value));
        return "";
      } catch (error) {
        return (error as CodedError).evidence?.["reason"];
      }
    };
    expect(reasonOf(count, 1)).toBe("");
    expect(reasonOf(count, 0)).toBe("payouts");
    expect(reasonOf(count, 17)).toBe("tooLong");
    expect(reasonOf(count + 1, 9)).toBe("splitTarget");
    expect(reasonOf(count - 1, 3)).toBe("shown");
  });

  it("refuses a memo of zeros, which is written as none", () => {
    const body = bodyAt(alice.account, {seq: 0n, head: NO_OP}, transfer(bob.account, 5n));
    const memo = "ab".repeat(32) as Hash;
    const {bytes} = signOp(
      {...body, payload: {...transfer(bob.account, 5n), memo} as Payload},
      alice,
      new Uint8Array(32),
    );
    const hex = toHex(bytes).replace(memo, "00".repeat(32));
    expect(() => decodeOp(fromHex(hex))).toThrow(expect.objectContaining({evidence: {reason: "memo"}}));
  });

  it("refuses signatures out of order or twice by one key", () => {
    const slot = {seq: 0n, head: NO_OP};
    const body = bodyAt(alice.account, slot, transfer(bob.account, 1n));
    const genesisHash = new Uint8Array(32);
    const op = addSignature(signOp(body, alice, genesisHash), bob, genesisHash);
    const [first, second] = op.signatures;
    for (const signatures of [
      [second!, first!],
      [first!, first!],
    ]) {
      const bytes = encodeOp({body, signatures});
      expect(() => decodeOp(bytes)).toThrow(expect.objectContaining({evidence: {reason: "signatureOrder"}}));
    }
    expect(() => decodeOp(encodeOp({body, signatures: []}))).toThrow(CodedError);
  });
});

describe("voucher codec", () => {
  it("reads back what it writes", () => {
    fc.assert(
      fc.property(idArb, u64Arb, hashArb, bytesArb(64), (lockId, cumulative, contextHash, signature) => {
        const voucher = {lockId, cumulative, contextHash, signature};
        expect(encodeVoucher(voucher).length).toBe(VOUCHER_BYTES);
        expect(decodeVoucher(encodeVoucher(voucher))).toEqual(voucher);
      }),
    );
  });
});
