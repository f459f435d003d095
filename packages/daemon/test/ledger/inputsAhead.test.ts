import type {ReplicaInput} from "@catalyze/core/ledger/effects";
import {describe, expect, it} from "vitest";
import {pushAhead} from "../../src/ledger/inputsAhead.ts";
import {CTZ, LedgerRig} from "./ledgerRig.ts";
import {transfer} from "./transfer.ts";

const {genesis} = new LedgerRig({witnesses: 1, followers: 0});
const about = {genesis, replica: {isMember: true, hasEntry: () => false}, refusal: () => undefined};
const OP: ReplicaInput = {kind: "op", bytes: new Uint8Array(), from: undefined};

describe("inputs whose signatures are checked elsewhere", () => {
  it("go on when their checks are done, at once when there is nothing to wait for", async () => {
    const {promise, resolve} = Promise.withResolvers<void>();
    let isHeld = false;
    const pushed: string[] = [];
    const checks = {ahead: () => (isHeld ? promise : undefined)};
    const push = pushAhead({checks, ...about}, async ({kind}) => {
      pushed.push(kind);
      return [];
    });
    await push(OP);
    expect(pushed).toEqual(["op"]);
    isHeld = true;
    const later = push({kind: "tick"});
    await Promise.resolve();
    expect(pushed).toEqual(["op"]);
    resolve();
    await later;
    expect(pushed).toEqual(["op", "tick"]);
  });

  it("are refused when too many wait", async () => {
    const {promise, resolve} = Promise.withResolvers<void>();
    const push = pushAhead({checks: {ahead: () => promise}, ...about}, async () => []);
    const waiting = Array.from({length: 8_192}, () => push(OP));
    await expect(push(OP)).rejects.toMatchObject({code: "QUEUE_FULL"});
    resolve();
    await Promise.all(waiting);
    await expect(push(OP)).resolves.toEqual([]);
  });

  it("bring every node to the same books, however long the checks take, with drops and a crash", async () => {
    const faults = {drop: 0.02, duplicate: 0.02};
    const rig = await LedgerRig.started({witnesses: 4, followers: 1, faults, checksMsMax: 60});
    const to = rig.account(9);
    const pay = (from: number, count: number) =>
      Array.from({length: count}, () => rig.node(from).submit(rig.account(from), transfer(to, CTZ)));
    const first = await rig.clock.complete(
      Promise.all([0, 1, 2, 4].flatMap((from) => pay(from, 20))),
      60_000,
    );
    expect(new Set(first.map(({opId}) => opId)).size).toBe(80);
    rig.crash(3);
    await rig.clock.complete(Promise.all(pay(4, 20)), 60_000);
    await rig.start(3);
    await rig.until(() => rig.homes.every(({node}) => node?.accountView(to)?.balance === 100n * CTZ), 60_000);
    await rig.stop();
  });
});
