/** One process of a soak: lives the lives that its parent names, one after the other, and says what came of each. */
import {SCENARIOS, type ScenarioName, scenarioOf} from "./scenarios.ts";
import {settledSim} from "./settledSim.ts";

export type Life = {readonly name: ScenarioName; readonly seed: number};

export type Lived = Life & {
  /** What did not hold. */
  readonly failure: string | undefined;
  readonly steps: number;
  readonly certifiedOps: number;
  readonly joins: number;
  readonly faults: Readonly<Record<string, number>>;
};

/** Which seed lives which does not depend on where a soak began. */
export function lifeOf(seed: number): Life {
  return {name: scenarioOf(seed), seed};
}

export async function live({name, seed}: Life): Promise<Lived> {
  try {
    const {steps, joins, faults, checks} = await settledSim(SCENARIOS[name](seed));
    return {name, seed, failure: undefined, steps, certifiedOps: checks.certifiedOps, joins, faults};
  } catch (error) {
    const failure = error instanceof Error ? error.message : String(error);
    return {name, seed, failure, steps: 0, certifiedOps: 0, joins: 0, faults: {}};
  }
}
