import type {Entry} from "@catalyze/core/ledger/entry";
import {decodeEntry, signEntry} from "@catalyze/core/ledger/entryCodec";
import {fromHex} from "@catalyze/core/primitives/bytes";
import type {PeerId} from "@catalyze/core/primitives/id";
import {decodeLedgerFrame, encodeLedgerFrame} from "@catalyze/daemon/ledger/ledgerFrame";
import {LedgerSync, type LedgerSyncComponents} from "@catalyze/daemon/ledger/ledgerSync";
import {expect, it} from "vitest";
import {FakeClock} from "../../../../test/sim/fakes/fakeClock.ts";
import {FakeNetwork} from "../../../../test/sim/fakes/fakeNetwork.ts";
import {SeededRandom} from "../../../../test/sim/fakes/seededRandom.ts";
import {CTZ, LedgerRig, voteSigner} from "./ledgerRig.ts";
import {silentLog} from "./silentLog.ts";
import {transfer} from "./transfer.ts";

/** A node that asks, of which only its way of asking is real; `differing` is what a test is about. */
function askerOf(
  {net, clock}: Pick<LedgerSyncComponents, "net" | "clock">,
  differing: Partial<LedgerSyncComponents>,
): LedgerSync {
  return new LedgerSync({
    ...{net, clock, random: new SeededRandom(5), log: silentLog},
    metrics: {syncRound: () => undefined} as unknown as LedgerSyncComponents["metrics"],
    pushAll: async () => [],
    request: () => ({case: "syncRequest", value: {}}),
    progress: () => 0n,
    isBehind: () => true,
    isWitness: (peer) => peer === "witness",
    isAsking: () => false,
    testimony: () => undefined,
    join: async () => false,
    reconcile: async () => undefined,
    refused: () => undefined,
    ...differing,
  });
}

it("catches up with peers that come only after the first look for one", async () => {
  const rig = new LedgerRig({witnesses: 1, followers: 1});
  await rig.start(1);
  await rig.clock.advance(1_000);
  await rig.start(0);
  await rig.until(() => rig.node(0).head().height >= 3n);
  await rig.until(() => rig.node(1).head().height >= 3n);
  expect(rig.node(1).status().isBehind).toBe(false);
  await rig.stop();
});

it("tells nobody of an entry that is not on disk, not even who asks", async () => {
  const rig = await LedgerRig.started({witnesses: 1, followers: 1});
  await rig.clock.advance(2_000);
  rig.home(0).faults.isFull = true;
  const lost = rig.node(0).submit(rig.account(0), transfer(rig.account(1), CTZ));
  lost.catch(() => undefined);
  // The follower asks every few seconds; the witness holds an entry that it cannot write.
  await rig.clock.advance(12_000);
  rig.crash(0);
  await rig.start(0);
  await rig.clock.complete(rig.node(0).submit(rig.account(0), transfer(rig.account(1), 2n * CTZ)), 20_000);
  await rig.clock.advance(15_000);
  const [witness, follower] = [rig.node(0).status(), rig.node(1).status()];
  expect(witness.isStopped).toBe(false);
  expect(witness.height - follower.height).toBeLessThanOrEqual(1n);
  expect(rig.balance(1, 1)).toBe(1_002n * CTZ);
  await rig.stop();
});

it("goes on with the branch of a forked log that all others have", async () => {
  const rig = await LedgerRig.started({witnesses: 4, followers: 1, seed: 5});
  const liar = rig.network.join("liar" as PeerId);
  const heard: Entry[] = [];
  liar.subscribe("entries", ({data}) => {
    const body = decodeLedgerFrame(data);
    if (body.case === "entry") heard.push(decodeEntry(body.value));
    return "accept";
  });
  await rig.clock.advance(3_000);
  heard.length = 0;
  const stream = await rig.clock.complete(liar.openStream(rig.home(4).peer, "ledger"));
  await rig.until(() => heard.some(({header}) => header.witness === 1));
  // Another entry under the number that witness 1 takes next, shown to the follower alone.
  const last = heard.findLast(({header}) => header.witness === 1)!;
  const header = {...last.header, n: last.header.n + 1n, prev: last.hash, refs: []};
  const genesisHash = fromHex(rig.node(4).genesisHash);
  const forged = signEntry({header, carry: [], acks: []}, voteSigner(1), genesisHash);
  const frame = encodeLedgerFrame({case: "entry", value: forged.bytes});
  await rig.clock.complete(stream.send(frame));
  await rig.clock.advance(20);
  expect(rig.node(4).status().witnesses[1]?.lastEntry).toBe(forged.header.n);
  rig.network.crash("liar" as PeerId);
  const peers = rig.homes.map(({peer}) => peer);
  rig.network.partition([peers.slice(0, 4), peers.slice(4)]);
  for (let count = 0; count < 5; count++) {
    await rig.clock.complete(rig.node(0).submit(rig.account(0), transfer(rig.account(2), CTZ)), 20_000);
    await rig.clock.advance(2_000);
  }
  rig.network.heal();
  await rig.clock.advance(20_000);
  const heights = [0, 2, 3, 4].map((at) => rig.node(at).head().height);
  expect(Math.max(...heights.map(Number)) - Math.min(...heights.map(Number))).toBeLessThanOrEqual(2);
  expect(rig.balance(4, 2)).toBe(1_005n * CTZ);
  await rig.stop();
});

