/** What a process tree runs and listens on (Linux), to see afterwards that none of it is left. */
import {readdirSync, readFileSync, readlinkSync} from "node:fs";
import {connect} from "node:net";
import {childrenOf} from "./daemon.ts";

/** The start time makes it this process and no later one with the same pid. */
export type Seen = {readonly pid: number; readonly startedAt: string; readonly command: string};

export class ProcessTree {
  readonly #seen = new Map<number, Seen>();
  readonly #ports = new Set<number>();
  #timer: NodeJS.Timeout | undefined;

  /** Looks again and again: what a tree leaves behind is no longer under its root. */
  watch(root: number): void {
    const look = () => {
      const pids = childrenOf(root);
      for (const pid of pids) {
        const facts = factsOf(pid);
        if (facts !== undefined) this.#seen.set(pid, facts);
      }
      for (const port of listeningPorts(pids)) this.#ports.add(port);
    };
    look();
    this.#timer = setInterval(look, 300);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  get size(): number {
    return this.#seen.size;
  }

  get ports(): readonly number[] {
    return [...this.#ports];
  }

  alive(): readonly Seen[] {
    return [...this.#seen.values()].filter(({pid, startedAt}) => factsOf(pid)?.startedAt === startedAt);
  }

  /** Ports of it that still answer. */
  async openPorts(): Promise<readonly number[]> {
    const open = await Promise.all(this.ports.map(async (port) => ((await answers(port)) ? [port] : [])));
    return open.flat();
  }
}

function factsOf(pid: number): Seen | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    // A zombie runs nothing; its parent has yet to ask for its end.
    if (fields[0] === "Z") return undefined;
    const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
    return {pid, startedAt: fields[19] ?? "", command};
  } catch {
    return undefined;
  }
}

const LISTEN = "0A";

function listeningPorts(pids: readonly number[]): readonly number[] {
  const inodes = new Set(pids.flatMap(socketsOf));
  return readFileSync("/proc/net/tcp", "utf8")
    .split("\n")
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[3] === LISTEN && inodes.has(fields[9] ?? ""))
    .map((fields) => Number.parseInt(fields[1]?.split(":")[1] ?? "0", 16));
}

function socketsOf(pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).flatMap((name) => {
      const target = readlinkOf(`/proc/${pid}/fd/${name}`);
      return /^socket:\[(\d+)\]$/.exec(target)?.[1] ?? [];
    });
  } catch {
    return [];
  }
}

function readlinkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}

async function answers(port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
