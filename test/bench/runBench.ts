/** Chooses what to measure, prints bars as lines for people or JSON, and the machine beside them. */
import "@catalyze/core/primitives/polyfill";
import {cpus, loadavg} from "node:os";
import type {Bar, Bench} from "./bar.ts";

const BENCHES: Readonly<Record<string, () => Promise<Bench>>> = {
  startup: async () => (await import("./startup.ts")).startup,
  ledger: async () => (await import("./ledger.ts")).ledger,
  snapshot: async () => (await import("./snapshot.ts")).snapshot,
};

const USAGE = "usage: npm run -s bench -- --list | <benchmark> [part…] [--json]\n";

/** The exit code: 0 also when a bar is missed, 2 for a name that there is not, 1 when nothing could be measured. */
export async function runBench(args: readonly string[]): Promise<number> {
  const isJson = args.includes("--json");
  const [name, ...chosen] = args.filter((each) => !each.startsWith("--"));
  if (args.includes("--list")) return await list();
  const open = name === undefined ? undefined : BENCHES[name];
  if (open === undefined) {
    process.stderr.write(USAGE);
    return 2;
  }
  const {parts} = await open();
  const unknown = chosen.find((each) => !parts.some((part) => part.name === each));
  if (unknown !== undefined) {
    process.stderr.write(`no part ${unknown}; there are ${parts.map((part) => part.name).join(", ")}\n`);
    return 2;
  }
  const say = (line: string) => process.stderr.write(`${line}\n`);
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(130));
  say(machine());
  let status = 0;
  for (const part of parts.filter((each) => chosen.length === 0 || chosen.includes(each.name))) {
    say(`${name}/${part.name}: ${part.what} (load ${load()})`);
    try {
      await part.run((bar) => process.stdout.write(`${isJson ? JSON.stringify(bar) : plain(bar)}\n`), say);
    } catch (error) {
      say(
        `${name}/${part.name} could not be measured: ${error instanceof Error ? error.stack : String(error)}`,
      );
      status = 1;
    }
  }
  say(`load ${load()}`);
  return status;
}

async function list(): Promise<number> {
  for (const [name, open] of Object.entries(BENCHES)) {
    const {what, parts} = await open();
    process.stdout.write(`${name}: ${what}\n`);
    for (const part of parts) process.stdout.write(`  ${part.name.padEnd(14)} ${part.what}\n`);
  }
  return 0;
}

function plain({bar, value, unit, ratio, target, ok}: Bar): string {
  const figure = `${bar.padEnd(36)} ${value.toFixed(Math.abs(value) < 100 ? 2 : 0)} ${unit}`;
  if (ratio === null) return figure;
  const held = target === null ? "" : `, target ${target}: ${ok ? "ok" : "MISSED"}`;
  return `${figure}   ratio ${ratio.toFixed(3)}${held}`;
}

function machine(): string {
  const [first] = cpus();
  return `${cpus().length} × ${first?.model ?? "unknown processor"}, Node ${process.version}, ${process.platform}`;
}

function load(): string {
  return loadavg()
    .map((each) => each.toFixed(1))
    .join(" ");
}
