/**
 * A client in a process of its own that hands ops in evenly. What a node shares its thread with in a benchmark
 * is what it answers for; who asks it is somebody else's thread in life.
 */
import {type ChildProcess, fork} from "node:child_process";
import {randomBytes} from "node:crypto";
import {once} from "node:events";
import {setTimeout as sleep} from "node:timers/promises";
import {fileURLToPath} from "node:url";
import "@catalyze/core/primitives/polyfill";
import type {FrameStream} from "@catalyze/core/ports/net";
import {decodeLedgerFrame, encodeLedgerFrame} from "@catalyze/daemon/ledger/ledgerFrame";
import {Libp2pNet} from "@catalyze/daemon/net/libp2pNet";
import {SystemClock} from "@catalyze/daemon/runtime/systemClock";
import {SystemRandom} from "@catalyze/daemon/runtime/systemRandom";

const CHILD = fileURLToPath(new URL("pacerChild.mjs", import.meta.url));
const SILENT = {debug() {}, info() {}, warn() {}, error() {}, child: () => SILENT};
/** How evenly. */
const PACE_MS = 5;
/** A client that had to wait for the machine has more to hand in at once than one frame takes. */
const OPS_PER_FRAME = 256;

/** Ops by the index of the address that each goes to, in the order in which they are due. */
export type PacedOp = {readonly to: number; readonly bytes: Uint8Array};

export type PaceOrder = {
  readonly ops: readonly PacedOp[];
  readonly perSecond: number;
  /** Of the clock that all processes of a machine share: when the first is due. */
  readonly startNs: bigint;
};

type Told = "ready" | "sent" | {readonly failure: string};

export class Pacer {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** Connected to each of the addresses when it resolves. */
  static async start(addresses: readonly string[]): Promise<Pacer> {
    const child = fork(CHILD, [...addresses], {serialization: "advanced"});
    process.once("exit", () => child.kill("SIGKILL"));
    const pacer = new Pacer(child);
    await pacer.#told("ready");
    return pacer;
  }

  /** Resolves when all were taken in; rejects when one was refused. */
  async send(order: PaceOrder): Promise<void> {
    const told = this.#told("sent");
    this.#child.send(order);
    await told;
  }

  stop(): void {
    this.#child.kill("SIGKILL");
  }

  async #told(what: Told): Promise<void> {
    const [told] = (await Promise.race([once(this.#child, "message"), once(this.#child, "exit")])) as [Told];
    if (told !== what) throw new Error(`the pacer failed: ${JSON.stringify(told)}`);
  }
}

/** In the child. */
export async function pace(addresses: readonly string[]): Promise<void> {
  const tell = (told: Told) => process.send?.(told);
  const net = await Libp2pNet.create(
    {clock: new SystemClock(), random: new SystemRandom(), log: SILENT},
    {seed: randomBytes(32), networkTag: "00000000", listen: [], bootstrap: [], mdns: false},
  );
  await net.start();
  const streams = await Promise.all(
    addresses.map(async (address) => await net.open(await net.dial(address), "ledger")),
  );
  process.on("message", (order: PaceOrder) => {
    sendAll(streams, order).then(
      () => tell("sent"),
      (error: unknown) => tell({failure: String(error)}),
    );
  });
  tell("ready");
}

async function sendAll(streams: readonly FrameStream[], {ops, perSecond, startNs}: PaceOrder): Promise<void> {
  const answers = streams.map(() => ({frames: 0}));
  for (let at = 0; at < ops.length; await sleep(PACE_MS)) {
    const passedMs = Number(process.hrtime.bigint() - startNs) / 1e6;
    const due = Math.min(ops.length, Math.max(at, Math.floor((passedMs * perSecond) / 1_000) + 1));
    const batch = ops.slice(at, passedMs < 0 ? at : due);
    at += batch.length;
    for (const [index, stream] of streams.entries()) {
      const own = batch.filter(({to}) => to === index).map(({bytes}) => bytes);
      for (let first = 0; first < own.length; first += OPS_PER_FRAME) {
        const together = own.slice(first, first + OPS_PER_FRAME);
        answers[index]!.frames += 1;
        await stream.send(encodeLedgerFrame({case: "opSubmit", value: {ops: together}}));
      }
    }
  }
  await Promise.all(streams.map(async (stream, index) => await receive(stream, answers[index]!.frames)));
}

async function receive(stream: FrameStream, frames: number): Promise<void> {
  for (let left = frames; left > 0; left--) {
    const frame = await stream.receive();
    if (frame === undefined) throw new Error("a witness closed the stream");
    const body = decodeLedgerFrame(frame);
    const refused =
      body.case === "opSubmitReply" ? body.value.acks.find(({code}) => code !== "") : {code: body.case};
    if (refused !== undefined) throw new Error(`a witness refused: ${refused.code}`);
  }
}
