import {chargeAt} from "@catalyze/core/market/price";
import {utf8} from "@catalyze/core/primitives/bytes";
import {describe, expect, it} from "vitest";
import {auditEnded} from "../../../../test/sim/market/audit.ts";
import {SimNetwork, submissionOf} from "../../../../test/sim/market/simNetwork.ts";
import {PRICE, seller} from "./sellers.ts";

describe("a direct task", () => {
  it("runs, is charged what it used, and leaves a receipt that both signed", async () => {
    const sim = await SimNetwork.started({nodes: {buyer: {}, seller}});
    const {record, extras} = await sim.run("buyer");
    expect(record).toMatchObject({state: "done", reason: undefined});
    expect(record.chargedUctz).toBe(chargeAt({unit: "token", ...PRICE}, extras.units ?? 0n));
    await sim.clock.advance(5_000);
    const [receipt] = sim.node("buyer").market.taskBook.get(record.taskId).extras.receipts;
    expect(receipt?.payerSignature).toHaveLength(128);
    expect(receipt?.providerSignature).toHaveLength(128);
    const [job] = [...sim.node("seller").market.jobs.all()];
    expect(job).toMatchObject({state: "paid", paidUctz: record.chargedUctz});
    expect(auditEnded(sim)).toEqual([]);
  });

  it("shows output as it comes and keeps all of it", async () => {
    const sim = await SimNetwork.started({nodes: {buyer: {}, seller}});
    const taskId = await sim.submit("buyer");
    const chunks: Uint8Array[] = [];
    const phases: string[] = [];
    sim.node("buyer").market.events.listen(taskId, (news) => {
      if (news.kind === "output") chunks.push(news.chunk);
      if (news.kind === "phase") phases.push(news.phase);
    });
    await sim.ended("buyer", taskId);
    const output = await sim.node("buyer").market.taskBook.output(taskId);
    expect(Buffer.concat(chunks).equals(output ?? new Uint8Array())).toBe(true);
    expect(chunks.length).toBeGreaterThan(1);
    expect(phases).toContain("running");
  });

  it("uses the open lock again without any ledger operation", async () => {
    const sim = await SimNetwork.started({nodes: {buyer: {}, seller}});
    const first = await sim.run("buyer", {text: "one"});
    const opsBefore = opsOf(sim);
    const second = await sim.run("buyer", {text: "two"});
    expect(second.record.attempts[0]?.lockId).toBe(first.record.attempts[0]?.lockId);
    expect(opsOf(sim)).toBe(opsBefore);
    expect([first.extras.ledgerFees, second.extras.ledgerFees]).toEqual([100n, 0n]);
    await sim.clock.advance(5_000);
    expect(auditEnded(sim)).toEqual([]);
  });

  it("shares locks among 32 tasks at once, and the vouchers add up exactly", async () => {
    const sim = await SimNetwork.started({nodes: {buyer: {}, seller}});
    const tasks = sim.node("buyer").market.tasks;
    const made = await sim.clock.complete(
      Promise.all(
        Array.from({length: 32}, (_, index) => tasks.create(submissionOf({text: `task ${index}`}))),
      ),
    );
    let charged = 0n;
    const locks = new Set<string | undefined>();
    for (const {taskId} of made) {
      const {record} = await sim.ended("buyer", taskId);
      expect(record.state).toBe("done");
      charged += record.chargedUctz;
      locks.add(record.attempts[0]?.lockId);
    }
    // A lock holds twenty maxima.
    expect(locks.size).toBe(2);
    await sim.clock.advance(5_000);
    const {vouchers} = sim.node("seller").running;
    const received = vouchers.openLocks().map((id) => vouchers.lastReceived(id)?.cumulative ?? 0n);
    expect(received.reduce((sum, each) => sum + each, 0n)).toBe(charged);
    expect(auditEnded(sim)).toEqual([]);
  });

  it("is one task for one idempotency key, also across a restart", async () => {
    const sim = await SimNetwork.started({nodes: {buyer: {}, seller}});
    const ask = {idempotencyKey: "invoice 7"};
    const {record} = await sim.run("buyer", ask);
    const again = () => sim.clock.complete(sim.node("buyer").market.tasks.create(submissionOf(ask)));
    expect(await again()).toEqual({taskId: record.taskId, isNew: false});
    const other = sim.node("buyer").market.tasks.create(submissionOf({...ask, text: "another"}));
    await expect(sim.clock.complete(other)).rejects.toMatchObject({code: "IDEMPOTENCY_CONFLICT"});
    sim.node("buyer").crash();
    await sim.clock.advance(500);
    await sim.clock.complete(sim.node("buyer").start());
    expect(await again()).toEqual({taskId: record.taskId, isNew: false});
    await sim.clock.advance(10_000);
    expect(auditEnded(sim)).toEqual([]);
  });

  it("makes one task of two equal submissions at the same moment", async () => {
    const sim = await SimNetwork.started({nodes: {buyer: {}, seller}});
    const {tasks, taskBook} = sim.node("buyer").market;
    const ask = submissionOf({idempotencyKey: "twice"});
    const made = await sim.clock.complete(Promise.all([tasks.create(ask), tasks.create(ask)]));
    expect(new Set(made.map(({taskId}) => taskId)).size).toBe(1);
    await sim.ended("buyer", made[0]!.taskId);
    expect(taskBook.list()).toHaveLength(1);
    expect(sim.node("seller").running.executor?.runs).toBe(1);
  });

  it("sends an input of many chunks", async () => {
    const sim = await SimNetwork.started({
      nodes: {buyer: {}, seller: {...seller, executor: {slots: 1, msPerToken: 0.001}}},
    });
    const {record} = await sim.run("buyer", {input: utf8("x".repeat(3_000_000)), priceMax: 1_000_000_000n});
    expect(record).toMatchObject({state: "done", reason: undefined});
  });

  it("runs on this node free of charge when it sells the class itself", async () => {
    const sim = await SimNetwork.started({nodes: {buyer: seller, seller}});
    const {record} = await sim.run("buyer");
    expect(record).toMatchObject({state: "done", chargedUctz: 0n});
    expect(record.attempts).toMatchObject([{kind: "local", state: "paid"}]);
    expect(opsOf(sim)).toBe(0);
  });

  it("goes to others when this node's own run fails", async () => {
    const broken = {...seller.executor, behave: () => ({kind: "fail", code: "EXECUTOR_CRASHED"}) as const};
    const sim = await SimNetwork.started({nodes: {buyer: {...seller, executor: broken}, seller}});
    const {record} = await sim.run("buyer");
    expect(record.attempts.map(({kind, state}) => `${kind} ${state}`)).toEqual([
      "local failed",
      "remote paid",
    ]);
    expect(record.state).toBe("done");
  });
});

function opsOf(sim: SimNetwork): number {
  return sim.world.ledger.events.filter(({kind}) => kind === "op").length;
}
