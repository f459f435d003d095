/** Who plays in the demo, at which prices. */

export type Role = {
  readonly name: string;
  readonly does: string;
  /** Flags of `ctz up`. */
  readonly flags: readonly string[];
  readonly isWitness: boolean;
  /** Bundles given as a folder, and those known by content id only, fetched from a peer when needed. */
  readonly folders: readonly string[];
  readonly fetched: readonly string[];
  /** Genesis balance, CTZ. */
  readonly balance: bigint;
};

const price = (alias: string, unit: number, min: number): readonly string[] => [
  "--price",
  `${alias}=${unit}uctz+${min}uctz`,
];

/** µCTZ per 10⁹ MAC (text: per 1,000 tokens) and per task. */
function prices(factor: number): readonly string[] {
  const at = (value: number) => Math.round(value * factor);
  return [
    ...price("ocr", at(200), at(500)),
    ...price("embed", at(20_000), at(400)),
    ...price("vad", at(5_000), at(300)),
    ...price("text", at(2_000), at(200)),
  ];
}

export const ALIASES = ["ocr", "embed", "vad", "text"] as const;

export const CAST: readonly Role[] = [
  {
    name: "ria",
    does: "requester: has work and pays for it",
    flags: [],
    isWitness: true,
    folders: [],
    fetched: [],
    balance: 1_000n,
  },
  {
    name: "mo",
    does: "middleware: finds providers for others, for 5 %",
    flags: ["--role", "middleware"],
    isWitness: true,
    folders: [],
    fetched: [],
    balance: 10n,
  },
  {
    name: "pia",
    does: "provider: fast, at list price",
    flags: ["--role", "provider", ...prices(1)],
    isWitness: true,
    folders: ALIASES,
    fetched: [],
    balance: 10n,
  },
  {
    name: "sol",
    does: "provider: a tenth cheaper, but slow (every task waits 700 ms)",
    flags: ["--role", "provider", "--devnet-delay-ms", "700", ...prices(0.9)],
    isWitness: true,
    folders: ["vad", "text"],
    fetched: ["ocr", "embed"],
    balance: 10n,
  },
  {
    name: "tom",
    does: "provider: the cheapest; it will be killed",
    flags: ["--role", "provider", ...prices(0.5)],
    isWitness: false,
    folders: ["ocr", "text"],
    fetched: ["embed", "vad"],
    balance: 10n,
  },
];

export const CREATOR = "kim";
/** The creator's leg; the middleware's is its own default, 5 % too. */
export const ROYALTY_BPS = 500;
export const VICTIM = "tom";
