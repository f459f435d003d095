// `npm run mutants -- [name…] [--seeds N] [--scenario name] [--sample]`: takes one rule of the ledger out at a time and says
// what missed it: a scenario of the simulation at a seed, or a unit test. The sources stay as they are.
import {spawnSync} from "node:child_process";
import {existsSync, mkdtempSync, readFileSync, rmSync} from "node:fs";
import {tmpdir} from "node:os";
import {dirname, join} from "node:path";
import {fileURLToPath} from "node:url";
import {parseArgs} from "node:util";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const {values, positionals} = parseArgs({
  options: {
    seeds: {type: "string", default: "2000"},
    sample: {type: "boolean", default: false},
    scenario: {type: "string"},
  },
  allowPositionals: true,
});
const folder = mkdtempSync(join(tmpdir(), "mutants-"));

function vitest(mutant, project, path) {
  const report = join(folder, "report.json");
  const env = {
    ...process.env,
    CTZ_MUTANT: mutant,
    CTZ_SIM_SEEDS: values.seeds,
    CTZ_SIM_SCENARIO: values.scenario ?? "",
    CTZ_TEST_TIMEOUT_MS: String(6 * 3_600_000),
  };
  // The runner refuses to start inside another one that tells its children so.
  delete env.VITEST;
  delete env.VITEST_WORKER_ID;
  const args = ["run", "--project", project, path, "--reporter=json", `--outputFile=${report}`, "--bail=1"];
  const file = join(root, "node_modules/vitest/vitest.mjs");
  // A machine short of memory kills one now and then.
  for (let tries = 0; tries < 3; tries += 1) {
    const {stderr} = spawnSync(process.execPath, [file, ...args], {cwd: root, env, encoding: "utf8"});
    if (existsSync(report)) {
      const text = readFileSync(report, "utf8");
      rmSync(report);
      return JSON.parse(text);
    }
    if (tries === 2) throw new Error(`mutant ${mutant}: the test runner did not run\n${stderr}`);
  }
}

/** What failed first, in one line; `undefined` when nothing did. */
function failureOf(mutant, project, path) {
  const {testResults} = vitest(mutant, project, path);
  for (const {assertionResults, message} of testResults) {
    const failed = assertionResults.find(({status}) => status === "failed");
    if (failed !== undefined)
      return {test: failed.title, message: (failed.failureMessages[0] ?? "").split("\n")[0].slice(0, 120)};
    if (message !== "") throw new Error(`mutant ${mutant}: ${message}`);
  }
  return undefined;
}

function hunt({name, by}) {
  const startMs = Date.now();
  const told = () => `${((Date.now() - startMs) / 1_000).toFixed(0)} s`;
  const found = by === "unit" ? undefined : failureOf(name, "sim", "test/sim/ledger/hunt.test.ts");
  if (found !== undefined) return `${found.message.replace(/^Error: /, "")} (${told()})`;
  const unit = failureOf(name, "unit", "packages/core/test/ledger");
  if (unit !== undefined) return `unit test: ${unit.test} (${told()})`;
  const chain = failureOf(name, "sim", "test/sim/ledger/handover.test.ts");
  return chain === undefined ? undefined : `simulation: ${chain.test} (${told()})`;
}

const all = JSON.parse(readFileSync(join(root, "test/mutants/ledger.json"), "utf8"));
const unknown = positionals.filter((name) => !all.some((each) => each.name === name));
if (unknown.length > 0) throw new Error(`no mutant is called ${unknown.join(", ")}`);
const chosen = all.filter(
  ({name, isSample}) =>
    (!values.sample || isSample === true) && (positionals.length === 0 || positionals.includes(name)),
);
let survived = 0;
try {
  for (const mutant of chosen) {
    const found = hunt(mutant);
    if (found === undefined) survived += 1;
    process.stdout.write(
      `${mutant.name} | ${found ?? `SURVIVED ${values.seeds} seeds and the unit tests`}\n`,
    );
  }
} finally {
  rmSync(folder, {recursive: true});
}
process.stdout.write(`${chosen.length - survived} of ${chosen.length} caught\n`);
process.exitCode = survived === 0 ? 0 : 1;
