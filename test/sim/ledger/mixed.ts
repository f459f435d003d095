/**
 * A life in which everything is drawn: how many witnesses, how many of them are bad and in which way, who uses
 * the ledger, and what goes wrong. The other scenarios each look for one thing; this one looks for what comes
 * only of things together.
 */
import {SeededRandom} from "../fakes/seededRandom.ts";
import {CHEAP_CRYPTO} from "../market/simKeys.ts";
import type {SimLedgerSetup} from "./simLedger.ts";

const WITNESSES_MAX = 7;

export function mixed(seed: number): SimLedgerSetup {
  const random = new SeededRandom(seed).fork("mixed");
  const witnesses = 1 + random.int(WITNESSES_MAX);
  const wrong = wrongOnes(witnesses, random);
  const some = (chance: number, most: number) => (random.chance(chance) ? 1 + random.int(most) : 0);
  const drawn = {
    owners: 3 + random.int(5),
    equivocators: random.int(3),
    tricks: some(0.6, 10),
    // Where stakes vote they make members too, and one that is wrong may come to weigh more than a third.
    citizens: Object.keys(wrong).length === 0 && random.chance(0.5) ? 4 : 0,
    patrons: random.chance(0.3) ? 6 : 0,
    arePoor: random.chance(0.2),
    followers: 1 + random.int(2),
    joiners: some(0.5, 2),
    viaFollowers: random.chance(0.15),
  };
  // Followers do not tell an owner that a vote has made its fee too low.
  const users = {...drawn, viaFollowers: drawn.viaFollowers && drawn.citizens === 0};
  const isPruned = random.chance(0.2);
  return {
    ...{seed, crypto: CHEAP_CRYPTO, witnesses, ...wrong, ...users},
    ...(isPruned ? {logsS: 8} : {}),
    checkpointsPerEpoch: 4 + random.int(3),
    skewMaxMs: random.chance(0.5) ? 150 : 0,
    stormMs: isPruned ? 25_000 : 14_000,
    calmMs: 20_000,
    faults: faultsOf(isPruned, wrong, random),
  };
}

/** Less than a third, each bad in a way of its own. */
function wrongOnes(
  witnesses: number,
  random: SeededRandom,
): Pick<SimLedgerSetup, "bad" | "twin" | "silent" | "floods" | "linksDeep"> {
  const most = Math.floor((witnesses - 1) / 3);
  const seats = random.shuffle(Array.from({length: witnesses}, (_, index) => index));
  const ways = random.shuffle(["bad", "twin", "silent"] as const).slice(0, random.int(most + 1));
  const wrong = Object.fromEntries(ways.map((way, index) => [way, seats[index]!]));
  if (wrong["bad"] === undefined) return wrong;
  return {...wrong, floods: random.chance(0.25), linksDeep: random.chance(0.25)};
}

function faultsOf(
  isPruned: boolean,
  {bad, twin, silent}: Pick<SimLedgerSetup, "bad" | "twin" | "silent">,
  random: SeededRandom,
): SimLedgerSetup["faults"] {
  const loss = random.pick([0, 0.02, 0.08]);
  const isWiped = random.chance(0.5);
  // A checkpoint whose every copy was deleted is lost: there are too few nodes to lose databases often.
  const crash = random.pick(isWiped ? [0, 0.0003, 0.0006] : [0, 0.0006, 0.001, 0.003]);
  const areHonest = bad === undefined && twin === undefined && silent === undefined;
  return {
    ...{drop: isPruned ? loss / 4 : loss, duplicate: loss},
    // Where nobody may be missing besides those who are wrong, crashes of others would only stop the storm.
    crash: areHonest ? crash : crash / 5,
    ...(isWiped ? {wipe: 0.3} : {}),
    ...(random.chance(0.4) ? {oneWay: 0.1} : {}),
  };
}
