/**
 * One row per setting. Flags of `ctz up`, environment variables, keys of config.json, `ctz config` and
 * docs/options.md all come from here. `home` is not a row of the file: it says where the file is.
 */
import {type DaemonOptions, type PriceOption, ROLES, type Role} from "./daemonOptions.ts";
import {optionRow} from "./optionRow.ts";
import {
  bpsWithin,
  integerWithin,
  oneOf,
  parseDuration,
  parseMoney,
  parsePrice,
  parseSwitch,
  parseText,
} from "./parsers.ts";

const port = integerWithin(0, 65_535);

/** INTERFACES 1.2: the ports that a first daemon on a machine takes. */
export const API_PORT_DEFAULT = 5150;
export const P2P_PORT_DEFAULT = 4150;

export const OPTION_ROWS = {
  apiHost: optionRow<string>({
    key: "apiHost",
    value: "an address",
    default: "127.0.0.1",
    describe: "Address that the API listens on; anything but loopback is open to whoever has the token",
    parse: parseText,
  }),
  apiPort: optionRow<number>({
    key: "apiPort",
    value: "a port, 0 to 65535",
    default: String(API_PORT_DEFAULT),
    describe: "Port of the API; the default gives way to a free port when it is taken, a stated one does not",
    parse: port,
  }),
  p2pPort: optionRow<number>({
    key: "p2pPort",
    flag: "p2p-port",
    env: "CTZ_P2P_PORT",
    value: "a port, 0 to 65535",
    default: String(P2P_PORT_DEFAULT),
    describe: "TCP port for peers; the default gives way to a free port when it is taken",
    parse: port,
  }),
  listenHosts: optionRow<string>({
    key: "listenHosts",
    flag: "listen",
    env: "CTZ_LISTEN",
    shape: "list",
    value: "an address",
    default: "0.0.0.0",
    describe: "Addresses that peers may reach this node on",
    parse: parseText,
  }),
  join: optionRow<string>({
    key: "join",
    shape: "list",
    value: "a multiaddress ending in /p2p/<peer id>",
    describe: "Peers to start from; their genesis is fetched and pinned on first use",
    parse: (text) => (/^\/.+\/p2p\/[A-Za-z0-9]+$/.test(text) ? text : undefined),
  }),
  genesis: optionRow<string>({
    key: "genesis",
    value: "a path",
    describe:
      "Genesis file of the network; without it and without join a private one-witness network is made",
    parse: parseText,
  }),
  mdns: optionRow<boolean>({
    key: "mdns",
    shape: "switch",
    value: "true or false",
    default: "true",
    describe: "Find peers of the same network on the local network",
    parse: parseSwitch,
  }),
  archive: optionRow<boolean>({
    key: "archive",
    shape: "switch",
    value: "true or false",
    default: "false",
    describe: "Keep the ledger's logs since the genesis: begin with no snapshot, and prune nothing",
    parse: parseSwitch,
  }),
  roles: optionRow<Role>({
    key: "roles",
    flag: "role",
    env: "CTZ_ROLES",
    shape: "list",
    value: ROLES.join(", "),
    describe: "What this node does besides its own tasks; a witness must also be in the genesis",
    parse: oneOf(ROLES),
  }),
  price: optionRow<PriceOption>({
    key: "price",
    shape: "map",
    value: "<unit price>[+<minimum fee>], such as 800uctz+2000uctz",
    describe:
      "Provider's price of an alias or class (`default` for the rest), per 10^9 MAC or 1,000 tokens, plus a fee per task",
    isLive: true,
    parse: parsePrice,
  }),
  middlewareBps: optionRow<number>({
    key: "middlewareBps",
    value: "0 to 5000 (1/10,000), or 0% to 50%",
    default: "500",
    describe: "Share of each payment that a middleware asks for",
    parse: bpsWithin(0, 5000),
  }),
  slots: optionRow<number>({
    key: "slots",
    value: "0 to 64",
    default: "0",
    describe: "Executor processes, one thread each on CPU; 0: processors less one",
    parse: integerWithin(0, 64),
  }),
  maxPriceDefault: optionRow<bigint>({
    key: "maxPriceDefault",
    value: "an amount, such as 0.1 or 1500uctz",
    default: "0.1",
    describe:
      "What a task may cost without being asked about; above it `ctz run` asks, or fails without a terminal",
    parse: parseMoney,
  }),
  logLevel: optionRow<DaemonOptions["logLevel"]>({
    key: "logLevel",
    value: "debug, info, warn or error",
    default: "info",
    describe: "Least level that is logged",
    parse: oneOf(["debug", "info", "warn", "error"]),
  }),
  logFormat: optionRow<DaemonOptions["logFormat"]>({
    key: "logFormat",
    value: "pretty or json",
    default: "pretty",
    describe:
      "Form of the log on stderr, where pretty shows warnings and errors unless the level is debug; the file always has JSON lines",
    parse: oneOf(["pretty", "json"]),
  }),
  devnetDelayMs: optionRow<number>({
    key: "devnetDelayMs",
    value: "milliseconds, 0 to 600000",
    default: "0",
    describe: "Devnets only: each task waits this long before it runs, to play a slow machine",
    parse: integerWithin(0, 600_000),
  }),
  chainRpcUrl: optionRow<string>({
    key: "chainRpcUrl",
    value: "an http(s) URL",
    describe:
      "EVM node for anchors, instead of the one in chain.json; without that file the network runs unanchored",
    parse: (text) => (/^https?:\/\/\S+$/.test(text) ? text : undefined),
  }),
  drainTimeout: optionRow<number>({
    key: "drainTimeout",
    value: "a duration, such as 250ms, 5s or 2m",
    default: "30s",
    describe: "How long a stop waits for tasks that run here",
    parse: parseDuration,
  }),
} as const;

export type OptionKey = keyof typeof OPTION_ROWS;
