/** The shape of a setting: one row gives flag, environment variable, key of the file, default and parser. */
import {CodedError} from "@catalyze/core/errors/codedError";

/** `map` rows hold `key.<name>` entries; `list` rows several values, comma-separated in the environment. */
export type OptionShape = "one" | "switch" | "list" | "map";

export type OptionRow<Value = unknown> = {
  /** Key in config.json and in `ctz config`. */
  readonly key: string;
  readonly flag: string;
  readonly env: string;
  readonly shape: OptionShape;
  /** What the value looks like, for help. */
  readonly value: string;
  readonly describe: string;
  /** As a person would write it; empty: none. */
  readonly default: string;
  /** A change through `ctz config set` applies at once. */
  readonly isLive: boolean;
  /** One value of the row; `undefined` when the text is not one. */
  readonly parse: (text: string) => Value | undefined;
};

type RowSpec<Value> = Pick<OptionRow<Value>, "key" | "describe" | "parse"> &
  Partial<Pick<OptionRow<Value>, "flag" | "env" | "shape" | "value" | "default" | "isLive">>;

const words = (key: string): string[] => key.split(/(?=[A-Z])/).map((word) => word.toLowerCase());

/** Flag and variable follow from the key: `apiPort`, `--api-port`, `CTZ_API_PORT`. */
export function optionRow<Value>(spec: RowSpec<Value>): OptionRow<Value> {
  return {
    flag: words(spec.key).join("-"),
    env: `CTZ_${words(spec.key).join("_").toUpperCase()}`,
    shape: "one",
    value: "text",
    default: "",
    isLive: false,
    ...spec,
  };
}

/** Reads one text by its row; `source` says where it came from. */
export function parseBy<Value>(row: OptionRow<Value>, text: string, source: string): Value {
  const value = row.parse(text);
  if (value === undefined) {
    throw new CodedError("CONFIG_INVALID", {
      message: `${row.key}: "${text}" is not ${row.value} (from ${source}).`,
      evidence: {key: row.key, source},
    });
  }
  return value;
}
