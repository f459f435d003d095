/** Real daemons whose committee changes: a second one gets a seat, votes, survives a kill, the loss of its memory, of its database and a move, and leaves. */
import {readFile, rm, writeFile} from "node:fs/promises";
import {join} from "node:path";
import {afterAll, beforeAll, describe, expect, it} from "vitest";
import {until} from "./harness/until.ts";
import {World} from "./harness/world.ts";

let world: World;

beforeAll(async () => {
  world = await World.create([
    {name: "founder", balance: 1_000n},
    {name: "joiner", isWitness: false, balance: 1_000n},
    {name: "follower", isWitness: false},
  ]);
  await world.up();
});
afterAll(async () => {
  await world.close();
  await rm(world.folder, {recursive: true, force: true});
});

const statusOf = async (name: string) => await world.daemon(name).client.call("witnessStatus", {});
const isMember = (name: string, wanted: boolean) =>
  until(
    `${name} is ${wanted ? "a" : "no"} member`,
    async () => {
      const view = await statusOf(name);
      return view.isMember === wanted ? view : undefined;
    },
    60_000,
  );

const sendFrom = async (name: string) => {
  const body = {to: world.member("follower").account, amountUctz: "5"};
  return await until(
    `a payment of ${name} is certified`,
    async () => {
      try {
        return await world.daemon(name).client.call("walletSend", {body});
      } catch {
        return undefined;
      }
    },
    90_000,
  );
};

/** Its database and its signing table are gone; the network needs its vote. */
async function forgets(): Promise<void> {
  const joiner = world.daemon("joiner");
  await joiner.kill();
  await rm(joiner.layout.db, {recursive: true});
  await rm(joiner.layout.records, {recursive: true});
  world.spawn("joiner");
  await joiner.ready();
  const view = await until("it knows that it forgot", async () => {
    const seen = await statusOf("joiner");
    return seen.note.includes("forgotten") ? seen : undefined;
  });
  expect(view).toMatchObject({isVoting: false});
  await sendFrom("founder");
  expect(await statusOf("joiner")).toMatchObject({isVoting: true, standing: "serving"});
}

/** Both members lose their databases at once, and not what they signed; a follower has the ledger. */
async function loseDatabases(): Promise<void> {
  const members = ["founder", "joiner"].map((name) => world.daemon(name));
  for (const member of members) await member.kill();
  for (const {layout} of members) await rm(layout.db, {recursive: true});
  for (const name of ["founder", "joiner"]) world.spawn(name);
  for (const member of members) await member.ready();
  await sendFrom("founder");
  expect(await statusOf("founder")).toMatchObject({isVoting: true});
  expect(await statusOf("joiner")).toMatchObject({isVoting: true, standing: "serving"});
}

/** Its table goes to a file and comes back: in between nobody votes with it. */
async function moves(): Promise<void> {
  const joiner = world.daemon("joiner");
  const file = join(world.folder, "table.json");
  const refusalOf = async (args: readonly string[]) => {
    const {code, stdout, stderr} = await joiner.ctz([...args]);
    return [code, stdout + stderr];
  };
  expect(await refusalOf(["witness", "export", file])).toEqual([2, expect.stringContaining("HOME_LOCKED")]);
  await joiner.kill();
  expect((await joiner.ctz(["witness", "export", file])).code).toBe(0);
  world.spawn("joiner");
  await joiner.ready();
  expect(await statusOf("joiner")).toMatchObject({
    isVoting: false,
    note: expect.stringContaining("moved away"),
  });
  await joiner.kill();
  const broken = join(world.folder, "broken.json");
  const otherKey = (_: string, digit: string) => `"voteKey":"${digit === "0" ? "1" : "0"}`;
  await writeFile(broken, (await readFile(file, "utf8")).replace(/"voteKey":"(.)/, otherKey));
  expect(await refusalOf(["witness", "import", broken])).toEqual([
    2,
    expect.stringContaining("TABLE_INVALID"),
  ]);
  expect((await joiner.ctz(["witness", "import", file])).code).toBe(0);
  expect(await refusalOf(["witness", "import", file])).toEqual([2, expect.stringContaining("HOME_INVALID")]);
  world.spawn("joiner");
  await joiner.ready();
  await sendFrom("founder");
  expect(await statusOf("joiner")).toMatchObject({isVoting: true});
}

describe("ctz witness", () => {
  it("says why a node is no witness, and refuses a seat without the stake", async () => {
    const joiner = world.daemon("joiner");
    expect(await statusOf("joiner")).toMatchObject({
      standing: "none",
      isMember: false,
      stakeMinUctz: "100000000",
    });
    const shown = await joiner.ctz(["witness", "status"]);
    expect(shown.code).toBe(0);
    expect(JSON.stringify(shown.json)).toContain("ctz witness join --stake");
    const refused = await joiner.ctz(["witness", "join", "--stake", "5", "--json"]);
    expect(refused.code).toBe(6);
    expect(refused.stdout + refused.stderr).toContain("STAKE_TOO_SMALL");
    expect((await joiner.ctz(["witness", "leave", "--json"])).code).toBe(2);
    expect((await joiner.ctz(["witness", "join", "--stake", "much"])).code).toBe(2);
    // The founder has its seat, and is the only one to hold one.
    const founder = world.daemon("founder");
    const again = await founder.ctz(["witness", "join", "--json"]);
    expect([again.code, again.stdout + again.stderr]).toEqual([2, expect.stringContaining("already")]);
    const last = await founder.ctz(["witness", "leave", "--json"]);
    expect([last.code, last.stdout + last.stderr]).toEqual([2, expect.stringContaining("Nobody else")]);
  });

  it("seats a node in the next epoch, which then is needed, restarts into its seat, and leaves", async () => {
    const joiner = world.daemon("joiner");
    expect((await joiner.ctz(["witness", "join", "--stake", "100"])).code).toBe(0);
    expect(await isMember("joiner", true)).toMatchObject({
      standing: "serving",
      seat: 1,
      weight: "1",
      quorum: "2",
    });
    const {witnesses} = await world.daemon("follower").client.call("ledger", {});
    expect(witnesses.map(({peerId}) => peerId)).toEqual([
      world.member("founder").peerId,
      world.member("joiner").peerId,
    ]);
    // Two of two are needed: without the joiner nothing is certified, with it everything is.
    await joiner.kill();
    const body = {to: world.member("follower").account, amountUctz: "5"};
    const sent = world.daemon("founder").client.call("walletSend", {body});
    await expect(sent).rejects.toMatchObject({code: "OP_TIMEOUT"});
    world.spawn("joiner");
    await joiner.ready();
    const founder = world.daemon("founder");
    await until(
      "the payment is certified",
      async () => {
        const {items} = await founder.client.call("walletHistory", {query: {}});
        return items.some(({kind}) => kind === "transfer");
      },
      60_000,
    );

    await forgets();
    await loseDatabases();
    await moves();
    expect((await joiner.ctz(["witness", "leave"])).code).toBe(0);
    expect(await isMember("joiner", false)).toMatchObject({standing: "left", seat: 1});
    await joiner.kill();
    await founder.client.call("walletSend", {body});
    // Whoever has only the genesis follows both changes of committee.
    const proof = await world.daemon("follower").ctz(["ledger", "proof"]);
    expect(proof.code).toBe(0);
    for (const name of ["founder", "follower"]) {
      expect((await world.daemon(name).ctz(["ledger", "verify"])).code).toBe(0);
      expect((await world.daemon(name).ctz(["ledger", "verify", "--deep"])).code).toBe(0);
    }
  });
});
