/** From nothing open to an answer out of the state that a home holds. */
import {spawn} from "node:child_process";
import {once} from "node:events";
import {performance} from "node:perf_hooks";
import {text} from "node:stream/consumers";
import {fileURLToPath} from "node:url";
import {accountIdOf} from "@catalyze/core/crypto/accountId";
import {Cluster} from "./cluster.ts";

const CHILD = fileURLToPath(new URL("restartChild.mjs", import.meta.url));

/** Milliseconds, in a process of its own. */
export async function restartMs(home: string): Promise<number> {
  const child = spawn(process.execPath, [CHILD, home], {stdio: ["ignore", "pipe", "inherit"]});
  const [printed, [status]] = await Promise.all([text(child.stdout), once(child, "exit")]);
  if (status !== 0) throw new Error(`the restart failed with ${String(status)}`);
  return Number(printed);
}

/** The same in this process, of the only witness of its network. */
export async function restartIn(home: string): Promise<number> {
  const cluster = await Cluster.open({witnesses: 1});
  for (const member of [...cluster.members]) await cluster.leave(member);
  const startMs = performance.now();
  const {node} = await cluster.join({index: 0, home});
  const owner = accountIdOf(cluster.world.owners[0]!.publicKey);
  if ((node.accountView(owner)?.seq ?? 0n) === 0n) throw new Error("the restarted node knows nothing");
  const spentMs = performance.now() - startMs;
  await cluster.close();
  return spentMs;
}
