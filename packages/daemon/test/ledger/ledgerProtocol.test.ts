import {CodedError} from "@catalyze/core/errors/codedError";
import type {ReplicaInput} from "@catalyze/core/ledger/effects";
import {toHex, utf8} from "@catalyze/core/primitives/bytes";
import type {PeerId} from "@catalyze/core/primitives/id";
import {decodeLedgerFrame, encodeLedgerFrame} from "@catalyze/daemon/ledger/ledgerFrame";
import {LedgerProtocol} from "@catalyze/daemon/ledger/ledgerProtocol";
import {PeerBudgets} from "@catalyze/daemon/ledger/peerBudgets";
import type {Outcome} from "@catalyze/daemon/ledger/replicaDriver";
import {describe, expect, it} from "vitest";
import {FakeClock} from "../../../../test/sim/fakes/fakeClock.ts";
import {FakeNetwork} from "../../../../test/sim/fakes/fakeNetwork.ts";
import {SeededRandom} from "../../../../test/sim/fakes/seededRandom.ts";

const [witness, client] = ["witness", "client"] as [PeerId, PeerId];

type Taken = {readonly inputs: readonly ReplicaInput[]; readonly end: (outcomes: readonly Outcome[]) => void};

/** A witness whose replica answers when the test says so. */
async function served() {
  const clock = new FakeClock();
  const network = new FakeNetwork(clock, new SeededRandom(1));
  const net = network.join(witness);
  const taken: Taken[] = [];
  const answered: string[] = [];
  const protocol = new LedgerProtocol({
    net,
    budgets: new PeerBudgets(
      clock,
      () => ({perSecond: 1e9, burst: 1e9}),
      () => undefined,
    ),
    push: () => Promise.resolve([]),
    pushAll: (inputs) => new Promise((end) => taken.push({inputs, end})),
    isWitness: () => false,
    answer: ({case: kind}) => {
      answered.push(kind);
      return Promise.resolve({case: "cellReply", value: {}});
    },
    pending: {
      costOf: () => 0,
      compare: () => ({case: "pendingFetchReply", value: {ops: []}}),
      fetch: () => ({case: "pendingFetchReply", value: {ops: []}}),
    },
    anchorSignature: () => {},
  });
  protocol.start();
  const joined = network.join(client);
  await clock.advance(200);
  const stream = await clock.complete(joined.open(witness, "ledger"));
  const submit = (...ops: readonly string[]) =>
    stream.send(encodeLedgerFrame({case: "opSubmit", value: {ops: ops.map(utf8)}}));
  const receive = async () => {
    const frame = await clock.complete(stream.receive());
    return frame === undefined ? undefined : decodeLedgerFrame(frame);
  };
  return {clock, taken, answered, stream, submit, receive};
}

function opsIn({inputs}: Taken): string[] {
  return inputs.map((input) => ("bytes" in input ? new TextDecoder().decode(input.bytes) : input.kind));
}

describe("ledger streams", () => {
  it("take the next submissions in while one is looked at, and answer them in their order", async () => {
    const {clock, taken, submit, receive} = await served();
    for (const op of ["a", "b"]) await submit(op);
    await clock.advance(1_000);
    expect(taken.map(opsIn)).toEqual([["a"], ["b"]]);
    // The second is done first, and waits for the first.
    taken[1]!.end([new CodedError("QUEUE_FULL")]);
    await clock.advance(1_000);
    taken[0]!.end([[]]);
    const codes: string[] = [];
    for (let at = 0; at < 2; at++) {
      const reply = await receive();
      if (reply?.case === "opSubmitReply") codes.push(...reply.value.acks.map(({code}) => code));
    }
    expect(codes).toEqual(["", "QUEUE_FULL"]);
  });

  it.each([
    ["many frames of an op", 1, 32],
    ["a few frames of many", 512, 4],
  ])("take in at once no more than %s", async (_, ops, frames) => {
    const {clock, taken, submit} = await served();
    const full = Array.from({length: ops}, (__, index) => String(index));
    for (let at = 0; at < frames + 2; at++) await submit(...full);
    await clock.advance(1_000);
    expect(taken.length).toBe(frames);
    taken[0]!.end(full.map(() => []));
    await clock.advance(1_000);
    expect(taken.length).toBe(frames + 1);
  });

  it("answer what comes after a submission only after it", async () => {
    const {clock, taken, answered, stream, submit, receive} = await served();
    await submit("a");
    await stream.send(encodeLedgerFrame({case: "cellRequest", value: {cell: new Uint8Array(32)}}));
    await clock.advance(1_000);
    expect(answered).toEqual([]);
    taken[0]!.end([[]]);
    expect((await receive())?.case).toBe("opSubmitReply");
    expect((await receive())?.case).toBe("cellReply");
  });

  it("end with a submission of too many ops, and answer what came before", async () => {
    const {clock, taken, submit, receive} = await served();
    await submit("a");
    await submit(...Array.from({length: 513}, (_, index) => toHex(utf8(String(index)))));
    await clock.advance(1_000);
    expect(taken).toHaveLength(1);
    taken[0]!.end([[]]);
    await expect(receive().then((reply) => reply?.case)).rejects.toMatchObject({code: expect.any(String)});
  });
});
