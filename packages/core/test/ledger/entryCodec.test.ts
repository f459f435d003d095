import {CodedError} from "@catalyze/core/errors/codedError";
import {decodeEntry, peekEntryHash, verifyEntry} from "@catalyze/core/ledger/entryCodec";
import {genesisHash} from "@catalyze/core/ledger/genesis";
import {fromHex} from "@catalyze/core/primitives/bytes";
import fc from "fast-check";
import {describe, expect, it} from "vitest";
import {alice, bob, transfer} from "./kit.ts";
import {entryOf, FIRST, genesisOf, NO_HASH, ownOp, verifier, witnesses} from "./witnessKit.ts";

const genesis = genesisOf(4);
const op = ownOp(genesis, alice, FIRST, transfer(bob.account, 5n));
const other = entryOf(genesis, {witness: 1, carry: [op]});
const entry = entryOf(genesis, {
  witness: 0,
  refs: [other],
  carry: [ownOp(genesis, bob, FIRST, transfer(alice.account, 1n))],
  acks: [{hash: other.hash, exceptions: [0]}],
});
const key = {genesisHash: fromHex(genesisHash(genesis)), voteKey: witnesses[0]!.publicKey};

describe("entry codec", () => {
  it("reads back what it wrote", () => {
    const read = decodeEntry(entry.bytes);
    expect(read).toEqual(entry);
    expect(peekEntryHash(entry.bytes)).toBe(entry.hash);
    expect(verifyEntry(verifier, read, key).valid).toBe(true);
  });

  it("gives each op memory of its own: one that nothing settles must not keep its entry", () => {
    const [carried] = decodeEntry(other.bytes).carry;
    expect(carried?.bytes.buffer.byteLength).toBe(op.bytes.length);
    for (const {publicKey, signature} of carried?.signatures ?? [])
      for (const part of [publicKey, signature]) expect(part.buffer).toBe(carried?.bytes.buffer);
  });

  it("refuses any entry of which a bit was changed, or whose author did not sign it", () => {
    fc.assert(
      fc.property(fc.nat(entry.bytes.length * 8 - 1), (bit) => {
        const bytes = entry.bytes.slice();
        bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        try {
          expect(verifyEntry(verifier, decodeEntry(bytes), key).valid).toBe(false);
        } catch (error) {
          expect(error).toBeInstanceOf(CodedError);
        }
      }),
      {numRuns: 200},
    );
  });

  it("binds the entry to the network and to its place", () => {
    const elsewhere = {...key, genesisHash: new Uint8Array(32)};
    expect(verifyEntry(verifier, entry, elsewhere).valid).toBe(false);
    const second = entryOf(genesis, {witness: 0, n: 2n, prev: entry.hash});
    expect(second.header.prev).toBe(entry.hash);
    expect(() => decodeEntry(entryOf(genesis, {witness: 0, n: 2n, prev: NO_HASH}).bytes)).toThrow(CodedError);
  });

  it("says of each op how long it is, and nothing else: no signature covers that", () => {
    const two = entryOf(genesis, {
      witness: 0,
      carry: [op, ownOp(genesis, bob, FIRST, transfer(alice.account, 1n))],
    });
    const at = two.bytes.length - 2 - two.carry.reduce((sum, {bytes}) => sum + 4 + bytes.length, 0);
    const view = new DataView(two.bytes.slice().buffer);
    expect(view.getUint32(at)).toBe(op.bytes.length);
    for (const length of [0, 1, op.bytes.length - 1, op.bytes.length + 1, 0xffff_ffff]) {
      view.setUint32(at, length);
      expect(() => decodeEntry(new Uint8Array(view.buffer))).toThrow(CodedError);
    }
    view.setUint32(at, op.bytes.length);
    expect(decodeEntry(new Uint8Array(view.buffer))).toEqual(two);
  });

  it("keeps what it read, whatever becomes of the bytes that were handed in", () => {
    const bytes = entry.bytes.slice();
    const read = decodeEntry(bytes);
    bytes.fill(0);
    expect(read).toEqual(entry);
  });
});
