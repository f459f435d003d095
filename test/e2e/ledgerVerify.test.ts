/** A real daemon's ledger, verified from its logs: through the daemon, from the home, from a file, and damaged. */
import {readFileSync, truncateSync} from "node:fs";
import {rename, rm} from "node:fs/promises";
import {join} from "node:path";
import {KEY} from "@catalyze/core/ledger/storeKeys";
import {LevelStore} from "@catalyze/daemon/store/levelStore";
import {afterAll, afterEach, beforeAll, describe, expect, it} from "vitest";
import {type CliResult, ctz} from "./harness/cli.ts";
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

async function verify(...flags: string[]): Promise<CliResult> {
  return await ctz(["ledger", "verify", "--deep", "--json", "--home", daemon.home, ...flags]);
}

/** One bit of the first record under a prefix; the result puts it back. */
async function damage(prefix: string, at: number): Promise<() => Promise<void>> {
  const write = async (key: string, value: Uint8Array) => {
    const store = await LevelStore.open(daemon.layout.db);
    await store.write([{key, value}], {sync: true});
    await store.close();
  };
  const store = await LevelStore.open(daemon.layout.db);
  const [first] = await store.range(prefix, {limit: 1});
  await store.close();
  const [key, value] = first!;
  const changed = value.slice();
  changed[at] = changed[at]! ^ 1;
  await write(key, changed);
  return async () => await write(key, value);
}

describe("ctz ledger verify --deep", () => {
  it("agrees with a daemon, its home and its export, and names what was damaged", async () => {
    daemon = new Daemon({home: join(folder, "home"), flags: ["--p2p-port", "0"]});
    await daemon.spawn().ready();
    for (const amount of ["1", "2", "3"])
      expect((await daemon.ctz(["wallet", "send", "ab".repeat(32), amount])).code).toBe(0);
    await until("a checkpoint has them all", async () => {
      const {balances} = await daemon.client.call("ledgerBalances", {});
      return balances.some(({balanceUctz}) => balanceUctz === "6000000");
    });

    const running = await verify();
    expect(running.code, running.stdout).toBe(0);
    expect(running.json).toMatchObject({ok: true, source: "daemon", ops: 3, cells: 2});
    expect(Number(running.json.entries)).toBeGreaterThan(0);
    const {height} = await daemon.client.call("ledger", {});
    expect(Number(running.json.heights)).toBeLessThanOrEqual(Number(height));

    const file = join(folder, "net.ledger");
    expect((await ctz(["ledger", "export", "-o", file, "--home", daemon.home])).code).toBe(0);
    const nowhere = ["--home", join(folder, "nowhere"), "--json", "--file", file];
    const offline = await ctz(["ledger", "verify", "--deep", ...nowhere]);
    expect(offline.json).toMatchObject({
      ok: true,
      source: "file",
      ops: 3,
      genesisHash: running.json.genesisHash,
    });
    expect((await verify("--file", file, "--genesis", daemon.layout.genesis)).code).toBe(0);

    // A home whose daemon cannot be reached is still the daemon's.
    await rename(daemon.layout.run, `${daemon.layout.run}.away`);
    const locked = await verify();
    expect(locked.json.error).toMatchObject({code: "HOME_LOCKED", evidence: {pid: daemon.pid}});
    await rename(`${daemon.layout.run}.away`, daemon.layout.run);
    await daemon.stop();

    const stopped = await verify();
    expect(stopped.json).toMatchObject({ok: true, source: "home", ops: 3});
    const {stateRoot} = stopped.json;

    const cellIsBack = await damage(KEY.cells, 41);
    const cell = await verify();
    expect(cell.code).toBe(7);
    expect(cell.json).toMatchObject({ok: false, stateRoot, divergence: {field: "seq"}});
    expect(cell.json.divergence.item).toMatch(/^cell [0-9a-f]{64}$/);
    // What is wrong is written as it is: whoever reads the file finds the same.
    const wrong = join(folder, "wrong.ledger");
    expect((await ctz(["ledger", "export", "-o", wrong, "--home", daemon.home])).code).toBe(0);
    expect((await verify("--file", wrong)).json.divergence).toEqual(cell.json.divergence);
    await cellIsBack();

    const checkpointIsBack = await damage(KEY.checkpoints, 4 + 20);
    const checkpoint = await verify();
    expect(checkpoint.code).toBe(7);
    expect(checkpoint.json.divergence).toMatchObject({height: "1", item: "checkpoint 1", field: "parent"});
    await checkpointIsBack();

    const entryIsBack = await damage(KEY.entries, 100);
    expect((await verify()).json.divergence).toMatchObject({item: "entry 0/1/1"});
    await entryIsBack();
    expect((await verify()).json).toMatchObject({ok: true, stateRoot});

    truncateSync(file, readFileSync(file).length - 20);
    const cut = await verify("--file", file);
    expect([cut.code, cut.json.error.code]).toEqual([7, "LEDGER_FILE_INVALID"]);
  });
});
