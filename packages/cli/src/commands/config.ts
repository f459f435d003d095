import type {ConfigEntry} from "@catalyze/api/schema/node";
import {ensureHome} from "@catalyze/daemon/home/ensureHome";
import {readRunFile} from "@catalyze/daemon/home/runFile";
import {ConfigStore} from "@catalyze/daemon/options/configStore";
import {command} from "../command.ts";
import type {CommandContext} from "../context.ts";
import {pairs, table} from "../output/table.ts";

/** With a daemon, its settings (flags included); without one, what the next start would read. */
async function hasDaemon({globals, layout}: CommandContext): Promise<boolean> {
  return globals.api !== undefined || (await readRunFile(layout.run)) !== undefined;
}

function storeOf({layout, io}: CommandContext): ConfigStore {
  return new ConfigStore({path: layout.config, flags: {}, env: io.env});
}

export const configList = command({
  path: ["config", "list"],
  summary: "Every setting, its value and where it comes from",
  async run(_values, context) {
    const {output} = context;
    const view = (await hasDaemon(context))
      ? await (await context.client()).call("configList", {})
      : {entries: [...(await storeOf(context).list())], file: context.layout.config};
    output.data(view, () =>
      table<ConfigEntry>(
        view.entries,
        [
          {head: "KEY", cell: ({key}) => key},
          {head: "VALUE", cell: ({value}) => value || "-"},
          {head: "FROM", cell: ({origin}) => origin},
          {head: "WHAT", cell: ({description}) => description},
        ],
        {paint: output.paint, none: "No settings."},
      ),
    );
    output.note(`file: ${view.file}`);
  },
});

export const configGet = command({
  path: ["config", "get"],
  summary: "One setting",
  args: {key: {describe: "Such as slots or price.ocr", required: true}},
  async run({key}, context) {
    const {output} = context;
    const entry = (await hasDaemon(context))
      ? await (await context.client()).call("configGet", {params: {key}})
      : await storeOf(context).get(key);
    output.data(entry, () => `${entry.value}\n`);
  },
});

export const configSet = command({
  path: ["config", "set"],
  summary: "Write one setting to config.json; without a value, remove it",
  examples: ["config set price.ocr 800uctz+2000uctz", "config set slots 2", "config set slots"],
  args: {
    key: {describe: "Such as slots or price.ocr", required: true},
    value: {describe: "Lists are comma-separated; left out: back to the default"},
  },
  async run({key, value}, context) {
    const {output, layout} = context;
    const isLiveDaemon = await hasDaemon(context);
    if (!isLiveDaemon) await ensureHome(layout.home);
    const entry = isLiveDaemon
      ? await (await context.client()).call("configSet", {params: {key}, body: {value: value ?? null}})
      : await storeOf(context).set(key, value);
    output.data(entry, () => pairs([[entry.key, entry.value || "(default)"]], output.paint));
    if (entry.origin === "flag" || entry.origin === "env") {
      output.warn(`${entry.origin === "flag" ? entry.flag : entry.env} still wins over the file`);
    } else if (isLiveDaemon) {
      output.note(entry.isLive ? "Applies at once." : "Applies at the next start: ctz down, ctz up.");
    }
  },
});
