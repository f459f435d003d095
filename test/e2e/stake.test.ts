/** Stake of a real daemon: staked, taken back, cooled down, and still adding up after a kill. */
import {rm} from "node:fs/promises";
import {join} from "node:path";
import {afterAll, afterEach, beforeAll, describe, expect, it} from "vitest";
import {Daemon} from "./harness/daemon.ts";
import {until} from "./harness/until.ts";
import {makeFolder} from "./harness/world.ts";

let folder: string;
let daemon: Daemon;

beforeAll(async () => {
  folder = await makeFolder();
});
afterEach(async () => {
  if (daemon?.isRunning) await daemon.kill();
});
afterAll(() => rm(folder, {recursive: true, force: true}));

describe("ctz wallet stake", () => {
  it("puts balance at stake and takes it back through cooling, across a kill", async () => {
    daemon = new Daemon({home: join(folder, "home"), flags: ["--p2p-port", "0"]});
    await daemon.spawn().ready();
    const before = BigInt((await daemon.client.call("wallet", {})).balanceUctz);
    expect((await daemon.ctz(["wallet", "stake", "5"])).code).toBe(0);
    expect((await daemon.ctz(["wallet", "stake", "2", "--kind", "witness"])).code).toBe(0);
    const tooMuch = await daemon.ctz(["wallet", "unstake", "5", "--kind", "witness", "--json"]);
    expect(tooMuch.code).not.toBe(0);
    expect(tooMuch.stdout + tooMuch.stderr).toContain("FUNDS_INSUFFICIENT");
    expect((await daemon.ctz(["wallet", "stake", "1", "--kind", "boss"])).code).not.toBe(0);
    expect((await daemon.ctz(["wallet", "unstake", "2", "--kind", "witness"])).code).toBe(0);
    const cooled = async () =>
      await until("the checkpoint lets it cool", async () => {
        const view = await daemon.client.call("wallet", {});
        return view.cooling.length === 1 ? view : undefined;
      });
    expect((await cooled())?.cooling[0]).toMatchObject({stake: "witness", amountUctz: "2000000"});
    await daemon.kill();
    await daemon.spawn().ready();
    const after = await cooled();
    expect(after?.stakedUctz).toBe("7000000");
    const fees = BigInt(3) * 100n;
    expect(BigInt(after?.balanceUctz ?? 0)).toBe(before - 7_000_000n - fees);
    const shown = await daemon.ctz(["wallet", "show"]);
    expect(shown.json).toMatchObject({cooling: [{stake: "witness", amountUctz: "2000000"}]});
    expect((await daemon.ctz(["ledger", "verify"])).code).toBe(0);
    expect((await daemon.ctz(["ledger", "verify", "--deep"])).code).toBe(0);
  });
});
