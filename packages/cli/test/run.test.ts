import {mkdtempSync, readFileSync, rmSync, writeFileSync} from "node:fs";
import {tmpdir} from "node:os";
import {join} from "node:path";
import {toErrorReport} from "@catalyze/api/errorReport";
import {CodedError} from "@catalyze/core/errors/codedError";
import {afterEach, beforeEach, describe, expect, it} from "vitest";
import {CANDIDATES, TASK_ID, taskView} from "../../daemon/test/http/fakeFacade.ts";
import {type Cli, startCli, testIo} from "./cliHarness.ts";

let cli: Cli;
let folder: string;
beforeEach(async () => {
  cli = await startCli();
  folder = mkdtempSync(join(tmpdir(), "ctz run "));
});
afterEach(async () => {
  await cli.close();
  rmSync(folder, {recursive: true, force: true});
});

const base64 = (text: string): string => Buffer.from(text).toString("base64");

describe("ctz run", () => {
  it("prints the result on stdout and what it cost on stderr", async () => {
    const {code, out, err} = await cli.run([
      "run",
      "ocr",
      "-i",
      "hello",
      "-p",
      "maxLines=4",
      "-p",
      "mode=fast",
    ]);
    expect([code, out]).toEqual([0, "hello\n"]);
    expect(err).toContain("charged 0.001 CTZ of at most 0.1 CTZ");
    const task = cli.state.created.at(-1);
    expect(task).toMatchObject({
      taskClass: "ocr",
      params: {maxLines: 4, mode: "fast"},
      maxPriceUctz: 100_000n,
      verify: 1,
    });
    expect(Buffer.from(task?.input ?? []).toString()).toBe("hello");
    expect(task?.idempotencyKey).toMatch(/^[0-9a-f-]{36}$/);
  });

  it("takes files, stdin, and every flag", async () => {
    writeFileSync(join(folder, "in put.bin"), Buffer.from([0, 1, 255]));
    const flags = [
      "--max-price",
      "2",
      "--verify",
      "2",
      "--auction",
      "--timeout",
      "5s",
      "--idempotency-key",
      "k",
    ];
    await cli.run(["run", "vad", "-i", "@in put.bin", ...flags], {cwd: folder});
    expect(cli.state.created).toHaveLength(1);
    expect(cli.state.created[0]).toMatchObject({
      maxPriceUctz: 2_000_000n,
      verify: 2,
      route: "auction",
      timeoutMs: 5000,
      idempotencyKey: "k",
    });
    expect([...(cli.state.created[0]?.input ?? [])]).toEqual([0, 1, 255]);
    await cli.run(["run", "text", "--max-price", "1"], {stdin: Buffer.from("from stdin")});
    expect(Buffer.from(cli.state.created.at(-1)?.input ?? []).toString()).toBe("from stdin");
    await cli.run(["run", "text", "-i", "-", "--max-price", "1"], {stdin: Buffer.from("a lone dash")});
    expect(Buffer.from(cli.state.created.at(-1)?.input ?? []).toString()).toBe("a lone dash");
  });

  it("writes the raw output to a file, and says so on stderr only", async () => {
    const file = join(folder, "out.bin");
    cli.state.output = {bytes: Buffer.from([1, 2, 3]), mediaType: "application/octet-stream"};
    const {code, out, err} = await cli.run(["run", "ocr", "-i", "x", "-o", file]);
    expect([code, out]).toEqual([0, ""]);
    expect(err).toContain("wrote 3 bytes");
    expect([...readFileSync(file)]).toEqual([1, 2, 3]);
    const raw = await cli.run(["run", "ocr", "-i", "x", "--raw"]);
    expect(Buffer.from(raw.out)).toEqual(Buffer.from([1, 2, 3]));
  });

  it("shows a result by its kind", async () => {
    const bytes = Buffer.from(
      '{"height":2,"lines":[{"box":[0,0,1,1],"confidence":999,"text":"Read me"}],"width":2}',
    );
    cli.state.output = {bytes, mediaType: "application/json"};
    cli.state.events = [{type: "done", task: taskView({kind: "ocr"})}];
    expect((await cli.run(["run", "ocr", "-i", "x"])).out).toBe("Read me\n");
    const json = JSON.parse((await cli.run(["run", "ocr", "-i", "x", "--json"])).out);
    expect(json).toMatchObject({v: 1, taskId: TASK_ID, state: "done", result: {lines: [{text: "Read me"}]}});
  });

  it("detaches with the task's id alone", async () => {
    expect((await cli.run(["run", "ocr", "-i", "x", "-d"])).out).toBe(`${TASK_ID}\n`);
  });

  it("streams text to a terminal as it comes, cleaned, and voids what a dead provider said", async () => {
    cli.state.events = [
      {type: "output", chunk: base64("Call \u001b[2Jme")},
      {type: "reset"},
      {type: "output", chunk: base64("Call me Ishmael")},
      {type: "done", task: taskView({kind: "text"})},
    ];
    const tty = await cli.run(["run", "text", "-i", "x"], {isTty: true});
    expect(tty.out).toBe("Call [2Jme\nCall me Ishmael\n");
    expect(tty.err).toContain("another provider starts again");
    const pipe = await cli.run(["run", "text", "-i", "x"]);
    expect(pipe.out).toBe("hello\n");
  });

  it("tells each attempt that failed, uncharged", async () => {
    const failure = toErrorReport(new CodedError("PROVIDER_DIED"));
    const attempt = {
      attemptId: "a",
      kind: "first" as const,
      peerId: "12D3KooWDeadDeadDead",
      outcome: "failed" as const,
      startedAtMs: 1,
      chargeMaxUctz: "9",
      chargedUctz: "0",
      failure,
    };
    cli.state.events = [
      {type: "attempt", attempt},
      {type: "done", task: taskView()},
    ];
    const {code, err} = await cli.run(["run", "ocr", "-i", "x"]);
    expect(code).toBe(0);
    expect(err).toContain("[PROVIDER_DIED] Not charged");
  });

  it("a failed task exits with its code's number and shows the report", async () => {
    const failure = toErrorReport(new CodedError("ALL_PROVIDERS_FAILED", {evidence: {tried: 3}}));
    cli.state.events = [{type: "done", task: taskView({state: "failed", chargedUctz: "0", failure})}];
    const {code, out, err} = await cli.run(["run", "ocr", "-i", "x"]);
    expect([code, out]).toEqual([5, ""]);
    expect(err).toContain("[ALL_PROVIDERS_FAILED]");
    expect(err).toContain("charged 0 CTZ");
    const json = JSON.parse((await cli.run(["run", "ocr", "-i", "x", "--json"])).out);
    expect(json.error).toMatchObject({code: "ALL_PROVIDERS_FAILED", evidence: {tried: 3, taskId: TASK_ID}});
  });

  it("refuses inputs that are not there or too large before anything is sent", async () => {
    const none = await cli.run(["run", "ocr", "-i", "@nowhere.png"], {cwd: folder});
    expect([none.code, none.err.includes("there is no such file")]).toEqual([2, true]);
    writeFileSync(join(folder, "big"), Buffer.alloc(16 * 1024 * 1024 + 1));
    const big = await cli.run(["run", "ocr", "-i", "@big"], {cwd: folder});
    expect([big.code, big.err.includes("INPUT_TOO_LARGE")]).toEqual([2, true]);
    expect(cli.state.created).toEqual([]);
  });

  it("Ctrl-C cancels the task and says what was charged", async () => {
    cli.state.events = [{type: "phase", phase: "execute"}];
    cli.state.isEndless = true;
    const io = testIo({env: cli.env});
    const running = cli.runWith(["run", "ocr", "-i", "x", "--max-price", "1"], io);
    await expect.poll(() => cli.state.created.length).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 50));
    io.interrupt("SIGINT");
    const {code, out, err} = await running;
    expect(cli.state.cancelled).toEqual([TASK_ID]);
    expect([code, out]).toEqual([130, ""]);
    expect(err).toContain("Cancelling");
    expect(err).toContain("[TASK_CANCELLED]");
    expect(err).toContain("charged 0 CTZ");
  });

  it("a cancel that comes too late leaves the result alone", async () => {
    cli.state.failures.set("tasks.cancel", new CodedError("TASK_FINISHED"));
    cli.state.events = [{type: "phase", phase: "pay"}];
    cli.state.isEndless = true;
    const io = testIo({env: cli.env});
    const running = cli.runWith(["run", "ocr", "-i", "x", "--max-price", "1"], io);
    await expect.poll(() => cli.state.created.length).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 50));
    io.interrupt("SIGINT");
    await expect.poll(() => io.errText()).toContain("already ended");
    cli.state.onCancel();
    const {code, out} = await running;
    expect([code, out]).toEqual([0, "hello\n"]);
  });
});

