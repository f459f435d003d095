/** Middleware, auctions, and what reaches whom after the claim. */
import {splitPreview} from "@catalyze/core/market/legs";
import {fromHex} from "@catalyze/core/primitives/bytes";
import {decodeReceipt} from "@catalyze/core/task/receipt";
import {describe, expect, it} from "vitest";
import {auditEnded} from "../../../../test/sim/market/audit.ts";
import {CTZ, SimNetwork} from "../../../../test/sim/market/simNetwork.ts";
import {cheapSeller, PRICE, seller} from "./sellers.ts";

const START = 1_000n * CTZ;

describe("a task through a middleware", () => {
  it("pays 85/5/5/5 to the µCTZ once claimed", async () => {
    const sim = await SimNetwork.started({
      nodes: {buyer: {}, broker: {market: {middlewareBps: 500}}, seller},
    });
    const {record, extras} = await sim.run("buyer", {name: "paid", route: "middleware"});
    expect(record).toMatchObject({state: "done", reason: undefined});
    const {legs, charge} = decodeReceipt(fromHex(extras.receipts[0]?.receipt ?? ""));
    expect(legs.map(({role, bps}) => [role, bps])).toEqual([
      ["provider", 8_500],
      ["middleware", 500],
      ["creator", 500],
      ["protocol", 500],
    ]);
    await sim.clock.advance(20_000);
    expect(sim.node("seller").market.claimer.receivable()).toBe(0n);
    const share = Object.fromEntries(splitPreview(charge, legs).shares.map(({role, uctz}) => [role, uctz]));
    // The claim's fee is the provider's.
    expect(sim.balance(sim.node("seller").account) - START).toBe((share["provider"] ?? 0n) - 100n);
    expect(sim.balance(sim.node("broker").account) - START).toBe(share["middleware"]);
    expect(sim.balance(sim.creator)).toBe(share["creator"]);
    expect(sim.state.totals.burned).toBe((share["protocol"] ?? 0n) + 200n);
    expect(auditEnded(sim)).toEqual([]);
  });

  it("is never routed to a middleware that takes more than it may", async () => {
    const sim = await SimNetwork.started({
      nodes: {buyer: {}, broker: {market: {middlewareBps: 9_000}}, seller},
    });
    const {record} = await sim.run("buyer", {route: "middleware"});
    expect(record).toMatchObject({state: "failed", chargedUctz: 0n});
  });

  it("falls back to another provider through the same middleware", async () => {
    const broken = cheapSeller({behave: () => ({kind: "fail", code: "EXECUTOR_FAILED"})});
    const sim = await SimNetwork.started({
      nodes: {buyer: {}, broker: {market: {middlewareBps: 500}}, broken, seller},
    });
    const {record} = await sim.run("buyer", {route: "middleware"});
    expect(record.state).toBe("done");
    expect(record.attempts.at(-1)).toMatchObject({state: "paid", peer: sim.node("seller").peer});
    await sim.clock.advance(5_000);
    expect(auditEnded(sim)).toEqual([]);
  });
});

describe("an auction", () => {
  it("takes the best of the sealed bids and counts the losers", async () => {
    // A seed at which the audit's coin does not fall.
    const nodes = {buyer: {}, cheap: cheapSeller(), seller, watcher: {}};
    const sim = await SimNetwork.started({nodes, seed: 2});
    const {record, extras} = await sim.run("buyer", {route: "auction"});
    expect(record).toMatchObject({state: "done", attempts: [{state: "paid", peer: sim.node("cheap").peer}]});
    expect(extras.reason).toMatch(/^auction with 2 bids/);
    await sim.clock.advance(5_000);
    expect(auditEnded(sim)).toEqual([]);
  });

  it("is held to the bid, and needs nobody's standing ask", async () => {
    const sim = await SimNetwork.started({nodes: {buyer: {}, seller}});
    const {record, extras} = await sim.run("buyer", {route: "auction"});
    expect(record.chargedUctz).toBe(PRICE.feeMin + ((extras.units ?? 0n) * PRICE.unitPrice + 999n) / 1_000n);
  });
});

