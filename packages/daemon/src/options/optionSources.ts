/** The texts of every setting from flag, environment and file, each with its origin. Flag wins, then environment. */
import {CodedError} from "@catalyze/core/errors/codedError";
import {nearest} from "./nearest.ts";
import type {OptionRow} from "./optionRow.ts";
import {OPTION_ROWS} from "./optionRows.ts";

export type Origin = "flag" | "env" | "file" | "default";

/** What the command line gave, by row key. Map rows as `name=value`. */
export type FlagTexts = Readonly<Record<string, readonly string[] | undefined>>;

/** A setting as text: one item, several for a list, `name=value` items for a map. */
export type Setting = {readonly row: OptionRow; readonly texts: readonly string[]; readonly origin: Origin};

/** Keys of the file, flat; a map row's keys are `price.<name>`. */
export type FileTexts = ReadonlyMap<string, readonly string[]>;

const MAP_NAME = /^[A-Za-z0-9][A-Za-z0-9./_-]{0,127}$/;

/** The row behind a key of file or `ctz config`, with the name inside a map row. Unknown keys suggest the nearest. */
export function rowOfKey(key: string): {readonly row: OptionRow; readonly name: string | undefined} {
  for (const row of Object.values(OPTION_ROWS) as OptionRow[]) {
    if (row.shape !== "map" && row.key === key) return {row, name: undefined};
    if (row.shape !== "map" || !key.startsWith(`${row.key}.`)) continue;
    const name = key.slice(row.key.length + 1);
    if (MAP_NAME.test(name)) return {row, name};
  }
  const known = Object.values(OPTION_ROWS).map((row) =>
    row.shape === "map" ? `${row.key}.default` : row.key,
  );
  const guess = nearest(key, known);
  throw new CodedError("CONFIG_INVALID", {
    message: `No setting "${key}".${guess === undefined ? "" : ` Did you mean "${guess}"?`}`,
    evidence: {key},
  });
}

/** Every setting's text by precedence. */
export function collectSettings(
  flags: FlagTexts,
  env: Readonly<Record<string, string | undefined>>,
  file: FileTexts,
): readonly Setting[] {
  return (Object.values(OPTION_ROWS) as OptionRow[]).map((row) => settingOf(row, flags, env, file));
}

function settingOf(
  row: OptionRow,
  flags: FlagTexts,
  env: Readonly<Record<string, string | undefined>>,
  file: FileTexts,
): Setting {
  const flag = flags[row.key];
  if (flag !== undefined && flag.length > 0) return {row, texts: flag, origin: "flag"};
  const variable = env[row.env];
  if (variable !== undefined && variable !== "")
    return {row, texts: splitVariable(row, variable), origin: "env"};
  const written = row.shape === "map" ? mapTexts(row, file) : file.get(row.key);
  if (written !== undefined && written.length > 0) return {row, texts: written, origin: "file"};
  return {row, texts: row.default === "" ? [] : [row.default], origin: "default"};
}

function splitVariable(row: OptionRow, text: string): readonly string[] {
  if (row.shape !== "list" && row.shape !== "map") return [text.trim()];
  return text
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");
}

function mapTexts(row: OptionRow, file: FileTexts): readonly string[] {
  const texts: string[] = [];
  for (const [key, values] of file) {
    if (key.startsWith(`${row.key}.`)) texts.push(`${key.slice(row.key.length + 1)}=${values[0] ?? ""}`);
  }
  return texts.sort();
}
