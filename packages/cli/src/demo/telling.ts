/** What the demo says: plain lines, names instead of ids, amounts to the µCTZ. */
import type {TaskView} from "@catalyze/api/schema/task";
import {formatCtz} from "@catalyze/core/primitives/amount";

export class Teller {
  readonly #write: (text: string) => void;
  readonly #names = new Map<string, string>();
  readonly #startedMs = performance.now();

  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  /** From now on this peer or account is called by its name. */
  name(id: string, name: string): void {
    this.#names.set(id, name);
  }

  nameOf(id: string | undefined): string {
    return id === undefined ? "nobody" : (this.#names.get(id) ?? `${id.slice(0, 8)}…`);
  }

  chapter(title: string): void {
    const seconds = ((performance.now() - this.#startedMs) / 1_000).toFixed(1);
    this.#write(`\n── ${title} ${"─".repeat(Math.max(3, 72 - title.length))} ${seconds} s\n`);
  }

  say(line: string): void {
    this.#write(`  ${line}\n`);
  }

  task(what: string, task: TaskView, result: string): void {
    const ms = (task.endedAtMs ?? task.createdAtMs) - task.createdAtMs;
    this.say(`${what}: ${this.nameOf(task.peerId)}, ${formatCtz(BigInt(task.chargedUctz))}, ${ms} ms`);
    // The terms behind the figures are for `task explain`; here the comparison says enough.
    const [why] = (task.reason ?? "").split(" (");
    if (why !== undefined && why !== "") this.say(`  why: ${this.#withNames(why)}`);
    for (const line of result.split("\n").slice(0, 4)) this.say(`  → ${line}`);
  }

  /** Reasons name peers by the end of their id. */
  #withNames(text: string): string {
    return text.replace(/…([A-Za-z0-9]{8})/g, (whole, end: string) => {
      for (const [id, name] of this.#names) if (id.endsWith(end)) return name;
      return whole;
    });
  }
}
