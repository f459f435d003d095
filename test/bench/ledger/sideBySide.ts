/**
 * The same values appended and carried to a second local peer by us, by an OrbitDB event log and by a
 * Hypercore Autobase, in turn in one run. Not the same promises: only ours waits for a disk sync, checks
 * who may write what and says when nothing can undo it; the others order whatever their writers append.
 */
import {join} from "node:path";
import {figure, median, type Part} from "../bar.ts";
import {Cluster} from "./cluster.ts";
import {OpFeeder} from "./opFeeder.ts";
import {OpMaker} from "./opMaker.ts";
import {installOtherLogs, OtherLog} from "./otherLog.ts";
import {rate} from "./rounds.ts";

/** `batch`: what a round of seconds, not minutes, appends. */
const OTHERS = [
  {name: "orbitdb", program: "orbitdb.mjs", batch: 64},
  {name: "autobase", program: "autobase.mjs", batch: 2_048},
] as const;
const BATCH = 4_096;
const ROUNDS = 5;

export const sideBySide: Part = {
  name: "side-by-side",
  what: "appends a second that a second local peer has: a witness with a follower, OrbitDB, Autobase; ratio: ours to theirs",
  async run(report) {
    installOtherLogs();
    const cluster = await Cluster.open({witnesses: 1});
    const others: OtherLog[] = [];
    try {
      const follower = await cluster.join({index: 1, home: join(cluster.folder, "follower")});
      const feeder = await OpFeeder.open(cluster, follower);
      const maker = new OpMaker(cluster.world);
      const rates = new Map<string, number[]>(
        ["catalyze", ...OTHERS.map(({name}) => name)].map((name) => [name, []]),
      );
      for (const {program} of OTHERS) others.push(await OtherLog.open(program));
      await feeder.certify(maker.transfers(256));
      for (let round = 0; round < ROUNDS; round++) {
        const ops = maker.transfers(BATCH);
        rates.get("catalyze")?.push(await rate(BATCH, () => feeder.certify(ops)));
        for (const [index, {name, batch}] of OTHERS.entries()) {
          const values = ops.slice(0, batch).map(({bytes}) => bytes.slice());
          rates.get(name)?.push(await rate(batch, () => others[index]!.append(values)));
        }
      }
      const own = rates.get("catalyze") ?? [];
      report(figure("ledger/side-by-side/catalyze", median(own), "appends/s"));
      for (const {name} of OTHERS) {
        const their = rates.get(name) ?? [];
        const timesOurs = median(own.map((each, round) => each / their[round]!));
        report(figure(`ledger/side-by-side/${name}`, median(their), "appends/s", timesOurs));
      }
      await feeder.close();
    } finally {
      await Promise.all(others.map((other) => other.close()));
      await cluster.close();
    }
  },
};
