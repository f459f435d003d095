/** The node itself: status, what it runs on, why it earns or does not, its settings. */
import {type Static, Type} from "typebox";
import {AccountText, Count, PeerIdText, TimeMs, Uctz} from "./fields.ts";

export const Health = Type.Object({ok: Type.Literal(true), version: Type.String(), phase: Type.String()});
export const Readiness = Type.Object({
  isReady: Type.Boolean(),
  phase: Type.String(),
  reason: Type.Optional(Type.String()),
});
export type Readiness = Static<typeof Readiness>;

const executorView = Type.Object({
  kind: Type.String({description: "onnx on cpu, webgpu or cuda; none"}),
  determinism: Type.String(),
  isIsolated: Type.Boolean(),
  isolation: Type.String({description: "how: bubblewrap, prlimit, or process only"}),
  slots: Count,
  slotsBusy: Count,
  queueLength: Count,
});

export const StatusView = Type.Object({
  version: Type.String(),
  phase: Type.String(),
  isReady: Type.Boolean(),
  startedAtMs: TimeMs,
  apiUrl: Type.String(),
  peerId: PeerIdText,
  account: AccountText,
  roles: Type.Array(Type.String()),
  addresses: Type.Array(Type.String()),
  peers: Count,
  network: Type.String(),
  height: Type.String(),
  witnesses: Count,
  isAnchored: Type.Boolean({description: "a chain is configured and answers"}),
  balanceUctz: Uctz,
  tasksOpen: Count,
  tasksDone: Count,
  tasksFailed: Count,
  /** Earned as a provider, claimed or not. */
  earnedUctz: Uctz,
  /** Plain lines: what a person should know now. */
  notes: Type.Array(Type.String()),
});
export type StatusView = Static<typeof StatusView>;

export const NodeInfo = Type.Object({
  version: Type.String(),
  peerId: PeerIdText,
  account: AccountText,
  home: Type.String(),
  logFile: Type.String(),
  roles: Type.Array(Type.String()),
  addresses: Type.Array(Type.String()),
  executor: executorView,
  sells: Type.Array(
    Type.Object({
      taskClass: Type.String(),
      alias: Type.Optional(Type.String()),
      unitPriceUctz: Uctz,
      feeMinUctz: Uctz,
      isWarm: Type.Boolean(),
    }),
  ),
  middlewareBps: Type.Optional(Count),
  clockOffsetMs: Type.Optional(Type.Number()),
  rssBytes: Count,
  checkThreadFailures: Type.Integer({
    minimum: 0,
    description: "times that the thread which checks signatures died or hung; beyond 3 it stays away",
  }),
  node: Type.String(),
  platform: Type.String(),
});
export type NodeInfo = Static<typeof NodeInfo>;

export const NodeWhy = Type.Object({
  isEarning: Type.Boolean(),
  /** Plain lines, most important first. */
  lines: Type.Array(Type.String()),
  earnedUctz: Uctz,
  receivableUctz: Uctz,
  tasksWon: Count,
  tasksDone: Count,
  lastEarnedAtMs: Type.Optional(TimeMs),
  /** Each task not won or not finished, summed by code. */
  reasons: Type.Array(
    Type.Object({
      code: Type.String(),
      message: Type.String(),
      count: Count,
      lastAtMs: TimeMs,
      detail: Type.String(),
    }),
  ),
});
export type NodeWhy = Static<typeof NodeWhy>;

export const ConfigEntry = Type.Object({
  key: Type.String(),
  value: Type.String(),
  default: Type.String(),
  origin: Type.Enum(["flag", "env", "file", "default"]),
  description: Type.String(),
  flag: Type.Optional(Type.String()),
  env: Type.Optional(Type.String()),
  /** A change applies at once; otherwise at the next start. */
  isLive: Type.Boolean(),
});
export type ConfigEntry = Static<typeof ConfigEntry>;

export const ConfigList = Type.Object({entries: Type.Array(ConfigEntry), file: Type.String()});
export type ConfigList = Static<typeof ConfigList>;

export const ConfigSetBody = Type.Object(
  {
    /** `null` removes the key from the file. */
    value: Type.Union([Type.String({maxLength: 4096}), Type.Null()]),
  },
  {additionalProperties: false},
);
export type ConfigSetBody = Static<typeof ConfigSetBody>;