describe("claims", () => {
  it("come at each epoch, and what is left of a lock returns when it expires", async () => {
    const sim = await SimNetwork.started({nodes: {buyer: {}, seller}, params: {lockExpiryHeights: 30}});
    const {record} = await sim.run("buyer");
    await sim.clock.advance(16_000);
    const {state} = sim;
    expect([...state.locks()].map(({drawn}) => drawn)).toEqual([record.chargedUctz]);
    await sim.clock.advance(120_000);
    // The lock is closed: the buyer has lost the charge and the fee of opening, nothing else.
    expect(START - sim.balance(sim.node("buyer").account)).toBe(record.chargedUctz + 100n);
    expect(sim.node("seller").running.vouchers.openLocks()).toEqual([]);
    expect(sim.node("buyer").running.vouchers.openLocks()).toEqual([]);
    expect(auditEnded(sim)).toEqual([]);
    expect((await sim.run("buyer", {text: "with a new lock"})).record.state).toBe("done");
  });

  it("are made in time by a provider that was away at the epoch's end", async () => {
    const sim = await SimNetwork.started({nodes: {buyer: {}, seller}});
    const {record} = await sim.run("buyer");
    sim.node("seller").crash();
    await sim.clock.advance(100_000);
    await sim.clock.complete(sim.node("seller").start());
    await sim.clock.advance(20_000);
    const burned = (record.chargedUctz * 500n) / 10_000n;
    expect(sim.balance(sim.node("seller").account) - START).toBeGreaterThan(
      record.chargedUctz - burned - 102n,
    );
    expect(auditEnded(sim)).toEqual([]);
  });

  it("do not wait for small sums at shutdown", async () => {
    const sim = await SimNetwork.started({nodes: {buyer: {}, seller}});
    await sim.run("buyer");
    // The buyer has its result while the voucher is on its way.
    await sim.clock.advance(100);
    expect(sim.node("seller").market.claimer.receivable()).toBeGreaterThan(0n);
    await sim.clock.complete(sim.node("seller").market.claimer.claimAll());
    await sim.clock.advance(100);
    expect(sim.node("seller").market.claimer.receivable()).toBe(0n);
    expect(auditEnded(sim)).toEqual([]);
  });
});

describe("a payment that was lost", () => {
  it("arrives when the provider is back", async () => {
    let sim: SimNetwork | undefined;
    sim = await SimNetwork.started({nodes: {buyer: {}, seller}});
    const {faults} = sim.node("seller");
    // Refused, offered, accepted, running, committed: it dies once the commit is on its disk.
    const taskId = await sim.submit("buyer");
    await sim.clock.runUntil(
      () => [...(sim?.node("seller").market.jobs.all() ?? [])].some(({state}) => state === "running"),
      5_000,
    );
    faults.crashAt({afterWrites: 1, isWritten: false, onCrash: () => sim?.node("seller").crash()});
    const {record} = await sim.ended("buyer", taskId);
    expect(record.state).toBe("done");
    await sim.clock.advance(3_000);
    await sim.clock.complete(sim.node("seller").start());
    await sim.clock.advance(15_000);
    expect([...sim.node("seller").market.jobs.all()]).toMatchObject([{state: "paid"}]);
    expect(auditEnded(sim)).toEqual([]);
  });

  it("rides with the next request", async () => {
    const sim = await SimNetwork.started({nodes: {buyer: {}, seller}});
    const {faults} = sim.node("seller");
    const taskId = await sim.submit("buyer");
    await sim.clock.runUntil(
      () => [...sim.node("seller").market.jobs.all()].some(({state}) => state === "committed"),
      5_000,
    );
    // Its disk has no room for the voucher.
    faults.isFull = true;
    await sim.ended("buyer", taskId);
    await sim.clock.advance(500);
    expect([...sim.node("seller").market.jobs.all()]).toMatchObject([{state: "unpaid"}]);
    faults.isFull = false;
    await sim.run("buyer", {text: "the next"});
    await sim.clock.advance(1_000);
    expect([...sim.node("seller").market.jobs.all()]).toMatchObject([{state: "paid"}, {state: "paid"}]);
    expect(auditEnded(sim)).toEqual([]);
  });
});

describe("draining", () => {
  it("finishes what runs and takes nothing new", async () => {
    const sim = await SimNetwork.started({nodes: {buyer: {}, seller: cheapSeller({msPerToken: 20})}});
    const taskId = await sim.submit("buyer");
    await sim.clock.advance(500);
    const stopping = sim.node("seller").market.stop(60_000);
    await sim.clock.advance(100);
    const {record} = await sim.ended("buyer", taskId);
    expect(record.state).toBe("done");
    await sim.clock.complete(stopping);
    expect(auditEnded(sim)).toEqual([]);
  });

  it("keeps an open task of a requester that stops, and ends it after the restart", async () => {
    const sim = await SimNetwork.started({nodes: {buyer: {}, seller: cheapSeller({msPerToken: 20})}});
    const taskId = await sim.submit("buyer", {timeoutMs: 120_000});
    await sim.clock.advance(500);
    await sim.clock.complete(sim.node("buyer").market.stop(200));
    sim.node("buyer").crash();
    await sim.clock.advance(1_000);
    await sim.clock.complete(sim.node("buyer").start());
    const {record} = await sim.ended("buyer", taskId);
    expect(record.state).toBe("done");
    await sim.clock.advance(15_000);
    expect(auditEnded(sim)).toEqual([]);
  });
});
