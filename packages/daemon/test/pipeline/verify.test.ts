import {describe, expect, it} from "vitest";
import {auditEnded} from "../../../../test/sim/market/audit.ts";
import {SimNetwork} from "../../../../test/sim/market/simNetwork.ts";
import {behaving, cheapSeller, seller} from "./sellers.ts";

const honest = {nodes: {buyer: {}, cheap: cheapSeller(), seller}};
const oneLies = {
  nodes: {buyer: {}, cheap: cheapSeller(behaving({kind: "ok", output: "made up", units: 20n})), seller},
};

async function settled(sim: SimNetwork): Promise<void> {
  await sim.clock.advance(10_000);
  expect(auditEnded(sim)).toEqual([]);
}

describe("--verify 2", () => {
  it("pays both when their results are equal", async () => {
    const sim = await SimNetwork.started(honest);
    const {record} = await sim.run("buyer", {copies: 2});
    expect(record.state).toBe("done");
    expect(record.attempts.map(({state}) => state)).toEqual(["paid", "paid"]);
    expect(record.chargedUctz).toBe(record.attempts.reduce((sum, {chargedUctz}) => sum + chargedUctz, 0n));
    await settled(sim);
    for (const name of ["cheap", "seller"])
      expect([...sim.node(name).market.jobs.all()]).toMatchObject([{state: "paid"}]);
  });

  it("pays none when they differ, and says so", async () => {
    const sim = await SimNetwork.started(oneLies);
    const {record, extras} = await sim.run("buyer", {copies: 2});
    expect(record).toMatchObject({state: "failed", reason: {code: "VERIFY_MISMATCH"}, chargedUctz: 0n});
    expect(extras.receipts).toEqual([]);
    await settled(sim);
    for (const name of ["cheap", "seller"])
      expect([...sim.node(name).market.jobs.all()]).toMatchObject([{state: "unpaid", paidUctz: 0n}]);
  });

  it("takes another second provider when the first choice of one fails", async () => {
    const sim = await SimNetwork.started({
      nodes: {
        ...honest.nodes,
        broken: {
          ...cheapSeller(behaving({kind: "fail", code: "EXECUTOR_FAILED"})),
          prices: {story: {unitPrice: 20_000n, feeMin: 200n}},
        },
      },
    });
    const {record} = await sim.run("buyer", {copies: 2});
    expect(record.attempts.map(({state}) => state)).toEqual(["paid", "failed", "paid"]);
    expect(record.state).toBe("done");
    await settled(sim);
  });
});

describe("a maximum price", () => {
  /** Of both providers together, and what the dearer one may charge at most. */
  async function costs() {
    const sim = await SimNetwork.started(honest);
    const {record} = await sim.run("buyer", {copies: 2});
    const [first, second] = record.attempts;
    return {first: first?.chargedUctz ?? 0n, second: second?.chargeMax ?? 0n};
  }

  it("holds for both results of a checked task together", async () => {
    const {first, second} = await costs();
    for (const [priceMax, end] of [
      [first + second, "done"],
      [first + second - 1n, "VERIFY_NO_SECOND"],
    ] as const) {
      const sim = await SimNetwork.started(honest);
      const {record} = await sim.run("buyer", {copies: 2, priceMax});
      expect(record.reason?.code ?? record.state).toBe(end);
      expect(record.chargedUctz).toBeLessThanOrEqual(end === "done" ? priceMax : 0n);
      await settled(sim);
    }
  });

  it("is not passed by an audit of ours: then there is none", async () => {
    const {first, second} = await costs();
    const sim = await SimNetwork.started({nodes: {...honest.nodes, buyer: {market: {auditPpm: 1_000_000}}}});
    const {record} = await sim.run("buyer", {priceMax: first + second - 1n});
    expect(record).toMatchObject({state: "done", chargedUctz: first});
    await settled(sim);
  });
});

describe("the audit coin", () => {
  it("has every task checked when its chance is one", async () => {
    const sim = await SimNetwork.started({nodes: {...honest.nodes, buyer: {market: {auditPpm: 1_000_000}}}});
    const {record} = await sim.run("buyer");
    expect(record.attempts.map(({state}) => state)).toEqual(["paid", "paid"]);
    await settled(sim);
  });

  it("catches a provider that makes results up", async () => {
    const sim = await SimNetwork.started({nodes: {...oneLies.nodes, buyer: {market: {auditPpm: 1_000_000}}}});
    const {record} = await sim.run("buyer");
    expect(record).toMatchObject({state: "failed", reason: {code: "VERIFY_MISMATCH"}, chargedUctz: 0n});
    await settled(sim);
  });

  it("pays unaudited when there is no second provider", async () => {
    const sim = await SimNetwork.started({nodes: {buyer: {market: {auditPpm: 1_000_000}}, seller}});
    const {record} = await sim.run("buyer");
    expect(record).toMatchObject({state: "done", attempts: [{state: "paid"}]});
    await settled(sim);
  });

  it("checks about as many tasks as it says", async () => {
    const sim = await SimNetwork.started({nodes: {...honest.nodes, buyer: {market: {auditPpm: 300_000}}}});
    let audited = 0;
    for (let index = 0; index < 60; index++) {
      const {record} = await sim.run("buyer", {text: `coin ${index}`});
      if (record.attempts.length === 2) audited += 1;
    }
    expect(audited).toBeGreaterThan(8);
    expect(audited).toBeLessThan(30);
    await settled(sim);
  });
});

describe("cancelling", () => {
  it("is free before a provider has committed", async () => {
    const sim = await SimNetwork.started({nodes: {buyer: {}, seller: cheapSeller({msPerToken: 20})}});
    const taskId = await sim.submit("buyer");
    await sim.clock.advance(600);
    await sim.clock.complete(sim.node("buyer").market.tasks.cancel(taskId));
    const {record} = sim.node("buyer").market.taskBook.get(taskId);
    expect(record).toMatchObject({state: "cancelled", chargedUctz: 0n, reason: {code: "TASK_CANCELLED"}});
    await settled(sim);
    expect([...sim.node("seller").market.jobs.all()]).toMatchObject([
      {state: "failed", reason: {code: "TASK_CANCELLED"}},
    ]);
    expect(sim.node("seller").running.executor?.state().busy).toBe(0);
  });

  it("is owed once the provider has committed", async () => {
    const nodes = {
      buyer: {market: {auditPpm: 1_000_000}},
      cheap: cheapSeller(),
      seller: {...seller, executor: {slots: 1, msPerToken: 50}},
    };
    const sim = await SimNetwork.started({nodes});
    const taskId = await sim.submit("buyer");
    const {tasks, taskBook} = sim.node("buyer").market;
    await sim.clock.runUntil(() => taskBook.get(taskId).record.attempts.length === 2, 30_000);
    await sim.clock.advance(500);
    await sim.clock.complete(tasks.cancel(taskId));
    const {record} = taskBook.get(taskId);
    expect(record.attempts.map(({state}) => state)).toEqual(["paid", "cancelled"]);
    expect(record.state).toBe("done");
    await settled(sim);
  });

  it("is refused when the task has ended", async () => {
    const sim = await SimNetwork.started({nodes: {buyer: {}, seller}});
    const {record} = await sim.run("buyer");
    await expect(sim.node("buyer").market.tasks.cancel(record.taskId)).rejects.toMatchObject({
      code: "TASK_FINISHED",
    });
  });
});
