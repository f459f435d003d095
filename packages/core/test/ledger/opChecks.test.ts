import {accountIdOfKeys} from "@catalyze/core/crypto/accountId";
import {hashHex} from "@catalyze/core/crypto/sha256";
import {createVerifier} from "@catalyze/core/crypto/verifySignature";
import {apply} from "@catalyze/core/ledger/apply";
import {genesisState} from "@catalyze/core/ledger/genesisState";
import type {LockSpec, Op, OpBody, Payload} from "@catalyze/core/ledger/op";
import {checkOpForm, specProblem} from "@catalyze/core/ledger/opChecks";
import {addSignature, encodeOp, lockIdOf, NO_OP, signOp} from "@catalyze/core/ledger/opCodec";
import {applyForSeat} from "@catalyze/core/ledger/seatRequest";
import {CONTEXT_START, nextContext, signVoucher, verifyVoucher} from "@catalyze/core/ledger/voucher";
import {concat, utf8} from "@catalyze/core/primitives/bytes";
import type {PeerId} from "@catalyze/core/primitives/id";
import {describe, expect, it} from "vitest";
import {
  alice,
  bob,
  bodyAt,
  carol,
  lockSpec,
  NETWORK,
  nextOp,
  testGenesis,
  transfer,
  ZERO_MEMO,
} from "./kit.ts";

const genesisHash = new Uint8Array(32).fill(4);
const verifier = createVerifier();
const slot = {seq: 0n, head: NO_OP};
const PEER = "12D3KooWTestTestTestTestTest1" as PeerId;

function check(op: Op, state = genesisState(testGenesis)) {
  return checkOpForm(op, {network: NETWORK, genesisHash, verifier, state, epoch: 3});
}

function signedBy(body: OpBody, ...signers: (typeof alice)[]): Op {
  const [first = alice, ...others] = signers;
  return others.reduce(
    (op, signer) => addSignature(op, signer, genesisHash),
    signOp(body, first, genesisHash),
  );
}

const payment = bodyAt(alice.account, slot, transfer(bob.account, 1n));

