/** config.json of a home: a flat object of settings. Unknown keys are errors, so that a typo is never silent. */
import {readFile, rename, writeFile} from "node:fs/promises";
import {CodedError} from "@catalyze/core/errors/codedError";
import {parseBy} from "./optionRow.ts";
import {type FileTexts, rowOfKey} from "./optionSources.ts";

const CONFIG_BYTES_MAX = 256 * 1024;

/** An absent file is an empty one. Throws `CONFIG_INVALID`. */
export async function readConfigFile(path: string): Promise<FileTexts> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return new Map();
    throw new CodedError("CONFIG_INVALID", {message: `Cannot read ${path}.`, cause: error});
  }
  if (text.length > CONFIG_BYTES_MAX)
    throw new CodedError("CONFIG_INVALID", {message: `${path} is too large.`});
  return parseConfig(text, path);
}

function parseConfig(text: string, path: string): FileTexts {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    const why = error instanceof Error ? error.message : "";
    throw new CodedError("CONFIG_INVALID", {message: `${path} is not JSON: ${why}`, cause: error});
  }
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    throw new CodedError("CONFIG_INVALID", {message: `${path} must hold one JSON object.`});
  }
  const texts = new Map<string, readonly string[]>();
  for (const [key, value] of Object.entries(json)) {
    const {row} = rowOfKey(key);
    const values = (Array.isArray(value) ? value : [value]).map((item) => scalarText(key, item));
    for (const item of values) parseBy(row, item, path);
    texts.set(key, values);
  }
  return texts;
}

function scalarText(key: string, value: unknown): string {
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  throw new CodedError("CONFIG_INVALID", {
    message: `${key}: expected a text, a number or true/false.`,
    evidence: {key},
  });
}

/** Replaces the file atomically: a crash leaves the old one or the new one. */
export async function writeConfigFile(path: string, texts: FileTexts): Promise<void> {
  const json: Record<string, string | readonly string[]> = {};
  for (const key of [...texts.keys()].sort()) {
    const values = texts.get(key) ?? [];
    json[key] = rowOfKey(key).row.shape === "list" ? values : (values[0] ?? "");
  }
  const temporary = `${path}.${process.pid}.tmp`;
  await writeFile(temporary, `${JSON.stringify(json, null, 2)}\n`, {mode: 0o600, flush: true});
  await rename(temporary, path);
}
