import {accountIdOf} from "@catalyze/core/crypto/accountId";
import type {LogCell} from "@catalyze/core/ledger/cell";
import type {ReplicaInput} from "@catalyze/core/ledger/effects";
import {NO_OP, signOp} from "@catalyze/core/ledger/opCodec";
import type {ChecksAhead} from "@catalyze/core/ports/signer";
import {describe, expect, it} from "vitest";
import {pushAhead, pushOne} from "../../src/ledger/inputsAhead.ts";
import {CTZ, LedgerRig} from "./ledgerRig.ts";
import {testSigner} from "./testSigner.ts";
import {transfer} from "./transfer.ts";

const {genesis} = new LedgerRig({witnesses: 1, followers: 0});
const view = {logCell: () => ({}) as LogCell};
const about = {genesis, replica: {isMember: true, hasEntry: () => false, view}, refusal: () => undefined};
const OP: ReplicaInput = {kind: "op", bytes: new Uint8Array(), from: undefined};

describe("inputs whose signatures are checked elsewhere", () => {
  it("go on when their checks are done, at once when there is nothing to wait for", async () => {
    const {promise, resolve} = Promise.withResolvers<void>();
    let isHeld = false;
    const pushed: string[] = [];
    const checks = {ahead: () => (isHeld ? promise : undefined)};
    const pushAll = pushAhead({checks, ...about}, async (inputs) => {
      pushed.push(...inputs.map(({kind}) => kind));
      return inputs.map(() => []);
    });
    const push = pushOne(pushAll);
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

  it("go in parts, so that a sender that proves bad is left alone after the first of them", async () => {
    const signer = testSigner(1);
    const cell = accountIdOf(signer.publicKey);
    const place = {...{version: 1, network: 1, cell, seq: 1n, prev: NO_OP, deps: []}, validFromEpoch: 0};
    const {bytes} = signOp(
      {...place, validUntilEpoch: 9, fee: 0n, payload: transfer(cell, CTZ)},
      signer,
      new Uint8Array(32),
    );
    const asked: number[] = [];
    const checks: ChecksAhead = {
      async ahead(each) {
        asked.push(each.length);
      },
    };
    const pushAll = pushAhead({checks, ...about}, async (inputs) => inputs.map(() => []));
    const inputs = Array.from({length: 150}, (): ReplicaInput => ({kind: "op", bytes, from: undefined}));
    expect(await pushAll(inputs)).toHaveLength(150);
    expect(asked).toEqual([64, 64, 22]);
  });

  it("are refused when too many wait", async () => {
    const {promise, resolve} = Promise.withResolvers<void>();
    const checks = {ahead: () => promise};
    const push = pushOne(pushAhead({checks, ...about}, async (inputs) => inputs.map(() => [])));
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