describe("checkOpForm", () => {
  it("accepts the account's one key and nobody else's", () => {
    expect(check(signedBy(payment, alice))).toEqual({ok: true, slow: false});
    expect(check(signedBy(payment, bob))).toMatchObject({
      ok: false,
      code: "SIGNATURE_INVALID",
      reason: "signerKey",
    });
    expect(check(signedBy(payment, alice, bob))).toMatchObject({reason: "signatureCount"});
  });

  it("takes a wish for a seat only with the signature of its vote key, over this very wish", () => {
    const about = {account: alice.account, evmAddress: "ab".repeat(20), peerId: PEER};
    const join = applyForSeat(about, carol, genesisHash);
    const wished = (wish: typeof join) =>
      check(signedBy(bodyAt(alice.account, slot, {kind: "govern", wish}), alice));
    expect(wished(join)).toEqual({ok: true, slow: false});
    const {candidate} = join;
    const others = [
      {...join, candidate: {...candidate, voteKey: bob.publicKey}},
      {...join, candidate: {...candidate, evmAddress: "ac".repeat(20)}},
      {...join, candidate: {...candidate, peerId: `${PEER.slice(0, -1)}2` as PeerId}},
      applyForSeat({...about, account: bob.account}, carol, genesisHash),
      applyForSeat(about, carol, new Uint8Array(32)),
    ];
    for (const wish of others) {
      const own = {...wish, candidate: {...wish.candidate, account: alice.account}};
      expect(wished(own)).toMatchObject({ok: false, code: "SIGNATURE_INVALID", reason: "voteKey"});
    }
    const nowhere = applyForSeat({...about, evmAddress: "0".repeat(40)}, carol, genesisHash);
    expect(wished(nowhere)).toMatchObject({ok: false, code: "DECODE_INVALID", reason: "evmAddress"});
    const nobody = applyForSeat({...about, peerId: "somebody's peer" as PeerId}, carol, genesisHash);
    expect(wished(nobody)).toMatchObject({ok: false, code: "DECODE_INVALID", reason: "peerId"});
  });

  it("looks at evidence only once its signer is known: it costs more than a signature", () => {
    const junk = bodyAt(alice.account, slot, {kind: "evidence", proof: Uint8Array.of(9, 9)});
    expect(check(signedBy(junk, bob))).toMatchObject({ok: false, reason: "signerKey"});
    expect(check(signedBy({...junk, fee: 99n}, alice))).toMatchObject({ok: false, reason: "fee"});
    expect(check(signedBy(junk, alice))).toMatchObject({
      ok: false,
      code: "DECODE_INVALID",
      reason: "evidence",
    });
  });

  it("refuses a signature of another network, another op, or none of the bytes", () => {
    const other = signOp(payment, alice, new Uint8Array(32));
    expect(check(other)).toMatchObject({ok: false, reason: "signature", slow: true});
    const swapped = {
      ...signedBy(payment, alice),
      signatures: signedBy({...payment, fee: 101n}, alice).signatures,
    };
    expect(check(swapped)).toMatchObject({reason: "signature"});
  });

  it.each<[string, Partial<OpBody>]>([
    ["network", {network: NETWORK + 1}],
    ["notYetValid", {validFromEpoch: 4}],
    ["epochOver", {validFromEpoch: 1, validUntilEpoch: 2}],
    ["epochs", {validFromEpoch: 4, validUntilEpoch: 3}],
    ["fee", {fee: 99n}],
    ["prev", {prev: ZERO_MEMO.replace("0", "1") as OpBody["prev"]}],
    ["prev", {seq: 2n}],
    ["seq", {seq: 0n}],
    ["unknownCell", {cell: ZERO_MEMO as string as OpBody["cell"]}],
    ["outputs", {payload: {kind: "transfer", outputs: [], memo: ZERO_MEMO}}],
    ["amount", {payload: transfer(bob.account, 0n)}],
    ["amount", {payload: {kind: "stake", stake: "witness", amount: 0n}}],
    ["amount", {payload: {kind: "accept", lockId: alice.account, value: 0n, untilH: 9n}}],
    ["address", {payload: {kind: "withdraw", amount: 1n, address: new Uint8Array(20)}}],
    ["locks", {payload: {kind: "open", locks: []}}],
    [
      "threshold",
      {payload: {kind: "account", threshold: 2, keys: [bob.publicKey], exitAddress: new Uint8Array(20)}},
    ],
    [
      "key",
      {payload: {kind: "account", threshold: 1, keys: [new Uint8Array(32)], exitAddress: new Uint8Array(20)}},
    ],
    ["fee", {payload: {kind: "claim", cumulative: 0n, voucher: undefined, isFinal: false}, fee: 0n}],
  ])("refuses for: %s", (reason, change) => {
    expect(check(signedBy({...payment, ...change}, alice))).toMatchObject({ok: false, reason});
  });

  it("follows a rotation to several keys", () => {
    const state = genesisState(testGenesis);
    const keys = [alice.publicKey, bob.publicKey, carol.publicKey].sort(Buffer.compare);
    const rotation: Payload = {kind: "account", threshold: 2, keys, exitAddress: new Uint8Array(20)};
    apply(state, signedBy(bodyAt(alice.account, slot, rotation), alice), {height: 1n});
    const next = nextOp(state, alice.account, transfer(bob.account, 1n)).body;
    expect(check(signedBy(next, alice), state)).toMatchObject({reason: "signatureCount"});
    expect(check(signedBy(next, carol, bob), state)).toMatchObject({ok: true});
    expect(check(signedBy(next, carol, bob, alice), state)).toMatchObject({reason: "signatureCount"});
    expect(accountIdOfKeys(2, keys)).not.toBe(alice.account);
  });

  it("lets the lock's copied key claim with a voucher of the copied authority", () => {
    const state = genesisState(testGenesis);
    const open = signedBy(bodyAt(alice.account, slot, {kind: "open", locks: [lockSpec]}), alice);
    expect(check(open, state)).toMatchObject({ok: true});
    apply(state, open, {height: 1n});
    const lockId = lockIdOf(open.id, 0);
    const voucher = signVoucher({lockId, cumulative: 700n, contextHash: CONTEXT_START}, alice, genesisHash);
    const payload: Payload = {kind: "claim", cumulative: 600n, voucher, isFinal: false};
    const body = bodyAt(lockId, slot, payload);
    expect(check(signedBy(body, bob), state)).toMatchObject({ok: true});
    expect(check(signedBy(body, alice), state)).toMatchObject({reason: "signerKey"});
    const above = {...body, payload: {...payload, cumulative: 701n}};
    expect(check(signedBy(above, bob), state)).toMatchObject({code: "VOUCHER_INVALID", reason: "cumulative"});
    const forged = {...payload, voucher: signVoucher({...voucher, cumulative: 700n}, bob, genesisHash)};
    expect(check(signedBy({...body, payload: forged}, bob), state)).toMatchObject({
      code: "VOUCHER_INVALID",
      reason: "signature",
    });
    const free: Payload = {kind: "claim", cumulative: 0n, voucher: undefined, isFinal: true};
    expect(check(signedBy(bodyAt(lockId, slot, free, 0n), bob), state)).toMatchObject({ok: true});
  });

  it("knows terms of a lock that cannot work", () => {
    const bad: [string, Partial<LockSpec>][] = [
      ["amount", {amount: 0n}],
      ["expiry", {expiryH: 0n}],
      ["controllerKey", {controllerKey: new Uint8Array(32)}],
      ["authorityKey", {authority: {kind: "payer", key: new Uint8Array(32)}}],
      ["rate", {authority: {kind: "clock", startH: 1n, perH: 0n}}],
      ["splitSum", {split: lockSpec.split.slice(1)}],
      ["bps", {split: [...lockSpec.split, {target: {kind: "burn"}, bps: 0}]}],
      ["controllerLeg", {controller: carol.account, split: [{target: {kind: "burn"}, bps: 10_000}]}],
    ];
    expect(specProblem(lockSpec)).toBeUndefined();
    for (const [reason, change] of bad) expect(specProblem({...lockSpec, ...change})).toBe(reason);
  });

  it("checks what was decoded, not what could be encoded", () => {
    const op = signedBy(payment, alice);
    expect(encodeOp(op)).toEqual(op.bytes);
    expect(check({...op, bodyBytes: concat(op.bodyBytes, utf8("x"))})).toMatchObject({reason: "signature"});
  });
});

describe("vouchers", () => {
  it("verify for their key, network and content only", () => {
    const voucher = signVoucher(
      {lockId: alice.account, cumulative: 5n, contextHash: CONTEXT_START},
      alice,
      genesisHash,
    );
    const verify = (changed: object, key = alice.publicKey, hash = genesisHash) =>
      verifyVoucher(verifier, hash, {...voucher, ...changed}, key).valid;
    expect(verify({})).toBe(true);
    expect(verify({cumulative: 6n})).toBe(false);
    expect(verify({lockId: bob.account})).toBe(false);
    expect(verify({contextHash: nextContext(CONTEXT_START, hashHex())})).toBe(false);
    expect(verify({}, bob.publicKey)).toBe(false);
    expect(verify({}, alice.publicKey, new Uint8Array(32))).toBe(false);
  });

  it("chain the receipts that they pay", () => {
    const receipt = hashHex(utf8("receipt"));
    const first = nextContext(CONTEXT_START, receipt);
    expect(first).toBe(hashHex(new Uint8Array(32), new Uint8Array(Buffer.from(receipt, "hex"))));
    expect(nextContext(first, receipt)).not.toBe(first);
  });
});
