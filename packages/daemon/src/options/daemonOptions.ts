/** What a daemon is told at start; parsed once from flags, environment, file and defaults, immutable after. */

export const ROLES = ["provider", "middleware", "witness"] as const;
export type Role = (typeof ROLES)[number];

/** A provider's price of one class or alias. */
export type PriceOption = {
  /** µCTZ per unit scale: 10^9 MAC, or 1,000 tokens. */
  readonly unitPriceUctz: bigint;
  /** µCTZ per task. */
  readonly feeMinUctz: bigint;
};

export type DaemonOptions = {
  /** Absolute. */
  readonly home: string;
  readonly apiHost: string;
  /** 0 for any free port. */
  readonly apiPort: number;
  /** False: the port is a wish, and another free one is taken when it is busy. */
  readonly isApiPortExplicit: boolean;
  readonly p2pPort: number;
  readonly isP2pPortExplicit: boolean;
  readonly listenHosts: readonly string[];
  /** Multiaddresses of peers to start from. */
  readonly join: readonly string[];
  /** Path of a genesis file; without it and without `join` a private network is made. */
  readonly genesis: string | undefined;
  readonly mdns: boolean;
  /** Has the ledger since the genesis. */
  readonly archive: boolean;
  readonly roles: readonly Role[];
  /** By alias or class; `default` is for classes without an own price. */
  readonly prices: Readonly<Record<string, PriceOption>>;
  readonly middlewareBps: number;
  /** Executor processes; 0: as many as suit the machine. */
  readonly slots: number;
  /** What a task may cost without `--max-price`, µCTZ. */
  readonly maxPriceDefaultUctz: bigint;
  readonly logLevel: "debug" | "info" | "warn" | "error";
  readonly logFormat: "pretty" | "json";
  /** Devnets only: each task waits this long before it runs, to play a slow machine. */
  readonly devnetDelayMs: number;
  readonly chainRpcUrl: string | undefined;
  readonly drainTimeoutMs: number;
  /** What the command line gave, as text by key: `ctz config list` shows where each value comes from. */
  readonly flags: Readonly<Record<string, readonly string[] | undefined>>;
};
