/** Completion scripts out of the command table: static words, so that no completion starts a process. */
import type {Command} from "../command.ts";
import type {FlagSpecs} from "../flagSpec.ts";
import {GLOBAL_FLAGS} from "../globals.ts";

export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

type Table = {readonly commands: readonly Command[]; readonly groups: Readonly<Record<string, string>>};

export function completionScript(shell: Shell, table: Table): string {
  if (shell === "fish") return fishScript(table);
  const bash = bashScript(table);
  return shell === "bash" ? bash : `#compdef ctz\nautoload -U +X bashcompinit && bashcompinit\n${bash}`;
}

function flagNames(flags: FlagSpecs): string[] {
  return Object.keys(flags).map(
    (name) => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`,
  );
}

function topWords({commands, groups}: Table): string[] {
  return [
    ...commands.filter(({path}) => path.length === 1).map(({path}) => path[0] ?? ""),
    ...Object.keys(groups),
  ];
}

function bashScript(table: Table): string {
  const {commands, groups} = table;
  const globals = flagNames(GLOBAL_FLAGS).join(" ");
  const inGroup = Object.keys(groups).map((name) => {
    const words = commands.filter(({path}) => path.length === 2 && path[0] === name).map(({path}) => path[1]);
    return `    ${name}) words="${words.join(" ")}" ;;`;
  });
  const flags = commands.map(
    ({path, flags: own}) => `    "${path.join(" ")}") flags="${flagNames(own).join(" ")}" ;;`,
  );
  return `# ctz completion for bash
_ctz() {
  local current="\${COMP_WORDS[COMP_CWORD]}" first="\${COMP_WORDS[1]}" second="\${COMP_WORDS[2]}" words="" flags=""
  case "$first" in
${inGroup.join("\n")}
  esac
  case "$first\${words:+ $second}" in
${flags.join("\n")}
  esac
  if [[ "$current" == -* ]]; then
    COMPREPLY=($(compgen -W "$flags ${globals} --help" -- "$current"))
  elif [[ $COMP_CWORD -eq 1 ]]; then
    COMPREPLY=($(compgen -W "${topWords(table).join(" ")}" -- "$current"))
  elif [[ $COMP_CWORD -eq 2 && -n "$words" ]]; then
    COMPREPLY=($(compgen -W "$words" -- "$current"))
  else
    COMPREPLY=($(compgen -f -- "$current"))
  fi
}
complete -o filenames -F _ctz ctz
`;
}

function fishScript({commands, groups}: Table): string {
  const quote = (text: string): string => `'${text.replace(/['\\]/g, "\\$&")}'`;
  const lines = ["# ctz completion for fish"];
  for (const [name, summary] of Object.entries(groups)) {
    lines.push(`complete -c ctz -n __fish_use_subcommand -a ${name} -d ${quote(summary)}`);
  }
  for (const {path, summary, flags} of commands) {
    const [first = "", second] = path;
    const when = second === undefined ? "__fish_use_subcommand" : `"__fish_seen_subcommand_from ${first}"`;
    lines.push(`complete -c ctz -n ${when} -a ${second ?? first} -d ${quote(summary)}`);
    for (const flag of flagNames(flags)) {
      lines.push(`complete -c ctz -n "__fish_seen_subcommand_from ${second ?? first}" -l ${flag.slice(2)}`);
    }
  }
  for (const flag of flagNames(GLOBAL_FLAGS)) lines.push(`complete -c ctz -l ${flag.slice(2)}`);
  return `${lines.join("\n")}\n`;
}
