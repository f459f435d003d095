import type {Net, StreamHandler} from "@catalyze/core/ports/net";
import type {Cid, PeerId} from "@catalyze/core/primitives/id";
import {BlockBlobs} from "@catalyze/daemon/blobs/blockBlobs";
import {encode} from "@ipld/dag-pb";
import {CID} from "multiformats/cid";
import {sha256} from "multiformats/hashes/sha2";
import {beforeEach, describe, expect, it} from "vitest";
import {contentOf} from "../../../../test/conformance/blobs.ts";
import {silentLog} from "../../../../test/conformance/libp2pSubject.ts";
import {FakeClock} from "../../../../test/sim/fakes/fakeClock.ts";
import type {FakeNet} from "../../../../test/sim/fakes/fakeNet.ts";
import {FakeNetwork} from "../../../../test/sim/fakes/fakeNetwork.ts";
import {MemoryBlocks} from "../../../../test/sim/fakes/memoryBlocks.ts";
import {SeededRandom} from "../../../../test/sim/fakes/seededRandom.ts";

const MIB = 1024 * 1024;
const ids = ["peer0", "peer1", "peer2"] as PeerId[];

let clock: FakeClock;
let network: FakeNetwork;
let nets: FakeNet[];
let storages: MemoryBlocks[];
let nodes: BlockBlobs[];

function blobsOf(net: Net, storage: MemoryBlocks, found: readonly PeerId[] = []): BlockBlobs {
  const routing = {provide: async () => {}, findProviders: async () => found};
  const blobs = new BlockBlobs({net, clock, log: silentLog, storage, routing});
  blobs.start();
  return blobs;
}

beforeEach(async () => {
  clock = new FakeClock();
  network = new FakeNetwork(clock, new SeededRandom(4));
  nets = ids.map((id) => network.join(id));
  storages = nets.map(() => new MemoryBlocks());
  nodes = nets.map((net, index) => blobsOf(net, storages[index]!));
  await clock.advance(1_000);
});

const [first, second, third] = [0, 1, 2] as const;
const sources = (...indexes: number[]) => ({
  sources: indexes.map((index) => ids[index]!),
  bytesMax: 64 * MIB,
});

describe("BlockBlobs", () => {
  it("charges a peer for bytes that do not fit", async () => {
    const cid = await clock.complete(nodes[first]!.put(contentOf(MIB)));
    storages[second]!.blocks.set(cid, contentOf(9));
    // The honest server notices its own damaged block and says that it has none.
    await clock.complete(nodes[third]!.fetch(cid, sources(second, first)));
    expect(nets[third]!.penalties).toEqual([]);
  });

  it("takes over from a peer that stalls, within the stall limit", async () => {
    const bytes = contentOf(3 * MIB);
    const cid = await clock.complete(nodes[first]!.put(bytes));
    nodes[second]!.stop();
    const stall: StreamHandler = () => new Promise(() => {});
    nets[second]!.handle("blob", stall);
    const before = clock.monotonicMs();
    await clock.complete(nodes[third]!.fetch(cid, sources(second, first)));
    expect(clock.monotonicMs() - before).toBeLessThan(40_000);
    expect(await clock.complete(nodes[third]!.verifyAll(cid))).toBe(true);
  });

  it("goes on with another source when one crashes on the way", async () => {
    const cid = await clock.complete(nodes[first]!.put(contentOf(20 * MIB)));
    await clock.complete(nodes[second]!.fetch(cid, sources(first)));
    let isCrashed = false;
    const fetching = nodes[third]!.fetch(cid, {
      ...sources(first, second),
      onProgress: ({bytesDone}) => {
        if (isCrashed || bytesDone < 5 * MIB) return;
        isCrashed = true;
        network.crash(ids[first]!);
      },
    });
    await clock.complete(fetching);
    expect(isCrashed).toBe(true);
    expect(await clock.complete(nodes[third]!.verifyAll(cid))).toBe(true);
  });

  it("uses peers that only the network knows", async () => {
    const cid = await clock.complete(nodes[first]!.put(contentOf(2 * MIB)));
    nodes[third]!.stop();
    const blobs = blobsOf(nets[third]!, storages[third]!, [ids[first]!]);
    await clock.complete(blobs.fetch(cid, sources()));
    expect(await clock.complete(blobs.has(cid))).toBe(true);
  });

  it("says STORE_FULL, charges nobody, and resumes when there is room", async () => {
    const cid = await clock.complete(nodes[first]!.put(contentOf(3 * MIB)));
    storages[third]!.isFull = true;
    await expect(clock.complete(nodes[third]!.fetch(cid, sources(first)))).rejects.toMatchObject({
      code: "STORE_FULL",
    });
    await expect(clock.complete(nodes[third]!.put(contentOf(10)))).rejects.toMatchObject({
      code: "STORE_FULL",
    });
    expect(nets[third]!.penalties).toEqual([]);
    storages[third]!.isFull = false;
    await clock.complete(nodes[third]!.fetch(cid, sources(first)));
    expect(await clock.complete(nodes[third]!.has(cid))).toBe(true);
  });

  it("refuses trees that unfold without end, and trees that lie about their sizes", async () => {
    const store = async (links: {Hash: CID; Tsize: number}[]): Promise<CID> => {
      const bytes = encode({Data: new Uint8Array([8, 2]), Links: links.map((link) => ({...link, Name: ""}))});
      const cid = CID.createV1(0x70, await sha256.digest(bytes));
      storages[first]!.put(cid, bytes);
      return cid;
    };
    const leaf = CID.createV1(0x55, await sha256.digest(contentOf(50)));
    storages[first]!.put(leaf, contentOf(50));

    const wide = await store(Array.from({length: 1000}, () => ({Hash: leaf, Tsize: 0})));
    const wider = await store(Array.from({length: 1000}, () => ({Hash: wide, Tsize: 0})));
    const bomb = await store(Array.from({length: 1000}, () => ({Hash: wider, Tsize: 0})));
    const lying = await store([{Hash: leaf, Tsize: 51}]);
    let deep = await store([{Hash: leaf, Tsize: 50}]);
    for (let depth = 0; depth < 4; depth++) deep = await store([{Hash: deep, Tsize: 50}]);

    const fetch = (root: CID) => clock.complete(nodes[third]!.fetch(root.toString() as Cid, sources(first)));
    await expect(fetch(bomb)).rejects.toMatchObject({code: "BLOB_TOO_LARGE"});
    await expect(fetch(lying)).rejects.toMatchObject({code: "BLOB_CORRUPT", evidence: {reason: "layout"}});
    await expect(fetch(deep)).rejects.toMatchObject({code: "BLOB_CORRUPT"});
    // The peer only passed on what an author made.
    expect(nets[third]!.penalties).toEqual([]);
  });
});
