/** docs/options.md out of the rows. */
import type {OptionRow} from "./optionRow.ts";
import {OPTION_ROWS} from "./optionRows.ts";

const HEAD = `# Settings

Every setting of the node: a flag of \`ctz up\`, an environment variable, or a key of \`config.json\` in the home (\`ctz config set <key> <value>\`). A flag wins over the variable, that over the file, that over the default; \`ctz config list\` says where each value comes from. An unknown key is an error. This page is made from the code by \`npm run gen\`.

The home itself is \`--home\`, else \`CTZ_HOME\`, else the platform's place for a user's data (\`~/.local/share/catalyze\` on Linux). \`CTZ_KEY_PASSPHRASE_FILE\` names the file with the passphrase of the keys; without it one is generated in the home. \`CTZ_API\` is the daemon that commands talk to, \`NO_COLOR\` turns colours off, \`CTZ_DEBUG\` shows the stack of an internal error.

| key | flag | variable | default | takes | what it does |
|---|---|---|---|---|---|
`;

export function optionsPage(): string {
  const rows = (Object.values(OPTION_ROWS) as OptionRow[]).map((row) => {
    const key = row.shape === "map" ? `${row.key}.<name>` : row.key;
    const live = row.isLive ? " Changes apply at once." : "";
    const many = row.shape === "list" ? ", several allowed" : "";
    const cells = [
      `\`${key}\``,
      `\`--${row.flag}\``,
      `\`${row.env}\``,
      row.default === "" ? "–" : `\`${row.default}\``,
      `\`${row.value}\`${many}`,
      `${row.describe}.${live}`,
    ];
    return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |\n`;
  });
  return `${HEAD}${rows.join("")}`;
}
