/**
 * When the next piece of a long computation is due. A checkpoint is in no hurry, and whoever waits for a
 * certificate is: after a piece of some 5 ms the ops of others have ten times as long. Pauses shrink to nothing,
 * or a checkpoint of very many ops would never end.
 */
const PAUSE_MS_PER_UNIT = 0.1;
/** In this time. */
const SHRINK_MS = 1_000;

export class Pauses {
  readonly #maxMs: number;
  #sinceMs = 0;
  #untilMs = 0;

  /** `workUnits`: of one piece. */
  constructor(workUnits: number) {
    this.#maxMs = workUnits * PAUSE_MS_PER_UNIT;
  }

  /** The computation begins. */
  begin(nowMs: number): void {
    this.#sinceMs = nowMs;
    this.#untilMs = nowMs;
  }

  /** A piece is done. */
  pause(nowMs: number): void {
    const left = 1 - (nowMs - this.#sinceMs) / SHRINK_MS;
    this.#untilMs = nowMs + Math.floor(this.#maxMs * Math.max(0, Math.min(1, left)));
  }

  /** None when the clock was set back. */
  leftMs(nowMs: number): number {
    const left = this.#untilMs - nowMs;
    return left > 0 && left <= this.#maxMs ? left : 0;
  }
}
