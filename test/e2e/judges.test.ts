/** Bounties and bonds between real daemons: one judge, two of three judges with texts that travel, royalties. */
import {rm, writeFile} from "node:fs/promises";
import {join} from "node:path";
import {afterAll, beforeAll, describe, expect, it} from "vitest";
import {until} from "./harness/until.ts";
import {World} from "./harness/world.ts";

let world: World;

beforeAll(async () => {
  world = await World.create([
    {name: "sponsor", balance: 100n},
    {name: "ann", isWitness: false, balance: 100n},
    {name: "ben", isWitness: false, balance: 100n},
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
const accountOf = (name: string) => world.member(name).account;
const judgeOf = async (name: string) =>
  `${accountOf(name)}:${(await ctz(name, "wallet", "show")).json.publicKey}`;
const lockSeen = async (name: string, id: string, leftUctz?: string) =>
  await until(`${name} sees the lock`, async () => {
    const {lock} = (await ctz(name, "ledger", "show", id)).json;
    return lock !== undefined && (leftUctz === undefined || lock.leftUctz === leftUctz) ? lock : undefined;
  });

/** The genesis gave 100 CTZ: all else is in the history. */
async function expectExplained(name: string): Promise<void> {
  const {items} = (await ctz(name, "wallet", "history")).json;
  const {balanceUctz} = (await ctz(name, "wallet", "show")).json;
  const sum = items.reduce((all: bigint, {amountUctz}: {amountUctz: string}) => all + BigInt(amountUctz), 0n);
  expect([name, 100_000_000n + sum]).toEqual([name, BigInt(balanceUctz)]);
}

describe("ctz lock bounty, bond, award, sign", () => {
  it("pays what one judge awards, and nothing else", async () => {
    const [ann, ben] = [await judgeOf("ann"), await judgeOf("ben")];
    for (const [args, code, word] of [
      [["bounty", "10", "--judge", accountOf("ann")], 2, "PAYEE_KEY_UNKNOWN"],
      [["bounty", "1000", "--judge", ann], 6, "FUNDS_INSUFFICIENT"],
      [["bounty", "10", "--judge", ann, "--judge", ben, "--threshold", "1"], 2, "REQUEST_INVALID"],
      [["bond", accountOf("ben"), "10", "--judge", ben], 2, "REQUEST_INVALID"],
      [["award", "f".repeat(64), `${accountOf("ben")}=1`], 4, "LOCK_UNKNOWN"],
      [["take", "garbage"], 6, "VOUCHER_INVALID"],
    ] as const) {
      const said = await ctz("sponsor", "lock", ...args);
      expect([said.code, said.text]).toEqual([code, expect.stringContaining(word)]);
      expect(said.text).not.toContain("provider");
    }
    const opened = await ctz("sponsor", "lock", "bounty", "10", "--judge", ann, "--expires", "1h");
    expect(opened.code).toBe(0);
    const bounty: string = opened.json.lockId;
    await lockSeen("ann", bounty);
    const mine = await ctz("sponsor", "lock", "award", bounty, `${accountOf("ben")}=1`);
    expect([mine.code, mine.text]).toEqual([10, expect.stringContaining("LOCK_NOT_YOURS")]);
    const much = await ctz("ann", "lock", "award", bounty, `${accountOf("ben")}=10`);
    expect([much.code, much.text]).toEqual([6, expect.stringContaining("LOCK_EXHAUSTED")]);
    const paid = await ctz("ann", "lock", "award", bounty, `${accountOf("ben")}=4`, "burn=1");
    expect(paid.json).toMatchObject({isCertified: true, lock: {leftUctz: "4999900"}});
    await lockSeen("sponsor", bounty, "4999900");
    expect((await ctz("ann", "lock", "award", bounty, "--final")).json.lock.isOpen).toBe(false);
  });

  it("pays what two of three judges sign, across a kill, and explains it", async () => {
    const [ann, ben, own] = [await judgeOf("ann"), await judgeOf("ben"), await judgeOf("sponsor")];
    const judges = ["--judge", ann, "--judge", ben, "--judge", own];
    const bond: string = (await ctz("sponsor", "lock", "bond", accountOf("ben"), "8", ...judges)).json.lockId;
    for (const name of ["ann", "ben"]) await lockSeen(name, bond);
    const refused = await ctz("ann", "lock", "award", bond, `${accountOf("ann")}=1`);
    expect([refused.code, refused.text]).toEqual([10, expect.stringContaining("PAYEE_NOT_ALLOWED")]);
    const file = join(world.folder, "award.txt");
    const award = ["lock", "award", bond, `${accountOf("ben")}=3`];
    expect((await ctz("ann", ...award, "-o", file)).json).toMatchObject({isCertified: false, threshold: 2});
    await world.daemon("ann").kill();
    world.spawn("ann");
    await world.daemon("ann").ready();
    await lockSeen("ann", bond);
    const other = await ctz("ann", "lock", "award", bond, `${accountOf("ben")}=2`);
    expect([other.code, other.text]).toEqual([10, expect.stringContaining("AWARD_CONFLICT")]);
    const again = await ctz("ann", ...award);
    const look = await ctz("ben", "lock", "sign", `@${file}`, "--look");
    expect([look.json.award, look.json.signedBy]).toEqual([again.json.award, [accountOf("ann")]]);
    const sent = await ctz("ben", "lock", "sign", `@${file}`);
    expect(sent.json).toMatchObject({isCertified: true, lock: {leftUctz: "4999900"}});
    await lockSeen("sponsor", bond, "4999900");
    const listed = (await ctz("sponsor", "lock", "list")).json.locks;
    expect(listed).toMatchObject([{lockId: bond, refundTo: accountOf("sponsor"), leftUctz: "4999900"}]);
    for (const name of ["sponsor", "ann", "ben"]) await expectExplained(name);
  });

  it("shares a lock by hand with a seed, whose holders harvest when the epoch has ended", async () => {
    const manifest = join(world.folder, "manifest.json");
    await writeFile(manifest, "{}");
    const issue = ["wallet", "issue", "seed", "100", "--file", manifest, "--royalty", "5%"];
    const asset: string = (await ctz("ann", ...issue)).json.assetId;
    const none = await ctz("ann", "wallet", "harvest", asset);
    expect([none.code, none.text]).toEqual([6, expect.stringContaining("NOTHING_TO_HARVEST")]);
    const notMine = await until("the seed is known", async () => {
      const said = await ctz("ben", "wallet", "rate", asset, "7.5%");
      return said.code === 4 ? undefined : said;
    });
    expect([notMine.code, notMine.text]).toEqual([10, expect.stringContaining("ASSET_NOT_YOURS")]);
    const ben = await judgeOf("ben");
    const opened = await until("the sponsor knows the seed", async () => {
      const said = await ctz("sponsor", "lock", "open", ben, "10", "--share", `pot:${asset}`);
      return said.code === 4 ? undefined : said;
    });
    const lock: string = opened.json.lockId;
    await lockSeen("ben", lock);
    const {voucher} = (await ctz("sponsor", "lock", "pay", lock, "10")).json;
    expect((await ctz("ben", "lock", "claim", lock, "--voucher", voucher, "--final")).code).toBe(0);
    const rated = await ctz("ann", "wallet", "rate", asset, "7.5%");
    expect([rated.code, rated.json.bps]).toEqual([0, 750]);
    const held = async () => (await ctz("ann", "wallet", "assets")).json.assets[0];
    await until(
      "the epoch has ended",
      async () => ((await held()).harvestableUctz === "0" ? undefined : true),
      120_000,
    );
    expect(await held()).toMatchObject({harvestableUctz: "500000"});
    expect((await ctz("ann", "wallet", "harvest")).json).toMatchObject({
      harvests: [{assetId: asset, amountUctz: "500000"}],
    });
    await until("the royalty is in the history", async () => {
      const {items} = (await ctz("ann", "wallet", "history")).json;
      return items.find(({kind}: {kind: string}) => kind === "royalty");
    });
    for (const name of ["sponsor", "ann", "ben"]) {
      await expectExplained(name);
      expect((await world.daemon(name).ctz(["ledger", "verify", "--deep"])).code).toBe(0);
    }
  });
});
