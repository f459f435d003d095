/** Real daemons issue, give, sell, burn: what each account has, and why, is what its commands say. */
import {createHash} from "node:crypto";
import {readFile, rm, writeFile} from "node:fs/promises";
import {join} from "node:path";
import {afterAll, beforeAll, describe, expect, it} from "vitest";
import {ctz as runCtz} from "./harness/cli.ts";
import {until} from "./harness/until.ts";
import {World} from "./harness/world.ts";

let world: World;

beforeAll(async () => {
  world = await World.create([
    {name: "artist", balance: 100n},
    {name: "fan", isWitness: false, balance: 100n},
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
const assetsOf = async (name: string) => (await ctz(name, "wallet", "assets")).json.assets;
const historyOf = async (name: string) => (await ctz(name, "wallet", "history")).json.items;

/** The genesis gave 100 CTZ: all else is in the history. */
async function expectExplained(name: string, asset: string): Promise<void> {
  const items = await historyOf(name);
  const {balanceUctz} = (await ctz(name, "wallet", "show")).json;
  const sum = items.reduce((all: bigint, {amountUctz}: {amountUctz: string}) => all + BigInt(amountUctz), 0n);
  expect(100_000_000n + sum).toBe(BigInt(balanceUctz));
  const moved = items.filter(({assetId}: {assetId?: string}) => assetId === asset);
  const units = moved.reduce((all: bigint, each: {units: string}) => all + BigInt(each.units), 0n);
  const held = (await assetsOf(name)).find(({assetId}: {assetId: string}) => assetId === asset);
  expect(units).toBe(BigInt(held?.units ?? "0"));
}

describe("ctz wallet assets", () => {
  it("issues, gives, sells and burns units, tells what came of each offer, and proves it all after a kill", async () => {
    expect(await assetsOf("fan")).toEqual([]);
    const manifest = join(world.folder, "manifest.json");
    await writeFile(manifest, '{"title": "a seed"}');
    const issued = await ctz(
      "artist",
      "wallet",
      "issue",
      "seed",
      "1000",
      "--file",
      manifest,
      "--royalty",
      "500",
    );
    expect([issued.code, issued.json.feeUctz]).toEqual([0, "400"]);
    const asset: string = issued.json.assetId;
    const contentHash = createHash("sha256").update('{"title": "a seed"}').digest("hex");

    // What cannot be done says who is at fault, and what to do.
    for (const [args, code, word] of [
      [["send", accountOf("fan"), "1001", "--asset", asset], 6, "UNITS_INSUFFICIENT"],
      [["send", accountOf("fan"), "5", "--asset", "f".repeat(64)], 4, "ASSET_UNKNOWN"],
      [["burn", "1001", "--asset", asset], 6, "UNITS_INSUFFICIENT"],
      [["sell", `1001@${asset}`, "1"], 6, "UNITS_INSUFFICIENT"],
      [["sell", "101", `1@${asset}`], 6, "FUNDS_INSUFFICIENT"],
      [["sell", "1", "2"], 2, "REQUEST_INVALID"],
      [["sell", "1", `1@${asset}`, "--only", accountOf("artist")], 2, "REQUEST_INVALID"],
      [["buy", "f".repeat(64)], 4, "SALE_UNKNOWN"],
      [["issue", "right", "5", "--content", contentHash, "--royalty", "1"], 2, "REQUEST_INVALID"],
    ] as const) {
      const said = await ctz("artist", "wallet", ...args);
      expect([said.code, said.text]).toEqual([code, expect.stringContaining(word)]);
    }

    const sent = await ctz("artist", "wallet", "send", accountOf("fan"), "40", "--asset", asset);
    expect([sent.code, sent.json.feeUctz]).toEqual([0, "200"]);
    await until("the units are there", async () => ((await assetsOf("fan")).length === 1 ? true : undefined));
    expect(await assetsOf("fan")).toMatchObject([
      {
        assetId: asset,
        kind: "seed",
        units: "40",
        supply: "1000",
        royaltyBps: 500,
        contentHash,
        isIssuer: false,
      },
    ]);

    // Whoever has the genesis can tell that the gift counts, with no daemon.
    const file = join(world.folder, "given.json");
    expect((await ctz("artist", "ledger", "proof", "--op", sent.json.opId, "-o", file)).code).toBe(0);
    const {genesis} = world.daemon("fan").layout;
    const checked = await runCtz(["ledger", "proof", "--check", file, "--genesis", genesis, "--json"]);
    expect([checked.code, checked.json]).toMatchObject([
      0,
      {kind: "transfer", votes: 1, outputs: [{to: accountOf("fan"), assetId: asset, units: "40"}]},
    ]);
    const text = await readFile(file, "utf8");
    await writeFile(file, text.replace(sent.json.opId, "f".repeat(64)));
    const forged = await runCtz(["ledger", "proof", "--check", file, "--genesis", genesis, "--json"]);
    expect([forged.code, forged.json.error.code]).toEqual([7, "PROOF_INVALID"]);
    expect((await ctz("artist", "ledger", "proof", "--op", "f".repeat(64))).code).toBe(4);

    // One offer that the other takes; one that nobody wants.
    const offered = await ctz("fan", "wallet", "sell", `30@${asset}`, "2.5", "--only", accountOf("artist"));
    expect(offered.json.feeUctz).toBe("300");
    const sale: string = offered.json.saleId;
    const seen = await until("the offer is in reach", async () => {
      const {sales} = (await ctz("artist", "wallet", "sales")).json;
      return sales.find(({saleId}: {saleId: string}) => saleId === sale);
    });
    expect(seen).toMatchObject({isInReach: true, isOwn: false, seller: accountOf("fan"), state: "open"});
    const bought = await ctz("artist", "wallet", "buy", sale, "--wait", "--expires", "1m");
    expect([bought.code, bought.json.sale?.state]).toEqual([0, "matched"]);
    const none = await ctz("fan", "wallet", "sell", `5@${asset}`, "90", "--expires", "2s", "--wait");
    expect([none.code, none.json.error]).toMatchObject([5, {code: "SALE_UNMATCHED", retryable: true}]);
    expect((await ctz("fan", "wallet", "burn", "4", "--asset", asset)).code).toBe(0);

    await world.daemon("artist").kill();
    world.spawn("artist");
    await world.daemon("artist").ready();
    expect(await assetsOf("artist")).toMatchObject([{units: "990", burned: "4", isIssuer: true}]);
    const sales = (await historyOf("fan")).filter(({kind}: {kind: string}) => kind === "sale");
    expect(sales).toMatchObject([
      {amountUctz: "0", assetId: asset, units: "5", reason: "SALE_UNMATCHED"},
      {amountUctz: "2500000", counterparty: accountOf("artist")},
    ]);
    for (const name of ["artist", "fan"]) {
      await expectExplained(name, asset);
      expect((await world.daemon(name).ctz(["ledger", "verify", "--deep"])).code).toBe(0);
    }

    const {json: shown} = await ctz("fan", "ledger", "show", asset);
    expect(shown.asset).toMatchObject({
      supply: "1000",
      burned: "4",
      issuer: accountOf("artist"),
      holdersTotal: 2,
    });
    expect(shown.asset.holders).toEqual([
      {account: accountOf("artist"), units: "990"},
      {account: accountOf("fan"), units: "6"},
    ]);
    const {json: account} = await ctz("artist", "ledger", "show", accountOf("fan"));
    expect(account.account).toMatchObject({label: "fan", holdings: [{assetId: asset, units: "6"}]});
    expect((await ctz("fan", "ledger", "show", "f".repeat(64))).code).toBe(4);
  });
});
