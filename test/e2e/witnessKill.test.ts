/**
 * `kill -9` of a committee of one while clients pay and others read, again and again over one LevelDB:
 * `CTZ_KILLS` times (a soak takes a thousand). `CTZ_SEED` replays the moments as far as a machine can.
 *
 * A bank checks every answer of the API: money is constant at every height, no balance is negative, heights
 * and what was received never fall, and a payment that was answered is there for good.
 */
import {createHash} from "node:crypto";
import {rm} from "node:fs/promises";
import {join} from "node:path";
import type {AccountId} from "@catalyze/core/primitives/id";
import {afterAll, beforeAll, expect, it} from "vitest";
import {SeededRandom} from "../sim/fakes/seededRandom.ts";
import {Daemon} from "./harness/daemon.ts";
import {pause, until} from "./harness/until.ts";
import {makeFolder} from "./harness/world.ts";

const KILLS = Number(process.env["CTZ_KILLS"] ?? 50);
const SEED = Number(process.env["CTZ_SEED"] ?? 20_26);
const OP_FEE = 100n;
const PAYERS = 4;
/** From ready to the kill, at most. */
const WORK_MS_MAX = 700;

const shops = Array.from(
  {length: 6},
  (_, index) => createHash("sha256").update(`shop ${index}`).digest("hex") as AccountId,
);

let folder: string;
let daemon: Daemon;

beforeAll(async () => {
  folder = await makeFolder();
  daemon = new Daemon({home: join(folder, "home"), flags: ["--p2p-port", "0"]});
  await daemon.spawn().ready();
});
afterAll(async () => {
  if (daemon.isRunning) await daemon.kill();
  await rm(folder, {recursive: true, force: true});
});

/** What the API said, and what it must never take back. */
class Bank {
  readonly supply: bigint;
  /** By shop: payments that were answered. */
  readonly answered = new Map<AccountId, bigint>();
  answers = 0;
  reads = 0;
  #height = 0n;
  readonly #received = new Map<string, bigint>();
  readonly #problems: string[] = [];

  constructor(supply: bigint) {
    this.supply = supply;
  }

  pay(to: AccountId, amount: bigint): void {
    this.answers += 1;
    this.answered.set(to, (this.answered.get(to) ?? 0n) + amount);
  }

  /** All money at one height, and each balance. */
  async read(): Promise<void> {
    const {height, balances} = await daemon.client.call("ledgerBalances", {timeoutMs: 2_000});
    this.reads += 1;
    if (BigInt(height) < this.#height) this.#problems.push(`height fell from ${this.#height} to ${height}`);
    this.#height = BigInt(height);
    for (const {account, balanceUctz} of balances) {
      const balance = BigInt(balanceUctz);
      if (balance < 0n) this.#problems.push(`${account} has ${balance} at ${height}`);
      if (!shops.includes(account as AccountId)) continue;
      if (balance < (this.#received.get(account) ?? 0n))
        this.#problems.push(`${account} lost money at ${height}`);
      this.#received.set(account, balance);
    }
  }

  received(shop: AccountId): bigint {
    return this.#received.get(shop) ?? 0n;
  }

  /** After a restart: all money, counted cell by cell, and every payment that was answered. */
  async recount(): Promise<void> {
    const {ok, checks, ...report} = await daemon.client.call("ledgerVerify", {});
    expect(ok, JSON.stringify(checks)).toBe(true);
    const parts = ["balancesUctz", "lockedUctz", "stakedUctz", "burnedUctz", "withdrawnUctz"] as const;
    expect(parts.reduce((sum, part) => sum + BigInt(report[part]), 0n)).toBe(this.supply);
    const paid = [...this.answered.values()].reduce((sum, each) => sum + each, 0n);
    const {balanceUctz} = await daemon.client.call("wallet", {});
    expect(this.supply - BigInt(balanceUctz)).toBeGreaterThanOrEqual(paid + BigInt(this.answers) * OP_FEE);
    expect(this.#problems).toEqual([]);
  }
}

/** Runs one loop of a client until it is told to stop; answers that a kill cut off do not count. */
async function busy(isOver: () => boolean, act: () => Promise<void>): Promise<void> {
  while (!isOver()) await act().catch(() => pause(30));
}

it(
  `loses nothing that it answered, through ${KILLS} kills of the witness (seed ${SEED})`,
  async () => {
    const random = new SeededRandom(SEED);
    const {balanceUctz} = await daemon.client.call("wallet", {});
    const bank = new Bank(BigInt(balanceUctz));
    let [isOver, count] = [false, 0];
    const pay = async () => {
      count += 1;
      const [to, amount] = [shops[count % shops.length]!, BigInt(100 + (count % 900))];
      await daemon.client.call("walletSend", {body: {to, amountUctz: String(amount)}, timeoutMs: 5_000});
      bank.pay(to, amount);
    };
    const clients = [...Array.from({length: PAYERS}, () => pay), () => bank.read()];
    const working = clients.map((act) => busy(() => isOver, act));
    for (let kill = 1; kill <= KILLS; kill += 1) {
      await pause(random.float() * WORK_MS_MAX);
      await daemon.kill();
      daemon.spawn();
      // Now and then it dies again while it starts.
      if (kill < KILLS && random.chance(0.2)) continue;
      await daemon.ready();
      await bank.recount();
    }
    isOver = true;
    await Promise.all(working);
    await until("the last checkpoint has every answered payment", async () => {
      await bank.read();
      return shops.every((shop) => bank.received(shop) >= (bank.answered.get(shop) ?? 0n));
    });
    await until("no op is pending", async () => (await daemon.client.call("wallet", {})).opsPending === 0);
    await bank.recount();
    const verified = await daemon.ctz(["ledger", "verify", "--deep"]);
    expect(verified.code, verified.stdout).toBe(0);
    process.stdout.write(
      `${KILLS} kills: ${bank.answers} payments answered and kept, ${bank.reads} reads of all balances\n`,
    );
    expect(bank.answers).toBeGreaterThan(KILLS);
    expect(bank.reads).toBeGreaterThan(KILLS);
  },
  300_000 + KILLS * 20_000,
);
