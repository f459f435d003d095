/** What the pool and its executor children say to each other over IPC (structured clone). */
import type {Evidence} from "@catalyze/core/errors/codedError";
import type {ErrorCode} from "@catalyze/core/errors/table";
import type {Manifest, TensorSignature, TensorType} from "@catalyze/core/task/manifest";

export type ModelFile = {readonly name: string; readonly path: string};

/** One tensor made up for measuring: every element is `fill`. */
export type MadeTensor = {
  readonly name: string;
  readonly type: TensorType;
  readonly dims: readonly number[];
  readonly fill: number;
};

/** What the parent asks; `id` numbers the request. */
export type ChildRequest =
  | {
      readonly type: "load";
      readonly bundle: string;
      readonly manifest: Manifest;
      readonly files: readonly ModelFile[];
    }
  | {readonly type: "unload"; readonly bundle: string}
  | {
      readonly type: "run";
      readonly bundle: string;
      readonly params: Uint8Array;
      readonly input: Uint8Array;
      readonly unitsMax: bigint;
    }
  | {readonly type: "inspect"; readonly path: string}
  | {readonly type: "measure"; readonly path: string; readonly points: readonly (readonly MadeTensor[])[]}
  | {readonly type: "probe"};

export type ChildAnswers = {
  load: {readonly loadMs: number; readonly rssBytes: number};
  unload: Record<string, never>;
  run: {
    readonly output: Uint8Array;
    readonly units: bigint;
    readonly executorMs: number;
    readonly rssBytes: number;
  };
  inspect: {readonly signature: TensorSignature};
  /** MAC of each point. */
  measure: {readonly counts: readonly bigint[]};
  probe: {readonly runtime: string; readonly rssBytes: number; readonly matches: boolean};
};

export type ChildReply =
  | {readonly type: "ready"}
  | {readonly type: "output"; readonly id: number; readonly chunk: Uint8Array}
  | {
      readonly type: "progress";
      readonly id: number;
      readonly phase: string;
      readonly done: number;
      readonly total: number;
    }
  | {readonly type: "done"; readonly id: number; readonly value: ChildAnswers[keyof ChildAnswers]}
  | {
      readonly type: "failed";
      readonly id: number;
      readonly code: ErrorCode;
      readonly message: string;
      readonly evidence: Evidence;
    };
