/** Flags that every command takes. */
import {CodedError} from "@catalyze/core/errors/codedError";
import {parseDuration} from "@catalyze/daemon/options/parsers";
import type {FlagSpecs} from "./flagSpec.ts";
import type {Io} from "./io.ts";

export const GLOBAL_FLAGS = {
  home: {kind: "text", value: "dir", describe: "Home of the node (else CTZ_HOME, else the platform's place)"},
  api: {kind: "text", value: "url", describe: "API of the daemon (else CTZ_API, else what the home says)"},
  json: {kind: "switch", describe: 'One JSON object on stdout, with "v": 1'},
  quiet: {kind: "switch", alias: "q", describe: "No notes, only data and failures"},
  color: {kind: "toggle", describe: "Colours; off without a terminal or with NO_COLOR"},
  timeout: {
    kind: "text",
    value: "5s",
    describe: "Time limit: of the task for `run`, of the answer for the rest",
  },
  yes: {kind: "switch", alias: "y", describe: "Answer every question with yes"},
  logLevel: {
    kind: "text",
    choices: ["debug", "info", "warn", "error"],
    describe: "Least level that is logged (up, demo)",
  },
} as const satisfies FlagSpecs;

export type Globals = {
  readonly home: string | undefined;
  readonly api: string | undefined;
  readonly json: boolean;
  readonly quiet: boolean;
  readonly hasColour: boolean;
  readonly timeoutMs: number | undefined;
  readonly yes: boolean;
  readonly logLevel: string | undefined;
};

export function readGlobals(values: Readonly<Record<string, unknown>>, io: Io): Globals {
  const {home, api, json, quiet, color, timeout, yes, logLevel} = values as Partial<
    Record<keyof typeof GLOBAL_FLAGS, unknown>
  >;
  return {
    home: text(home),
    api: text(api) ?? text(io.env["CTZ_API"]),
    json: json === true,
    quiet: quiet === true,
    hasColour:
      color !== false &&
      (color === true || (text(io.env["NO_COLOR"]) === undefined && io.env["TERM"] !== "dumb")),
    timeoutMs: readTimeout(text(timeout)),
    yes: yes === true,
    logLevel: text(logLevel),
  };
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function readTimeout(value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const timeoutMs = parseDuration(value);
  if (timeoutMs === undefined || timeoutMs < 1 || timeoutMs > 86_400_000) {
    throw new CodedError("USAGE", {
      message: `--timeout: "${value}" is not a duration such as 250ms, 5s or 2m, at most 24h.`,
    });
  }
  return timeoutMs;
}
