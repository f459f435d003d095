/**
 * Rules taken out one at a time, to see that something misses them. A mutant is one text replaced in one
 * file of the ledger; `CTZ_MUTANT` names the one that a run of the test runner puts in place. The sources
 * on disk are never touched: the change is made to the text as it is loaded.
 */
import {readFileSync} from "node:fs";
import {join} from "node:path";

export type Mutant = {
  readonly name: string;
  /** What no longer holds, in words. */
  readonly without: string;
  /** Below `packages/core/src/ledger`. */
  readonly file: string;
  /** Occurs exactly once. */
  readonly find: string;
  readonly replace: string;
  /** What can see it: the simulation, or `unit` where another rule stands behind this one and hides it. */
  readonly by?: "unit";
  /** One of those that every run of the tests tries. */
  readonly isSample?: true;
};

const ROOT = join(import.meta.dirname, "../..");
const LEDGER = "packages/core/src/ledger/";

export function readMutants(): readonly Mutant[] {
  return JSON.parse(readFileSync(join(ROOT, "test/mutants/ledger.json"), "utf8")) as Mutant[];
}

/** Throws when the text to replace is not there exactly once: the list would no longer say what it does. */
export function mutated({name, file, find, replace}: Mutant, source: string): string {
  const parts = source.split(find);
  if (parts.length !== 2) {
    throw new Error(`mutant ${name}: its text occurs ${parts.length - 1} times in ${LEDGER}${file}`);
  }
  return parts.join(replace);
}

export function sourceOf({file}: Mutant): string {
  return readFileSync(join(ROOT, LEDGER, file), "utf8");
}

/** A plugin of the test runner; none while no mutant is asked for. */
export function mutantPlugins(name: string | undefined) {
  if (name === undefined) return [];
  const mutant = readMutants().find((each) => each.name === name);
  if (mutant === undefined) throw new Error(`no mutant is called ${name}`);
  return [
    {
      name: "mutant",
      enforce: "pre" as const,
      transform: (code: string, id: string) =>
        id.split("?")[0]?.endsWith(`/${LEDGER}${mutant.file}`) === true ? mutated(mutant, code) : undefined,
    },
  ];
}
