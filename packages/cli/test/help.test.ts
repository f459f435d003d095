import {spawnSync} from "node:child_process";
import {describe, expect, it} from "vitest";
import {COMMANDS, GROUPS} from "../src/commandTable.ts";
import {main} from "../src/main.ts";
import {testIo} from "./cliHarness.ts";

async function ctz(...args: string[]): Promise<{code: number; out: string; err: string}> {
  const io = testIo({});
  return {code: await main(args, io), out: io.outText(), err: io.errText()};
}

/** The list of the issue: nothing of it may be missing. */
const ASKED = [
  "up",
  "init",
  "status",
  "run",
  "quote",
  "down",
  "doctor",
  "demo",
  "completion",
  "version",
  "task list",
  "task show",
  "task explain",
  "task receipt",
  "task cancel",
  "wallet show",
  "wallet send",
  "wallet history",
  "wallet backup",
  "wallet restore",
  "market asks",
  "peer list",
  "model add",
  "model list",
  "ledger show",
  "ledger verify",
  "ledger history",
  "ledger export",
  "ledger proof",
  "ledger checkpoints",
  "node info",
  "node why",
  "config list",
  "config get",
  "config set",
];

describe("help", () => {
  it("has every command that was asked for", () => {
    const paths = COMMANDS.map(({path}) => path.join(" "));
    expect(ASKED.filter((name) => !paths.includes(name))).toEqual([]);
  });

  for (const command of COMMANDS) {
    it(`${command.path.join(" ")} --help: on stdout, exit 0, with its flags`, async () => {
      const {code, out, err} = await ctz(...command.path, "--help");
      expect([code, err]).toEqual([0, ""]);
      expect(out).toContain(`ctz ${command.path.join(" ")}`);
      expect(out).toContain(command.summary.slice(0, 40));
      for (const name of Object.keys(command.flags)) {
        expect(out).toContain(`--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`);
      }
      expect(out).toContain("--json");
    });
  }

  it("lists groups and commands, also without any argument asked for", async () => {
    for (const args of [["--help"], ["-h"]]) {
      const {code, out} = await ctz(...args);
      expect(code).toBe(0);
      for (const name of [...Object.keys(GROUPS), "up", "run", "doctor"])
        expect(out).toContain(`ctz ${name}`);
    }
    const {code, out} = await ctz("wallet", "--help");
    expect(code).toBe(0);
    expect(out).toContain("ctz wallet send");
  });

  it("a line that is not understood is a usage failure, exit 2, and says what was meant", async () => {
    const cases: [string[], string][] = [
      [[], "--help"],
      [["wallet"], "--help"],
      [["statsu"], "status"],
      [["wallet", "shwo"], "show"],
      [["status", "--nope"], "nope"],
      [["status", "extra"], "extra"],
      [["task", "show"], "Not enough"],
      [["run", "ocr", "--verify", "3"], "verify"],
      [["run", "ocr", "-o"], "following: o"],
      [["run", "ocr", "--max-price", "1", "--max-price", "2"], "once"],
      [["model", "add"], "Not enough"],
    ];
    for (const [args, text] of cases) {
      const {code, out, err} = await ctz(...args);
      expect([args, code, out]).toEqual([args, 2, ""]);
      expect(err).toContain("[USAGE]");
      expect(err).toContain(text);
    }
  });

  it("fails in JSON when JSON was asked for", async () => {
    const {code, out, err} = await ctz("statsu", "--json");
    expect([code, err]).toEqual([2, ""]);
    expect(JSON.parse(out)).toMatchObject({v: 1, error: {code: "USAGE", actor: "client", retryable: false}});
  });

  it("completion scripts parse and know every command", async () => {
    const bash = await ctz("completion", "bash");
    expect(bash.code).toBe(0);
    expect(spawnSync("bash", ["-n"], {input: bash.out}).status).toBe(0);
    const script = `${bash.out}\nCOMP_WORDS=(ctz wallet s); COMP_CWORD=2; _ctz; echo "\${COMPREPLY[@]}"`;
    const run = spawnSync("bash", ["-c", `compopt() { :; }; ${script}`], {encoding: "utf8"});
    expect(run.stdout.trim()).toBe("show send stake sales sell");
    for (const shell of ["zsh", "fish"]) {
      const {code, out} = await ctz("completion", shell);
      expect(code).toBe(0);
      for (const {path} of COMMANDS) expect(out).toContain(path.at(-1));
    }
    expect((await ctz("completion", "tcsh")).code).toBe(2);
  });

  it("version needs no home and no daemon", async () => {
    expect((await ctz("version")).out).toMatch(/^ctz \d+\.\d+\.\d+ \(node /);
    expect(JSON.parse((await ctz("version", "--json")).out)).toMatchObject({
      v: 1,
      node: process.versions.node,
    });
  });
});
