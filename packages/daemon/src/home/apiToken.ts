/** The bearer token of the API: made once per home, readable by its owner only. */
import {randomBytes} from "node:crypto";
import {chmod, link, readFile, rm, writeFile} from "node:fs/promises";
import {CodedError} from "@catalyze/core/errors/codedError";

const TOKEN = /^[A-Za-z0-9_-]{43}$/;

/** The token of the home, made on first use. */
export async function ensureApiToken(path: string): Promise<string> {
  const present = await readApiToken(path);
  if (present !== undefined) {
    await chmod(path, 0o600);
    return present;
  }
  const token = randomBytes(32).toString("base64url");
  const temporary = `${path}.${randomBytes(6).toString("hex")}`;
  await writeFile(temporary, `${token}\n`, {mode: 0o600, flush: true});
  try {
    // A link never replaces: of two first starts one wins and both read the same token.
    await link(temporary, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  } finally {
    await rm(temporary, {force: true});
  }
  return (await readApiToken(path)) ?? token;
}

/** `undefined` when there is none; `HOME_INVALID` when the file is not a token. */
export async function readApiToken(path: string): Promise<string | undefined> {
  let text: string;
  try {
    text = (await readFile(path, "utf8")).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new CodedError("HOME_INVALID", {message: `Cannot read ${path}.`, cause: error});
  }
  if (!TOKEN.test(text)) {
    throw new CodedError("HOME_INVALID", {
      message: `${path} does not hold a token; remove it to get a new one.`,
    });
  }
  return text;
}
