/** The invariants of a ledger by their numbers (reference/ledger 7): what metrics, logs and doctors call them. */

/** What each says, in words. */
export const INVARIANTS = {
  I1: "no money is made or lost",
  I2: "no bucket is negative",
  I3: "each log goes on by one, from its head",
  I4: "a lock pays at most its amount and closes once",
  I5: "what is certified in a cut applies",
  I6: "one height has one root",
  I7: "nothing is signed twice",
  I8: "the vault backs what is owed",
  I9: "the supply of an asset is constant",
} as const;

export type Invariant = keyof typeof INVARIANTS;

/** Which one a violation is of: its reason begins with the number. `undefined` for any other reason. */
export function invariantOf(reason: string): Invariant | undefined {
  const [name = ""] = reason.split(":", 1);
  return Object.hasOwn(INVARIANTS, name) ? (name as Invariant) : undefined;
}
