/** No answer shows of the ledger what a crash could take back: it waits until that is on disk. */
import {ASSET_ROUTES} from "@catalyze/api/assetRoutes";
import {LOCK_ROUTES} from "@catalyze/api/lockRoutes";
import {MONEY_ROUTES} from "@catalyze/api/moneyRoutes";
import type {Route} from "@catalyze/api/route";
import {cellsView} from "@catalyze/daemon/facade/cellViews";
import {afterEach, describe, expect, it} from "vitest";
import {CTZ, LedgerRig} from "../ledger/ledgerRig.ts";
import {transfer} from "../ledger/transfer.ts";
import {fakeFacade, fakeState} from "./fakeFacade.ts";
import {type Harness, startHarness, TOKEN} from "./serverHarness.ts";

let harness: Harness | undefined;
afterEach(async () => {
  await harness?.close();
  harness = undefined;
});

const headers = {authorization: `Bearer ${TOKEN}`, host: "127.0.0.1:5150"};
const reads = Object.entries({...MONEY_ROUTES, ...ASSET_ROUTES, ...LOCK_ROUTES} as Record<string, Route>)
  .filter(([, {method, kind}]) => method === "GET" && kind === "json")
  .map(([name, {path}]): [string, string] => [name, path.replace(/\{\w+\}/, "c".repeat(64))]);

/** Whatever an answer needs but the disk has long happened then. */
async function aWhile(): Promise<void> {
  for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

describe("answers that show the ledger", () => {
  it.each([["status", "/api/v1/status"], ...reads])("%s waits for the disk", async (_name, url) => {
    harness = startHarness();
    const {server, state} = harness;
    const {promise, resolve} = Promise.withResolvers<void>();
    state.written = promise;
    let isAnswered = false;
    const reply = server.app.inject({url, headers}).then((answer) => {
      isAnswered = true;
      return answer;
    });
    await aWhile();
    expect(isAnswered).toBe(false);
    resolve();
    expect((await reply).statusCode).toBe(200);
  });

  it("shows a payment only when its writing has ended", async () => {
    const rig = await LedgerRig.started({witnesses: 1, followers: 1});
    const [node, {faults}, to] = [rig.node(1), rig.home(1), rig.account(7)];
    const vouchers = {lastSent: () => undefined, lastReceived: () => undefined};
    harness = startHarness();
    const fake = fakeFacade(fakeState());
    const cells: typeof fake.ledger.cells = async (id) =>
      cellsView(id, {ledger: node, vouchers, account: rig.account(1)});
    harness.server.setFacade({...fake, ledger: {...fake.ledger, cells}, written: node.written});
    const read = () => harness?.server.app.inject({url: `/api/v1/ledger/cells/${to}`, headers});

    await rig.clock.complete(rig.node(0).submit(rig.account(0), transfer(to, CTZ)));
    faults.slowDown(rig.clock, rig.random.fork("disk"), 60_000);
    // Known to the node: its disk is behind.
    await rig.until(() => node.accountView(to) !== undefined);
    let balance: string | undefined;
    const reply = read()?.then((answer) => {
      balance = answer.json().account.balanceUctz;
    });
    await aWhile();
    expect(balance).toBeUndefined();
    await rig.until(() => balance !== undefined, 600_000);
    await reply;
    expect(balance).toBe(CTZ.toString());
    await rig.stop();
  });
});
