// Two OrbitDB peers over loopback TCP: one appends to an event log, the other replicates and checks it.
import {mkdir} from "node:fs/promises";
import {join} from "node:path";
import {gossipsub} from "@chainsafe/libp2p-gossipsub";
import {noise} from "@chainsafe/libp2p-noise";
import {yamux} from "@chainsafe/libp2p-yamux";
import {bitswap} from "@helia/block-brokers";
import {Helia} from "@helia/utils";
import {identify} from "@libp2p/identify";
import {tcp} from "@libp2p/tcp";
import {createOrbitDB, IPFSAccessController} from "@orbitdb/core";
import {LevelBlockstore} from "blockstore-level";
import {MemoryDatastore} from "datastore-core";
import {createLibp2p} from "libp2p";
import {serve} from "./serve.mjs";

async function openPeer(folder) {
  await mkdir(folder, {recursive: true});
  const libp2p = await createLibp2p({
    addresses: {listen: ["/ip4/127.0.0.1/tcp/0"]},
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    services: {identify: identify(), pubsub: gossipsub({allowPublishToZeroTopicPeers: true})},
  });
  const blockstore = new LevelBlockstore(join(folder, "blocks"));
  await blockstore.open();
  const ipfs = new Helia({
    libp2p,
    blockstore,
    datastore: new MemoryDatastore(),
    blockBrokers: [bitswap()],
    routers: [],
  });
  await ipfs.start();
  const orbitdb = await createOrbitDB({ipfs, directory: join(folder, "orbitdb")});
  return {libp2p, ipfs, orbitdb};
}

await serve(async (folder) => {
  const writer = await openPeer(join(folder, "writer"));
  const reader = await openPeer(join(folder, "reader"));
  await reader.libp2p.dial(writer.libp2p.getMultiaddrs()[0]);
  const options = {
    type: "events",
    AccessController: IPFSAccessController({write: [writer.orbitdb.identity.id]}),
  };
  const source = await writer.orbitdb.open("bench", options);
  const copy = await reader.orbitdb.open(source.address);
  let seen = 0;
  let wake = () => {};
  copy.events.on("update", () => {
    seen += 1;
    wake();
  });
  let sent = 0;
  return {
    // One entry an append: the library has no batches.
    async append(values) {
      for (const value of values) await source.add(value);
      sent += values.length;
      while (seen < sent) await new Promise((resolve) => (wake = resolve));
    },
    async close() {
      for (const {orbitdb, ipfs} of [reader, writer]) {
        await orbitdb.stop();
        await ipfs.stop();
      }
    },
  };
});
