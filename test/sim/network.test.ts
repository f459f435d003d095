import {describe, expect, it} from "vitest";
import {REAL_CRYPTO} from "./market/simKeys.ts";
import {runStorm, type StormOptions, type StormResult} from "./market/storm.ts";

/** `npm run soak` asks for more. */
const SEEDS = Number(process.env["CTZ_SIM_SEEDS"] ?? 60);
const FIRST = Number(process.env["CTZ_SIM_FIRST"] ?? 1);
const MARKET = {sellers: 5, buyers: 6, tasks: 40, stormMs: 20_000};

async function seeded(seed: number, options: Omit<StormOptions, "seed">): Promise<StormResult> {
  try {
    // With every other seed memory is ahead of the disk, as on real machines.
    return await runStorm({seed, diskMsMax: seed % 2 === 0 ? 0 : 25, ...options});
  } catch (cause) {
    throw new Error(`seed ${seed}: ${cause instanceof Error ? cause.message : String(cause)}`, {cause});
  }
}

describe("a market of twelve nodes in a storm", () => {
  it("ends every task with a code, charges each once, and loses no payment", async () => {
    const ends = new Map<string, number>();
    let crashes = 0;
    for (let seed = FIRST; seed < FIRST + SEEDS; seed++) {
      const result = await seeded(seed, MARKET);
      for (const [end, count] of result.ends) ends.set(end, (ends.get(end) ?? 0) + count);
      crashes += result.crashes;
    }
    const sorted = [...ends].sort(([, left], [, right]) => right - left);
    process.stdout.write(
      `market: ${SEEDS} seeds, ${crashes} crashes, ${sorted.map((end) => end.join(" ")).join(", ")}\n`,
    );
    // The storm is worth its name, and trade goes on in it.
    expect(crashes).toBeGreaterThan(SEEDS);
    expect(ends.get("done") ?? 0).toBeGreaterThan(SEEDS * 10);
  });

  it("does so with real signatures", async () => {
    for (let seed = FIRST; seed < FIRST + 2; seed++) await seeded(seed, {...MARKET, crypto: REAL_CRYPTO});
  });

  it("replays from its seed", async () => {
    const [once, again] = [await seeded(FIRST, MARKET), await seeded(FIRST, MARKET)];
    expect([...again.ends]).toEqual([...once.ends]);
    expect(again.charged).toBe(once.charged);
  });
});
