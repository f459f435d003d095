/** Tasks through the CLI and the API between real daemons: what works, and how bad input is refused. */
import {readFileSync, truncateSync, writeFileSync} from "node:fs";
import {cp} from "node:fs/promises";
import {join} from "node:path";
import type {TaskView} from "@catalyze/api/schema/task";
import {encodeTensors, tensorsFromJson} from "@catalyze/core/task/tensors";
import {LIMITS} from "@catalyze/proto/limits";
import {afterAll, afterEach, beforeAll, describe, expect, it} from "vitest";
import {encodeModel, float32, node, valueInfo} from "../../scripts/models/onnx/onnxModel.mjs";
import type {Daemon} from "./harness/daemon.ts";
import {expectCode, expectDone, expectRefused, moneyOf, spentOn} from "./harness/reasons.ts";
import {sample, samplePath} from "./harness/samples.ts";
import {until} from "./harness/until.ts";
import {type Bundle, sells, World} from "./harness/world.ts";

const ALIASES = ["ocr", "embed", "vad", "text"];
const PAY = ["--max-price", "1"];
const MAX = {maxPriceUctz: "1000000"};

let world: World;
let bundles: ReadonlyMap<string, Bundle>;
let ria: Daemon;
let pia: Daemon;
let tom: Daemon;

beforeAll(async () => {
  world = await World.create([
    {name: "ria", flags: ["--max-price-default", "100uctz"]},
    {name: "pia", flags: [...sells(), "--price", "default=1000uctz+500uctz"]},
    {name: "tom", flags: sells(2), isWitness: false},
  ]);
  bundles = await world.bundles(ALIASES);
  [ria, pia, tom] = [world.daemon("ria"), world.daemon("pia"), world.daemon("tom")];
  await world.up();
  for (const alias of ALIASES) {
    const added = await pia.ctz(["model", "add", bundles.get(alias)?.folder ?? ""]);
    expect(added.code, added.stdout).toBe(0);
    expect(added.json).toMatchObject({alias, isLocal: true, isSold: true, bundle: bundles.get(alias)?.cid});
  }
  await until("ria hears the asks", async () => (await ria.client.call("asks", {})).asks.length >= 4);
});
afterAll(() => world?.close());

