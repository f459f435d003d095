// `npm run mutants -- [name…] [options]`: takes one rule of the ledger out at a time and says what missed it: a
// unit test, or a scenario of the simulation at a seed. The sources stay as they are. Unit tests go first, in an
// order in which most mutants are caught within seconds; a mutant survived only if nothing of all missed it.
//   --seeds N       seeds of each scenario (2,000)
//   --scenario name only this one
//   --sample        those that every run of the tests tries
//   --simulated     the simulation goes first where it can see the rule
//   --processes N   so many at once (one for each core)
//   --record        notes in test/mutants/caught.json what caught each
//   --resume        records, and leaves out what was caught at this very commit already
//   --table         runs nothing, and prints what is recorded
import {execFileSync, spawn} from "node:child_process";
import {existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync} from "node:fs";
import {availableParallelism, tmpdir} from "node:os";
import {dirname, join, relative} from "node:path";
import {fileURLToPath} from "node:url";
import {parseArgs} from "node:util";
import {mutantTests} from "./mutantTests.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const flag = {type: "boolean", default: false};
const {values, positionals} = parseArgs({
  options: {
    seeds: {type: "string", default: "2000"},
    processes: {type: "string", default: String(availableParallelism())},
    ...{sample: flag, simulated: flag, record: flag, resume: flag, table: flag},
    scenario: {type: "string"},
  },
  allowPositionals: true,
});
const folder = mkdtempSync(join(tmpdir(), "mutants-"));
const read = (path) => JSON.parse(readFileSync(join(root, path), "utf8"));
const RECORD = "test/mutants/caught.json";
const record = read(RECORD);
const git = (...args) => execFileSync("git", args, {cwd: root, encoding: "utf8"}).trim();
const commit =
  git("rev-parse", "--short=10", "HEAD") +
  (git("status", "--porcelain", "--", ".", `:!${RECORD}`) === "" ? "" : "+");
const testsOf = mutantTests(root);

/** The report of one run, in which the files given are tried in their order until a test fails. */
async function vitest(mutant, {project, paths, lives = {}}) {
  const report = join(folder, `${mutant}.json`);
  const env = {
    ...process.env,
    CTZ_MUTANT: mutant,
    CTZ_TEST_ORDER: paths.join(),
    CTZ_SIM_FIRST: String(lives.first ?? 1),
    CTZ_SIM_SEEDS: String(lives.seeds ?? values.seeds),
    CTZ_SIM_SCENARIO: lives.scenario ?? values.scenario ?? "",
    CTZ_TEST_TIMEOUT_MS: String(6 * 3_600_000),
  };
  // The runner refuses to start inside another one that tells its children so.
  delete env.VITEST;
  delete env.VITEST_WORKER_ID;
  const options = ["--reporter=json", `--outputFile=${report}`, "--bail=1", "--maxWorkers=1"];
  // One thread for all: each file anew would load the ledger fifty times.
  const args = ["run", "--project", project, ...paths, ...options, "--pool=threads", "--no-isolate"];
  // A machine short of memory kills one now and then.
  for (let tries = 0; ; tries += 1) {
    const said = await output(join(root, "node_modules/vitest/vitest.mjs"), args, env);
    if (existsSync(report)) {
      const text = readFileSync(report, "utf8");
      rmSync(report);
      return JSON.parse(text);
    }
    if (tries === 2) throw new Error(`the test runner did not run\n${said}`);
  }
}

async function output(file, args, env) {
  const child = spawn(process.execPath, [file, ...args], {
    cwd: root,
    env,
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text) => {
    said = (said + text).slice(-4_000);
  });
  await new Promise((resolve) => child.once("close", resolve));
  return said;
}

/** What failed first; `undefined` when nothing did. */
async function failureOf(mutant, tried) {
  const {testResults} = await vitest(mutant, tried);
  for (const {assertionResults, message, name, startTime, endTime} of testResults) {
    const path = relative(root, name);
    const failed = assertionResults.find(({status}) => status === "failed");
    if (failed !== undefined) {
      const said = (failed.failureMessages[0] ?? "").split("\n")[0].replace(/^Error: /, "");
      return {path, test: failed.title, message: said.slice(0, 120)};
    }
    if (message !== "") throw new Error(`${path}: ${message}`);
    if (tried.project === "unit") record.ms[path] = Math.round((endTime - startTime) / 1_000) * 1_000;
  }
  return undefined;
}

const HUNT = "test/sim/ledger/hunt.test.ts";
const HANDOVER = "test/sim/ledger/handover.test.ts";
/** Of the unit tests so many are tried before anything else, none of which takes long. */
const NEAR = {files: 10, msMax: 5_000};
/** Most of what the simulation misses it misses at once. */
const QUICK_SEEDS = 2;

const inSimulation = (lives = {}) => ({project: "sim", paths: [HUNT], lives});
const inUnitTests = (paths) => ({project: "unit", paths});

