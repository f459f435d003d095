import {KeyedSet} from "@catalyze/core/ledger/keyedSet";
import type {Op} from "@catalyze/core/ledger/op";
import {answerTo} from "@catalyze/core/ledger/ranges";
import type {OpId, PeerId} from "@catalyze/core/primitives/id";
import {
  decodeLedgerFrame,
  encodeLedgerFrame,
  type LedgerFrameBody,
  type LedgerFrameInit,
} from "@catalyze/daemon/ledger/ledgerFrame";
import {NO_METRICS} from "@catalyze/daemon/ledger/ledgerMetrics";
import {PeerBudgets} from "@catalyze/daemon/ledger/peerBudgets";
import {keyedSetOf, PendingAnswers} from "@catalyze/daemon/ledger/pendingAnswers";
import {PendingSync} from "@catalyze/daemon/ledger/pendingSync";
import {describe, expect, it} from "vitest";
import {FakeClock} from "../../../../test/sim/fakes/fakeClock.ts";
import {FakeNetwork} from "../../../../test/sim/fakes/fakeNetwork.ts";
import {SeededRandom} from "../../../../test/sim/fakes/seededRandom.ts";
import {alice, bob} from "../../../core/test/ledger/kit.ts";
import {FIRST, genesisOf, ownOp} from "../../../core/test/ledger/witnessKit.ts";
import {CTZ, LedgerRig} from "./ledgerRig.ts";
import {silentLog} from "./silentLog.ts";
import {transfer} from "./transfer.ts";

describe("an op that no witness has listed", () => {
  it("reaches the witness through others when its owner is gone", async () => {
    const rig = await LedgerRig.started({witnesses: 1, followers: 3});
    await rig.until(() => rig.node(3).head().height >= 2n);
    const peers = rig.homes.map(({peer}) => peer);
    rig.network.partition([[peers[0]!], peers.slice(1)]);
    rig
      .node(1)
      .submit(rig.account(1), transfer(rig.account(50), CTZ))
      .catch(() => undefined);
    await rig.clock.advance(40_000);
    rig.crash(1);
    expect(rig.balance(0, 50)).toBe(-1n);
    rig.network.heal();
    await rig.until(() => rig.balance(0, 50) === CTZ, 60_000);
    await rig.until(() => [2, 3].every((index) => rig.balance(index, 50) === CTZ), 20_000);
    await rig.stop();
  });

  it("is passed between witnesses without a quorum, and certified when there is one", async () => {
    const rig = await LedgerRig.started({witnesses: 4, followers: 1});
    const peers = rig.homes.map(({peer}) => peer);
    rig.network.partition([[peers[0]!], [peers[1]!], [peers[2]!], [peers[3]!], [peers[4]!]]);
    const done = rig.node(4).submit(rig.account(4), transfer(rig.account(50), CTZ));
    done.catch(() => undefined);
    await rig.clock.advance(20_000);
    rig.network.heal();
    await rig.until(() => rig.balance(3, 50) === CTZ, 60_000);
    await rig.stop();
  });
});

const genesis = genesisOf(1);
const ops = [
  ownOp(genesis, alice, FIRST, {kind: "stake", stake: "witness", amount: 1n}),
  ownOp(genesis, alice, FIRST, {kind: "stake", stake: "witness", amount: 2n}),
];
const foreign = ownOp(genesis, bob, FIRST, {kind: "stake", stake: "witness", amount: 3n});

type Say = (question: LedgerFrameBody, own: (body: LedgerFrameBody) => LedgerFrameInit) => LedgerFrameInit;

/** A node with the first op, asking a peer that has the second, and lies if it likes. */
async function asked(
  {say = (question, own) => own(question), has = [ops[1]!], perSecond = 5_000} = {} as {
    say?: Say;
    has?: readonly Op[];
    perSecond?: number;
  },
) {
  const clock = new FakeClock();
  const network = new FakeNetwork(clock, new SeededRandom(3), {});
  const holds = (list: readonly Op[]) => ({
    unlistedOps: () => list,
    op: (id: OpId) => list.find((op) => op.id === id),
  });
  const answers = new PendingAnswers(holds(has));
  const frames: string[] = [];
  const given: Uint8Array[] = [];
  const honest = (body: LedgerFrameBody): LedgerFrameInit => {
    if (body.case === "pendingCompare") return answers.compare(body.value);
    if (body.case === "pendingFetch") return answers.fetch(body.value);
    if (body.case === "opSubmit") given.push(...body.value.ops);
    return {case: "opSubmitReply", value: {acks: []}};
  };
  network.join("peer" as PeerId).handle("ledger", async (stream) => {
    for (let frame = await stream.receive(); frame !== undefined; frame = await stream.receive()) {
      const body = decodeLedgerFrame(frame);
      frames.push(body.case);
      await stream.send(encodeLedgerFrame(say(body, honest)));
    }
  });
  const net = network.join("asker" as PeerId);
  await clock.advance(100);
  const taken: Uint8Array[] = [];
  const own: Op[] = [ops[0]!];
  const sync = new PendingSync({
    ...{net, clock, random: new SeededRandom(5), log: silentLog, metrics: NO_METRICS},
    budgets: new PeerBudgets(
      clock,
      () => ({perSecond, burst: perSecond}),
      () => undefined,
    ),
    replica: holds(own),
    async push(input) {
      if (input.kind === "op") taken.push(input.bytes);
      return [];
    },
  });
  const run = () => clock.complete(sync.run("peer" as PeerId, new AbortController().signal), 60_000);
  return {run, own, frames, given, taken, net};
}

