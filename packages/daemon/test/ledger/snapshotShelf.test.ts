import {decodeSnapshotChunk, decodeSnapshotHead, snapshotIdOf} from "@catalyze/core/ledger/snapshot";
import {SnapshotBuilder} from "@catalyze/core/ledger/snapshotBuilder";
import {fromHex, toHex} from "@catalyze/core/primitives/bytes";
import type {PeerId} from "@catalyze/core/primitives/id";
import {
  decodeLedgerFrame,
  encodeLedgerFrame,
  type LedgerFrameInit,
} from "@catalyze/daemon/ledger/ledgerFrame";
import {expect, it} from "vitest";
import {MemoryStore} from "../../../../test/sim/fakes/memoryStore.ts";
import {CTZ, LedgerRig} from "./ledgerRig.ts";
import {transfer} from "./transfer.ts";

/** Short epochs: three seconds. */
const params = {checkpointsPerEpoch: 3};

async function ask(rig: LedgerRig, of: number, frames: readonly LedgerFrameInit[]) {
  const net = rig.network.join(`asker${rig.clock.now()}` as PeerId);
  const stream = await rig.clock.complete(net.openStream(rig.home(of).peer, "ledger"));
  const answers = [];
  for (const frame of frames) {
    await rig.clock.complete(stream.send(encodeLedgerFrame(frame)));
    const reply = await rig.clock.complete(stream.receive());
    answers.push(reply === undefined ? undefined : decodeLedgerFrame(reply));
  }
  return {net, stream, answers};
}

const HEAD: LedgerFrameInit = {case: "snapshotHeadRequest", value: {}};
const chunkOf = (id: string, index: number): LedgerFrameInit => ({
  case: "snapshotChunkRequest",
  value: {snapshot: fromHex(id), index},
});

async function headOf(rig: LedgerRig, of: number) {
  const [reply] = (await ask(rig, of, [HEAD])).answers;
  if (reply?.case !== "snapshotHeadReply") throw new Error(`${reply?.case}`);
  return reply.value.head.length === 0 ? undefined : decodeSnapshotHead(reply.value.head);
}

it("gives whoever asks the state of the last epoch's end, and after a restart still", async () => {
  const rig = await LedgerRig.started({witnesses: 1, followers: 1, params});
  expect(await headOf(rig, 0)).toBeUndefined();
  await rig.clock.complete(rig.node(0).submit(rig.account(0), transfer(rig.account(9), 5n * CTZ)));
  await rig.until(() => rig.node(0).head().height >= 7n);
  rig.crash(0);
  await rig.start(0);
  const head = (await headOf(rig, 0))!;
  const {checkpoint} = head.final;
  expect(checkpoint.height).toBe(6n);
  const builder = new SnapshotBuilder(head);
  for (const index of head.firsts.keys()) {
    const [reply] = (await ask(rig, 0, [chunkOf(snapshotIdOf(head), index)])).answers;
    if (reply?.case !== "snapshotChunkReply") throw new Error(`${reply?.case}`);
    builder.take(index, decodeSnapshotChunk(reply.value.chunk));
  }
  expect(toHex(builder.finish().tree().root())).toBe(checkpoint.stateRoot);
  expect(builder.finish().account(rig.account(9))?.in).toBe(5n * CTZ);
  await rig.stop();
});

it("is the same at all nodes, and one at a time: the next replaces it whole", async () => {
  const rig = await LedgerRig.started({witnesses: 1, followers: 1, params});
  await rig.until(() => rig.node(0).head().height >= 4n && rig.node(1).head().height >= 4n);
  const first = (await headOf(rig, 0))!;
  expect(snapshotIdOf((await headOf(rig, 1))!)).toBe(snapshotIdOf(first));
  await rig.until(() => rig.node(0).head().height >= 7n);
  const second = (await headOf(rig, 0))!;
  expect(second.final.checkpoint.height).toBe(6n);
  const {answers} = await ask(rig, 0, [
    chunkOf(snapshotIdOf(first), 0),
    chunkOf(snapshotIdOf(second), 99),
    chunkOf(snapshotIdOf(second), 0),
  ]);
  const sizes = answers.map((each) => (each?.case === "snapshotChunkReply" ? each.value.chunk.length : -1));
  expect(sizes.slice(0, 2)).toEqual([0, 0]);
  expect(sizes[2]).toBeGreaterThan(400);
  const kept = await rig.clock.complete(new MemoryStore(rig.home(0).disk).range("lp/"));
  expect(kept.map(([key]) => key)).toEqual(["lp/chunk/000000000006/000000", "lp/head/000000000006"]);
  await rig.stop();
});

it("keeps the old one when it dies while it makes the next, and clears that away", async () => {
  const rig = await LedgerRig.started({witnesses: 1, followers: 0, params});
  await rig.until(() => rig.node(0).head().height >= 3n);
  await rig.clock.advance(500);
  const store = () => new MemoryStore(rig.home(0).disk);
  const keys = async () => (await rig.clock.complete(store().range("lp/"))).map(([key]) => key);
  // As a run leaves them that dies between two chunks.
  await rig.clock.complete(
    store().write([
      {key: "lp/making", value: new Uint8Array(8).fill(5, 7)},
      {key: "lp/chunk/000000000005/000000", value: Uint8Array.of(1)},
      {key: "lp/chunk/000000000005/000001", value: Uint8Array.of(1)},
    ]),
  );
  rig.crash(0);
  await rig.start(0);
  expect((await headOf(rig, 0))?.final.checkpoint.height).toBe(3n);
  await rig.until(() => rig.node(0).head().height >= 6n);
  await rig.clock.advance(500);
  expect(await keys()).toEqual(["lp/chunk/000000000006/000000", "lp/head/000000000006"]);
  await rig.stop();
});

it("costs a stranger budget, and bytes that are no request cost it more", async () => {
  const rig = await LedgerRig.started({witnesses: 1, followers: 0, params});
  await rig.until(() => rig.node(0).head().height >= 4n);
  const requests = Array.from({length: 60}, () => HEAD);
  await expect(ask(rig, 0, requests)).rejects.toThrow();
  const codes = rig.home(0).net!.penalties.map(({code}) => code);
  const short = chunkOf("ab", 0);
  await expect(ask(rig, 0, [short, short])).rejects.toThrow();
  expect(
    rig
      .home(0)
      .net!.penalties.map(({code}) => code)
      .slice(codes.length),
  ).toEqual(["DECODE_INVALID"]);
  await rig.stop();
});
