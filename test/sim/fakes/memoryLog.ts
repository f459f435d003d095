/** An append log in memory, over a `MemoryLogFile` that outlives it. */
import type {AppendLog} from "@catalyze/core/ports/store";
import {DiskFaults, never} from "./diskFaults.ts";

export class MemoryLogFile {
  readonly faults: DiskFaults;
  generation = 0;
  records: Uint8Array[] = [];

  constructor(faults: DiskFaults = new DiskFaults()) {
    this.faults = faults;
  }

  /** Logs opened before are dead. Appends are synced, so nothing acknowledged is lost. */
  crash(): void {
    this.generation += 1;
  }
}

export class MemoryLog implements AppendLog {
  readonly #file: MemoryLogFile;
  readonly #generation: number;

  constructor(file: MemoryLogFile = new MemoryLogFile()) {
    this.#file = file;
    this.#generation = file.generation;
  }

  async append(records: readonly Uint8Array[]): Promise<void> {
    if (this.#isDead()) return await never();
    const copies = records.map((record) => record.slice());
    await this.#file.faults.write(
      () => this.#file.records.push(...copies),
      () => this.#isDead(),
    );
  }

  async read(): Promise<readonly Uint8Array[]> {
    if (this.#isDead()) return await never();
    return this.#file.records.map((record) => record.slice());
  }

  async compact(records: readonly Uint8Array[]): Promise<void> {
    if (this.#isDead()) return await never();
    const copies = records.map((record) => record.slice());
    await this.#file.faults.write(
      () => {
        this.#file.records = copies;
      },
      () => this.#isDead(),
    );
  }

  async close(): Promise<void> {}

  #isDead(): boolean {
    return this.#generation !== this.#file.generation;
  }
}