describe("the confirmation rule", () => {
  const dear = (): void => {
    cli.state.candidates = CANDIDATES.map((candidate) => ({
      ...candidate,
      chargeMaxUctz: `${candidate.chargeMaxUctz}00000`,
    }));
  };

  it("asks nothing below the default maximum, and sends that as the maximum", async () => {
    const io = testIo({env: cli.env, isTty: true});
    expect((await cli.runWith(["run", "ocr", "-i", "x"], io)).code).toBe(0);
    expect(io.questions).toEqual([]);
  });

  it("above it: fails without a terminal, submitting nothing", async () => {
    dear();
    const {code, err} = await cli.run(["run", "ocr", "-i", "x"]);
    expect([code, err.includes("NEEDS_CONFIRMATION"), err.includes("price 100 CTZ")]).toEqual([
      6,
      true,
      true,
    ]);
    expect(cli.state.created).toHaveLength(1);
  });

  it("above it: asks on a terminal and obeys", async () => {
    dear();
    const no = testIo({env: cli.env, isTty: true, answer: ""});
    expect((await cli.runWith(["run", "ocr", "-i", "x"], no)).code).toBe(6);
    expect(no.questions[0]).toContain("Pay up to 300 CTZ? [y/N]");
    const yes = testIo({env: cli.env, isTty: true, answer: "y"});
    expect((await cli.runWith(["run", "ocr", "-i", "x"], yes)).code).toBe(0);
    expect(cli.state.created.at(-1)?.maxPriceUctz).toBe(300_000_000n);
  });

  it("above it: --yes agrees, --max-price asks no quote at all", async () => {
    dear();
    expect((await cli.run(["run", "ocr", "-i", "x", "--yes"])).code).toBe(0);
    expect(cli.state.created.at(-1)?.maxPriceUctz).toBe(300_000_000n);
    const before = cli.state.created.length;
    expect((await cli.run(["run", "ocr", "-i", "x", "--max-price", "5uctz"])).code).toBe(0);
    expect(cli.state.created).toHaveLength(before + 1);
    expect(cli.state.created.at(-1)?.maxPriceUctz).toBe(5n);
  });

  it("leaves it to the daemon to say why nobody can", async () => {
    cli.state.candidates = [];
    cli.state.failures.set("tasks.create", new CodedError("NO_PROVIDER"));
    const {code, err} = await cli.run(["run", "ocr", "-i", "x"]);
    expect([code, err.includes("NO_PROVIDER")]).toEqual([5, true]);
    expect((await cli.run(["quote", "ocr", "-i", "x"])).code).toBe(5);
  });
});

