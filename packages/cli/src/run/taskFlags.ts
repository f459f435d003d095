/** The flags that say what to run and for how much: shared by `run` and `quote`. */
import type {TaskHeader} from "@catalyze/api/schema/task";
import {CodedError} from "@catalyze/core/errors/codedError";
import {parseAmount} from "@catalyze/core/primitives/amount";
import type {FlagSpecs} from "../flagSpec.ts";

export const TASK_FLAGS = {
  input: {
    kind: "many",
    alias: "i",
    value: "text|@file|-",
    describe: "Input: text, @file, or - for stdin; several make a batch",
  },
  param: {kind: "many", alias: "p", value: "k=v", describe: "A parameter of the class, such as maxTokens=40"},
  maxPrice: {
    kind: "text",
    value: "amount",
    describe: "Most you will pay for each task: 0.1 (CTZ) or 1500uctz",
  },
  verify: {kind: "text", choices: ["1", "2"], describe: "2: a second provider must give the same result"},
  auction: {kind: "switch", describe: "Ask for sealed bids instead of taking standing prices"},
  middleware: {
    kind: "switch",
    describe: "Let a middleware choose the provider; its leg shows in the receipt",
  },
} as const satisfies FlagSpecs;

export type TaskFlagValues = {
  readonly param: readonly string[];
  readonly maxPrice: string | undefined;
  readonly verify: string | undefined;
  readonly auction: boolean;
  readonly middleware: boolean;
};

export function readTaskHeader(
  taskClass: string,
  values: TaskFlagValues,
  timeoutMs: number | undefined,
): TaskHeader {
  const params = readParams(values.param);
  const maxPrice = readMaxPrice(values.maxPrice);
  return {
    taskClass,
    ...(Object.keys(params).length === 0 ? {} : {params}),
    ...(maxPrice === undefined ? {} : {maxPriceUctz: maxPrice.toString()}),
    ...(values.verify === "2" ? {verify: 2} : {}),
    ...routeOf(values),
    ...(timeoutMs === undefined ? {} : {timeoutMs}),
  };
}

function routeOf({auction, middleware}: TaskFlagValues): Pick<TaskHeader, "route"> {
  if (auction && middleware)
    throw new CodedError("USAGE", {message: "--auction and --middleware exclude each other."});
  if (auction) return {route: "auction"};
  return middleware ? {route: "middleware"} : {};
}

function readMaxPrice(text: string | undefined): bigint | undefined {
  if (text === undefined) return undefined;
  const amount = parseAmount(text);
  if (amount === undefined)
    throw new CodedError("AMOUNT_INVALID", {message: `--max-price: "${text}" is not an amount.`});
  return amount;
}

/** `k=v`; a value that reads as JSON is that, anything else is text. */
export function readParams(texts: readonly string[]): Record<string, unknown> {
  const params: Record<string, unknown> = {};
  for (const text of texts) {
    const at = text.indexOf("=");
    const name = text.slice(0, at);
    if (at <= 0 || !/^[A-Za-z][A-Za-z0-9_]{0,63}$/.test(name)) {
      throw new CodedError("USAGE", {message: `--param: "${text}" is not name=value.`});
    }
    params[name] = jsonOrText(text.slice(at + 1));
  }
  return params;
}

function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // A plain word is its own value.
    return text;
  }
}