describe("PendingSync", () => {
  it("asks only once an op has waited for a round, then gives and takes what differs", async () => {
    const {run, own, frames, given, taken} = await asked();
    await run();
    expect(frames).toEqual([]);
    await run();
    expect(frames).toEqual(["pendingCompare", "pendingFetch", "opSubmit"]);
    expect(given).toEqual([ops[0]!.bytes]);
    expect(taken).toEqual([ops[1]!.bytes]);
    own.length = 0;
    await run();
    expect(frames).toHaveLength(3);
  });

  it("sends nothing but the question where nothing differs", async () => {
    const {run, frames} = await asked({has: [ops[0]!]});
    await run();
    await run();
    expect(frames).toEqual(["pendingCompare"]);
  });

  const reply = (list: readonly Op[]): LedgerFrameInit => ({
    case: "pendingFetchReply",
    value: {ops: list.map(({bytes}) => bytes)},
  });
  it.each<[string, string[], Say]>([
    [
      "gives an op that nobody asked for",
      ["MESSAGE_UNEXPECTED"],
      (question, own) => (question.case === "pendingFetch" ? reply([foreign]) : own(question)),
    ],
    [
      "gives more than was asked for",
      ["FRAME_TOO_LARGE"],
      (question, own) => (question.case === "pendingFetch" ? reply([ops[1]!, foreign]) : own(question)),
    ],
    [
      "answers with ranges that are none",
      ["DECODE_INVALID"],
      (question, own) =>
        question.case === "pendingCompare"
          ? {case: "pendingCompareReply", value: {ranges: Uint8Array.of(1)}}
          : own(question),
    ],
    [
      "has none of what it listed",
      [],
      (question, own) => (question.case === "pendingFetch" ? reply([]) : own(question)),
    ],
  ])("takes nothing from a peer that %s", async (_, codes, say) => {
    const {run, taken, net} = await asked({say});
    await run();
    await run();
    expect(taken).toEqual([]);
    expect(net.penalties.map(({code}) => code)).toEqual(codes);
  });

  it("takes no more than the peer's budget allows", async () => {
    const {run, taken} = await asked({perSecond: 0});
    await run();
    await run();
    expect(taken).toEqual([]);
  });
});

describe("PendingAnswers", () => {
  it("charges for a set once, and keeps few", () => {
    const many = Array.from({length: 100}, () => foreign);
    const answers = new PendingAnswers({unlistedOps: () => many, op: () => foreign});
    const salt = (at: number) => new Uint8Array(32).fill(at);
    const ranges = new Uint8Array(2);
    expect(answers.costOf({salt: salt(0)})).toBe(11);
    for (let at = 0; at < 5; at += 1)
      answers.compare({$typeName: "catalyze.v1.PendingCompare", salt: salt(at), ranges});
    expect([0, 1, 4].map((at) => answers.costOf({salt: salt(at)}))).toEqual([11, 1, 1]);
  });

  it("refuses salts and keys of another length", () => {
    const answers = new PendingAnswers({unlistedOps: () => [], op: () => undefined});
    const compare = {$typeName: "catalyze.v1.PendingCompare", ranges: new Uint8Array(2)} as const;
    expect(() => answers.compare({...compare, salt: new Uint8Array(31)})).toThrow();
    const fetch = {$typeName: "catalyze.v1.PendingFetch", salt: new Uint8Array(32)} as const;
    expect(() => answers.fetch({...fetch, keys: [new Uint8Array(15)]})).toThrow();
    expect(() => answers.fetch({...fetch, keys: Array(513).fill(new Uint8Array(16))})).toThrow();
  });

  it("answers as the set of its ops does", () => {
    const salt = new Uint8Array(32).fill(4);
    const answers = new PendingAnswers({unlistedOps: () => ops, op: () => undefined});
    const question = Uint8Array.of(0, 1, 0, 1, ...new Uint8Array(16));
    const {value} = answers.compare({$typeName: "catalyze.v1.PendingCompare", salt, ranges: question}) as {
      value: {ranges: Uint8Array};
    };
    expect(value.ranges).toEqual(answerTo(keyedSetOf(ops, salt), question));
    expect(value.ranges).not.toEqual(answerTo(new KeyedSet([], salt), question));
  });
});
