/** The only file that knows yargs: command values in, the chosen command with its values out. */
import {CodedError} from "@catalyze/core/errors/codedError";
import yargs, {type Argv, type Options} from "yargs";
import type {Command} from "./command.ts";
import type {FlagSpec, FlagSpecs} from "./flagSpec.ts";
import {GLOBAL_FLAGS} from "./globals.ts";

export type Parsed =
  | {readonly kind: "run"; readonly command: Command; readonly values: Readonly<Record<string, unknown>>}
  /** Help that was asked for. */
  | {readonly kind: "help"; readonly text: string};

/** What each first word is about, for the overview. */
export type GroupSummaries = Readonly<Record<string, string>>;

/** Columns of help text: fixed, so that it reads the same everywhere and in tests. */
const WIDTH = 100;

/** Throws `USAGE`, with the help to look at in its message. */
export async function parseArgs(
  argv: readonly string[],
  commands: readonly Command[],
  groups: GroupSummaries,
): Promise<Parsed> {
  let chosen: Parsed | undefined;
  const choose = (command: Command, values: Readonly<Record<string, unknown>>): void => {
    chosen = {kind: "run", command, values};
  };
  const parser = build(commands, groups, choose);
  let help = "";
  try {
    await parser.parseAsync(
      joinStdin(argv, commands),
      {},
      (error: unknown, _values: unknown, output: string) => {
        help = output;
        if (error instanceof Error) throw usage(error.message);
      },
    );
  } catch (error) {
    if (error instanceof CodedError) throw error;
    throw usage(error instanceof Error ? error.message : String(error));
  }
  if (chosen !== undefined && help === "") return chosen;
  if (help !== "") return {kind: "help", text: help};
  return {kind: "help", text: await parser.getHelp()};
}

/** yargs takes a lone `-` for a flag, so `--input -` has to reach it as one word. */
function joinStdin(argv: readonly string[], commands: readonly Command[]): string[] {
  const flags: readonly [string, FlagSpec][] = commands.flatMap(({flags}) => Object.entries(flags));
  const withValue = new Set(
    flags
      .filter(([, {kind}]) => kind === "text" || kind === "many")
      .flatMap(([name, {alias}]) => [`--${dashed(name)}`, ...(alias === undefined ? [] : [`-${alias}`])]),
  );
  const words: string[] = [];
  for (const word of argv) {
    const before = words.at(-1);
    if (word === "-" && before !== undefined && withValue.has(before)) words.splice(-1, 1, `${before}=-`);
    else words.push(word);
  }
  return words;
}

function usage(message: string): CodedError {
  return new CodedError("USAGE", {
    message: message
      .split("\n")
      .filter((line) => line !== "")
      .join(" "),
  });
}

type Choose = (command: Command, values: Readonly<Record<string, unknown>>) => void;

function build(commands: readonly Command[], groups: GroupSummaries, choose: Choose): Argv {
  const parser = yargs()
    .scriptName("ctz")
    .usage("ctz: buy and sell AI compute, peer to peer\n\nUsage: $0 <command> [flags]")
    .parserConfiguration({
      "camel-case-expansion": true,
      "strip-dashed": true,
      "parse-positional-numbers": false,
      "parse-numbers": false,
      "duplicate-arguments-array": true,
      "greedy-arrays": false,
    })
    .exitProcess(false)
    .showHelpOnFail(false)
    .fail((message: string, error: Error | undefined) => {
      throw error ?? new Error(message);
    })
    .version(false)
    .help("help")
    .alias("help", "h")
    .wrap(WIDTH)
    .options(optionsOf(GLOBAL_FLAGS, "Everywhere:"))
    .strict()
    .recommendCommands()
    .demandCommand(1, "Say what to do; `ctz --help` lists the commands.");
  for (const command of commands.filter(({path}) => path.length === 1)) addLeaf(parser, command, choose);
  for (const [name, summary] of Object.entries(groups)) {
    const inside = commands.filter(({path}) => path.length === 2 && path[0] === name);
    parser.command(name, summary, (group) => {
      for (const command of inside) addLeaf(group, command, choose);
      return group.demandCommand(1, `Say what to do with it; \`ctz ${name} --help\` lists the commands.`);
    });
  }
  return parser;
}

function addLeaf(parser: Argv, command: Command, choose: Choose): void {
  const positionals = Object.entries(command.args).map(([name, {required, rest}]) => {
    const shown = rest === true ? `${name}..` : name;
    return required === true ? `<${shown}>` : `[${shown}]`;
  });
  const build = (leaf: Argv): Argv => {
    for (const [name, {describe}] of Object.entries(command.args))
      leaf.positional(name, {describe, type: "string"});
    leaf.options(optionsOf(command.flags, "Flags:"));
    for (const line of command.examples) leaf.example(`$0 ${line}`, "");
    return leaf;
  };
  parser.command([command.path.at(-1), ...positionals].join(" "), command.summary, build, (values) => {
    choose(command, normalise(values as Record<string, unknown>, command));
  });
}

function optionsOf(flags: FlagSpecs, group: string): Record<string, Options> {
  return Object.fromEntries(
    Object.entries(flags).map(([name, spec]) => [dashed(name), optionOf(spec, group)]),
  );
}

function optionOf(spec: FlagSpec, group: string): Options {
  const base = {group, describe: spec.describe, ...(spec.alias === undefined ? {} : {alias: spec.alias})};
  if (spec.kind === "switch" || spec.kind === "toggle") return {...base, type: "boolean"};
  if (spec.kind === "many") return {...base, type: "string", array: true, requiresArg: true};
  return {
    ...base,
    type: "string",
    requiresArg: true,
    ...(spec.required === true ? {demandOption: true} : {}),
    ...(spec.choices === undefined ? {} : {choices: spec.choices}),
  };
}

function dashed(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** Absent lists and switches get their empty value; a text flag given twice is a mistake, not a list. */
function normalise(values: Record<string, unknown>, command: Command): Record<string, unknown> {
  const out: Record<string, unknown> = {...values};
  const flags: FlagSpecs = {...GLOBAL_FLAGS, ...command.flags};
  for (const [name, spec] of Object.entries(flags)) {
    const value = values[name];
    if (spec.kind === "many") out[name] = value ?? [];
    else if (spec.kind === "switch") out[name] = value === true;
    else if (Array.isArray(value)) throw usage(`--${dashed(name)} may be given once.`);
  }
  for (const [name, spec] of Object.entries(command.args))
    if (spec.rest === true) out[name] = values[name] ?? [];
  return out;
}
