/** docs/cli.md out of the command table. */
import type {Command} from "../command.ts";
import type {FlagSpec} from "../flagSpec.ts";
import {GLOBAL_FLAGS} from "../globals.ts";

const HEAD = `# The command line

\`ctz <command> [flags]\`. Data goes to stdout, everything said about it to stderr; \`--json\` prints exactly one object with \`"v": 1\`, and failures as \`{"v":1,"error":{…}}\`. Exit codes: \`docs/errors.md\`. This page is made from the code by \`npm run gen\`.

The first Ctrl-C during \`ctz run\` cancels the task and waits for its end; the second stops waiting. During \`ctz up\` the first one drains and stops, the second one forces. A task without \`--max-price\` may cost what \`maxPriceDefault\` allows (\`docs/options.md\`); above that a person is asked, \`--yes\` agrees, and without a terminal it fails as \`NEEDS_CONFIRMATION\`.

`;

export function commandsPage(commands: readonly Command[]): string {
  const globals = `## Everywhere\n\n${flagLines(GLOBAL_FLAGS)}\n`;
  return `${HEAD}${globals}${commands.map(section).join("")}`;
}

function section({path, summary, args, flags, examples}: Command): string {
  const takes = Object.entries(args).map(([name, {required, rest}]) => {
    const shown = rest === true ? `${name}...` : name;
    return required === true ? `<${shown}>` : `[${shown}]`;
  });
  const argLines = Object.entries(args).map(([name, {describe}]) => `- \`${name}\`: ${describe}\n`);
  const shownExamples =
    examples.length === 0 ? "" : `\n\`\`\`sh\n${examples.map((line) => `ctz ${line}\n`).join("")}\`\`\`\n`;
  const lines = `${argLines.join("")}${flagLines(flags)}`;
  return `\n## ctz ${[...path, ...takes].join(" ")}\n\n${summary}.\n${lines === "" ? "" : `\n${lines}`}${shownExamples}`;
}

function flagLines(flags: Readonly<Record<string, FlagSpec>>): string {
  return Object.entries(flags)
    .map(([name, spec]) => `- \`${flagText(name, spec)}\`: ${spec.describe}\n`)
    .join("");
}

function flagText(name: string, spec: FlagSpec): string {
  const long = `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  const short = spec.alias === undefined ? "" : `-${spec.alias}, `;
  if (spec.kind === "switch") return `${short}${long}`;
  if (spec.kind === "toggle") return `${short}${long}, --no-${long.slice(2)}`;
  if (spec.kind === "text" && spec.choices !== undefined) return `${short}${long} ${spec.choices.join("|")}`;
  return `${short}${long} <${spec.value ?? "text"}>`;
}
