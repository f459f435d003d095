/**
 * Long computations in small pieces, so that whoever runs one can let others run in between. Each `yield` ends a
 * piece and tells what it cost, in units of very roughly 10 µs. Costs are counts of what was done, never times:
 * a simulation that is repeated cuts its work at the same places.
 */
export type Work<T> = Generator<number, T, undefined>;

/** Does all of it at once. */
export function finish<T>(work: Work<T>): T {
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
  }
}

/** What may be spent before others get their turn. */
export class WorkBudget {
  #units: number;

  constructor(units: number) {
    this.#units = units;
  }

  /** Goes on with the work; `undefined` while it is not done when the budget is spent. Pieces are never cut. */
  spend<T>(work: Work<T>): {readonly value: T} | undefined {
    while (this.#units > 0) {
      const step = work.next();
      if (step.done === true) return {value: step.value};
      this.#units -= step.value;
    }
    return undefined;
  }
}
