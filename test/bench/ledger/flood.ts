/**
 * What honest clients still get while a peer floods a witness, against the same clients without it. The witness
 * runs with the budgets that it has in life; the clients are several, because one alone may not ask so much.
 */
import {type ChildProcess, spawn} from "node:child_process";
import {once} from "node:events";
import {constants, setPriority} from "node:os";
import {setTimeout as sleep} from "node:timers/promises";
import {fileURLToPath} from "node:url";
import type {Op} from "@catalyze/core/ledger/op";
import {toHex} from "@catalyze/core/primitives/bytes";
import {atLeast, median, type Part} from "../bar.ts";
import {Cluster} from "./cluster.ts";
import {FLOODS, type Flood, type FloodOrder} from "./flooder.ts";
import {OpFeeder} from "./opFeeder.ts";
import {OpMaker} from "./opMaker.ts";
import {rate} from "./rounds.ts";

const CHILD = fileURLToPath(new URL("flooderChild.mjs", import.meta.url));
const CLIENTS = 8;
/** Of all clients together: below what their budgets allow, at most half of what the witness can do. */
const OPS = 4_096;
const PACE_PER_S = 2_000;
const ROUNDS = 3;
/** The flooder has loaded its program, and was thrown out a few times. */
const WARM_MS = 4_000;
const SHARE_MIN = 0.9;

export const flood: Part = {
  name: "flood",
  what: "throughput of one witness for honest clients while a peer floods it, against before",
  async run(report) {
    const cluster = await Cluster.open({witnesses: 1, hasBudgets: true});
    try {
      const clients = await Promise.all(Array.from({length: CLIENTS}, () => OpFeeder.open(cluster)));
      const maker = new OpMaker(cluster.world);
      const first = maker.transfers(OPS / 4);
      await certify(clients, first);
      for (const kind of FLOODS) {
        const shares: number[] = [];
        let value = 0;
        for (let at = 0; at < ROUNDS; at += 1) {
          const before = await measure(clients, maker);
          const flooder = start(orderOf(cluster, kind, first[0]!));
          await sleep(WARM_MS);
          value = await measure(clients, maker);
          await stop(flooder);
          shares.push(value / before);
        }
        const measured = {value, unit: "ops/s", ratio: median(shares)};
        report(atLeast(`ledger/flood-${kind.replace(" ", "-")}`, measured, SHARE_MIN));
      }
      for (const client of clients) await client.close();
    } finally {
      await cluster.close();
    }
  },
};

async function measure(clients: readonly OpFeeder[], maker: OpMaker): Promise<number> {
  // Budgets fill again.
  await sleep((OPS * 1_000) / PACE_PER_S);
  const ops = maker.transfers(OPS);
  return await rate(OPS, () => certify(clients, ops));
}

/** An owner's ops all go through one client, so that none overtakes another. */
async function certify(clients: readonly OpFeeder[], ops: readonly Op[]): Promise<void> {
  const clientOf = ({body}: Op) => Number.parseInt(body.cell.slice(0, 8), 16) % clients.length;
  await Promise.all(
    clients.map((client, index) => client.certify(ops.filter((op) => clientOf(op) === index))),
  );
}

function orderOf({world, members}: Cluster, kind: Flood, known: Op): FloodOrder {
  return {
    flood: kind,
    address: members[0]!.net.addresses()[0]!,
    genesisHash: toHex(world.hash),
    network: world.network,
    fee: String(world.genesis.params.opFee),
    known: Buffer.from(known.bytes).toString("base64"),
  };
}

/** It has what the witness leaves it of this machine: elsewhere it would have one of its own. */
function start(order: FloodOrder): ChildProcess {
  const child = spawn(process.execPath, [CHILD, JSON.stringify(order)], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  if (child.pid !== undefined) setPriority(child.pid, constants.priority.PRIORITY_LOW);
  return child;
}

async function stop(child: ChildProcess): Promise<void> {
  const isOver = once(child, "exit");
  child.kill("SIGKILL");
  await isOver;
}
