/** The market over the daemon's own ledger: replicas, witnesses, certificates and checkpoints. */
import {splitPreview} from "@catalyze/core/market/legs";
import {fromHex} from "@catalyze/core/primitives/bytes";
import {decodeReceipt} from "@catalyze/core/task/receipt";
import {describe, expect, it} from "vitest";
import {auditEnded} from "./market/audit.ts";
import {CTZ, SimNetwork, submissionOf} from "./market/simNetwork.ts";
import type {SimNodeOptions} from "./market/simNode.ts";
import {runStorm} from "./market/storm.ts";

const START = 1_000n * CTZ;
const seller: SimNodeOptions = {
  prices: {story: {unitPrice: 40_000n, feeMin: 500n}, paid: {unitPrice: 40_000n, feeMin: 500n}},
  executor: {slots: 2, msPerToken: 1},
};
const nodes: Readonly<Record<string, SimNodeOptions>> = {
  buyer: {market: {auditPpm: 0}},
  broker: {market: {middlewareBps: 500}},
  seller1: seller,
  seller2: {...seller, prices: {story: {unitPrice: 10_000n, feeMin: 100n}}},
};

describe.each([1, 4])("a market with %i witnesses", (witnesses) => {
  it("pays by voucher, claims at the epoch, and splits to the µCTZ", async () => {
    const sim = await SimNetwork.started({nodes, witnesses});
    const {record, extras} = await sim.run("buyer", {name: "paid", route: "middleware"});
    expect(record).toMatchObject({state: "done", reason: undefined});
    const {legs, charge} = decodeReceipt(fromHex(extras.receipts[0]?.receipt ?? ""));
    await sim.clock.advance(20_000);
    const share = Object.fromEntries(splitPreview(charge, legs).shares.map(({role, uctz}) => [role, uctz]));
    expect(sim.balance(sim.node("seller1").account) - START).toBe((share["provider"] ?? 0n) - 100n);
    expect(sim.balance(sim.node("broker").account) - START).toBe(share["middleware"]);
    expect(sim.balance(sim.creator)).toBe(share["creator"]);
    expect(sim.state.totals.burned).toBe((share["protocol"] ?? 0n) + 200n);
    expect(auditEnded(sim)).toEqual([]);
    await sim.stop();
  });

  it("shares locks among many tasks and answers within a second of a death", async () => {
    const sim = await SimNetwork.started({nodes, witnesses});
    const {tasks} = sim.node("buyer").market;
    const made = await sim.clock.complete(
      Promise.all(
        Array.from({length: 16}, (_, index) => tasks.create(submissionOf({text: `task ${index}`}))),
      ),
    );
    for (const {taskId} of made) expect((await sim.ended("buyer", taskId)).record.state).toBe("done");
    const taskId = await sim.submit("buyer", {text: "cut off"});
    const {taskBook} = sim.node("buyer").market;
    await sim.clock.runUntil(() => taskBook.get(taskId).record.state === "running", 5_000);
    const {peer} = taskBook.get(taskId).record.attempts[0] ?? {};
    const died = sim.nodes.find((node) => node.peer === peer);
    died?.crash();
    const {record} = await sim.ended("buyer", taskId);
    expect(record.attempts.map(({state, reason}) => reason?.code ?? state)).toEqual([
      "PROVIDER_DIED",
      "paid",
    ]);
    await sim.clock.complete(died?.start() ?? Promise.resolve());
    await sim.clock.advance(20_000);
    expect(auditEnded(sim)).toEqual([]);
    const roots = new Set(
      sim.nodes.map((node) => Buffer.from(node.ledgerHome.state().tree().root()).toString("hex")),
    );
    expect(roots.size).toBeLessThanOrEqual(2);
    await sim.stop();
  });

  it("keeps its books in a storm", async () => {
    for (let seed = 1; seed <= 4; seed++) {
      try {
        const market = {
          sellers: 4,
          buyers: 3,
          tasks: 25,
          stormMs: 15_000,
          diskMsMax: seed % 2 === 0 ? 25 : 0,
        };
        await runStorm({seed, witnesses, ...market});
      } catch (cause) {
        throw new Error(`seed ${seed}: ${cause instanceof Error ? cause.message : String(cause)}`, {cause});
      }
    }
  });
});
