/**
 * What holds an executor child in: bubblewrap (no network, no files but libraries and models), prlimit
 * (memory, files, cores) and a death signal, so that a daemon killed with SIGKILL leaves no executor.
 * Each is used when it is installed and works here; tried once, by running it.
 */
import {execFile} from "node:child_process";
import {access, constants} from "node:fs/promises";
import {delimiter, join} from "node:path";
import {promisify} from "node:util";

const run = promisify(execFile);
const PROBE_TIMEOUT_MS = 5000;
const NO_FILES_WRITTEN = 0;

export type Isolation = {
  readonly bwrap: string | undefined;
  readonly prlimit: string | undefined;
  readonly setpriv: string | undefined;
};

export type ConfineInput = {
  readonly program: readonly [string, ...string[]];
  readonly readPaths: readonly string[];
  readonly memoryBytesMax: number;
  /** Measuring writes a profile into a temporary folder; nothing else writes. */
  readonly scratchBytesMax?: number;
};

export const NO_ISOLATION: Isolation = {bwrap: undefined, prlimit: undefined, setpriv: undefined};

/** Looks for the tools and tries each. Never throws. */
export async function detectIsolation(path = process.env["PATH"] ?? ""): Promise<Isolation> {
  const [bwrap, prlimit, setpriv] = await Promise.all([
    find("bwrap", path, (file) => [file, ...sandboxArguments([]), "true"]),
    find("prlimit", path, (file) => [file, "--data=1073741824", "--core=0", "true"]),
    find("setpriv", path, (file) => [file, "--pdeathsig", "KILL", "true"]),
  ]);
  return {bwrap, prlimit, setpriv};
}

/** For people: `bubblewrap, prlimit`, or what a plain child process means. */
export function describeIsolation({bwrap, prlimit, setpriv}: Isolation): string {
  const used = [bwrap && "bubblewrap", prlimit && "prlimit", !bwrap && setpriv && "setpriv"].filter(Boolean);
  return used.length > 0 ? used.join(", ") : "plain child process (no memory limit, no sandbox)";
}

/** The command line that runs `program` inside what is there. */
export function confine(isolation: Isolation, input: ConfineInput): readonly [string, ...string[]] {
  const {bwrap, prlimit, setpriv} = isolation;
  let command: readonly [string, ...string[]] = input.program;
  if (bwrap !== undefined) command = [bwrap, ...sandboxArguments(input.readPaths), ...command];
  else if (setpriv !== undefined) command = [setpriv, "--pdeathsig", "KILL", ...command];
  if (prlimit === undefined) return command;
  const limits = {
    data: input.memoryBytesMax,
    core: 0,
    fsize: input.scratchBytesMax ?? NO_FILES_WRITTEN,
    nofile: 256,
  };
  return [prlimit, ...Object.entries(limits).map(([name, value]) => `--${name}=${value}`), ...command];
}

function sandboxArguments(readPaths: readonly string[]): readonly string[] {
  return [
    ...["--ro-bind", "/usr", "/usr"],
    ...["lib", "lib64", "bin"].flatMap((name) => ["--symlink", `usr/${name}`, `/${name}`]),
    ...["--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache", "--proc", "/proc", "--dev", "/dev"],
    ...["--tmpfs", "/tmp"],
    ...readPaths.flatMap((path) => ["--ro-bind", path, path]),
    ...["--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL"],
    ...["--uid", "65534", "--gid", "65534", "--chdir", "/tmp"],
  ];
}

async function find(
  name: string,
  path: string,
  probe: (file: string) => readonly string[],
): Promise<string | undefined> {
  for (const folder of path.split(delimiter)) {
    const file = join(folder, name);
    if (folder === "" || !(await isExecutable(file))) continue;
    const [command, ...args] = probe(file);
    try {
      await run(command as string, args, {timeout: PROBE_TIMEOUT_MS});
      return file;
    } catch {
      // Installed but not allowed here (no user namespaces, say): the same as absent.
      return undefined;
    }
  }
  return undefined;
}

async function isExecutable(file: string): Promise<boolean> {
  return await access(file, constants.X_OK).then(
    () => true,
    () => false,
  );
}
