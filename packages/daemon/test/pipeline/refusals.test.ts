import {CodedError, toCodedError} from "@catalyze/core/errors/codedError";
import {describe, expect, it} from "vitest";
import {auditEnded} from "../../../../test/sim/market/audit.ts";
import {type Ask, CTZ, SimNetwork, submissionOf} from "../../../../test/sim/market/simNetwork.ts";
import {cheapSeller, seller} from "./sellers.ts";

describe("a task that cannot be done", () => {
  const ends: readonly (readonly [string, Ask, string])[] = [
    ["a maximum below every ask", {priceMax: 10n}, "PRICE_ABOVE_MAX"],
    ["a default maximum below every ask", {priceMax: 10n, isPriceDefault: true}, "NEEDS_CONFIRMATION"],
    ["a class that nobody sells", {name: "verse"}, "NO_PROVIDER"],
    ["no middleware", {route: "middleware"}, "NO_PROVIDER"],
    ["an auction below every price", {route: "auction", priceMax: 10n}, "PRICE_ABOVE_MAX"],
    ["two opinions and one provider", {copies: 2}, "VERIFY_NO_SECOND"],
  ];

  it.each(ends)("ends %s with its code, uncharged, and the next task works", async (_, ask, code) => {
    const sim = await SimNetwork.started({nodes: {buyer: {}, seller}});
    const {record} = await sim.run("buyer", ask);
    expect(record).toMatchObject({state: "failed", reason: {code}, chargedUctz: 0n});
    expect((await sim.run("buyer", {text: "the next one"})).record.state).toBe("done");
    await sim.clock.advance(5_000);
    expect(auditEnded(sim)).toEqual([]);
  });

  const throws: readonly (readonly [string, Ask, string])[] = [
    ["an unknown class", {name: "nothing"}, "TASK_CLASS_UNKNOWN"],
    ["a parameter that does not exist", {params: {speed: 9}}, "INPUT_INVALID"],
    ["an input that is too large", {input: new Uint8Array((4 << 20) + 1)}, "INPUT_TOO_LARGE"],
    ["an input that is no text", {input: Uint8Array.of(0xff, 0xfe)}, "INPUT_INVALID"],
    ["a key that is too long", {idempotencyKey: "k".repeat(10_000)}, "REQUEST_INVALID"],
  ];

  it.each(throws)("refuses %s before anything is promised", async (_, ask, code) => {
    const sim = await SimNetwork.started({nodes: {buyer: {}, seller}});
    await expect(sim.submit("buyer", ask)).rejects.toMatchObject({code});
    expect(sim.node("buyer").market.taskBook.list()).toEqual([]);
  });

  it("says that the wallet is empty", async () => {
    const sim = await SimNetwork.started({nodes: {buyer: {balance: 50n}, seller}});
    const {record} = await sim.run("buyer");
    expect(record).toMatchObject({state: "failed", reason: {code: "FUNDS_INSUFFICIENT"}});
    await sim.clock.advance(5_000);
    expect(auditEnded(sim)).toEqual([]);
  });

  it("says that there are no peers", async () => {
    const sim = await SimNetwork.started({nodes: {buyer: {}}});
    const {record} = await sim.run("buyer");
    expect(record).toMatchObject({state: "failed", reason: {code: "NO_PEERS"}});
  });

  it("waits a moment for a provider that is just starting", async () => {
    const sim = await SimNetwork.started({nodes: {buyer: {}, seller}});
    sim.node("seller").crash();
    await sim.clock.advance(500);
    const taskId = await sim.submit("buyer");
    await sim.clock.advance(500);
    await sim.clock.complete(sim.node("seller").start());
    expect((await sim.ended("buyer", taskId)).record.state).toBe("done");
  });

  it("forgets asks that are not renewed", async () => {
    const sim = await SimNetwork.started({nodes: {buyer: {}, seller}});
    sim.node("seller").market.askService.stop();
    await sim.clock.advance(31_000);
    const {record} = await sim.run("buyer");
    expect(record).toMatchObject({state: "failed", reason: {code: "NO_PROVIDER"}});
  });

  it.each([
    3_600_000, -3_600_000,
  ])("names nobody guilty of a clock that is off by %i ms", async (clockSkewMs) => {
    const sim = await SimNetwork.started({nodes: {buyer: {}, seller: {...seller, clockSkewMs}}});
    const {record} = await sim.run("buyer");
    expect(record).toMatchObject({state: "failed", reason: {code: "NO_PROVIDER"}, chargedUctz: 0n});
    for (const {running} of sim.nodes) expect(running.net.penalties).toEqual([]);
  });

  it("bears clocks that are off by a minute", async () => {
    const sim = await SimNetwork.started({nodes: {buyer: {}, seller: {...seller, clockSkewMs: -60_000}}});
    expect((await sim.run("buyer")).record.state).toBe("done");
  });

  it("says that the ledger does not certify", async () => {
    const sim = await SimNetwork.started({nodes: {buyer: {}, seller}});
    sim.world.ledger.isHalted = true;
    const {record} = await sim.run("buyer");
    expect(record).toMatchObject({state: "failed", reason: {code: "OP_TIMEOUT"}, chargedUctz: 0n});
    sim.world.ledger.isHalted = false;
    expect((await sim.run("buyer", {text: "later"})).record.state).toBe("done");
    await sim.clock.advance(5_000);
    expect(auditEnded(sim)).toEqual([]);
  });

  it("takes no more open tasks than it may", async () => {
    const sim = await SimNetwork.started({nodes: {buyer: {market: {openTasksMax: 3}}, seller}});
    const {tasks} = sim.node("buyer").market;
    const made = Promise.allSettled(
      Array.from({length: 8}, (_, index) => tasks.create(submissionOf({text: `${index}`}))),
    );
    const results = await sim.clock.complete(made);
    expect(results.filter(({status}) => status === "fulfilled")).toHaveLength(3);
    for (const result of results)
      if (result.status === "rejected") expect(result.reason).toMatchObject({code: "QUEUE_FULL"});
  });

  it("goes elsewhere when a provider's disk is full, which that provider can explain", async () => {
    const sim = await SimNetwork.started({
      nodes: {buyer: {market: {auditPpm: 0}}, seller, cheap: cheapSeller()},
    });
    const {faults, market} = sim.node("cheap");
    faults.isFull = true;
    const {record} = await sim.run("buyer");
    expect(record.state).toBe("done");
    expect(record.attempts).toMatchObject([
      {state: "failed", reason: {code: "PROVIDER_REFUSED", message: expect.stringContaining("STORE_FULL")}},
      {state: "paid"},
    ]);
    expect([...market.jobs.all()]).toMatchObject([{state: "refused", reason: {code: "STORE_FULL"}}]);
    faults.isFull = false;
    // Left alone for half a minute, then asked again.
    await sim.clock.advance(31_000);
    await sim.run("buyer", {text: "with room"});
    await sim.clock.advance(1_000);
    expect([...market.jobs.all()]).toMatchObject([{state: "refused"}, {state: "paid"}]);
    expect(auditEnded(sim)).toEqual([]);
  });

  it("ends with STORE_FULL on a full disk, charges nothing, and works again", async () => {
    const sim = await SimNetwork.started({nodes: {buyer: {market: {auditPpm: 0}}, seller}});
    const buyer = sim.node("buyer");
    for (let writes = 0; writes < 12; writes++) {
      buyer.faults.fillAfter(writes);
      const ask = submissionOf({text: `full after ${writes}`, idempotencyKey: `${writes}`});
      const made = await sim.clock.complete(
        buyer.market.tasks.create(ask).catch((error: unknown) => toCodedError(error)),
      );
      if (made instanceof CodedError) {
        expect(made.code).toBe("STORE_FULL");
        buyer.faults.clear();
      } else {
        await sim.clock.advance(4_000);
        buyer.faults.clear();
        const {record} = await sim.ended("buyer", made.taskId);
        if (record.state !== "done") expect(record.reason?.code).toBe("STORE_FULL");
      }
      await sim.clock.advance(3_000);
      // What the disk has now is what the node knew.
      const known = buyer.market.taskBook.list().map(({record}) => [record.state, record.chargedUctz]);
      buyer.crash();
      await sim.clock.advance(500);
      await sim.clock.complete(buyer.start());
      expect(buyer.market.taskBook.list().map(({record}) => [record.state, record.chargedUctz])).toEqual(
        known,
      );
      await sim.clock.advance(15_000);
      expect(auditEnded(sim)).toEqual([]);
    }
    expect((await sim.run("buyer", {text: "space again"})).record.state).toBe("done");
    expect(sim.balance(buyer.account)).toBeLessThan(1_000n * CTZ);
  });
});
