/** The settings of one home as `ctz config` shows and changes them; works with and without a daemon. */
import type {ConfigEntry} from "@catalyze/api/schema/node";
import {CodedError} from "@catalyze/core/errors/codedError";
import {readConfigFile, writeConfigFile} from "./configFile.ts";
import {type OptionRow, parseBy} from "./optionRow.ts";
import {
  collectSettings,
  type FileTexts,
  type FlagTexts,
  type Origin,
  rowOfKey,
  type Setting,
} from "./optionSources.ts";

export type ConfigStoreOptions = {
  /** config.json. */
  readonly path: string;
  readonly flags: FlagTexts;
  readonly env: Readonly<Record<string, string | undefined>>;
};

/** Called after a live setting was written; `text` is undefined when it fell back to its default. */
export type ConfigListener = (key: string, text: string | undefined) => void;

export class ConfigStore {
  readonly path: string;
  readonly #options: ConfigStoreOptions;
  readonly #listeners = new Set<ConfigListener>();
  /** Writes of one process follow each other, so that none is lost. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: ConfigStoreOptions) {
    this.path = options.path;
    this.#options = options;
  }

  /** The result removes the listener. */
  onLiveChange(listener: ConfigListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async list(): Promise<readonly ConfigEntry[]> {
    const file = await readConfigFile(this.path);
    const settings = collectSettings(this.#options.flags, this.#options.env, file);
    return settings.flatMap((setting) => entriesOf(setting));
  }

  async get(key: string): Promise<ConfigEntry> {
    const {row} = rowOfKey(key);
    const entry = (await this.list()).find((candidate) => candidate.key === key);
    return entry ?? entryOf(row, key, "", "default");
  }

  /** `undefined` removes the key. A flag or variable still wins over the file: the entry says so. */
  async set(key: string, text: string | undefined): Promise<ConfigEntry> {
    const {row} = rowOfKey(key);
    const values = text === undefined ? undefined : valuesOf(row, text);
    for (const value of values ?? []) parseBy(row, value, "ctz config set");
    const write = this.#last.then(async () => {
      const file: Map<string, readonly string[]> = new Map(await readConfigFile(this.path));
      if (values === undefined) file.delete(key);
      else file.set(key, values);
      await this.#write(file);
    });
    this.#last = write.catch(() => undefined);
    await write;
    if (row.isLive) for (const listener of this.#listeners) listener(key, text);
    return await this.get(key);
  }

  async #write(file: FileTexts): Promise<void> {
    try {
      await writeConfigFile(this.path, file);
    } catch (error) {
      throw new CodedError("CONFIG_INVALID", {message: `Cannot write ${this.path}.`, cause: error});
    }
  }
}

function valuesOf(row: OptionRow, text: string): readonly string[] {
  if (row.shape !== "list") return [text.trim()];
  return text
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");
}

function entriesOf({row, texts, origin}: Setting): ConfigEntry[] {
  if (row.shape !== "map") return [entryOf(row, row.key, texts.join(","), origin)];
  return texts.map((text) => {
    const at = text.indexOf("=");
    return entryOf(row, `${row.key}.${text.slice(0, at)}`, text.slice(at + 1), origin);
  });
}

function entryOf(row: OptionRow, key: string, value: string, origin: Origin): ConfigEntry {
  return {
    key,
    value,
    default: row.default,
    origin,
    description: row.describe,
    flag: `--${row.flag}`,
    env: row.env,
    isLive: row.isLive,
  };
}
