import {mkdtemp, rm} from "node:fs/promises";
import {tmpdir} from "node:os";
import {join} from "node:path";
import type {PeerId} from "@catalyze/core/primitives/id";
import {BlockBlobs} from "@catalyze/daemon/blobs/blockBlobs";
import {openFsBlocks} from "@catalyze/daemon/blobs/fsBlocks";
import {SystemClock} from "@catalyze/daemon/runtime/systemClock";
import {FakeClock} from "../sim/fakes/fakeClock.ts";
import {FakeNetwork} from "../sim/fakes/fakeNetwork.ts";
import {MemoryBlocks} from "../sim/fakes/memoryBlocks.ts";
import {SeededRandom} from "../sim/fakes/seededRandom.ts";
import {type BlobNode, blobsConformance} from "./blobs.ts";
import {libp2pSubject, silentLog} from "./libp2pSubject.ts";

blobsConformance("FakeNet and a map", async (count) => {
  const clock = new FakeClock();
  const network = new FakeNetwork(clock, new SeededRandom(1));
  const nodes: BlobNode[] = Array.from({length: count}, (_, index) => {
    const net = network.join(`peer${index}` as PeerId);
    const storage = new MemoryBlocks();
    return {net, storage, blobs: new BlockBlobs({net, clock, log: silentLog, storage})};
  });
  for (const {blobs} of nodes) blobs.start();
  await clock.advance(1_000);
  return {
    nodes,
    complete: (work) => clock.complete(work),
    rest: (ms) => clock.advance(ms),
    dispose: async () => {},
  };
});

blobsConformance("Libp2pNet and files", async (count) => {
  const subject = await libp2pSubject(count);
  const home = await mkdtemp(join(tmpdir(), "ctz blobs "));
  const nodes: BlobNode[] = [];
  for (const [index, net] of subject.nets.entries()) {
    const storage = await openFsBlocks(join(home, String(index), "blocks"));
    nodes.push({
      net,
      storage,
      blobs: new BlockBlobs({net, clock: new SystemClock(), log: silentLog, storage}),
    });
  }
  for (const {blobs} of nodes) blobs.start();
  return {
    nodes,
    complete: subject.complete,
    rest: subject.rest,
    dispose: async () => {
      await subject.dispose();
      await rm(home, {recursive: true, force: true});
    },
  };
});
