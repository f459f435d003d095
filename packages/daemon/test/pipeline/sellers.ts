/** Providers for pipeline tests. */
import type {Behaviour, SimExecutorOptions} from "../../../../test/sim/market/simExecutor.ts";
import type {SimNodeOptions} from "../../../../test/sim/market/simNode.ts";

export const PRICE = {unitPrice: 40_000n, feeMin: 500n};
const CHEAP = {unitPrice: 10_000n, feeMin: 100n};

export const seller = {
  prices: {story: PRICE, paid: PRICE},
  executor: {slots: 2, msPerToken: 1},
} satisfies SimNodeOptions;

/** Cheaper than `seller` by so much that it is always tried first. */
export function cheapSeller(executor: Partial<SimExecutorOptions> = {}): SimNodeOptions {
  return {prices: {story: CHEAP, paid: CHEAP}, executor: {...seller.executor, ...executor}};
}

export function behaving(behaviour: Behaviour): Pick<SimExecutorOptions, "behave"> {
  return {behave: () => behaviour};
}