/** What is tried for a mutant, one after the other: in the end everything, whatever caught it last. */
function triesOf(mutant) {
  const last = record.mutants[mutant.name];
  const msOf = (path) => record.ms[path] ?? 0;
  const tests = testsOf(mutant, {last: last?.path, msOf});
  const isSeen = mutant.by !== "unit";
  const all = [inUnitTests(tests), ...(isSeen ? [inSimulation()] : [])];
  const handover = {project: "sim", paths: [HANDOVER]};
  if (values.simulated) return [...all.reverse(), handover];
  const near = tests.filter((path) => msOf(path) <= NEAR.msMax).slice(0, NEAR.files);
  const far = tests.filter((path) => !near.includes(path));
  const [, scenario, first] = /^(\w+), seed (\d+)/.exec(last?.test ?? "") ?? [];
  return [
    ...(isSeen && scenario !== undefined ? [inSimulation({scenario, first, seeds: 1})] : []),
    ...(last?.path === HANDOVER ? [handover] : []),
    inUnitTests(near),
    ...(isSeen ? [inSimulation({seeds: QUICK_SEEDS})] : []),
    inUnitTests(far),
    ...(isSeen ? [inSimulation()] : []),
    handover,
  ];
}

async function hunt(mutant) {
  for (const tried of triesOf(mutant)) {
    const found = await failureOf(mutant.name, tried);
    if (found !== undefined) return found;
  }
  return undefined;
}

const isHunt = ({path}) => path === HUNT;
const described = (found) => (isHunt(found) ? found.message : `${found.path}: ${found.test}`);

function chosenOf(all) {
  const unknown = positionals.filter((name) => !all.some((each) => each.name === name));
  if (unknown.length > 0) throw new Error(`no mutant is called ${unknown.join(", ")}`);
  const isDone = ({name}) => values.resume && record.mutants[name]?.commit === commit;
  return all.filter(
    (mutant) =>
      (!values.sample || mutant.isSample === true) &&
      (positionals.length === 0 || positionals.includes(mutant.name)) &&
      !isDone(mutant),
  );
}

function note({name}, found) {
  if (found === undefined) delete record.mutants[name];
  else record.mutants[name] = {path: found.path, test: isHunt(found) ? found.message : found.test, commit};
  if (!values.record && !values.resume) return;
  const sorted = (map) =>
    Object.fromEntries(Object.entries(map).sort(([left], [right]) => (left < right ? -1 : 1)));
  const text = JSON.stringify({ms: sorted(record.ms), mutants: sorted(record.mutants)}, undefined, 2);
  writeFileSync(join(root, RECORD), `${text}\n`);
}

async function run(all) {
  const chosen = chosenOf(all);
  const queue = [...chosen];
  const counts = {caught: 0, survived: 0, unclear: 0};
  const startMs = Date.now();
  const tell = ({name}, kind, what) => {
    counts[kind] += 1;
    process.stdout.write(`${name} | ${what}\n`);
    const done = counts.caught + counts.survived + counts.unclear;
    const minutes = ((Date.now() - startMs) / 60_000).toFixed(1);
    process.stderr.write(`${done} of ${chosen.length} in ${minutes} min, ${counts.survived} survived\n`);
  };
  const tryOne = async (mutant) => {
    try {
      const found = await hunt(mutant);
      note(mutant, found);
      if (found !== undefined) tell(mutant, "caught", described(found));
      else tell(mutant, "survived", `SURVIVED ${values.seeds} seeds of each scenario and every unit test`);
    } catch (error) {
      tell(mutant, "unclear", `UNCLEAR: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  const work = async () => {
    for (let mutant = queue.shift(); mutant !== undefined; mutant = queue.shift()) await tryOne(mutant);
  };
  await Promise.all(Array.from({length: Number(values.processes)}, work));
  process.stdout.write(`${counts.caught} of ${chosen.length} caught at ${commit}\n`);
  return counts.caught === chosen.length ? 0 : 1;
}

/** What caught which, as a table for the docs. */
function table(all) {
  const rows = new Map();
  for (const {name} of all) {
    const found = record.mutants[name];
    const by = found === undefined ? "nothing yet" : found.path.replace(/^.*\/(\w+)\.test\.ts$/, "$1");
    rows.set(by, [...(rows.get(by) ?? []), `\`${name}\``]);
  }
  const lines = [...rows].sort(([left], [right]) => (left < right ? -1 : 1));
  const text = lines.map(([by, names]) => `| ${by} | ${names.length} | ${names.join(", ")} |\n`);
  process.stdout.write(`| caught by | mutants | which |\n|---|---|---|\n${text.join("")}`);
}

try {
  const all = read("test/mutants/ledger.json");
  if (values.table) table(all);
  else process.exitCode = await run(all);
} finally {
  rmSync(folder, {recursive: true});
}
