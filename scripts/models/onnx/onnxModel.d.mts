type Named = {readonly name: string};
type Attribute = number | string | readonly number[] | {readonly float: number};

export function tensor(name: string, type: string, dims: readonly number[], data: ArrayBufferView): Named;
export function float32(name: string, dims: readonly number[], values: readonly number[]): Named;
export function int64(name: string, dims: readonly number[], values: readonly number[]): Named;
export function valueInfo(name: string, type: string, shape: readonly (number | string)[]): Named;
export function node(
  opType: string,
  input: readonly string[],
  output: readonly string[],
  attributes?: Readonly<Record<string, Attribute>>,
): Named;
export function encodeModel(model: {
  readonly name: string;
  readonly nodes: readonly Named[];
  readonly inputs: readonly Named[];
  readonly outputs: readonly Named[];
  readonly initializers: readonly Named[];
}): Buffer;
