/** The machine: Node, what runs models, what holds them in. */
import {mkdtemp, rm} from "node:fs/promises";
import {tmpdir} from "node:os";
import {join} from "node:path";
import {CodedError, toCodedError} from "@catalyze/core/errors/codedError";
import type {Log} from "@catalyze/core/ports/log";
import type {CommandContext} from "../context.ts";
import {duration} from "../output/format.ts";
import type {Check} from "./check.ts";

const NODE_MAJOR_MIN = 20;
const NODE_MINOR_MIN = 19;

const SILENT: Log = {debug() {}, info() {}, warn() {}, error() {}, child: () => SILENT};

export async function machineChecks({io}: CommandContext): Promise<readonly Check[]> {
  const {detectIsolation, describeIsolation} = await import("@catalyze/daemon/exec/isolation");
  const isolation = await detectIsolation(io.env["PATH"] ?? "");
  const isolated: Check =
    isolation.bwrap === undefined
      ? {
          name: "isolation",
          state: "warning",
          detail: describeIsolation(isolation),
          fix: "Install bubblewrap before you run models of strangers.",
        }
      : {name: "isolation", state: "ok", detail: describeIsolation(isolation)};
  return [
    nodeCheck(process.versions.node),
    await executorCheck(isolation),
    isolated,
    await anvilCheck(io.env),
  ];
}

/** Only the demo and devnets start an EVM node of their own. */
async function anvilCheck(env: Readonly<Record<string, string | undefined>>): Promise<Check> {
  const {findAnvil} = await import("@catalyze/daemon/chain/findAnvil");
  try {
    return {name: "EVM node for demos", state: "ok", detail: findAnvil(env)};
  } catch (error) {
    return {name: "EVM node for demos", state: "warning", detail: toCodedError(error).message};
  }
}

export function nodeCheck(version: string): Check {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major > NODE_MAJOR_MIN || (major === NODE_MAJOR_MIN && minor >= NODE_MINOR_MIN)) {
    return {name: "node", state: "ok", detail: version};
  }
  return {
    name: "node",
    state: "broken",
    detail: version,
    fix: `Use Node ${NODE_MAJOR_MIN}.${NODE_MINOR_MIN} or newer.`,
  };
}

type Isolation = Awaited<ReturnType<typeof import("@catalyze/daemon/exec/isolation")["detectIsolation"]>>;

/** Runs a tiny model in a process of its own, as the daemon does at its start. */
async function executorCheck(isolation: Isolation): Promise<Check> {
  const {EXECUTOR_DEFAULTS, ExecutorPool} = await import("@catalyze/daemon/exec/executorPool");
  const bundlesDir = await mkdtemp(join(tmpdir(), "ctz-doctor-"));
  try {
    const bundles = {open: async () => Promise.reject(new CodedError("MODEL_UNKNOWN"))};
    const pool = new ExecutorPool(
      {bundles, log: SILENT},
      {...EXECUTOR_DEFAULTS, slots: 1, isolation, bundlesDir},
    );
    const probe = await pool.probe();
    await pool.stop();
    const detail = `${probe.runtime || probe.determinism}, first run after ${duration(probe.startMs)}`;
    if (probe.ok) return {name: "executor", state: "ok", detail};
    return {
      name: "executor",
      state: "broken",
      detail: probe.problem ?? detail,
      fix: "Reinstall: npm ci. Without it this node can buy, not sell.",
    };
  } catch (error) {
    const {message, row} = toCodedError(error);
    return {name: "executor", state: "broken", detail: message, fix: row.hint};
  } finally {
    await rm(bundlesDir, {recursive: true, force: true});
  }
}
