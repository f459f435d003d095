/** The single values of a state, who witnesses and what votes decide, against those that the logs lead to. */
import {equalBytes} from "../primitives/bytes.ts";
import {type Difference, firstDifference, undecodable} from "./divergence.ts";
import {decodeGovernance, encodeGovernance} from "./governanceCodec.ts";
import {decodeRegister, encodeRegister} from "./registerCodec.ts";
import type {LedgerState} from "./state.ts";

type Codec = {
  readonly encode: (state: LedgerState) => Uint8Array;
  /** Throws `DECODE_INVALID`. */
  readonly decode: (bytes: Uint8Array) => unknown;
  readonly of: (state: LedgerState) => unknown;
};

const VALUES = {
  register: {
    encode: (state) => encodeRegister(state.register),
    decode: decodeRegister,
    of: (state) => state.register,
  },
  governance: {
    encode: (state) => encodeGovernance(state.governance),
    decode: decodeGovernance,
    of: (state) => state.governance,
  },
} as const satisfies Record<string, Codec>;

export type ValueKind = keyof typeof VALUES;

export function valueDifference(
  kind: ValueKind,
  state: LedgerState,
  bytes: Uint8Array,
): Difference | undefined {
  const codec: Codec = VALUES[kind];
  if (equalBytes(codec.encode(state), bytes)) return undefined;
  try {
    return firstDifference(codec.of(state), codec.decode(bytes)) ?? undecodable(new Error("other bytes"));
  } catch (error) {
    return undecodable(error);
  }
}

/** The first value without a record that is no longer as the genesis made it. */
export function missingValue(
  state: LedgerState,
  genesis: LedgerState,
  seen: ReadonlySet<ValueKind>,
): ValueKind | undefined {
  const kinds = Object.keys(VALUES) as ValueKind[];
  return kinds.find((kind) => {
    const {encode}: Codec = VALUES[kind];
    return !seen.has(kind) && !equalBytes(encode(state), encode(genesis));
  });
}
