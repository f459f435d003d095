/** One daemon of the demo, as a client sees it. */
import {join} from "node:path";
import {ApiClient} from "@catalyze/api/client/apiClient";
import type {TaskHeader, TaskView} from "@catalyze/api/schema/task";
import {CodedError} from "@catalyze/core/errors/codedError";
import {readApiToken} from "@catalyze/daemon/home/apiToken";
import {readRunFile} from "@catalyze/daemon/home/runFile";
import {logTail} from "./logTail.ts";
import {type DemoProcesses, waitUntil} from "./processes.ts";
import type {Player} from "./stage.ts";

const START_MS = 60_000;
const CTZ = new URL("../../bin/ctz.js", import.meta.url).pathname;

export class DemoNode {
  readonly player: Player;
  readonly #processes: DemoProcesses;
  #client: ApiClient | undefined;

  constructor(player: Player, processes: DemoProcesses) {
    this.player = player;
    this.#processes = processes;
  }

  get name(): string {
    return this.player.role.name;
  }

  get peerId(): string {
    return this.player.keys.witness.peerId;
  }

  get account(): string {
    return this.player.keys.witness.account;
  }

  get client(): ApiClient {
    if (this.#client === undefined) throw new CodedError("DAEMON_UNREACHABLE", {evidence: {node: this.name}});
    return this.#client;
  }

  get logFile(): string {
    return join(this.player.home, "..", `${this.name}.log`);
  }

  /** Starts the daemon; `join` are addresses of those that run already. */
  spawn(join: readonly string[]): void {
    const {home, role} = this.player;
    this.#processes.spawn({
      name: this.name,
      logFile: this.logFile,
      isDetached: false,
      args: [
        ...[
          decodeURIComponent(CTZ),
          "up",
          "--home",
          home,
          "--listen",
          "127.0.0.1",
          "--p2p-port",
          "0",
          "--api-port",
          "0",
        ],
        ...["--no-mdns", "--slots", "1", ...role.flags, ...join.flatMap((address) => ["--join", address])],
      ],
    });
  }

  /** Ready: the API answers and the market is open. */
  async ready(): Promise<void> {
    const isUp = await waitUntil(() => this.#isReady(), START_MS, 100);
    if (isUp) return;
    throw new CodedError("DAEMON_UNREACHABLE", {
      message: `${this.name} did not get ready. Its log: ${this.logFile}\n${logTail(this.logFile)}`,
    });
  }

  /** SIGKILL, as when a machine loses power. */
  async kill(): Promise<void> {
    await this.#processes.kill(this.name);
    this.#client = undefined;
  }

  /** Runs a task to its end. Throws its coded reason. */
  async run(header: TaskHeader, input: Uint8Array): Promise<TaskView> {
    const {taskId} = await this.client.upload("taskCreate", {...header, input});
    return await this.ended(taskId);
  }

  async ended(taskId: string): Promise<TaskView> {
    for await (const event of this.client.taskEvents(taskId)) {
      if (event.type === "done") return event.task;
    }
    return await this.client.call("taskShow", {params: {id: taskId}});
  }

  async #isReady(): Promise<boolean> {
    if (!this.#processes.isRunning(this.name)) {
      throw new CodedError("DAEMON_DIED", {
        message: `${this.name} ended while starting. Its log: ${this.logFile}`,
      });
    }
    const {home} = this.player;
    const run = await readRunFile(join(home, "run.json"));
    const token = await readApiToken(join(home, "api.token"));
    if (run === undefined || token === undefined) return false;
    const client = new ApiClient({url: run.api, token});
    try {
      const {isReady} = await client.call("status", {});
      if (isReady) this.#client = client;
      return isReady;
    } catch {
      // Still starting: it says so until it is ready.
      return false;
    }
  }
}
