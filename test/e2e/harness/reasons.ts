/** How a refusal must look from outside: its code on both doors, its exit code, and nothing charged. */
import type {TaskHeader, TaskView} from "@catalyze/api/schema/task";
import {CodedError} from "@catalyze/core/errors/codedError";
import {ERRORS, type ErrorCode} from "@catalyze/core/errors/table";
import {expect} from "vitest";
import type {CliOptions, CliResult} from "./cli.ts";
import type {Daemon} from "./daemon.ts";

/** The JSON failure and the exit code of a command. */
export function expectCode(result: CliResult, code: ErrorCode): void {
  expect(result.json?.error?.code, `${result.stdout}\n${result.stderr}`).toBe(code);
  expect(result.code).toBe(ERRORS[code].exit);
  const {actor, phase, retryable} = ERRORS[code];
  expect(result.json).toMatchObject({v: 1, error: {actor, phase, retryable}});
  expect(result.json.error.message).not.toBe("");
  expect(result.json.error.hint).not.toBe("");
}

/** What all tasks of a node have cost it so far: a refused one changes nothing. */
export async function spentOn(daemon: Daemon): Promise<bigint> {
  const {tasks} = await daemon.client.call("taskList", {query: {limit: 1000}});
  return tasks.reduce((sum, task) => sum + BigInt(task.chargedUctz) + BigInt(task.ledgerFeesUctz), 0n);
}

/** Balance and what is set aside in locks; charges leave it when their providers claim. */
export async function moneyOf(daemon: Daemon): Promise<bigint> {
  const {balanceUctz, lockedUctz} = await daemon.client.call("wallet", {});
  return BigInt(balanceUctz) + BigInt(lockedUctz);
}

export type RefusedTask = {
  readonly taskClass: string;
  readonly input: Uint8Array;
  readonly header?: Omit<TaskHeader, "taskClass">;
  /** Beside `run <class> -i -`. */
  readonly args?: readonly string[];
  readonly options?: CliOptions;
};

/** The same task is refused with the same code on CLI and API, and the wallet is as before. */
export async function expectRefused(daemon: Daemon, code: ErrorCode, task: RefusedTask): Promise<void> {
  const before = await spentOn(daemon);
  const {taskClass, input, header, args = [], options} = task;
  const result = await daemon.ctz(["run", taskClass, "-i", "-", ...args], {...options, stdin: input});
  expectCode(result, code);
  expect(await reasonOf(daemon, {...header, taskClass}, input)).toBe(code);
  expect(await spentOn(daemon)).toBe(before);
}

/** Why the API refuses or fails a task; `undefined` when it is done. */
export async function reasonOf(
  daemon: Daemon,
  header: TaskHeader,
  input: Uint8Array,
): Promise<string | undefined> {
  try {
    const task = await daemon.run(header, input);
    if (task.state !== "done") expectFree(task);
    return task.failure?.code;
  } catch (error) {
    if (error instanceof CodedError) return error.code;
    throw error;
  }
}

/** Nothing was charged, for the task or for any attempt. */
export function expectFree({chargedUctz, attempts}: TaskView): void {
  expect(chargedUctz).toBe("0");
  for (const attempt of attempts) expect(attempt.chargedUctz).toBe("0");
}

/** Done, and paid exactly once; who checked the result, as asked or because the coin said so, is paid too. */
export function expectDone(task: TaskView): void {
  expect(task.state, JSON.stringify(task.failure)).toBe("done");
  const paid = task.attempts.filter(({chargedUctz}) => chargedUctz !== "0");
  const checks = paid.filter(({kind}) => kind === "verify");
  expect(paid.length - checks.length, JSON.stringify(task.attempts)).toBe(1);
  expect(checks.length).toBeLessThanOrEqual(1);
  if (task.verify === 2) expect(checks).toHaveLength(1);
  expect(BigInt(task.chargedUctz)).toBe(paid.reduce((sum, {chargedUctz}) => sum + BigInt(chargedUctz), 0n));
}
