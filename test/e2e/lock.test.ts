/** An escrow, a judge's escrow and a retainer between real daemons, with vouchers that travel as files. */
import {rm} from "node:fs/promises";
import {join} from "node:path";
import {afterAll, beforeAll, describe, expect, it} from "vitest";
import {until} from "./harness/until.ts";
import {World} from "./harness/world.ts";

let world: World;

beforeAll(async () => {
  world = await World.create([
    {name: "client", balance: 100n},
    {name: "maker", isWitness: false, balance: 100n},
    {name: "judge", isWitness: false, balance: 100n},
  ]);
  await world.up();
});
afterAll(async () => {
  await world.close();
  await rm(world.folder, {recursive: true, force: true});
});

const ctz = async (name: string, ...args: string[]) => {
  const {code, stdout, stderr, json} = await world.daemon(name).ctz(args);
  return {code, text: stdout + stderr, json};
};
const payeeOf = async (name: string) => {
  const {account, publicKey} = (await ctz(name, "wallet", "show")).json;
  return `${account}:${publicKey}`;
};
const lockSeen = async (name: string, id: string) =>
  await until(`${name} sees the lock`, async () => {
    const {json} = await ctz(name, "ledger", "show", id);
    return json.lock;
  });

/** The genesis gave 100 CTZ: all else is in the history. */
async function expectExplained(name: string): Promise<void> {
  const {items} = (await ctz(name, "wallet", "history")).json;
  const {balanceUctz} = (await ctz(name, "wallet", "show")).json;
  const sum = items.reduce((all: bigint, {amountUctz}: {amountUctz: string}) => all + BigInt(amountUctz), 0n);
  expect(100_000_000n + sum).toBe(BigInt(balanceUctz));
}

describe("ctz lock", () => {
  it("pays by vouchers in files, across a kill of the payee, and gives the rest back", async () => {
    const maker = await payeeOf("maker");
    const [account = ""] = maker.split(":");
    for (const [args, code, word] of [
      [["open", account, "10"], 2, "PAYEE_KEY_UNKNOWN"],
      [["open", `${account}:${"0".repeat(64)}`, "10"], 2, "PAYEE_KEY_UNKNOWN"],
      [["open", maker, "1000"], 6, "FUNDS_INSUFFICIENT"],
      [["open", maker, "100uctz"], 2, "AMOUNT_INVALID"],
      [["pay", "f".repeat(64), "1"], 4, "LOCK_UNKNOWN"],
    ] as const) {
      const said = await ctz("client", "lock", ...args);
      expect([said.code, said.text]).toEqual([code, expect.stringContaining(word)]);
    }
    const opened = await ctz("client", "lock", "open", maker, "10", "--expires", "1h", "--memo", "a logo");
    expect(opened.code).toBe(0);
    const lock: string = opened.json.lockId;
    expect((await ctz("client", "wallet", "show")).json.lockedUctz).toBe("10000000");
    const file = join(world.folder, "voucher.txt");
    expect((await ctz("client", "lock", "pay", lock, "4", "-o", file)).code).toBe(0);
    const again = await ctz("client", "lock", "pay", lock, "4");
    expect([again.code, again.json.totalUctz]).toEqual([0, "4000000"]);

    await lockSeen("maker", lock);
    const stolen = await ctz("judge", "lock", "take", `@${file}`);
    expect([stolen.code, stolen.text]).toEqual([10, expect.stringContaining("LOCK_NOT_YOURS")]);
    expect((await ctz("maker", "lock", "take", `@${file}`)).json).toMatchObject({
      claimableUctz: "4000000",
      isPlain: true,
    });
    // What was taken outlives the process: the claim shows the voucher from disk.
    await world.daemon("maker").kill();
    world.spawn("maker");
    await world.daemon("maker").ready();
    const claimed = await ctz("maker", "lock", "claim", lock);
    if (claimed.code !== 0) expect(claimed.text).toContain("NOTHING_TO_CLAIM");
    const drawn = async () => (await ctz("maker", "ledger", "show", lock)).json.lock.drawnUctz;
    await until("it is drawn", async () => ((await drawn()) === "4000000" ? true : undefined));
    expect((await ctz("maker", "lock", "claim", lock, "--final")).json).toMatchObject({
      lock: {isOpen: false},
    });
    await until("the rest is back", async () => {
      const {lockedUctz} = (await ctz("client", "wallet", "show")).json;
      return lockedUctz === "0" ? true : undefined;
    });
    const late = await ctz("client", "lock", "pay", lock, "5");
    expect([late.code, late.text]).toEqual([6, expect.stringContaining("LOCK_CLOSED")]);
    for (const name of ["client", "maker"]) await expectExplained(name);
  });

  it("lets a judge decide, and a clock pay until notice", async () => {
    const [maker, judge] = [await payeeOf("maker"), await payeeOf("judge")];
    const judged = (await ctz("client", "lock", "open", maker, "6", "--judge", judge)).json.lockId;
    await lockSeen("judge", judged);
    const mine = await ctz("client", "lock", "pay", judged, "6");
    expect([mine.code, mine.text]).toEqual([10, expect.stringContaining("LOCK_NOT_YOURS")]);
    const {voucher} = (await ctz("judge", "lock", "pay", judged, "5")).json;
    await lockSeen("maker", judged);
    const claimed = await ctz("maker", "lock", "claim", judged, "--voucher", voucher, "--final");
    expect(claimed.json).toMatchObject({lock: {drawnUctz: "5000000", isOpen: false}});

    const retainer = (await ctz("client", "lock", "open", maker, "10", "--rate", "2000uctz")).json.lockId;
    await lockSeen("maker", retainer);
    const noticed = await ctz("client", "lock", "notice", retainer);
    expect(noticed.code).toBe(0);
    const ended = await until("the clock has stopped", async () => {
      const {lock, height} = (await ctz("maker", "ledger", "show", retainer)).json;
      return BigInt(height) > BigInt(lock.authority.endHeight) ? lock : undefined;
    });
    const {startHeight, endHeight} = ended.authority;
    const drawn = await ctz("maker", "lock", "claim", retainer);
    expect(drawn.json.lock.drawnUctz).toBe(String(2_000n * (BigInt(endHeight) - BigInt(startHeight))));
    const more = await ctz("maker", "lock", "claim", retainer);
    expect([more.code, more.text]).toEqual([6, expect.stringContaining("NOTHING_TO_CLAIM")]);
    expect((await ctz("maker", "lock", "list")).json.locks).toMatchObject([{lockId: retainer}]);
    for (const name of ["client", "maker", "judge"]) {
      await expectExplained(name);
      expect((await world.daemon(name).ctz(["ledger", "verify", "--deep"])).code).toBe(0);
    }
  });
});
