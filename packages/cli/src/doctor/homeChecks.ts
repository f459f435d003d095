/** The home: usable, private, with room; keys closed to others. */
import {access, constants, stat, statfs} from "node:fs/promises";
import {dirname} from "node:path";
import {toCodedError} from "@catalyze/core/errors/codedError";
import {readConfigFile} from "@catalyze/daemon/options/configFile";
import type {CommandContext} from "../context.ts";
import {bytes} from "../output/format.ts";
import type {Check} from "./check.ts";

/** Below this a model may not fit; below a tenth of it the ledger may not either. */
const SPACE_MIN = 2 * 1024 ** 3;
const OTHERS = 0o077;

export async function homeChecks({layout, io}: CommandContext): Promise<readonly Check[]> {
  return [
    await homeCheck(layout.home),
    await spaceCheck(layout.home),
    ...(await privateFile("keys", layout.keystore)),
    ...(await privateFile("API token", layout.apiToken)),
    ...(await passphraseCheck(layout.passphrase, io.env["CTZ_KEY_PASSPHRASE_FILE"])),
    await configCheck(layout.config),
  ];
}

async function modeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).mode;
  } catch {
    // Absent: said by the caller.
    return undefined;
  }
}

async function homeCheck(home: string): Promise<Check> {
  const mode = await modeOf(home);
  if (mode === undefined)
    return {name: "home", state: "ok", detail: `${home} is not there yet; \`ctz up\` makes it`};
  try {
    await access(home, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch {
    return {
      name: "home",
      state: "broken",
      detail: `${home} is not writable`,
      fix: "Change its owner or choose another --home.",
    };
  }
  if ((mode & OTHERS) !== 0) {
    return {
      name: "home",
      state: "warning",
      detail: `${home} is open to other users`,
      fix: `chmod 700 '${home}'`,
    };
  }
  return {name: "home", state: "ok", detail: home};
}

async function spaceCheck(home: string): Promise<Check> {
  let place = home;
  while ((await modeOf(place)) === undefined && dirname(place) !== place) place = dirname(place);
  const {bavail, bsize} = await statfs(place);
  const free = bavail * bsize;
  const detail = `${bytes(free)} free`;
  if (free >= SPACE_MIN) return {name: "disk", state: "ok", detail};
  return {
    name: "disk",
    state: free < SPACE_MIN / 10 ? "broken" : "warning",
    detail,
    fix: "Free space, or put the home elsewhere with --home.",
  };
}

async function privateFile(name: string, path: string): Promise<readonly Check[]> {
  const mode = await modeOf(path);
  if (mode === undefined) return [];
  if ((mode & OTHERS) === 0) return [{name, state: "ok", detail: "readable by you only"}];
  return [{name, state: "broken", detail: `${path} is readable by other users`, fix: `chmod 600 '${path}'`}];
}

async function passphraseCheck(generated: string, stated: string | undefined): Promise<readonly Check[]> {
  if (stated !== undefined && stated !== "") return await privateFile("passphrase", stated);
  if ((await modeOf(generated)) === undefined) return [];
  return [
    {
      name: "passphrase",
      state: "warning",
      detail: `generated, beside the keys: ${generated} guards a copied key file, not a copied home`,
      fix: "To guard the home itself keep it elsewhere: CTZ_KEY_PASSPHRASE_FILE.",
    },
  ];
}

async function configCheck(path: string): Promise<Check> {
  try {
    const {size} = await readConfigFile(path);
    return {name: "config", state: "ok", detail: `${size} settings in ${path}`};
  } catch (error) {
    const {message, row} = toCodedError(error);
    return {name: "config", state: "broken", detail: message, fix: row.hint};
  }
}