it("asks others first once a peer has said that what it lacks is gone there", async () => {
  const clock = new FakeClock();
  const network = new FakeNetwork(clock, new SeededRandom(3), {});
  const asked: string[] = [];
  const codes = {witness: "LEDGER_INCOMPLETE", archive: ""};
  for (const [name, code] of Object.entries(codes))
    network.join(name as PeerId).handle("ledger", async (stream) => {
      while ((await stream.receive()) !== undefined) {
        asked.push(name);
        await stream.send(encodeLedgerFrame({case: "syncReply", value: {code}}));
      }
    });
  const net = network.join("asker" as PeerId);
  let refusals = 0;
  const sync = askerOf(
    {net, clock},
    {
      isBehind: () => false,
      refused: () => {
        refusals += 1;
      },
    },
  );
  await clock.advance(100);
  sync.start();
  await clock.advance(20_000);
  expect(asked.slice(0, 4)).toEqual(["witness", "archive", "archive", "archive"]);
  expect(refusals).toBe(1);
  // With nobody else left it is worth another look.
  network.crash("archive" as PeerId);
  await clock.advance(10_000);
  expect(asked.at(-1)).toBe("witness");
  await clock.complete(sync.stop());
});

it("gives others their turn after one that was named, though that one is named all the time", async () => {
  const clock = new FakeClock();
  const network = new FakeNetwork(clock, new SeededRandom(3), {});
  const asked: string[] = [];
  for (const name of ["liar", "witness"])
    network.join(name as PeerId).handle("ledger", async (stream) => {
      while ((await stream.receive()) !== undefined) {
        asked.push(name);
        if (name === "witness") await stream.send(encodeLedgerFrame({case: "syncReply", value: {code: ""}}));
      }
    });
  const sync: LedgerSync = askerOf(
    {net: network.join("asker" as PeerId), clock},
    {
      request: () => {
        // It sends another entry that cannot be taken in while it leaves the question unanswered.
        sync.request("liar" as PeerId);
        return {case: "syncRequest", value: {}};
      },
    },
  );
  await clock.advance(100);
  sync.start();
  sync.request("liar" as PeerId);
  await clock.advance(30_000);
  expect(asked.slice(0, 4)).toEqual(["liar", "witness", "liar", "witness"]);
  await clock.complete(sync.stop());
});

it("leaves one that answers slowly for another, and goes on there", async () => {
  const clock = new FakeClock();
  const network = new FakeNetwork(clock, new SeededRandom(3), {});
  const asked: string[] = [];
  for (const [name, delayMs] of [["slow", 4_000] as const, ["quick", 1] as const])
    network.join(name as PeerId).handle("ledger", async (stream) => {
      while ((await stream.receive()) !== undefined) {
        asked.push(name);
        await clock.sleep(delayMs);
        await stream.send(encodeLedgerFrame({case: "syncReply", value: {code: "", more: name === "slow"}}));
      }
    });
  let items = 0n;
  // Each page brings something.
  const sync = askerOf(
    {net: network.join("asker" as PeerId), clock},
    {progress: () => items++, isWitness: () => true},
  );
  await clock.advance(100);
  sync.start();
  sync.request("slow" as PeerId);
  await clock.advance(60_000);
  expect(asked.slice(0, 3)).toEqual(["slow", "slow", "slow"]);
  expect(asked).toContain("quick");
  expect(asked.indexOf("quick")).toBeLessThan(15);
  await clock.complete(sync.stop());
});
