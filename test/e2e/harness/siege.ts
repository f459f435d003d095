/** An honest pair that goes on trading while it is attacked, and what an attack may cost it. */
import {readFileSync} from "node:fs";
import {Worker} from "node:worker_threads";
import type {Libp2pNode} from "@catalyze/daemon/net/libp2pNode";
import {expect} from "vitest";
import type {Daemon} from "./daemon.ts";
import {Enemy} from "./enemy.ts";
import {expectDone} from "./reasons.ts";
import {sample} from "./samples.ts";
import {until} from "./until.ts";
import {sells, World} from "./world.ts";

export const HEADER = {taskClass: "vad", maxPriceUctz: "1000000", timeoutMs: 60_000};
/** What a volley may cost a daemon: its frames are dropped as they come. */
const GROWTH_BYTES_MAX = 250 * 1024 * 1024;
/** A loop that is kept busy longer misses heartbeats and deadlines. */
const ANSWER_MS_MAX = 2_000;

export const speech = sample("speech.wav");

export class Siege {
  readonly world: World;
  readonly ria: Daemon;
  readonly pia: Daemon;
  readonly taskClass: string;
  readonly #enemies: Enemy[] = [];

  private constructor(world: World, taskClass: string) {
    this.world = world;
    this.taskClass = taskClass;
    [this.ria, this.pia] = [world.daemon("ria"), world.daemon("pia")];
  }

  /** ria buys, pia sells, fay follows, and all are up. */
  static async open(): Promise<Siege> {
    // Only who is no witness listens to entries.
    const world = await World.create([
      {name: "ria"},
      {name: "pia", flags: sells()},
      {name: "fay", isWitness: false},
    ]);
    await world.up();
    const bundle = (await world.bundles(["vad"])).get("vad");
    const added = await world.daemon("pia").ctz(["model", "add", bundle?.folder ?? ""]);
    const ria = world.daemon("ria");
    await until("ria hears the ask", async () => (await ria.client.call("asks", {})).asks.length > 0);
    return new Siege(world, added.json.taskClass);
  }

  /** A new identity at the gate of pia, or of the one named. */
  async enemy(name = "pia", prepare?: (node: Libp2pNode) => Promise<void>): Promise<Enemy> {
    const enemy = await Enemy.at(this.world.member(name).address, this.world.tag, prepare);
    this.#enemies.push(enemy);
    return enemy;
  }

  /** While and after it, pia answers her owner in time; her memory is as before, give or take. */
  async withstands(attack: () => Promise<unknown>): Promise<void> {
    const before = this.rssOf(this.pia);
    let slowestMs = 0;
    const slowest = await this.#watch();
    try {
      await attack();
    } finally {
      slowestMs = await slowest();
    }
    expect(slowestMs).toBeLessThan(ANSWER_MS_MAX);
    this.expectGrowth(before);
  }

  expectGrowth(before: number): void {
    expect(this.rssOf(this.pia) - before).toBeLessThan(GROWTH_BYTES_MAX);
  }

  rssOf(daemon: Daemon): number {
    const kib = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${daemon.pid}/status`, "utf8"))?.[1];
    return Number(kib) * 1024;
  }

  /** The enemies gone: both daemons live, and the next task works. */
  async expectTrade(): Promise<void> {
    for (const enemy of this.#enemies.splice(0)) await enemy.stop();
    for (const daemon of [this.ria, this.pia]) expect(daemon.isRunning).toBe(true);
    expectDone(await this.ria.run(HEADER, speech));
  }

  /** Asks in a thread of its own: attackers keep this one busy. */
  async #watch(): Promise<() => Promise<number>> {
    const {api, token} = await this.pia.door();
    const worker = new Worker(new URL("./slowestAnswer.mjs", import.meta.url), {
      workerData: {url: `${api}/api/v1/status`, token},
    });
    const slowest = new Promise<number>((resolve, reject) => {
      worker.once("message", resolve);
      worker.once("error", reject);
    });
    await new Promise((resolve) => worker.once("online", resolve));
    return async () => {
      worker.postMessage("enough");
      return await slowest;
    };
  }
}
