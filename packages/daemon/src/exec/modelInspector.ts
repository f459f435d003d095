/** Looks at a model file in a process of its own: what it takes and gives, and how much work it is. */
import {mkdirSync, realpathSync} from "node:fs";
import {dirname} from "node:path";
import {CodedError} from "@catalyze/core/errors/codedError";
import type {TensorSignature, TensorSpec} from "@catalyze/core/task/manifest";
import type {MeterTerm, Sizes} from "@catalyze/core/task/meter";
import {fitGrid, fitTerms} from "@catalyze/core/task/meterFit";
import {findChildProgram} from "./childProgram.ts";
import {ExecutorChild} from "./executorChild.ts";
import type {Isolation} from "./isolation.ts";
import type {MadeTensor} from "./protocol.ts";

export type ModelInspectorOptions = {
  readonly isolation: Isolation;
  readonly memoryBytesMax: number;
  readonly timeoutMs: number;
};

/** Named sizes whose powers are fitted: 3^n runs. */
const SIZES_MAX = 3;
/** Steps tried in turn: small ones are quick, some models run only on multiples. */
const STEPS = [1, 2, 4, 8, 32];
const SCRATCH_BYTES_MAX = 256 * 1024 ** 2;

export type MadeInputs = (sizes: Sizes) => readonly MadeTensor[];

export class ModelInspector {
  readonly #options: ModelInspectorOptions;

  constructor(options: ModelInspectorOptions) {
    this.#options = options;
  }

  /** Throws `MODEL_INVALID`, `EXECUTOR_TIMEOUT`, `EXECUTOR_CRASHED`, `EXECUTOR_UNAVAILABLE`. */
  async inspect(path: string): Promise<TensorSignature> {
    return await this.#withChild(
      path,
      async (child) => (await child.call({type: "inspect", path})).signature,
    );
  }

  /** The meter of one model. Throws `MODEL_METER_UNKNOWN` when no polynomial fits. */
  async fitMeter(
    path: string,
    names: readonly string[],
    made: MadeInputs,
    steps = STEPS,
  ): Promise<readonly MeterTerm[]> {
    if (names.length > SIZES_MAX) {
      throw new CodedError("MODEL_METER_UNKNOWN", {evidence: {sizes: names.join(), sizesMax: SIZES_MAX}});
    }
    return await this.#withChild(path, async (child) => {
      let last: unknown;
      for (const step of steps) {
        const grid = fitGrid(names, step);
        try {
          const {counts} = await child.call({type: "measure", path, points: grid.points.map(made)});
          const terms = fitTerms(grid, counts);
          if (terms !== undefined) return terms;
        } catch (error) {
          if (!isSizeProblem(error)) throw error;
          last = error;
        }
      }
      throw new CodedError("MODEL_METER_UNKNOWN", {cause: last});
    });
  }

  /** Inspects and fits a model whose inputs are what its file says. */
  async measure(
    path: string,
  ): Promise<{readonly signature: TensorSignature; readonly terms: readonly MeterTerm[]}> {
    const signature = await this.inspect(path);
    const dims = signature.inputs.flatMap((input) => input.dims.filter((dim) => typeof dim === "string"));
    const terms = await this.fitMeter(path, [...new Set(dims)], (sizes) =>
      signature.inputs.map((input) => madeTensor(input, sizes)),
    );
    return {signature, terms};
  }

  async #withChild<Value>(path: string, work: (child: ExecutorChild) => Promise<Value>): Promise<Value> {
    const {isolation, memoryBytesMax, timeoutMs} = this.#options;
    const modelsDir = dirname(realpathSync(path));
    mkdirSync(modelsDir, {recursive: true});
    const program = findChildProgram();
    const child = new ExecutorChild({
      program,
      isolation,
      modelsDir,
      memoryBytesMax,
      scratchBytesMax: SCRATCH_BYTES_MAX,
    });
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      void child.kill();
    }, timeoutMs);
    try {
      return await work(child);
    } catch (error) {
      throw isLate ? new CodedError("EXECUTOR_TIMEOUT", {evidence: {timeoutMs}}) : error;
    } finally {
      clearTimeout(timer);
      await child.kill();
    }
  }
}

/** Integers are zero, because they are usually indices; floats are not, because zeros hide work. */
function madeTensor({name, type, dims}: TensorSpec, sizes: Sizes): MadeTensor {
  const isFloat = type === "float32" || type === "float64";
  return {
    name,
    type,
    dims: dims.map((dim) => (typeof dim === "number" ? dim : (sizes[dim] ?? 1))),
    fill: isFloat ? 0.5 : Number(type === "bool"),
  };
}

/** A model may refuse small or odd sizes; another step may suit it. */
function isSizeProblem(error: unknown): boolean {
  return (
    error instanceof CodedError &&
    (error.code === "EXECUTOR_FAILED" || error.code === "TENSOR_SHAPE_MISMATCH")
  );
}
