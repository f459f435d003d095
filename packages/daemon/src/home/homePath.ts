/** Where a home is, and what lies where in it. */
import {homedir} from "node:os";
import {join, resolve} from "node:path";

type Env = Readonly<Record<string, string | undefined>>;

/** `--home`, else `CTZ_HOME`, else the platform's place for a user's data. Absolute. */
export function resolveHome(flag: string | undefined, env: Env): string {
  const stated = flag ?? env["CTZ_HOME"];
  if (stated !== undefined && stated !== "") return resolve(stated);
  if (process.platform === "darwin") return join(homedir(), "Library", "Application Support", "Catalyze");
  const data = env["XDG_DATA_HOME"];
  // The XDG specification says to ignore a relative path.
  return join(data?.startsWith("/") ? data : join(homedir(), ".local", "share"), "catalyze");
}

export type HomeLayout = {
  readonly home: string;
  readonly config: string;
  readonly apiToken: string;
  readonly run: string;
  readonly lock: string;
  readonly logs: string;
  readonly logFile: string;
  readonly keystore: string;
  /** Generated where no CTZ_KEY_PASSPHRASE_FILE is given. */
  readonly passphrase: string;
  readonly genesis: string;
  /** LevelDB. */
  readonly db: string;
  /** Append-only files: signing table, outbox, vouchers. */
  readonly records: string;
  readonly blobs: string;
};

/** Every path of a home; nothing else of ours lies anywhere else. */
export function homeLayout(home: string): HomeLayout {
  const logs = join(home, "logs");
  return {
    home,
    config: join(home, "config.json"),
    apiToken: join(home, "api.token"),
    run: join(home, "run.json"),
    lock: join(home, "lock"),
    logs,
    logFile: join(logs, "ctz.log"),
    keystore: join(home, "keystore.json"),
    passphrase: join(home, "passphrase"),
    genesis: join(home, "genesis.json"),
    db: join(home, "db"),
    records: join(home, "records"),
    blobs: join(home, "blobs"),
  };
}
