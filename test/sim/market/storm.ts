/**
 * One seeded life of a whole market: sellers that are slow, broken or lying, buyers with every kind of
 * wish, nodes that die and come back, a network that drops, repeats, delays and parts. Then calm, and the
 * books must balance.
 */
import {utf8} from "@catalyze/core/primitives/bytes";
import type {TaskId} from "@catalyze/core/primitives/id";
import {isOpenTask} from "@catalyze/core/task/taskState";
import {SeededRandom} from "../fakes/seededRandom.ts";
import {auditEnded, auditNetwork} from "./audit.ts";
import type {Behaviour} from "./simExecutor.ts";
import type {SimCrypto} from "./simKeys.ts";
import {type Ask, CTZ, SimNetwork, submissionOf} from "./simNetwork.ts";
import type {SimNode, SimNodeOptions} from "./simNode.ts";

export type StormOptions = {
  readonly seed: number;
  readonly crypto?: SimCrypto;
  readonly sellers: number;
  readonly buyers: number;
  readonly tasks: number;
  readonly stormMs: number;
  /** Absent for the shared ledger. */
  readonly witnesses?: number;
  readonly diskMsMax?: number;
};

export type StormResult = {
  readonly ends: ReadonlyMap<string, number>;
  readonly crashes: number;
  readonly charged: bigint;
};

const CALM_MS = 180_000;

/** Throws what does not hold. */
export async function runStorm(options: StormOptions): Promise<StormResult> {
  const storm = new Storm(options);
  await storm.run();
  return storm.result();
}

class Storm {
  readonly #options: StormOptions;
  readonly #random: SeededRandom;
  readonly #sim: SimNetwork;
  readonly #acknowledged: {readonly buyer: SimNode; readonly taskId: TaskId}[] = [];
  #crashes = 0;

