/** A node dies at each of its disk writes in turn, before or after it, and comes back. */
import {describe, expect, it} from "vitest";
import {auditEnded} from "../../../../test/sim/market/audit.ts";
import {type Ask, SimNetwork, submissionOf} from "../../../../test/sim/market/simNetwork.ts";
import {cheapSeller, seller} from "./sellers.ts";

const KEY = "the one task";
/** Far more writes than a task takes: the loop ends when the node survives. */
const WRITES_MAX = 60;

type Point = {readonly victim: string; readonly afterWrites: number; readonly isWritten: boolean};

/** True when the node died on the way. */
async function surviveCrash(sim: SimNetwork, {victim, ...point}: Point, ask: Ask): Promise<boolean> {
  const node = sim.node(victim);
  const {faults} = node;
  let hasCrashed = false;
  faults.crashAt({
    ...point,
    onCrash() {
      hasCrashed = true;
      node.crash();
    },
  });
  // A dead node's promises never settle; whether it was acknowledged the key will tell.
  sim
    .node("buyer")
    .market.tasks.create(submissionOf({...ask, idempotencyKey: KEY}))
    .catch(() => undefined);
  await sim.clock.advance(8_000);
  faults.clear();
  if (!node.isUp) await sim.clock.complete(node.start());
  await sim.clock.advance(1_000);
  const {taskId} = await sim.clock.complete(
    sim.node("buyer").market.tasks.create(submissionOf({...ask, idempotencyKey: KEY})),
  );
  const {record} = await sim.ended("buyer", taskId);
  await sim.clock.advance(40_000);
  expect(record.reason?.code ?? record.state, JSON.stringify(point)).toBe("done");
  expect(auditEnded(sim), JSON.stringify(point)).toEqual([]);
  const {attempts} = sim.node("buyer").market.taskBook.get(taskId).record;
  expect(attempts.filter(({state}) => state === "paid")).toHaveLength(ask.copies ?? 1);
  // A result that was committed and written down is owed.
  const committed = attempts.filter(({commit}) => commit !== undefined);
  if (ask.copies === undefined) expect(committed.map(({state}) => state)).toEqual(["paid"]);
  return hasCrashed;
}

async function everyWrite(victim: string, ask: Ask, isWarm: boolean): Promise<number> {
  let crashes = 0;
  for (const isWritten of [false, true]) {
    for (let afterWrites = 0; afterWrites < WRITES_MAX; afterWrites++) {
      const sim = await SimNetwork.started({
        seed: afterWrites + 1,
        nodes: {buyer: {market: {auditPpm: 0}}, cheap: cheapSeller(), seller},
      });
      if (isWarm) await sim.run("buyer", {text: "before"});
      await sim.clock.advance(3_000);
      if (!(await surviveCrash(sim, {victim, afterWrites, isWritten}, ask))) break;
      crashes += 1;
    }
  }
  return crashes;
}

describe("a crash at any write", () => {
  it("of the requester leaves one task with one charge", async () => {
    expect(await everyWrite("buyer", {}, false)).toBeGreaterThan(8);
  });

  it("of the requester with an open lock leaves one charge", async () => {
    expect(await everyWrite("buyer", {}, true)).toBeGreaterThan(6);
  });

  it("of the requester of two opinions leaves one charge for each", async () => {
    expect(await everyWrite("buyer", {copies: 2}, true)).toBeGreaterThan(10);
  });

  it("of the provider is answered elsewhere, or paid later", async () => {
    expect(await everyWrite("cheap", {}, false)).toBeGreaterThan(4);
  });
});