describe("work", () => {
  it.each([
    ["ocr", ["-i", `@${samplePath("notice.png")}`]],
    ["embed", ["-i", `@${samplePath("sentences.txt")}`]],
    ["vad", ["-i", `@${samplePath("speech.wav")}`]],
    ["text", ["-i", "Call me ", "-p", "maxTokens=12", "-p", "seed=7"]],
  ])("runs %s from the command line and writes what came of it", async (alias, args) => {
    const file = join(world.folder, `${alias} out`);
    const {code, json, stdout, stderr} = await ria.ctz(["run", alias, ...args, ...PAY, "-o", file]);
    expect(code, `${stdout}\n${stderr}`).toBe(0);
    expect(json).toMatchObject({v: 1, alias, state: "done", file, peerId: world.member("pia").peerId});
    expectDone(json as TaskView);
    expect(readFileSync(file).length).toBe(json.outputBytes);
  });

  it("runs a batch, each task once, in order", async () => {
    const lines = ["a ship", "a whale", "the sea", "a letter", "the captain"];
    const file = join(world.folder, "lines.txt");
    const out = join(world.folder, "vectors.jsonl");
    writeFileSync(file, lines.join("\n"));
    const {code, stderr} = await ria.ctz(["run", "embed", "--batch", file, ...PAY, "-o", out]);
    expect(code, stderr).toBe(0);
    const results = readFileSync(out, "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(results.map(({index, ok}) => [index, ok])).toEqual(lines.map((_, index) => [index, true]));
    expect(stderr).toContain("5 done, 0 failed");
  });

  it("quotes without spending, and shows the market, the peers and why a provider earns", async () => {
    const before = await spentOn(ria);
    const quote = await ria.ctz(["quote", "vad", "-i", `@${samplePath("speech.wav")}`]);
    expect(quote.json.candidates[0]).toMatchObject({rank: 1, peerId: world.member("pia").peerId});
    const split = quote.json.candidates[0].split as {role: string; bps: number}[];
    expect(split.map(({role, bps}) => [role, bps])).toEqual([
      ["provider", 9000],
      ["creator", 500],
      ["fee", 500],
    ]);
    expect(await spentOn(ria)).toBe(before);
    const {asks} = (await ria.ctz(["market", "asks"])).json;
    expect(asks.map(({alias}: {alias: string}) => alias).sort()).toEqual([...ALIASES].sort());
    const {peers} = (await ria.ctz(["peer", "list"])).json;
    expect(peers.map(({peerId}: {peerId: string}) => peerId)).toContain(world.member("pia").peerId);
    const why = (await pia.ctz(["node", "why"])).json;
    expect(why).toMatchObject({isEarning: true});
    expect(BigInt(why.earnedUctz)).toBeGreaterThan(0n);
    expect((await tom.ctz(["node", "why"])).json.isEarning).toBe(false);
    expect((await pia.ctz(["node", "info"])).json.sells).toHaveLength(4);
  });

  it("lists, shows, explains and receipts a task, and will not cancel one that has ended", async () => {
    const task = await ria.run({...MAX, taskClass: "vad"}, sample("speech.wav"));
    const id = task.taskId;
    expect((await ria.ctz(["task", "list"])).json.tasks[0].taskId).toBe(id);
    expect((await ria.ctz(["task", "show", id])).json).toMatchObject({taskId: id, state: "done"});
    const explained = (await ria.ctz(["task", "explain", id])).json;
    expect(explained.candidates[0].peerId).toBe(task.peerId);
    expect(explained.reason).toContain("chose");
    const receipt = (await ria.ctz(["task", "receipt", id])).json;
    expect(receipt).toMatchObject({chargedUctz: task.chargedUctz, isSignedByProvider: true});
    const legs = receipt.legs as {amountUctz: string}[];
    const paid = legs.reduce((sum, {amountUctz}) => sum + BigInt(amountUctz), 0n);
    expect(BigInt(task.chargedUctz) - paid).toBeLessThan(8n);
    expectCode(await ria.ctz(["task", "cancel", id]), "TASK_FINISHED");
    expectCode(await ria.ctz(["task", "show", "0".repeat(32)]), "TASK_NOT_FOUND");
    expectCode(await ria.ctz(["task", "show", "nonsense"]), "USAGE");
  });

  it("never runs the same idempotency key twice, nor for another task", async () => {
    const run = (text: string) =>
      ria.ctz(["run", "text", "-i", text, "-p", "maxTokens=4", "--idempotency-key", "one two", ...PAY]);
    const [first, second] = [await run("Call me "), await run("Call me ")];
    expect([first.code, second.code]).toEqual([0, 0]);
    expect(second.json).toMatchObject({taskId: first.json.taskId, chargedUctz: first.json.chargedUctz});
    expectCode(await run("Call you "), "IDEMPOTENCY_CONFLICT");
  });

  it("has a second provider fetch a model by content id, and check a result with it", async () => {
    const added = await tom.ctz(["model", "add", bundles.get("vad")?.cid ?? ""]);
    expect(added.json, added.stdout).toMatchObject({alias: "vad", isLocal: false, isSold: true});
    await until("ria hears tom", async () => (await ria.client.call("asks", {})).asks.length >= 5);
    const {code, json, stderr} = await ria.ctz([
      "run",
      "vad",
      "-i",
      `@${samplePath("speech.wav")}`,
      "--verify",
      "2",
      ...PAY,
    ]);
    expect(code, stderr).toBe(0);
    expectDone(json as TaskView);
    const peers = (json as TaskView).attempts.map(({peerId}) => peerId);
    expect(new Set(peers)).toEqual(new Set([world.member("pia").peerId, world.member("tom").peerId]));
    const {models} = (await tom.ctz(["model", "list"])).json;
    expect(models).toContainEqual(expect.objectContaining({alias: "vad", isLocal: true, isSold: true}));
  });
});

describe("bad input", () => {
  const speech = sample("speech.wav");

  /** Whatever was refused, the next task works. */
  afterEach(async () => {
    expectDone(await ria.run({...MAX, taskClass: "vad"}, speech));
  });

  it("an unknown model", async () => {
    await expectRefused(ria, "TASK_CLASS_UNKNOWN", {taskClass: "no-such-model", input: speech});
    const unknown = `onnx/${(bundles.get("vad")?.cid ?? "").replace(/.{6}$/, "aaaaaa")}`;
    await expectRefused(ria, "TASK_CLASS_UNKNOWN", {taskClass: unknown, input: speech});
    const cid = unknown.slice(5);
    expectCode(await tom.ctz(["model", "add", cid]), "BLOB_NOT_FOUND");
  });

  it("a model file that is none, cut off, or not what its manifest names", async () => {
    const noise = join(world.folder, "noise.onnx");
    writeFileSync(noise, "this is no model");
    expectCode(await pia.ctz(["model", "add", noise]), "MODEL_INVALID");
    const cut = join(world.folder, "cut.onnx");
    writeFileSync(cut, product().subarray(0, 60));
    expectCode(await pia.ctz(["model", "add", cut]), "MODEL_INVALID");
    const folder = join(world.folder, "damaged bundle");
    await cp(bundles.get("vad")?.folder ?? "", folder, {recursive: true, dereference: true});
    const file = readFileSync(join(folder, "manifest.bin"));
    truncateSync(join(folder, "manifest.bin"), file.length - 9);
    expectCode(await tom.ctz(["model", "add", folder]), "MODEL_INVALID");
    writeFileSync(join(folder, "manifest.bin"), file);
    for (const name of ["silero_vad.onnx", "model.onnx", "vad.onnx"]) damage(join(folder, name));
    expectCode(await tom.ctz(["model", "add", folder]), "MODEL_INVALID");
    expectCode(await tom.ctz(["model", "add", join(world.folder, "absent.onnx")]), "USAGE");
  });

  it("tensors of the wrong shape, type or form", async () => {
    const path = join(world.folder, "product.onnx");
    writeFileSync(path, product());
    const added = await pia.ctz(["model", "add", path, "--alias", "product"]);
    expect(added.json, added.stdout).toMatchObject({kind: "tensors", isSold: true});
    const {taskClass} = added.json;
    await until("ria hears of it", async () =>
      (await ria.client.call("asks", {})).asks.some((ask) => ask.taskClass === taskClass),
    );
    const tensors = (dims: number[], type = "float32") =>
      encodeTensors(
        tensorsFromJson({x: {type, dims, data: new Array(dims.reduce((a, b) => a * b, 1)).fill(1)}}),
      );
    const good = await ria.run({...MAX, taskClass}, tensors([2, 8]));
    expectDone(good);
    const shape = {taskClass, header: MAX, args: PAY};
    await expectRefused(ria, "TENSOR_SHAPE_MISMATCH", {...shape, input: tensors([2, 9])});
    await expectRefused(ria, "TENSOR_SHAPE_MISMATCH", {...shape, input: tensors([2, 8], "int32")});
    await expectRefused(ria, "INPUT_INVALID", {...shape, input: new Uint8Array(50)});
    await expectRefused(ria, "INPUT_INVALID", {...shape, taskClass: "ocr", input: new Uint8Array(50)});
  });

  it("an input that is too large", async () => {
    const input = new Uint8Array(LIMITS.inputBytesMax + 1);
    await expectRefused(ria, "INPUT_TOO_LARGE", {taskClass: "vad", input, header: MAX, args: PAY});
    const text = {taskClass: "text", input: new Uint8Array(2 * 1024 * 1024).fill(97)};
    await expectRefused(ria, "INPUT_TOO_LARGE", {...text, header: MAX, args: PAY});
  });

  it("a budget below every ask, and a price nobody agreed to", async () => {
    const task = {taskClass: "vad", input: speech};
    const low = {header: {maxPriceUctz: "1"}, args: ["--max-price", "1uctz"]};
    await expectRefused(ria, "PRICE_ABOVE_MAX", {...task, ...low});
    const refused = await ria.ctz(["run", "vad", "-i", "-", "--max-price", "1uctz"], {stdin: speech});
    expect(refused.stdout).toMatch(/1262|lowest/);
    const before = await spentOn(ria);
    const {tasks} = await ria.client.call("taskList", {});
    const unasked = await ria.ctz(["run", "vad", "-i", "-"], {stdin: speech});
    expectCode(unasked, "NEEDS_CONFIRMATION");
    expect(BigInt(unasked.json.error.evidence.priceUctz)).toBeGreaterThan(100n);
    expect((await ria.client.call("taskList", {})).tasks.length).toBe(tasks.length);
    expect(await spentOn(ria)).toBe(before);
    const agreed = await ria.ctz(["run", "vad", "-i", "-", "--yes"], {stdin: speech});
    expect(agreed.code, agreed.stdout).toBe(0);
  });

  it("an empty wallet", async () => {
    const poor = world.stranger("poor", ["--p2p-port", "0", "--join", world.member("pia").address]);
    await poor.spawn().ready();
    await until("it hears the asks", async () => (await poor.client.call("asks", {})).asks.length >= 4);
    await expectRefused(poor, "FUNDS_INSUFFICIENT", {
      taskClass: "vad",
      input: speech,
      header: MAX,
      args: PAY,
    });
    const sent = await ria.ctz(["wallet", "send", (await poor.ctz(["status"])).json.account, "2"]);
    expect(sent.code, sent.stdout).toBe(0);
    await until("the money is there", async () => (await moneyOf(poor)) > 0n);
    expectDone(await poor.run({...MAX, taskClass: "vad"}, speech));
    await poor.stop();
  });

  it("no peers, and nobody that sells", async () => {
    const alone = await world.stranger("alone", ["--p2p-port", "0"]).spawn().ready();
    const taskClass = `onnx/${bundles.get("vad")?.cid}`;
    for (const name of ["vad", taskClass]) {
      await expectRefused(alone, "NO_PEERS", {taskClass: name, input: speech, header: MAX, args: PAY});
    }
    // It knows the model, and is no provider.
    expect((await alone.ctz(["model", "add", join(world.folder, "product.onnx")])).json.isSold).toBe(false);
    await alone.stop();
    const known = await ria.ctz(["model", "add", join(world.folder, "product.onnx"), "--title", "of ria"]);
    const input = encodeTensors(
      tensorsFromJson({x: {type: "float32", dims: [1, 8], data: [1, 2, 3, 4, 5, 6, 7, 8]}}),
    );
    const unsold = {taskClass: known.json.taskClass, input, header: MAX, args: PAY};
    await expectRefused(ria, "NO_PROVIDER", unsold);
  });
});

it("has charged in the end what the tasks say, to the µCTZ", async () => {
  await until("all vouchers are claimed", async () => {
    const wallets = await Promise.all([pia, tom].map((daemon) => daemon.client.call("wallet", {})));
    return wallets.every(({receivableUctz, opsPending}) => receivableUctz === "0" && opsPending === 0);
  });
  const sent = 2_000_000n + 100n;
  const start = 100_000_000n;
  await until(
    "ria sees the claims",
    async () => start - (await moneyOf(ria)) === (await spentOn(ria)) + sent,
  );
  for (const daemon of [ria, pia, tom]) expect((await daemon.ctz(["ledger", "verify"])).code).toBe(0);
});

/** `y = x × w`, with any number of rows. */
function product(): Uint8Array {
  return encodeModel({
    name: "product",
    nodes: [node("MatMul", ["x", "w"], ["y"])],
    inputs: [valueInfo("x", "float32", ["rows", 8])],
    outputs: [valueInfo("y", "float32", ["rows", 5])],
    initializers: [float32("w", [8, 5], new Array(40).fill(1))],
  });
}

function damage(path: string): void {
  try {
    const bytes = readFileSync(path);
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 0xff;
    writeFileSync(path, bytes);
  } catch {
    // Not a file of this bundle.
  }
}
