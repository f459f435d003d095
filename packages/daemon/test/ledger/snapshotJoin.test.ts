import {sha256} from "@catalyze/core/crypto/sha256";
import {checkpointHash} from "@catalyze/core/ledger/checkpoint";
import {signVote} from "@catalyze/core/ledger/consensusCodec";
import {type Genesis, genesisHash} from "@catalyze/core/ledger/genesis";
import {genesisCheckpoint, genesisState} from "@catalyze/core/ledger/genesisState";
import {makeSnapshot, snapshotSource} from "@catalyze/core/ledger/makeSnapshot";
import {restoreReplica} from "@catalyze/core/ledger/restoreReplica";
import {
  decodeSnapshotHead,
  encodeSnapshotHead,
  type SnapshotHead,
  snapshotIdOf,
} from "@catalyze/core/ledger/snapshot";
import {KEY} from "@catalyze/core/ledger/storeKeys";
import {fromHex, toHex} from "@catalyze/core/primitives/bytes";
import type {AccountId, PeerId} from "@catalyze/core/primitives/id";
import {
  decodeLedgerFrame,
  encodeLedgerFrame,
  type LedgerFrameInit,
} from "@catalyze/daemon/ledger/ledgerFrame";
import {type Beginning, SnapshotJoin} from "@catalyze/daemon/ledger/snapshotJoin";
import {describe, expect, it} from "vitest";
import {FakeClock} from "../../../../test/sim/fakes/fakeClock.ts";
import {FakeNetwork} from "../../../../test/sim/fakes/fakeNetwork.ts";
import {MemoryStore} from "../../../../test/sim/fakes/memoryStore.ts";
import {SeededRandom} from "../../../../test/sim/fakes/seededRandom.ts";
import {deepVerified} from "./deepVerified.ts";
import {CTZ, LedgerRig} from "./ledgerRig.ts";
import {silentLog} from "./silentLog.ts";
import {testSigner, testVerifier} from "./testSigner.ts";
import {transfer} from "./transfer.ts";

/** Short epochs: three seconds. */
const params = {checkpointsPerEpoch: 3};

/** Four witnesses and followers that are not there yet; some money has moved. */
async function grown(followers: number, height: bigint, witnesses = 4): Promise<LedgerRig> {
  const rig = new LedgerRig({witnesses, followers, seed: 7, params});
  for (let index = 0; index < witnesses; index += 1) await rig.start(index);
  await rig.clock.advance(500);
  for (let at = 0; at < 6; at += 1) {
    const to = transfer(rig.account(40 + at), BigInt(at + 1) * CTZ);
    await rig.clock.complete(rig.node(0).submit(rig.account(0), to), 20_000);
    await rig.clock.advance(600);
  }
  await rig.until(() => rig.node(0).head().height >= height, 60_000);
  return rig;
}

/** Heights of the checkpoints that a node has on disk. */
async function heightsOf(rig: LedgerRig, index: number): Promise<number[]> {
  const found = await rig.clock.complete(new MemoryStore(rig.home(index).disk).range(KEY.checkpoints));
  return found.map(([key]) => Number(key.slice(KEY.checkpoints.length)));
}

/** Every node that runs is at the same root, at the height of the first. */
async function expectSameBooks(rig: LedgerRig): Promise<void> {
  const running = rig.homes.flatMap(({node}) => node ?? []);
  const height = running.reduce((most, node) => (node.head().height > most ? node.head().height : most), 0n);
  await rig.until(() => running.every((node) => node.head().height > height), 30_000);
  const roots = new Map<bigint, string>();
  for (const {node, index} of rig.homes) {
    if (node === undefined) continue;
    expect(node.status().isStopped, `node ${index}`).toBe(false);
    for (const {checkpoint} of await rig.clock.complete(node.checkpoints({limit: 5}))) {
      const known = roots.get(checkpoint.height);
      if (known !== undefined) expect(checkpoint.stateRoot).toBe(known);
      roots.set(checkpoint.height, checkpoint.stateRoot);
    }
  }
}

