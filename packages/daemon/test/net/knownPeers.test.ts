import {utf8} from "@catalyze/core/primitives/bytes";
import type {PeerId} from "@catalyze/core/primitives/id";
import {KnownPeers} from "@catalyze/daemon/net/knownPeers";
import {describe, expect, it} from "vitest";
import {FakeClock} from "../../../../test/sim/fakes/fakeClock.ts";
import {MemoryStore} from "../../../../test/sim/fakes/memoryStore.ts";

const idOf = (index: number) => `peer${index}` as PeerId;

describe("KnownPeers", () => {
  it("survives a restart, forgets what is old, and stays bounded", async () => {
    const clock = new FakeClock();
    const store = new MemoryStore();
    const peers = new KnownPeers({store, clock});
    await peers.note(idOf(0), ["/ip4/1.2.3.4/tcp/1"]);
    await clock.advance(13 * 24 * 3_600_000);
    for (let index = 1; index < 400; index++) {
      await peers.note(
        idOf(index),
        Array.from({length: 20}, (_, port) => `/ip4/1.2.3.4/tcp/${port}`),
      );
      await clock.advance(1);
    }
    expect(peers.list()).toHaveLength(256);
    expect(peers.list()[0]).toMatchObject({peer: idOf(399)});
    expect(peers.list()[0]!.addresses).toHaveLength(8);
    const again = new KnownPeers({store, clock});
    await again.load();
    expect(again.list()).toEqual(peers.list());
    await clock.advance(15 * 24 * 3_600_000);
    const later = new KnownPeers({store, clock});
    await later.load();
    expect(later.list()).toEqual([]);
  });

  it("ignores damaged records and absurd addresses", async () => {
    const clock = new FakeClock();
    const store = new MemoryStore();
    await store.write([
      {key: "net/peer/a", value: utf8("{")},
      {key: "net/peer/b", value: utf8('{"addresses":[1,"/x"],"seenAtMs":99999999999999}')},
      {key: "net/peer/c", value: new Uint8Array([0xff])},
    ]);
    const peers = new KnownPeers({store, clock});
    await peers.load();
    expect(peers.list()).toEqual([{peer: "b", addresses: ["/x"], seenAtMs: 99999999999999}]);
    await peers.note(idOf(1), ["x".repeat(300)]);
    expect(peers.list()).toHaveLength(1);
  });
});
