/** Flags of `ctz up` out of the settings' rows, and back to the texts that the rows parse. */
import type {OptionRow} from "@catalyze/daemon/options/optionRow";
import {OPTION_ROWS} from "@catalyze/daemon/options/optionRows";
import type {FlagTexts} from "@catalyze/daemon/options/optionSources";
import type {FlagSpec} from "../flagSpec.ts";
import type {Globals} from "../globals.ts";

export type UpRow = {readonly row: OptionRow; readonly name: string; readonly spec: FlagSpec};

/** `--log-level` is a flag of every command. */
export const UP_ROWS: readonly UpRow[] = (Object.values(OPTION_ROWS) as OptionRow[])
  .filter(({key}) => key !== "logLevel")
  .map((row) => ({row, name: camel(row.flag), spec: specOf(row)}));

function specOf({shape, describe, value, default: normally}: OptionRow): FlagSpec {
  const text = normally === "" ? describe : `${describe} (${normally})`;
  if (shape === "switch") return {kind: "toggle", describe: text};
  if (shape === "list") return {kind: "many", value, describe: text};
  if (shape === "map") return {kind: "many", value: `name=${value}`, describe: `name=${value}: ${text}`};
  return {kind: "text", value, describe: text};
}

function camel(flag: string): string {
  return flag.replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

/** By row key, as text. */
export function flagTexts(
  values: Readonly<Record<string, unknown>>,
  {logLevel}: Pick<Globals, "logLevel">,
): FlagTexts {
  const texts: Record<string, readonly string[]> = logLevel === undefined ? {} : {logLevel: [logLevel]};
  for (const {row, name} of UP_ROWS) {
    const value = values[name];
    if (value === undefined) continue;
    const items = (Array.isArray(value) ? value : [value]).flatMap((item) => splitItem(row, String(item)));
    if (items.length > 0) texts[row.key] = items;
  }
  return texts;
}

/** `--role provider,witness` reads like the environment variable. */
function splitItem({shape}: OptionRow, item: string): readonly string[] {
  return shape === "list"
    ? item
        .split(",")
        .map((part) => part.trim())
        .filter((part) => part !== "")
    : [item];
}
