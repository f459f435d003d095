/** Numbers of docs/limits.md against the constants of the code, read as text: most are not exported. */
import {dirname} from "node:path";
import {productSources} from "./sources.ts";

const UNITS: Readonly<Record<string, number>> = {
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
  ms: 1,
  s: 1_000,
  min: 60_000,
  h: 3_600_000,
};

/** `4 KiB` → 4096, `30 s` → 30000, `10,000` → 10000. */
export function readBound(text: string): number | undefined {
  const match = /^([\d,]+)(?: (\w+))?$/.exec(text);
  if (match === null) return undefined;
  const unit = match[2] === undefined ? 1 : UNITS[match[2]];
  return unit === undefined ? undefined : Number((match[1] ?? "").replaceAll(",", "")) * unit;
}

/** Values of `NAME = …` or `name: …` in the files of a room, where they are plain arithmetic. */
export function valuesOf(room: string, name: string): readonly number[] {
  const definition = new RegExp(`\\b${name}(?::| =) ([\\d_n *+-]+)[,;}]`, "g");
  return productSources
    .filter(({path}) => dirname(path) === room)
    .flatMap(({text}) => [...text.matchAll(definition)])
    .map((match) => sum((match[1] ?? "").replaceAll(/[_n]/g, "")));
}

function sum(text: string): number {
  return text.split(" + ").reduce((total, term) => total + difference(term), 0);
}

function difference(text: string): number {
  const [first = "", ...rest] = text.split(" - ");
  return rest.reduce((left, term) => left - product(term), product(first));
}

function product(text: string): number {
  return text.split(/ \* (?!\*)/).reduce((total, factor) => total * power(factor), 1);
}

function power(text: string): number {
  const [base = "", exponent = "1"] = text.split(" ** ");
  return Number(base) ** Number(exponent);
}
