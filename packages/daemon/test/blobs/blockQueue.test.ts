import type {PeerId} from "@catalyze/core/primitives/id";
import {BlockQueue} from "@catalyze/daemon/blobs/blockQueue";
import fc from "fast-check";
import {CID} from "multiformats/cid";
import {create} from "multiformats/hashes/digest";
import {describe, expect, it} from "vitest";

const cidOf = (index: number) => CID.createV1(0x55, create(0x12, new Uint8Array(32).fill(index)));
const wantedOf = (count: number) =>
  Array.from({length: count}, (_, index) => ({cid: cidOf(index), bytes: 1}));
const [a, b] = ["a" as PeerId, "b" as PeerId];

describe("BlockQueue", () => {
  it("never gives one block to two peers, nor to a peer that refused it", () => {
    const queue = new BlockQueue(wantedOf(2));
    const first = queue.take(a)!;
    expect(queue.take(b)!.cid.equals(first.cid)).toBe(false);
    queue.refuse(first.cid, a);
    expect(queue.take(a)).toBeUndefined();
    expect(queue.isUseful(a)).toBe(true);
    expect(queue.take(b)!.cid.equals(first.cid)).toBe(true);
  });

  it("ignores a refusal of what the peer was never given", () => {
    const queue = new BlockQueue(wantedOf(1));
    queue.take(a);
    queue.refuse(cidOf(0), b);
    queue.finish(cidOf(0));
    expect(queue.isDone).toBe(true);
  });

  it("loses no block, whatever the peers do", () => {
    const stepArb = fc.record({
      peer: fc.constantFrom(a, b, "c" as PeerId),
      action: fc.constantFrom("take", "finish", "refuse", "release"),
    });
    fc.assert(
      fc.property(fc.array(stepArb, {maxLength: 60}), (steps) => {
        const queue = new BlockQueue(wantedOf(5));
        const held = new Map<PeerId, CID[]>();
        const done = new Set<string>();
        for (const {peer, action} of steps) {
          const mine = held.get(peer) ?? [];
          if (action === "take") {
            const wanted = queue.take(peer);
            if (wanted !== undefined) held.set(peer, [...mine, wanted.cid]);
          } else if (action === "release") {
            queue.release(peer);
            held.set(peer, []);
          } else if (mine[0] !== undefined) {
            if (action === "finish") {
              queue.finish(mine[0]);
              done.add(mine[0].toString());
            } else queue.refuse(mine[0], peer);
            held.set(peer, mine.slice(1));
          }
        }
        // A fresh peer can finish whatever the others left.
        for (const peer of held.keys()) queue.release(peer);
        for (
          let wanted = queue.take("d" as PeerId);
          wanted !== undefined;
          wanted = queue.take("d" as PeerId)
        ) {
          expect(done.has(wanted.cid.toString())).toBe(false);
          done.add(wanted.cid.toString());
          queue.finish(wanted.cid);
        }
        expect(done.size).toBe(5);
        expect(queue.isDone).toBe(true);
      }),
    );
  });
});
