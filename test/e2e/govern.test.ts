/** Real daemons vote: what is accepted is in force at all of them an epoch later, and after a kill. */
import {rm} from "node:fs/promises";
import {afterAll, beforeAll, describe, expect, it} from "vitest";
import {until} from "./harness/until.ts";
import {World} from "./harness/world.ts";

let world: World;

beforeAll(async () => {
  const roles = [
    {name: "founder", balance: 1_000n},
    {name: "holder", isWitness: false, balance: 1_000n},
  ];
  world = await World.create(roles, {votingS: 1});
  await world.up();
});
afterAll(async () => {
  await world.close();
  await rm(world.folder, {recursive: true, force: true});
});

const ctz = async (name: string, ...args: string[]) => {
  const {code, stdout, stderr} = await world.daemon(name).ctz([...args, "--json"]);
  return {code, text: stdout + stderr};
};
const viewOf = async (name: string) => await world.daemon(name).client.call("govern", {});
const feeOf = async (name: string) =>
  (await viewOf(name)).parameters.find((parameter) => parameter.name === "opFee");

describe("ctz govern", () => {
  it("says what cannot be asked for, and why", async () => {
    for (const [args, code, word] of [
      [["propose", "--set", "opFees=5"], 2, "PARAM_UNKNOWN"],
      [["propose", "--set", "checkpointIntervalMs=1"], 2, "PARAM_OUT_OF_BOUNDS"],
      [["propose", "--set", "checkpointsPerEpoch=5"], 2, "PARAM_OUT_OF_BOUNDS"],
      [["propose", "--set", "opFee=cheap"], 2, "REQUEST_INVALID"],
      [["propose"], 2, "REQUEST_INVALID"],
      [["propose", "--set", "opFee=200"], 6, "VOTE_WITHOUT_STAKE"],
      [["vote", "12345678", "yes"], 4, "PROPOSAL_UNKNOWN"],
      [["vote", "12345678", "perhaps"], 2, "REQUEST_INVALID"],
    ] as const) {
      const said = await ctz("holder", "govern", ...args);
      expect([said.code, said.text]).toEqual([code, expect.stringContaining(word)]);
    }
  });

  it("changes a fee at every node, an epoch after the vote", async () => {
    expect((await ctz("holder", "wallet", "stake", "200")).code).toBe(0);
    await until("the stake is in a checkpoint", async () => {
      const {weightUctz} = await viewOf("holder");
      return weightUctz === "200000000" ? true : undefined;
    });
    expect((await ctz("holder", "govern", "propose", "--set", "opFee=250")).code).toBe(0);
    const open = await until("the proposal is open", async () => (await viewOf("founder")).proposals[0]);
    expect(open).toMatchObject({changes: [{name: "opFee", value: "250"}], passing: "majority"});
    const again = await ctz("holder", "govern", "propose", "--set", "opFee=300");
    expect([again.code, again.text]).toEqual([2, expect.stringContaining("open")]);
    // The founder has what the genesis granted, and says no; the holder has more, and is of two minds.
    expect((await ctz("founder", "govern", "vote", open.id.slice(0, 8), "no")).code).toBe(0);
    expect((await ctz("holder", "govern", "vote", open.id, "no")).code).toBe(0);
    expect((await ctz("holder", "govern", "vote", open.id, "yes")).code).toBe(0);
    const passing = await until("the votes are counted so far", async () => {
      const [proposal] = (await viewOf("founder")).proposals;
      return proposal?.isPassing === true ? proposal : undefined;
    });
    expect(passing).toMatchObject({votes: 2, yesUctz: "200000000", noUctz: "100000000"});
    const decided = await until(
      "it is decided",
      async () => {
        const fee = await feeOf("founder");
        return fee?.next === undefined ? undefined : fee;
      },
      60_000,
    );
    expect(decided).toMatchObject({value: "100", next: "250"});
    await world.daemon("founder").kill();
    world.spawn("founder");
    await world.daemon("founder").ready();
    for (const name of ["founder", "holder"]) {
      await until(
        `${name} has the new fee`,
        async () => ((await feeOf(name))?.value === "250" ? true : undefined),
        60_000,
      );
    }
    const closed = await ctz("holder", "govern", "vote", open.id, "no");
    expect([closed.code, closed.text]).toEqual([4, expect.stringContaining("PROPOSAL_UNKNOWN")]);
    const body = {to: world.member("founder").account, amountUctz: "5"};
    const sent = await world.daemon("holder").client.call("walletSend", {body});
    expect(sent.feeUctz).toBe("250");
    for (const name of ["founder", "holder"]) {
      expect((await world.daemon(name).ctz(["ledger", "verify", "--deep"])).code).toBe(0);
      expect((await world.daemon(name).ctz(["ledger", "proof"])).code).toBe(0);
    }
  });
});
