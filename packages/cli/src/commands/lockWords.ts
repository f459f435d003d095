/** What people write for parties of locks, for who is paid, and for texts that travel. */
import type {LockOpenBody, Target} from "@catalyze/api/schema/lock";
import {CodedError} from "@catalyze/core/errors/codedError";
import {isCellId} from "@catalyze/core/primitives/id";
import type {Io} from "../io.ts";
import {readTaskInput} from "../run/taskInput.ts";
import {readAmount, readAsset, readBps} from "./lots.ts";

export const LOCK_ARG = {lock: {describe: "Its id: see lock list", required: true}} as const;

export type Party = {readonly account: string; readonly key: string | undefined};

export function readParty(text: string): Party {
  const [account = "", key, ...rest] = text.split(":");
  if (isCellId(account) && rest.length === 0 && (key === undefined || isCellId(key))) return {account, key};
  throw new CodedError("ACCOUNT_UNKNOWN", {
    message: `"${text}" is no account with its key: <64 hex digits>:<64 hex digits>.`,
  });
}

export function readLock(text: string): string {
  if (isCellId(text)) return text;
  throw new CodedError("LOCK_UNKNOWN", {message: `"${text}" is no id of a lock: 64 hex digits.`});
}

export const TARGET_HELP = "an account, burn, treasury, or pot:<asset id> (who holds units of a seed)";

export function readTarget(text: string): Target {
  if (text === "burn" || text === "treasury") return {target: text};
  if (text.startsWith("pot:")) return {target: "pot", asset: readAsset(text.slice("pot:".length))};
  if (isCellId(text)) return {target: "account", account: text};
  throw new CodedError("ACCOUNT_UNKNOWN", {message: `"${text}" is none of these: ${TARGET_HELP}.`});
}

/** `<who>=<amount>`. */
export function readPayout(text: string): Target & {readonly amountUctz: string} {
  const [to, amount, ...rest] = text.split("=");
  if (to === undefined || amount === undefined || rest.length > 0)
    throw new CodedError("USAGE", {message: `"${text}" is not <who>=<amount>, such as <account>=5.`});
  return {...readTarget(to), amountUctz: readAmount(amount)};
}

/** `pot:<asset>=5%`, or without a share for the rate that its issuer asks for. */
export function readShare(text: string): NonNullable<LockOpenBody["shares"]>[number] {
  const [to = "", share, ...rest] = text.split("=");
  if (!to.startsWith("pot:") || rest.length > 0)
    throw new CodedError("USAGE", {message: `--share: "${text}" is not pot:<asset id>=5%.`});
  const assetId = readAsset(to.slice("pot:".length));
  return share === undefined ? {assetId} : {assetId, bps: readBps(share, "--share")};
}

/** The text itself, `@file`, or `-` for stdin. */
export async function readWord(text: string, io: Io): Promise<string> {
  const {bytes} = await readTaskInput(text, io);
  return Buffer.from(bytes).toString("utf8").trim();
}
