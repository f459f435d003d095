/** B9: what a single-payee op costs on disk: LevelDB's folder, compacted, before anything is pruned. */
import {readdir, stat} from "node:fs/promises";
import {join} from "node:path";
import {Level} from "level";
import {atMost, figure, type Part} from "../bar.ts";
import {Cluster, until} from "./cluster.ts";
import {OpFeeder} from "./opFeeder.ts";
import {OpMaker} from "./opMaker.ts";

const OPS = 20_480;
/** So many that LevelDB's compression does not find an account a second time in the same block of ops. */
const OWNERS = 4_096;
const BYTES_MAX = 450;
const CHECKPOINT_MS_MAX = 20_000;

export const diskBytes: Part = {
  name: "disk",
  what: "bytes of LevelDB, compacted, per single-payee op, one witness",
  async run(report) {
    const cluster = await Cluster.open({witnesses: 1, owners: OWNERS});
    try {
      const [member] = cluster.members as [Cluster["members"][number]];
      const feeder = await OpFeeder.open(cluster);
      const ops = new OpMaker(cluster.world).transfers(OPS);
      await feeder.certify(ops);
      const {height} = member.node.checkpoint();
      await until("a checkpoint", CHECKPOINT_MS_MAX, () => member.node.checkpoint().height > height);
      await feeder.close();
      await cluster.leave(member);
      const bytes = await compactedBytes(join(member.home, "db"));
      report(atMost("ledger/disk-per-op", bytes / OPS, BYTES_MAX, "bytes"));
      report(
        figure("ledger/op-on-the-wire", ops.reduce((sum, op) => sum + op.bytes.length, 0) / OPS, "bytes"),
      );
    } finally {
      await cluster.close();
    }
  },
};

async function compactedBytes(folder: string): Promise<number> {
  const db = new Level<string, Uint8Array>(folder, {keyEncoding: "utf8", valueEncoding: "view"});
  await db.open();
  // The type is that of every platform; only the one of browsers has no such thing.
  await (db as unknown as {compactRange(from: string, to: string): Promise<void>}).compactRange(
    "",
    "\u{10ffff}",
  );
  await db.close();
  const files = await readdir(folder);
  const sizes = await Promise.all(files.map(async (file) => (await stat(join(folder, file))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}
