import {HEARTBEAT_MS, SILENCE_MS} from "@catalyze/daemon/pipeline/attempt";
import {describe, expect, it} from "vitest";
import {auditEnded} from "../../../../test/sim/market/audit.ts";
import type {Behaviour} from "../../../../test/sim/market/simExecutor.ts";
import {SimNetwork} from "../../../../test/sim/market/simNetwork.ts";
import type {SimNodeOptions} from "../../../../test/sim/market/simNode.ts";
import {behaving, cheapSeller, seller} from "./sellers.ts";

async function network(cheap: SimNodeOptions): Promise<SimNetwork> {
  return await SimNetwork.started({nodes: {buyer: {}, cheap, seller}});
}

/** First the cheap one, unpaid and with this reason; then the other, paid. */
async function expectFallback(sim: SimNetwork, code: string): Promise<void> {
  const {record} = await sim.run("buyer");
  const attempts = record.attempts.map(({peer, state, reason, chargedUctz}) => ({
    peer,
    state,
    code: reason?.code,
    isFree: chargedUctz === 0n,
  }));
  expect(attempts).toEqual([
    {peer: sim.node("cheap").peer, state: "failed", code, isFree: true},
    {peer: sim.node("seller").peer, state: "paid", code: undefined, isFree: false},
  ]);
  expect(record.state).toBe("done");
  await sim.clock.advance(5_000);
  expect(auditEnded(sim)).toEqual([]);
}

const FAILURES: readonly (readonly [string, Behaviour, string])[] = [
  ["fails", {kind: "fail", code: "EXECUTOR_FAILED"}, "EXECUTOR_FAILED"],
  ["loses its executor", {kind: "fail", code: "EXECUTOR_CRASHED"}, "EXECUTOR_CRASHED"],
  ["counts more work than agreed", {kind: "ok", units: 1_000_000n}, "METER_ABOVE_MAX"],
  ["has too much output", {kind: "ok", output: "x".repeat(2 << 20), units: 1n}, "RESULT_INVALID"],
];

describe("fallback", () => {
  it.each(FAILURES)("takes the next candidate when the first one %s", async (_, behaviour, code) => {
    await expectFallback(await network(cheapSeller(behaving(behaviour))), code);
  });

  it("takes the next candidate when the first one is at capacity, and blames nobody", async () => {
    const cheap = {...cheapSeller(), market: {queueMax: -2}};
    const sim = await network(cheap);
    await expectFallback(sim, "PROVIDER_BUSY");
    expect(sim.node("buyer").market.reputations.countsOf(sim.node("cheap").peer).faults).toBe(0);
  });

  it("takes the next candidate when the first one drains", async () => {
    const sim = await network(cheapSeller());
    sim.node("cheap").market.drain();
    await expectFallback(sim, "PROVIDER_DRAINING");
  });

  it("takes the next candidate when the model cannot be had", async () => {
    const sim = await network(cheapSeller());
    for (const {taskClass} of sim.world.classes) sim.node("cheap").running.catalog.missing.add(taskClass);
    await expectFallback(sim, "MODEL_FETCH_FAILED");
  });

  it("recovers within a second of a provider's death in the middle of the run", async () => {
    let diedMs = 0;
    let sim: SimNetwork | undefined;
    const act = () => {
      diedMs = sim?.clock.monotonicMs() ?? 0;
      sim?.node("cheap").crash();
    };
    sim = await network(cheapSeller(behaving({kind: "middle", act})));
    const {record} = await sim.run("buyer");
    expect(record.attempts.map(({state, reason}) => reason?.code ?? state)).toEqual([
      "PROVIDER_DIED",
      "paid",
    ]);
    const again = record.attempts[1]?.startedAtMs ?? 0;
    const recoveredMs = again - sim.clock.now() + sim.clock.monotonicMs() - diedMs;
    expect(recoveredMs).toBeLessThan(1_000);
    await sim.clock.advance(5_000);
    expect(auditEnded(sim)).toEqual([]);
  });

  it("recovers from a provider that says nothing any more", async () => {
    const sim = await network(cheapSeller({msPerToken: 20}));
    const taskId = await sim.submit("buyer");
    await sim.clock.advance(500);
    const silentAtMs = sim.clock.now();
    // The machine hangs: its clock stands still and its connections stay.
    sim.node("cheap").running.clock.stop();
    const {record} = await sim.ended("buyer", taskId);
    expect(record.attempts.map(({state, reason}) => reason?.code ?? state)).toEqual([
      "PROVIDER_LATE",
      "paid",
    ]);
    const waitedMs = (record.attempts[1]?.startedAtMs ?? 0) - silentAtMs;
    expect(waitedMs).toBeLessThan(SILENCE_MS + 2 * HEARTBEAT_MS);
  });

  it("waits for a provider that is slow but alive", async () => {
    const sim = await SimNetwork.started({nodes: {buyer: {}, seller: cheapSeller({msPerToken: 200})}});
    const startedMs = sim.clock.monotonicMs();
    const {record} = await sim.run("buyer");
    expect(record.attempts).toMatchObject([{state: "paid"}]);
    expect(sim.clock.monotonicMs() - startedMs).toBeGreaterThan(20_000);
  });

  it("ends at the task's deadline when the provider never finishes", async () => {
    const sim = await SimNetwork.started({nodes: {buyer: {}, seller: cheapSeller(behaving({kind: "hang"}))}});
    const {record} = await sim.run("buyer", {timeoutMs: 8_000});
    expect(record).toMatchObject({state: "failed", reason: {code: "DEADLINE"}, chargedUctz: 0n});
    await sim.clock.advance(5_000);
    expect(auditEnded(sim)).toEqual([]);
  });

  it("gives up with the list of reasons when everybody fails", async () => {
    const sim = await SimNetwork.started({
      nodes: {
        buyer: {},
        cheap: cheapSeller(behaving({kind: "fail", code: "EXECUTOR_FAILED"})),
        seller: {
          ...seller,
          executor: {...seller.executor, ...behaving({kind: "fail", code: "EXECUTOR_CRASHED"})},
        },
      },
    });
    const {record} = await sim.run("buyer");
    expect(record).toMatchObject({state: "failed", reason: {code: "ALL_PROVIDERS_FAILED"}, chargedUctz: 0n});
    await sim.clock.advance(5_000);
    expect(auditEnded(sim)).toEqual([]);
  });

  it("tries again where it succeeded once the provider is back", async () => {
    const sim = await SimNetwork.started({nodes: {buyer: {}, seller}});
    await sim.run("buyer");
    sim.node("seller").crash();
    await sim.clock.advance(2_000);
    const failed = await sim.run("buyer", {text: "while it is down"});
    expect(failed.record.state).toBe("failed");
    await sim.clock.complete(sim.node("seller").start());
    await sim.clock.advance(31_000);
    const {record} = await sim.run("buyer", {text: "back again"});
    expect(record.state).toBe("done");
    await sim.clock.advance(5_000);
    expect(auditEnded(sim)).toEqual([]);
  });
});