describe("a batch", () => {
  it("runs each line, keeps the order, sums up", async () => {
    writeFileSync(
      join(folder, "lines.jsonl"),
      '"one"\n{"input":"two","params":{"maxTokens":5}}\n\n"three"\n',
    );
    const {code, out, err} = await cli.run(["run", "text", "--batch", "lines.jsonl", "--max-price", "1"], {
      cwd: folder,
    });
    expect(code).toBe(0);
    expect(out).toBe("--- lines.jsonl:1\nhello\n--- lines.jsonl:2\nhello\n--- lines.jsonl:3\nhello\n");
    expect(err).toContain("3 done, 0 failed");
    expect(err).toContain("charged 0.003 CTZ");
    const sent = cli.state.created.map(({input, params, idempotencyKey}) => [
      Buffer.from(input).toString(),
      params,
      idempotencyKey,
    ]);
    expect(sent.map(([text]) => text).sort()).toEqual(["one", "three", "two"]);
    expect(sent.find(([text]) => text === "two")?.[1]).toEqual({maxTokens: 5});
    expect(new Set(sent.map(([, , key]) => key)).size).toBe(3);
  });

  it("writes JSON lines to a file and one object to stdout", async () => {
    const file = join(folder, "out.jsonl");
    const args = ["run", "text", "-i", "a", "-i", "b", "--max-price", "1", "--json"];
    const json = JSON.parse((await cli.run(args)).out);
    expect(json).toMatchObject({
      v: 1,
      done: 2,
      failed: 0,
      results: [{index: 0, ok: true, result: {text: "hello"}}, {index: 1}],
    });
    await cli.run([...args.slice(0, -1), "-o", file]);
    const lines = readFileSync(file, "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(lines.map(({v, index, ok}) => [v, index, ok])).toEqual([
      [1, 0, true],
      [1, 1, true],
    ]);
  });

  it("goes on past a failure and exits with its number", async () => {
    cli.state.failures.set("tasks.output", new CodedError("VERIFY_MISMATCH"));
    const {code, err} = await cli.run(["run", "text", "-i", "a", "-i", "b", "--max-price", "1"]);
    expect(code).toBe(7);
    expect(err).toContain("0 done, 2 failed");
  });

  it("refuses lines that are not inputs", async () => {
    writeFileSync(join(folder, "bad.jsonl"), '"one"\n{"inputs":"two"}\n');
    const {code, err} = await cli.run(["run", "text", "--batch", "bad.jsonl"], {cwd: folder});
    expect([code, err.includes("bad.jsonl:2")]).toEqual([2, true]);
  });
});