describe("a follower that joins late", () => {
  it("begins with a snapshot, reaches the same root as the others and follows on", async () => {
    const rig = await grown(1, 10n);
    await rig.start(4);
    await rig.until(() => rig.node(4).head().height >= 10n);
    const [first] = await heightsOf(rig, 4);
    expect(first).toBeGreaterThanOrEqual(6);
    expect(first! % 3).toBe(0);
    for (let at = 0; at < 6; at += 1) expect(rig.balance(4, 40 + at)).toBe(BigInt(at + 1) * CTZ);
    await expectSameBooks(rig);
    // It spends, is paid, and sees epochs end.
    await rig.clock.complete(rig.node(4).submit(rig.account(4), transfer(rig.account(41), CTZ)), 20_000);
    await rig.clock.complete(rig.node(1).submit(rig.account(1), transfer(rig.account(4), CTZ)), 20_000);
    await rig.clock.advance(7_000);
    await expectSameBooks(rig);
    expect(rig.balance(4, 41)).toBe(3n * CTZ);
    const report = await rig.node(4).verify();
    expect(report.checks.filter(({ok}) => !ok)).toEqual([]);
    expect(rig.home(4).net!.penalties).toEqual([]);
    // What it has does not begin at the genesis, and is verified from where it does.
    const [joined, whole] = [await deepVerified(rig, 4), await deepVerified(rig, 0)];
    expect(joined).toMatchObject({begun: BigInt(first!), divergence: undefined});
    expect(whole).toMatchObject({begun: 0n, divergence: undefined});
    await rig.stop();
  });

  it("has on disk what a restart needs, and gives another its own snapshot", async () => {
    const rig = await grown(2, 10n, 1);
    await rig.start(1);
    await rig.until(() => rig.node(1).head().height >= 10n);
    rig.crash(1);
    await rig.start(1);
    await rig.until(() => rig.node(1).head().height >= 16n);
    expect((await heightsOf(rig, 1))[0]).toBeGreaterThanOrEqual(6);
    // The witness is away: what the next one begins with is from the follower.
    const peers = rig.homes.map(({peer}) => peer);
    rig.network.partition([[peers[0]!], peers.slice(1)]);
    await rig.start(2);
    await rig.until(() => rig.node(2).head().height >= 12n);
    expect((await heightsOf(rig, 2))[0]).toBeGreaterThanOrEqual(9);
    rig.network.heal();
    await rig.clock.advance(5_000);
    await expectSameBooks(rig);
    await rig.stop();
  });

  it("takes in what links below the snapshot: entries of a witness that was away when it was made", async () => {
    const rig = await grown(1, 4n);
    const peers = rig.homes.map(({peer}) => peer);
    rig.network.partition([[peers[3]!], [...peers.slice(0, 3), peers[4]!]]);
    // It goes on writing, with links to entries that two epochs have closed over since.
    rig
      .node(3)
      .submit(rig.account(3), transfer(rig.account(50), CTZ))
      .catch(() => undefined);
    const {height} = rig.node(0).head();
    await rig.until(() => rig.node(0).head().height >= height + 8n, 30_000);
    await rig.start(4);
    await rig.until(() => rig.node(4).head().height >= height + 8n, 30_000);
    expect((await heightsOf(rig, 4))[0]).toBeGreaterThan(Number(height));
    rig.network.heal();
    await rig.until(() => rig.balance(4, 50) === CTZ, 60_000);
    await rig.clock.advance(4_000);
    await expectSameBooks(rig);
    await rig.stop();
  });

  it("replays a network that is still young", async () => {
    const rig = await grown(1, 3n, 1);
    await rig.until(() => rig.node(0).head().height >= 4n);
    if (rig.node(0).head().height > 5n) throw new Error("the network has grown too old for this test");
    await rig.start(4 - 3);
    await rig.until(() => rig.node(1).head().height >= 4n);
    expect((await heightsOf(rig, 1))[0]).toBe(1);
    await rig.stop();
  });

  it("is an archive: replays everything", async () => {
    const rig = await grown(1, 10n, 1);
    await rig.start(1, {isArchive: true});
    await rig.until(() => rig.node(1).head().height >= 10n, 60_000);
    expect((await heightsOf(rig, 1))[0]).toBe(1);
    await rig.stop();
  });

  it("is a witness: replays everything", async () => {
    const rig = await grown(0, 10n);
    rig.crash(3);
    rig.home(3).disk.write(
      (await rig.clock.complete(new MemoryStore(rig.home(3).disk).range(""))).map(([key]) => ({
        key,
        value: undefined,
      })),
      true,
    );
    await rig.start(3);
    await rig.until(() => rig.node(3).head().height >= 10n, 60_000);
    expect((await heightsOf(rig, 3))[0]).toBe(1);
    await rig.stop();
  });
});