  constructor(options: StormOptions) {
    this.#options = options;
    this.#random = new SeededRandom(`storm ${options.seed}`);
    const {seed, crypto, sellers, buyers, witnesses, diskMsMax = 0} = options;
    const nodes: Record<string, SimNodeOptions> = {broker: {market: {middlewareBps: 500}}};
    for (let index = 1; index <= sellers; index++) nodes[`seller${index}`] = this.#seller();
    for (let index = 1; index <= buyers; index++) nodes[`buyer${index}`] = this.#buyer();
    this.#sim = new SimNetwork({
      ...{seed, nodes, diskMsMax},
      ...(crypto === undefined ? {} : {crypto}),
      ...(witnesses === undefined ? {} : {witnesses}),
      params: {lockExpiryHeights: 60},
      faults: {latencyMaxMs: 30, drop: 0.1, duplicate: 0.1, streamBreak: 0.003},
    });
  }

  async run(): Promise<void> {
    const {clock} = this.#sim;
    for (const node of this.#sim.nodes) await clock.complete(node.start());
    await clock.advance(1_000);
    const {stormMs, tasks} = this.#options;
    for (let index = 0; index < tasks; index++) this.#later(stormMs, () => this.#submit());
    for (let index = 0; index < this.#sim.nodes.length; index++) this.#later(stormMs, () => this.#strike());
    this.#later(stormMs, () => this.#part());
    this.#later(stormMs, () => this.#halt());
    await clock.advance(stormMs);
    this.#expectNothing(auditNetwork(this.#sim), "in the storm");
    await this.#calm();
    this.#expectNothing(auditEnded(this.#sim), "after the storm");
    this.#expectNothing(this.#unended(), "after the storm");
  }

  result(): StormResult {
    const ends = new Map<string, number>();
    let charged = 0n;
    for (const {buyer, taskId} of this.#acknowledged) {
      const {record} = buyer.market.taskBook.get(taskId);
      const end = record.reason?.code ?? record.state;
      ends.set(end, (ends.get(end) ?? 0) + 1);
      charged += record.chargedUctz;
    }
    return {ends, crashes: this.#crashes, charged};
  }

  #seller(): SimNodeOptions {
    const random = this.#random;
    const price = () => ({unitPrice: BigInt(5_000 + random.int(60_000)), feeMin: BigInt(random.int(800))});
    const faulty = random.chance(0.4) ? random.float() * 0.5 : 0;
    const behave = (): Behaviour => {
      if (!random.chance(faulty)) return {kind: "ok"};
      return random.pick<Behaviour>([
        {kind: "fail", code: "EXECUTOR_FAILED"},
        {kind: "fail", code: "EXECUTOR_CRASHED"},
        {kind: "hang"},
        {kind: "ok", output: "invented", units: 20n},
        {kind: "ok", units: 1_000_000n},
      ]);
    };
    return {
      prices: {story: price(), paid: price()},
      executor: {slots: 1 + random.int(3), msPerToken: random.pick([0.5, 2, 8]), behave},
      clockSkewMs: random.pick([0, 0, 0, 20_000, -20_000, 3_600_000]),
    };
  }

  #buyer(): SimNodeOptions {
    const random = this.#random;
    return {
      balance: random.pick([1_000n * CTZ, 1_000n * CTZ, 1_000n * CTZ, 30_000n, 0n]),
      market: {auditPpm: random.pick([0, 20_000, 300_000])},
    };
  }

  #ask(): Ask {
    const random = this.#random;
    return {
      name: random.pick(["story", "story", "story", "paid", "paid", "verse"]),
      input: utf8("x".repeat(1 + random.int(200))),
      priceMax: random.pick([10n * CTZ, 10n * CTZ, 10n * CTZ, 10n * CTZ, 3_000n]),
      copies: random.chance(0.2) ? 2 : 1,
      route: random.pick(["direct", "direct", "direct", "auction", "middleware"] as const),
      timeoutMs: random.pick([60_000, 3_000, 20_000]),
    };
  }

  #submit(): void {
    const up = this.#sim.nodes.filter(({name, isUp}) => isUp && name.startsWith("buyer"));
    if (up.length === 0) return;
    const buyer = this.#random.pick(up);
    const {tasks} = buyer.market;
    const willCancel = this.#random.chance(0.1);
    tasks.create(submissionOf(this.#ask())).then(
      ({taskId}) => {
        this.#acknowledged.push({buyer, taskId});
        // It may be over by then, or its node gone.
        if (willCancel) this.#later(2_000, () => tasks.cancel(taskId).catch(() => undefined));
      },
      () => undefined,
    );
  }

  /** At one of the next writes of a node its process dies; a while later somebody starts it again. */
  #strike(): void {
    const node = this.#random.pick(this.#sim.nodes);
    if (!node.isUp) return;
    node.faults.crashAt({
      afterWrites: this.#random.int(6),
      isWritten: this.#random.chance(0.5),
      onCrash: () => {
        this.#crashes += 1;
        node.crash();
        this.#later(8_000, () => void node.start());
      },
    });
  }

  #part(): void {
    const {network} = this.#sim.world;
    const peers = this.#random.shuffle(this.#sim.nodes.map(({peer}) => peer));
    network.partition([peers.slice(0, peers.length >> 1), peers.slice(peers.length >> 1)]);
    this.#later(5_000, () => network.heal());
  }

  #halt(): void {
    const {ledger} = this.#sim.world;
    ledger.isHalted = true;
    this.#later(4_000, () => {
      ledger.isHalted = false;
    });
  }

  async #calm(): Promise<void> {
    const {clock, world, nodes} = this.#sim;
    world.ledger.isHalted = false;
    Object.assign(world.network.faults, {drop: 0, duplicate: 0, streamBreak: 0});
    for (const node of nodes) node.faults.clear();
    await clock.advance(9_000);
    for (const node of nodes) if (!node.isUp) await clock.complete(node.start());
    world.network.heal();
    const areOver = () =>
      nodes.every(({market}) => market.taskBook.list().every(({record}) => !isOpenTask(record.state)));
    await clock.runUntil(() => this.#unended().length === 0 && areOver(), CALM_MS);
    await clock.advance(25_000);
  }

  /** Tasks that were acknowledged and are lost or open. */
  #unended(): string[] {
    return this.#acknowledged.flatMap(({buyer, taskId}) => {
      if (!buyer.isUp) return [`${buyer.name} is down`];
      const entry = buyer.market.taskBook.list().find(({record}) => record.taskId === taskId);
      if (entry === undefined) return [`${buyer.name}: task ${taskId} is lost`];
      const {state} = entry.record;
      return isOpenTask(state) ? [`${buyer.name}: task ${taskId} is ${state}`] : [];
    });
  }

  #later(withinMs: number, act: () => void): void {
    this.#sim.clock.after(this.#random.float() * withinMs, act);
  }

  #expectNothing(found: readonly string[], when: string): void {
    if (found.length > 0) throw new Error(`${when}: ${found.join("; ")}`);
  }
}
