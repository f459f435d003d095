/** Settings to `DaemonOptions`: every value parsed once, here, with the place named where a wrong one came from. */
import {CodedError} from "@catalyze/core/errors/codedError";
import type {DaemonOptions} from "./daemonOptions.ts";
import {type OptionRow, parseBy} from "./optionRow.ts";
import {OPTION_ROWS} from "./optionRows.ts";
import {collectSettings, type FileTexts, type FlagTexts, type Origin, type Setting} from "./optionSources.ts";

export type OptionInput = {
  /** Absolute. */
  readonly home: string;
  readonly flags: FlagTexts;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly file: FileTexts;
};

/** Throws `CONFIG_INVALID` at the first setting that is wrong. */
export function parseOptions({home, flags, env, file}: OptionInput): DaemonOptions {
  const settings = new Map(collectSettings(flags, env, file).map((setting) => [setting.row.key, setting]));
  const read = new SettingReader(settings);
  const {apiPort, p2pPort} = OPTION_ROWS;
  return Object.freeze({
    home,
    apiHost: read.required(OPTION_ROWS.apiHost),
    apiPort: read.required(apiPort),
    isApiPortExplicit: read.isStated(apiPort),
    p2pPort: read.required(p2pPort),
    isP2pPortExplicit: read.isStated(p2pPort),
    listenHosts: read.list(OPTION_ROWS.listenHosts),
    join: read.list(OPTION_ROWS.join),
    genesis: read.optional(OPTION_ROWS.genesis),
    mdns: read.required(OPTION_ROWS.mdns),
    archive: read.required(OPTION_ROWS.archive),
    roles: [...new Set(read.list(OPTION_ROWS.roles))],
    prices: Object.freeze(read.map(OPTION_ROWS.price)),
    middlewareBps: read.required(OPTION_ROWS.middlewareBps),
    slots: read.required(OPTION_ROWS.slots),
    maxPriceDefaultUctz: read.required(OPTION_ROWS.maxPriceDefault),
    logLevel: read.required(OPTION_ROWS.logLevel),
    logFormat: read.required(OPTION_ROWS.logFormat),
    devnetDelayMs: read.required(OPTION_ROWS.devnetDelayMs),
    chainRpcUrl: read.optional(OPTION_ROWS.chainRpcUrl),
    drainTimeoutMs: read.required(OPTION_ROWS.drainTimeout),
    flags,
  });
}

class SettingReader {
  readonly #settings: ReadonlyMap<string, Setting>;

  constructor(settings: ReadonlyMap<string, Setting>) {
    this.#settings = settings;
  }

  isStated(row: OptionRow): boolean {
    return this.#of(row).origin !== "default";
  }

  optional<Value>(row: OptionRow<Value>): Value | undefined {
    const {texts, origin} = this.#of(row);
    const text = texts.at(-1);
    return text === undefined ? undefined : parseBy(row, text, sourceName(row, origin));
  }

  required<Value>(row: OptionRow<Value>): Value {
    const value = this.optional(row);
    if (value === undefined) throw new CodedError("CONFIG_INVALID", {message: `${row.key} has no value.`});
    return value;
  }

  list<Value>(row: OptionRow<Value>): readonly Value[] {
    const {texts, origin} = this.#of(row);
    return texts.map((text) => parseBy(row, text, sourceName(row, origin)));
  }

  map<Value>(row: OptionRow<Value>): Record<string, Value> {
    const {texts, origin} = this.#of(row);
    const values: Record<string, Value> = Object.create(null) as Record<string, Value>;
    for (const text of texts) {
      const at = text.indexOf("=");
      if (at <= 0) {
        throw new CodedError("CONFIG_INVALID", {
          message: `${row.key}: "${text}" is not name=${row.value} (from ${sourceName(row, origin)}).`,
        });
      }
      values[text.slice(0, at)] = parseBy(row, text.slice(at + 1), sourceName(row, origin));
    }
    return values;
  }

  #of(row: OptionRow): Setting {
    const setting = this.#settings.get(row.key);
    if (setting === undefined) throw new CodedError("CONFIG_INVALID", {message: `No setting "${row.key}".`});
    return setting;
  }
}

/** Where a value came from, as its author wrote it. */
export function sourceName(row: OptionRow, origin: Origin): string {
  if (origin === "flag") return `--${row.flag}`;
  if (origin === "env") return row.env;
  return origin === "file" ? "config.json" : "default";
}