type Lie = (question: string, answer: LedgerFrameInit) => LedgerFrameInit | undefined;

/** A peer whose agent has the answers of an honest one; it passes them on, but for its lie. `undefined` hangs up. */
function liarBeside(rig: LedgerRig, honest: number, lie: Lie): PeerId {
  const liar = rig.network.join("liar" as PeerId);
  const agent = rig.network.join("agent" as PeerId);
  liar.handle("ledger", async (stream) => {
    const upstream = await agent.openStream(rig.home(honest).peer, "ledger");
    for (;;) {
      const frame = await stream.receive();
      if (frame === undefined) break;
      await upstream.send(frame);
      const reply = await upstream.receive();
      if (reply === undefined) break;
      const told = lie(decodeLedgerFrame(frame).case, decodeLedgerFrame(reply) as LedgerFrameInit);
      if (told === undefined) break;
      await stream.send(encodeLedgerFrame(told));
    }
    await upstream.close();
  });
  return liar.self;
}

const flipped = (bytes: Uint8Array, at: number) => bytes.with(at, (bytes[at] ?? 0) ^ 1);

describe("a liar that offers a snapshot", () => {
  const lies: Record<string, {readonly lie: Lie; readonly code: string | undefined}> = {
    "with a cell changed": {
      code: "SNAPSHOT_INVALID",
      lie: (_, answer) =>
        answer.case === "snapshotChunkReply"
          ? {case: answer.case, value: {chunk: flipped(answer.value.chunk!, 150)}}
          : answer,
    },
    "whose checkpoint nobody signed": {
      code: "SNAPSHOT_INVALID",
      lie(_, answer) {
        if (answer.case !== "snapshotHeadReply") return answer;
        const head = decodeSnapshotHead(answer.value.head!);
        const checkpoint = {...head.final.checkpoint, height: head.final.checkpoint.height + 300n};
        return {
          case: answer.case,
          value: {head: encodeSnapshotHead({...head, final: {...head.final, checkpoint}})},
        };
      },
    },
    "that names chunks which nobody has": {
      code: undefined,
      lie(_, answer) {
        if (answer.case !== "snapshotHeadReply") return answer;
        const head = decodeSnapshotHead(answer.value.head!);
        const firsts = [flipped(head.firsts[0]!, 31)];
        return {case: answer.case, value: {head: encodeSnapshotHead({...head, firsts})}};
      },
    },
    "and has no chunk of it": {
      code: undefined,
      lie: (_, answer) =>
        answer.case === "snapshotChunkReply" ? {case: answer.case, value: {chunk: new Uint8Array()}} : answer,
    },
    "with an entry below its cut that its author did not sign": {
      code: "SIGNATURE_INVALID",
      lie(_, answer) {
        if (answer.case !== "syncReply") return answer;
        const entries = (answer.value.entries ?? []).map((bytes) => {
          const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
          return flipped(bytes, 4 + length + 10);
        });
        return {case: answer.case, value: {...answer.value, entries}};
      },
    },
    "and hides the entries below its cut": {
      code: undefined,
      lie: (_, answer) =>
        answer.case === "syncReply"
          ? {case: answer.case, value: {...answer.value, entries: answer.value.entries!.slice(1)}}
          : answer,
    },
    "and hangs up": {
      code: undefined,
      lie: (question, answer) => (question === "snapshotChunkRequest" ? undefined : answer),
    },
  };

  it.each(Object.entries(lies))("%s is charged, and the node begins with another's", async (_, {
    lie,
    code,
  }) => {
    const rig = await grown(1, 10n, 1);
    // The first try meets the liar alone.
    const liar = liarBeside(rig, 0, lie);
    const peers = rig.homes.map(({peer}) => peer);
    rig.network.partition([
      [peers[0]!, "agent" as PeerId],
      [peers[1]!, liar],
    ]);
    await rig.start(1);
    await rig.clock.advance(7_000);
    const penalties = rig
      .home(1)
      .net!.penalties.filter(({peer}) => peer === liar)
      .map((each) => each.code);
    if (code === undefined) expect(penalties).toEqual([]);
    else expect(new Set(penalties)).toEqual(new Set([code]));
    expect(rig.node(1).head().height).toBe(0n);
    rig.network.heal();
    await rig.until(() => rig.node(1).head().height >= 12n, 30_000);
    expect((await heightsOf(rig, 1))[0]).toBeGreaterThanOrEqual(6);
    expect(rig.home(1).net!.penalties.filter(({peer}) => peer === peers[0])).toEqual([]);
    await expectSameBooks(rig);
    await rig.stop();
  });
});

