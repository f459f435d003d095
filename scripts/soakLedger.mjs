// The ledger's part of `npm run soak`: a life for each seed, on several processes.
import {fork} from "node:child_process";
import {register} from "node:module";
import {dirname, join} from "node:path";
import {fileURLToPath} from "node:url";

register(new URL("../test/bench/tsHooks.mjs", import.meta.url));
const {lifeOf} = await import("../test/sim/ledger/soakLives.ts");
const child = join(dirname(fileURLToPath(import.meta.url)), "soakProcess.mjs");
// A life makes garbage of a few MB at a time: a large young generation spares most of its collection.
const execArgv = ["--max-semi-space-size=64", "--min-semi-space-size=64"];
/** A process is replaced after so many lives: nothing of one may add up. */
const LIVES_MAX = 500;
const TOLD_MS = 60_000;

/** Resolves with the number of lives that failed. Each is told at once, with the line that shows it. */
export async function soakLedger({first, seeds, processes}) {
  const startMs = Date.now();
  const sums = {lives: 0, failed: 0, steps: 0, certifiedOps: 0, joins: 0};
  const faults = {};
  const open = new Map();
  let toldMs = startMs;
  let next = first;

  const take = () => (next < first + seeds ? lifeOf(next++) : undefined);
  const add = ({failure, name, seed, ...lived}) => {
    sums.lives += 1;
    for (const key of ["steps", "certifiedOps", "joins"]) sums[key] += lived[key];
    for (const [kind, count] of Object.entries(lived.faults)) faults[kind] = (faults[kind] ?? 0) + count;
    if (failure === undefined) return;
    sums.failed += 1;
    process.stdout.write(`${name}, seed ${seed}: ${failure}\n  npm run sim -- --seed ${seed}\n`);
  };
  const told = () => {
    const minutes = ((Date.now() - startMs) / 60_000).toFixed(1);
    const counts = [...Object.entries(sums), ...Object.entries(faults)];
    const text = counts.map(([what, count]) => `${count} ${what}`).join(", ");
    const lowest = Math.min(next, ...[...open.values()].map(({seed}) => seed));
    return `ledger: seeds ${first} to ${lowest - 1} in ${minutes} min: ${text}\n`;
  };

  await Promise.all(
    Array.from({length: processes}, async (_, index) => {
      for (let life = take(); life !== undefined; ) {
        life = await new Promise((resolve, reject) => {
          const worker = fork(child, {execArgv});
          let left = LIVES_MAX;
          let current = life;
          const end = (following) => {
            open.delete(index);
            worker.removeAllListeners("exit");
            worker.kill();
            resolve(following);
          };
          worker.once("exit", (code, signal) =>
            reject(
              new Error(`${current.name}, seed ${current.seed}: its process ended with ${code ?? signal}`),
            ),
          );
          worker.on("message", (message) => {
            if (message !== "ready") {
              add(message);
              if (Date.now() - toldMs > TOLD_MS) {
                toldMs = Date.now();
                process.stdout.write(told());
              }
              left -= 1;
              const following = take();
              if (following === undefined || left === 0) return end(following);
              current = following;
            }
            open.set(index, current);
            worker.send(current);
          });
        });
      }
    }),
  );
  process.stdout.write(told());
  return sums.failed;
}
