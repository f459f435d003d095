/** A command is a value: path, flags and what runs. Help, parsing, completion and docs read the same value. */
import type {CommandContext} from "./context.ts";
import type {ArgSpec, ArgSpecs, FlagSpec, FlagSpecs} from "./flagSpec.ts";

type FlagValue<F extends FlagSpec> = F extends {kind: "switch"}
  ? boolean
  : F extends {kind: "toggle"}
    ? boolean | undefined
    : F extends {kind: "many"}
      ? readonly string[]
      : F extends {required: true}
        ? string
        : string | undefined;

type ArgValue<A extends ArgSpec> = A extends {rest: true}
  ? readonly string[]
  : A extends {required: true}
    ? string
    : string | undefined;

export type Values<F extends FlagSpecs, A extends ArgSpecs> = {readonly [K in keyof F]: FlagValue<F[K]>} & {
  readonly [K in keyof A]: ArgValue<A[K]>;
};

type Spec<F extends FlagSpecs, A extends ArgSpecs> = {
  readonly path: readonly [string] | readonly [string, string];
  readonly summary: string;
  /** Lines after `ctz `, shown under the flags. */
  readonly examples?: readonly string[];
  readonly args?: A;
  readonly flags?: F;
  /** The exit code, 0 when nothing is returned. Failures are thrown. */
  run(values: Values<F, A>, context: CommandContext): Promise<number> | Promise<void>;
};

export type Command = {
  readonly path: readonly string[];
  readonly summary: string;
  readonly examples: readonly string[];
  readonly args: ArgSpecs;
  readonly flags: FlagSpecs;
  run(values: Readonly<Record<string, unknown>>, context: CommandContext): Promise<number> | Promise<void>;
};

/** Types of the flags and arguments flow into `run`. */
export function command<
  const F extends FlagSpecs = Record<never, never>,
  const A extends ArgSpecs = Record<never, never>,
>(spec: Spec<F, A>): Command {
  return {
    path: spec.path,
    summary: spec.summary,
    examples: spec.examples ?? [],
    args: spec.args ?? {},
    flags: spec.flags ?? {},
    run: (values, context) => spec.run(values as Values<F, A>, context),
  };
}
