/** Makes a home usable: there, ours alone (0700), writable; never touches a directory that is something else. */
import {access, chmod, constants, mkdir, readdir, stat} from "node:fs/promises";
import {basename} from "node:path";
import {CodedError} from "@catalyze/core/errors/codedError";
import {type HomeLayout, homeLayout} from "./homePath.ts";

const OTHERS = 0o077;

/** Throws `HOME_INVALID` or `STORE_FULL`. */
export async function ensureHome(home: string): Promise<HomeLayout> {
  const layout = homeLayout(home);
  try {
    await mkdir(home, {recursive: true, mode: 0o700});
    await refuseForeign(layout);
    const {mode} = await stat(home);
    if ((mode & OTHERS) !== 0) await chmod(home, 0o700);
    await access(home, constants.R_OK | constants.W_OK | constants.X_OK);
    await mkdir(layout.logs, {recursive: true, mode: 0o700});
  } catch (error) {
    throw asHomeError(home, error);
  }
  return layout;
}

/** `--home ~` must not close a user's whole directory to others: a full directory must already be a home. */
async function refuseForeign(layout: HomeLayout): Promise<void> {
  const names = await readdir(layout.home);
  const ours = new Set(Object.values(layout).map((path) => basename(path)));
  if (names.length === 0 || names.some((name) => ours.has(name))) return;
  throw new CodedError("HOME_INVALID", {
    message: `${layout.home} holds files and is not a home of ctz.`,
    evidence: {home: layout.home},
  });
}

function asHomeError(home: string, error: unknown): CodedError {
  if (error instanceof CodedError) return error;
  const {code} = error as NodeJS.ErrnoException;
  if (code === "ENOSPC" || code === "EDQUOT")
    return new CodedError("STORE_FULL", {cause: error, evidence: {home}});
  const why =
    code === "ENOTDIR" || code === "EEXIST"
      ? "it is not a directory"
      : code === "EACCES" || code === "EPERM" || code === "EROFS"
        ? "it is not writable"
        : `the system says ${code ?? "no"}`;
  return new CodedError("HOME_INVALID", {
    message: `Cannot use ${home}: ${why}.`,
    cause: error,
    evidence: {home},
  });
}
