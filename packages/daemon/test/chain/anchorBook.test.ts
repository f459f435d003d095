import fc from "fast-check";
import {describe, expect, it} from "vitest";
import {MemoryDisk, MemoryStore} from "../../../../test/sim/fakes/memoryStore.ts";
import {AnchorBook} from "../../src/chain/anchorBook.ts";
import {postingRank} from "../../src/chain/postingOrder.ts";
import {members, signedBy, someAnchor} from "./anchors.ts";

const ours = someAnchor(1);
const other = someAnchor(1, "6");

describe("AnchorBook", () => {
  it("counts more than two thirds of the weight over one and the same anchor", async () => {
    const book = new AnchorBook(new MemoryStore(), () => members);
    await book.putSignature(await signedBy(3, ours));
    await book.putSignature(await signedBy(1, other));
    await book.putSignature(await signedBy(0, ours));
    expect(book.quorumOf(1)).toBeUndefined();
    await book.putSignature(await signedBy(2, ours));
    expect(book.quorumOf(1)?.map(({member}) => member)).toEqual([0, 2, 3]);
    expect(book.quorumOf(2)).toBeUndefined();
  });

  it("hears a member once an epoch, but prefers what agrees with its own ledger", async () => {
    const book = new AnchorBook(new MemoryStore(), () => members);
    const [right, wrong] = [await signedBy(1, ours), await signedBy(1, other)];
    expect(await book.putSignature(wrong)).toBe(true);
    expect(await book.putSignature(right)).toBe(false);
    await book.putOwn(ours);
    expect(book.wants(right)).toBe(true);
    expect(await book.putSignature(right)).toBe(true);
    expect(await book.putSignature(wrong)).toBe(false);
    expect(book.get(1)?.signatures.get(1)).toEqual(right);
  });

  it("never replaces its own anchor of an epoch", async () => {
    const book = new AnchorBook(new MemoryStore(), () => members);
    await book.putOwn(ours);
    await book.putOwn(other);
    expect(book.get(1)?.own).toEqual(ours);
  });

  it("has everything again after a crash right after each put", async () => {
    const disk = new MemoryDisk();
    const book = new AnchorBook(new MemoryStore(disk), () => members);
    await book.putOwn(ours);
    await book.putSignature(await signedBy(0, ours));
    await book.putSignature(await signedBy(1, someAnchor(7)));
    disk.crash();
    const again = new AnchorBook(new MemoryStore(disk), () => members);
    await again.load();
    expect(again.after(0)).toEqual(book.after(0));
    expect(again.after(1).map(({epoch}) => epoch)).toEqual([7]);
  });

  it("forgets what the chain settled long ago", async () => {
    const disk = new MemoryDisk();
    const book = new AnchorBook(new MemoryStore(disk), () => members);
    await book.putOwn(ours);
    await book.putOwn(someAnchor(1_500));
    await book.prune(1_000);
    expect(book.get(1)).toEqual({epoch: 1, own: ours, signatures: new Map()});
    await book.prune(1_001);
    const again = new AnchorBook(new MemoryStore(disk), () => members);
    await again.load();
    expect(again.after(0).map(({epoch}) => epoch)).toEqual([1_500]);
  });
});

describe("postingRank", () => {
  it("gives every member a different turn, and others another day", () => {
    fc.assert(
      fc.property(fc.integer({min: 1, max: 1_000_000}), (epoch) => {
        const ranks = members.map((_, member) => postingRank(epoch, member, members));
        expect([...ranks].sort()).toEqual([0, 1, 2, 3]);
      }),
    );
    const first = new Set(
      Array.from({length: 40}, (_, epoch) =>
        members.findIndex((_, at) => postingRank(epoch, at, members) === 0),
      ),
    );
    expect(first.size).toBe(4);
    expect(postingRank(1, -1, members)).toBe(4);
  });
});
