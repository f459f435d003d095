/** One line on a terminal's stderr for work of more than a second; nothing anywhere else. */
import type {Io} from "../io.ts";

const SHOW_AFTER_MS = 1000;
const DRAW_EVERY_MS = 100;
const WIDTH = 24;

export class ProgressBar {
  readonly #io: Io;
  readonly #isOn: boolean;
  readonly #startedAt: number;
  #drawnAt = 0;
  #isDrawn = false;

  constructor(io: Io, quiet: boolean) {
    this.#io = io;
    this.#isOn = io.stderr.isTty && !quiet;
    this.#startedAt = io.now();
  }

  /** Without a total: only the label and how long it has taken. */
  update(label: string, done: number, total: number | undefined): void {
    const now = this.#io.now();
    if (!this.#isOn || now - this.#startedAt < SHOW_AFTER_MS || now - this.#drawnAt < DRAW_EVERY_MS) return;
    this.#drawnAt = now;
    this.#isDrawn = true;
    const seconds = `${((now - this.#startedAt) / 1000).toFixed(0)} s`;
    this.#io.stderr.write(
      `\r\u001b[K${[label, bar(done, total), seconds].filter((part) => part !== "").join(" ")}`.slice(
        0,
        this.#io.stderr.columns + 4,
      ),
    );
  }

  /** Takes the line away, before anything else is written. */
  clear(): void {
    if (this.#isDrawn) this.#io.stderr.write("\r\u001b[K");
    this.#isDrawn = false;
  }
}

function bar(done: number, total: number | undefined): string {
  if (total === undefined || total <= 0) return "";
  const share = Math.min(1, Math.max(0, done / total));
  const full = Math.round(share * WIDTH);
  return `[${"#".repeat(full)}${"-".repeat(WIDTH - full)}] ${Math.floor(share * 100)} %`;
}
