import type {PeerId} from "@catalyze/core/primitives/id";
import type {Libp2pNode} from "@catalyze/daemon/net/libp2pNode";
import {PeerKeeper} from "@catalyze/daemon/net/peerKeeper";
import {generateKeyPair} from "@libp2p/crypto/keys";
import {peerIdFromPrivateKey} from "@libp2p/peer-id";
import {describe, expect, it} from "vitest";
import {silentLog} from "../../../../test/conformance/libp2pSubject.ts";
import {FakeClock} from "../../../../test/sim/fakes/fakeClock.ts";
import {SeededRandom} from "../../../../test/sim/fakes/seededRandom.ts";

/** What the keeper sees of a node without connections. */
class QuietNode extends EventTarget {
  getPeers() {
    return [];
  }
}

describe("PeerKeeper", () => {
  it("dials only a few of a crowd that others name, and the next when those are done", async () => {
    const pending: (() => void)[] = [];
    const keeper = new PeerKeeper({
      ...{clock: new FakeClock(), random: new SeededRandom("keeper"), log: silentLog, self: "me" as PeerId},
      dial: (address) =>
        new Promise((_, reject) => {
          pending.push(() => reject(new Error(address)));
        }),
      isBanned: () => false,
      emit: () => {},
    });
    const node = new QuietNode();
    keeper.attach(node as unknown as Libp2pNode);
    const id = peerIdFromPrivateKey(await generateKeyPair("Ed25519"));
    const name = () => node.dispatchEvent(new CustomEvent("peer:discovery", {detail: {id, multiaddrs: []}}));
    for (let count = 0; count < 1_000; count += 1) name();
    expect(pending).toHaveLength(8);
    pending.splice(0).forEach((fail) => void fail());
    await new Promise((resolve) => setImmediate(resolve));
    for (let count = 0; count < 1_000; count += 1) name();
    expect(pending).toHaveLength(8);
    keeper.stop();
  });
});
