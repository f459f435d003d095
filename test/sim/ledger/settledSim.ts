/** One simulated life from its seed, with everything that must hold when the network has healed. */
import {toHex} from "@catalyze/core/primitives/bytes";
import {isSettled} from "./checks.ts";
import {CALM_MS, STORM_MS} from "./scenarios.ts";
import {SimLedger, type SimLedgerSetup} from "./simLedger.ts";

/** Followers that a bad witness sends after what it never gives away are a height further behind at times. */
const FOLLOWERS_MS = 4_000;

/** One that keeps no rule may stop a network in which another has forgotten what it signed, but not for ever. */
const VOTING_MS = 120_000;

/** Evidence may come, and be certified, in the last moment of a life: then others have still to hear it. */
const TOLD_MS = 1_000;

/** Throws what did not hold. */
export async function settledSim(setup: SimLedgerSetup): Promise<SimLedger> {
  const sim = new SimLedger(setup);
  sim.startTimers();
  await sim.run({stormMs: setup.stormMs ?? STORM_MS, calmMs: setup.calmMs ?? CALM_MS});
  if (setup.joiners !== undefined || setup.bad !== undefined)
    await sim.goOn({untilSpreadMax: 1n, limitMs: FOLLOWERS_MS});
  if (setup.faults.restore !== undefined) await sim.goOnUntilAllVote(VOTING_MS);
  await sim.goOnWhile(() => isUntold(sim), TOLD_MS);
  checkAgreement(sim);
  checkLiveness(sim);
  return sim;
}

/** Some node does not know yet what is certified elsewhere. */
function isUntold(sim: SimLedger): boolean {
  const certified = [...sim.checks.certified()];
  return sim.live().some(({replica}) => certified.some((op) => !isSettled(replica!.view, op)));
}

/** Every honest op is final everywhere, and every node says the same. */
function checkAgreement(sim: SimLedger): void {
  const live = sim.live().map(({replica}) => replica!);
  const heights = live.map(({checkpoint}) => Number(checkpoint.height));
  const heightMax = Math.max(...heights);
  if (heightMax < 3) throw new Error(`the network stands still at height ${heightMax}`);
  if (heightMax - Math.min(...heights) > 1) throw new Error(`nodes stand at heights ${heights.join(", ")}`);
  const roots = new Map<bigint, string>();
  for (const {checkpoint} of live) {
    const root = roots.get(checkpoint.height) ?? checkpoint.stateRoot;
    if (checkpoint.stateRoot !== root) throw new Error(`two roots at height ${checkpoint.height}`);
    roots.set(checkpoint.height, root);
  }
  for (const {view, base} of live) {
    const lost = [...sim.checks.certified()].filter((op) => !isSettled(view, op));
    if (lost.length > 0) throw new Error(`certified and lost: ${lost.map(({id}) => id).join(" ")}`);
    const unapplied = sim.checks.lostIn(base);
    if (unapplied.length > 0) throw new Error(`certified and never applied: ${unapplied.join(" ")}`);
  }
  const silent = sim.live().filter(({replica}) => replica?.isMember === true && replica.isSilent);
  if (silent.length > 0)
    throw new Error(`never votes again: node ${silent.map(({index}) => index).join(" ")}`);
  // An expiry shows in the view one checkpoint later: only views of one height compare.
  const latest = live.filter(({checkpoint}) => Number(checkpoint.height) === heightMax);
  const views = new Set(latest.map(({view}) => toHex(view.fork().tree().root())));
  if (views.size !== 1) throw new Error(`${views.size} views at height ${heightMax}`);
}

function checkLiveness(sim: SimLedger): void {
  const {view} = sim.live()[0]!.replica!;
  const lost = [...sim.submitted.values()].filter(
    (op) => op.body.payload.kind !== "claim" && !isSettled(view, op),
  );
  if (lost.length > 0) throw new Error(`honest ops never certified: ${lost.map(({id}) => id).join(" ")}`);
}
