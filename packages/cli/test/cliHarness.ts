/** The CLI in this process against a daemon's HTTP server in this process, with a node that answers from memory. */
import {mkdirSync, writeFileSync} from "node:fs";
import {join} from "node:path";
import {writeRunFile} from "@catalyze/daemon/home/runFile";
import {type Harness, startHarness, TOKEN} from "../../daemon/test/http/serverHarness.ts";
import type {InterruptListener, Io} from "../src/io.ts";
import {main} from "../src/main.ts";

export type CliResult = {readonly code: number; readonly out: string; readonly err: string};

export type TestIo = Io & {
  readonly outText: () => string;
  readonly errText: () => string;
  readonly interrupt: InterruptListener;
  readonly questions: string[];
};

export type IoChange = {
  readonly env?: Record<string, string | undefined>;
  readonly isTty?: boolean;
  readonly stdin?: Uint8Array;
  readonly answer?: string;
  readonly cwd?: string;
};

export function testIo({
  env = {},
  isTty = false,
  stdin = new Uint8Array(),
  answer = "",
  cwd = "/",
}: IoChange): TestIo {
  const chunks = {out: [] as Uint8Array[], err: [] as Uint8Array[]};
  const listeners = new Set<InterruptListener>();
  const questions: string[] = [];
  const sink = (into: Uint8Array[]) => ({
    write(chunk: string | Uint8Array) {
      into.push(typeof chunk === "string" ? Buffer.from(chunk) : chunk);
    },
    isTty,
    columns: 80,
  });
  let time = 1_700_000_100_000;
  return {
    stdout: sink(chunks.out),
    stderr: sink(chunks.err),
    stdinIsTty: isTty,
    readStdin: async () => stdin,
    async ask(question) {
      questions.push(question);
      return answer;
    },
    env,
    cwd,
    now: () => (time += 700),
    onInterrupt(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    outText: () => Buffer.concat(chunks.out).toString("utf8"),
    errText: () => Buffer.concat(chunks.err).toString("utf8"),
    interrupt(signal) {
      for (const listener of listeners) listener(signal);
    },
    questions,
  };
}

export type Cli = Harness & {
  /** Runs `ctz …` against the server. */
  run(args: readonly string[], change?: IoChange): Promise<CliResult>;
  runWith(args: readonly string[], io: TestIo): Promise<CliResult>;
  readonly env: Record<string, string>;
};

export async function startCli(isReady = true): Promise<Cli> {
  const harness = startHarness({}, isReady);
  const url = await harness.server.start();
  mkdirSync(harness.home, {recursive: true, mode: 0o700});
  writeFileSync(join(harness.home, "api.token"), `${TOKEN}\n`, {mode: 0o600});
  await writeRunFile(join(harness.home, "run.json"), {
    v: 1,
    api: url,
    pid: process.pid,
    startedAt: new Date(0).toISOString(),
    version: "0.1.0",
  });
  const env = {CTZ_HOME: harness.home};
  const runWith = async (args: readonly string[], io: TestIo): Promise<CliResult> => ({
    code: await main(args, io),
    out: io.outText(),
    err: io.errText(),
  });
  return {
    ...harness,
    env,
    runWith,
    run: async (args, change = {}) => await runWith(args, testIo({...change, env: {...env, ...change.env}})),
  };
}
