/** From arguments to an exit code: parse, run, say how it failed. */
import {toCodedError} from "@catalyze/core/errors/codedError";
import type {Command} from "./command.ts";
import {COMMANDS, GROUPS} from "./commandTable.ts";
import {commandContext} from "./context.ts";
import {type Globals, readGlobals} from "./globals.ts";
import type {Io} from "./io.ts";
import {Output} from "./output/output.ts";
import {type Parsed, parseArgs} from "./parseArgs.ts";

/** Never throws; the number is the exit code of the table of errors. */
export async function main(argv: readonly string[], io: Io): Promise<number> {
  let globals: Globals = fallbackGlobals(argv, io);
  try {
    const parsed: Parsed = await parseArgs(argv, COMMANDS, GROUPS);
    if (parsed.kind === "help") {
      io.stdout.write(`${parsed.text}\n`);
      return 0;
    }
    globals = readGlobals(parsed.values, io);
    return await runCommand(parsed.command, parsed.values, {io, globals});
  } catch (thrown) {
    const error = toCodedError(thrown);
    new Output(io, globals).failure(error);
    if (error.code === "INTERNAL" && !globals.json) io.stderr.write(whereText(thrown, io));
    return error.row.exit;
  }
}

async function runCommand(
  command: Command,
  values: Readonly<Record<string, unknown>>,
  {io, globals}: {io: Io; globals: Globals},
): Promise<number> {
  return (await command.run(values, commandContext(io, globals))) ?? 0;
}

/** A line that does not parse still fails in the form that it asked for. */
function fallbackGlobals(argv: readonly string[], io: Io): Globals {
  return readGlobals(
    {json: argv.includes("--json"), color: argv.includes("--no-color") ? false : undefined},
    io,
  );
}

/** An internal error is ours to repair: the place in the code is what a report needs. */
function whereText(thrown: unknown, io: Io): string {
  if (io.env["CTZ_DEBUG"] === undefined) return "  where: CTZ_DEBUG=1 shows the place in the code\n";
  return `${thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)}\n`;
}
