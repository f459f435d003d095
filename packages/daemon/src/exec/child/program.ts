/** What every kind of bundle implements inside the executor child. */
import type {Manifest} from "@catalyze/core/task/manifest";

export type ProgramContext = {
  /** Output that can be shown before the end. Concatenated, it equals the output. */
  readonly emit: (chunk: Uint8Array) => void;
  readonly progress: (phase: string, done: number, total: number) => void;
  /** Counts work before it is done; throws `METER_ABOVE_MAX` past what was agreed. */
  readonly spend: (units: bigint) => void;
};

/** A loaded bundle: models in memory, ready to run one task after another. */
export interface Program {
  run(params: Uint8Array, input: Uint8Array, context: ProgramContext): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** Reads a file of the bundle by its role. */
export type ReadFile = (name: string) => Uint8Array;

export type LoadProgram = (manifest: Manifest, readFile: ReadFile) => Promise<Program>;