describe("SnapshotJoin", () => {
  const seller = testSigner(2_000);
  const genesis: Genesis = {
    ...new LedgerRig({witnesses: 1, followers: 0, params}).genesis,
    accounts: Array.from({length: 30}, (_, at) => ({
      id: toHex(sha256(Uint8Array.of(at))) as AccountId,
      balance: BigInt(at + 1),
    })),
  };
  const hashBytes = fromHex(genesisHash(genesis));

  /** The genesis's state as if nothing had happened until the end of an epoch, signed by the one witness. */
  function snapshotAt(height: bigint): {head: SnapshotHead; chunks: Uint8Array[]} {
    const state = genesisState(genesis);
    const checkpoint = {...genesisCheckpoint(genesis, state), height, epoch: Number(height) / 3};
    const hash = checkpointHash(checkpoint);
    const vote = {kind: "finalize", height, iteration: 1, hash, witness: 0} as const;
    const {signature} = signVote(vote, seller, hashBytes);
    const final = {checkpoint, hash, iteration: 1, signatures: [{witness: 0, signature}]};
    const steps = makeSnapshot(snapshotSource(state, final), 1_000);
    const chunks: Uint8Array[] = [];
    for (let step = steps.next(); ; step = steps.next()) {
      if (step.done === true) return {head: step.value, chunks};
      if (step.value !== undefined) chunks.push(step.value.chunk);
    }
  }

  type Serve = (index: number, chunk: Uint8Array) => Uint8Array | undefined;

  /** Peers that serve this snapshot, each in its way, and a node that asks them. */
  async function asked(
    peers: Record<string, {height: bigint; serve: Serve}>,
    {height = 0n, isWitness = false} = {},
  ) {
    const clock = new FakeClock();
    const network = new FakeNetwork(clock, new SeededRandom(3), {});
    const given: string[] = [];
    for (const [name, {height, serve}] of Object.entries(peers)) {
      const {head, chunks} = snapshotAt(height);
      network.join(name as PeerId).handle("ledger", async (stream) => {
        for (;;) {
          const frame = await stream.receive();
          if (frame === undefined) return;
          const body = decodeLedgerFrame(frame);
          let answer: LedgerFrameInit = {case: "syncReply", value: {}};
          if (body.case === "snapshotHeadRequest")
            answer = {case: "snapshotHeadReply", value: {head: encodeSnapshotHead(head)}};
          if (body.case === "snapshotChunkRequest") {
            const {index, snapshot} = body.value;
            if (toHex(snapshot) !== snapshotIdOf(head)) throw new Error("another snapshot was asked for");
            given.push(`${name} ${index}`);
            const chunk = serve(index, chunks[index]!);
            if (chunk === undefined) return;
            answer = {case: "snapshotChunkReply", value: {chunk}};
          }
          await stream.send(encodeLedgerFrame(answer));
        }
      });
    }
    const net = network.join("joiner" as PeerId);
    await clock.advance(100);
    const begun: Beginning[] = [];
    const components = {
      ...{net, clock, random: new SeededRandom(5), log: silentLog, verifier: testVerifier},
      height: () => height,
      isWitness: () => isWitness,
      begin: (beginning: Beginning) => begun.push(beginning),
    };
    const join = new SnapshotJoin(components, {genesis, isArchive: false});
    const run = async () => await clock.complete(join.run(new AbortController().signal), 60_000);
    return {run, begun, given, net, refused: () => join.refused()};
  }

  const honest = {height: 30n, serve: (_: number, chunk: Uint8Array) => chunk};
  const chunksOf = snapshotAt(30n).chunks.length;

  it("goes on with another peer where one failed or lied, and asks nobody twice for a chunk", async () => {
    expect(chunksOf).toBeGreaterThan(6);
    const leaves =
      (at: number): Serve =>
      (index, chunk) =>
        index < at ? chunk : undefined;
    const liar: Serve = (index, chunk) => (index < 4 ? chunk : chunk.with(200, (chunk[200] ?? 0) ^ 1));
    const {run, begun, given, net} = await asked({
      gone: {height: 30n, serve: leaves(2)},
      liar: {height: 30n, serve: liar},
      honest,
    });
    for (let at = 0; at < 3 && begun.length === 0; at += 1) expect(await run()).toBe(true);
    expect(toHex(begun[0]!.state.tree().root())).toBe(begun[0]!.final.checkpoint.stateRoot);
    const counted = new Map<string, number>();
    for (const each of given) counted.set(each.split(" ")[1]!, (counted.get(each.split(" ")[1]!) ?? 0) + 1);
    // Only where a peer failed is another asked for the same.
    expect([...counted.values()].reduce((sum, count) => sum + count, 0)).toBeLessThanOrEqual(chunksOf + 2);
    const lied = given.some((each) => each.startsWith("liar") && Number(each.split(" ")[1]) >= 4);
    expect(net.penalties.map(({peer, code}) => `${peer} ${code}`)).toEqual(
      lied ? ["liar SNAPSHOT_INVALID"] : [],
    );
  });

  it("takes the newest that anybody offers", async () => {
    const {run, begun} = await asked({old: {...honest, height: 6n}, honest, older: {...honest, height: 9n}});
    expect(await run()).toBe(true);
    expect(begun[0]?.final.checkpoint.height).toBe(30n);
  });

  it("gives up after some attempts, and for a network of one epoch at once", async () => {
    const {run, begun} = await asked({gone: {height: 30n, serve: () => undefined}});
    expect([await run(), await run(), await run(), await run()]).toEqual([true, true, true, false]);
    expect(begun).toEqual([]);
    const young = await asked({honest: {...honest, height: 3n}});
    expect(await young.run()).toBe(false);
  });

  it("begins anew only when it is refused, and only where that is more than an epoch away", async () => {
    for (const isWitness of [false, true]) {
      const near = await asked({honest}, {height: 27n, isWitness});
      near.refused();
      expect(await near.run()).toBe(false);
      expect(near.begun).toEqual([]);
      const far = await asked({honest}, {height: 26n, isWitness});
      expect(await far.run()).toBe(false);
      far.refused();
      expect(await far.run()).toBe(true);
      expect(far.begun[0]?.final.checkpoint.height).toBe(30n);
    }
  });
});

describe("the batch that a node begins with", () => {
  it("is all there or not at all", async () => {
    const rig = await grown(1, 10n, 1);
    const home = rig.home(1);
    await rig.start(1);
    // At no moment of the join does a restart find half of it.
    for (let at = 0; at < 60 && rig.node(1).head().height === 0n; at += 1) {
      const store = new MemoryStore(home.disk);
      const {base, checkpoint} = await rig.clock.complete(
        restoreReplica({genesis: rig.genesis, store, signed: []}),
      );
      expect(toHex(base.tree().root())).toBe(checkpoint.checkpoint.stateRoot);
      await rig.clock.advance(10);
    }
    expect(rig.node(1).head().height).toBeGreaterThan(0n);
    await rig.stop();
  });

  it("is tried again when the disk is full, which harms nothing", async () => {
    const rig = await grown(1, 10n, 1);
    await rig.start(1);
    rig.home(1).faults.isFull = true;
    await rig.clock.advance(8_000);
    expect(rig.node(1).head().height).toBe(0n);
    rig.home(1).faults.isFull = false;
    await rig.until(() => rig.node(1).head().height >= 12n, 60_000);
    await expectSameBooks(rig);
    await rig.stop();
  });
});
