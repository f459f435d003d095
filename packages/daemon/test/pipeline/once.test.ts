/** A task runs once, and is acknowledged only when it is on disk, whoever asks and when. */
import {describe, expect, it} from "vitest";
import {auditEnded} from "../../../../test/sim/market/audit.ts";
import {SimNetwork, submissionOf} from "../../../../test/sim/market/simNetwork.ts";
import {seller} from "./sellers.ts";

const nodes = {seller, buyer: {market: {auditPpm: 0}}};

describe("a task runs once", () => {
  it("to its end, also when it is submitted while its node takes up what an earlier life left", async () => {
    let done = 0;
    for (let seed = 1; seed <= 25; seed++) {
      const sim = await SimNetwork.started({seed, nodes, witnesses: 1, diskMsMax: 40});
      const buyer = sim.node("buyer");
      for (let count = 0; count < 3; count++) await sim.submit("buyer", {text: `left open ${count}`});
      buyer.crash();
      const starting = buyer.start();
      await sim.clock.advance(seed >> 1);
      const {taskId} = await sim.clock.complete(
        buyer.market.tasks.create(submissionOf({text: "early", timeoutMs: 60_000})),
      );
      await sim.clock.complete(starting);
      const {record} = await sim.ended("buyer", taskId);
      await sim.clock.advance(30_000);
      if (record.state === "done") done += 1;
      const starts = record.attempts.map(({startedAtMs, endedAtMs}) => [startedAtMs, endedAtMs ?? Infinity]);
      // One after the other, never side by side.
      for (const [at, [from]] of starts.entries())
        expect(from, `seed ${seed}`).toBeGreaterThanOrEqual(starts[at - 1]?.[1] ?? 0);
      expect(auditEnded(sim), `seed ${seed}`).toEqual([]);
    }
    // Asks are heard within an interval of the start, and so long tasks wait.
    expect(done).toBe(25);
  });

  it("although what is open is taken up again", async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const sim = await SimNetwork.started({seed, nodes, diskMsMax: 40});
      await sim.run("buyer", {text: "before"});
      const {tasks, taskBook} = sim.node("buyer").market;
      const taskId = await sim.submit("buyer", {text: "open"});
      await sim.clock.advance(seed * 6);
      await sim.clock.complete(tasks.start());
      const {record} = await sim.ended("buyer", taskId);
      await sim.clock.advance(20_000);
      expect(
        record.attempts.map(({state}) => state),
        `seed ${seed}`,
      ).toEqual(["paid"]);
      expect(taskBook.get(taskId).extras.receipts).toHaveLength(1);
      expect(auditEnded(sim), `seed ${seed}`).toEqual([]);
    }
  });

  it("and the second to ask under its key is told only what is on disk", async () => {
    const sim = await SimNetwork.started({nodes, diskMsMax: 40});
    const buyer = sim.node("buyer");
    buyer.faults.isFull = true;
    const ask = submissionOf({text: "twice", idempotencyKey: "twice"});
    const both = Promise.allSettled([buyer.market.tasks.create(ask), buyer.market.tasks.create(ask)]);
    for (const result of await sim.clock.complete(both))
      expect(result).toMatchObject({status: "rejected", reason: {code: "STORE_FULL"}});
    buyer.faults.isFull = false;
    const again = await sim.clock.complete(
      Promise.all([buyer.market.tasks.create(ask), buyer.market.tasks.create(ask)]),
    );
    expect(again.map(({isNew}) => isNew).sort()).toEqual([false, true]);
    expect(new Set(again.map(({taskId}) => taskId)).size).toBe(1);
    expect((await sim.ended("buyer", again[0]?.taskId ?? ("" as never))).record.state).toBe("done");
  });
});
