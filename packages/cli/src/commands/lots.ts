/** What people write for money, units of assets, and the two in one. */
import type {Lot} from "@catalyze/api/schema/asset";
import {CodedError} from "@catalyze/core/errors/codedError";
import {parseAmount, U64_MAX} from "@catalyze/core/primitives/amount";
import {isCellId} from "@catalyze/core/primitives/id";
import {bpsWithin} from "@catalyze/daemon/options/parsers";
import {ctz, percent, shortId} from "../output/format.ts";

/** µCTZ, decimal. */
export function readAmount(text: string): string {
  const uctz = parseAmount(text);
  if (uctz === undefined || uctz === 0n)
    throw new CodedError("AMOUNT_INVALID", {message: `"${text}" is not an amount.`});
  return uctz.toString();
}

export function readUnits(text: string): string {
  const units = /^\d{1,20}$/.test(text) ? BigInt(text) : 0n;
  if (units > 0n && units <= U64_MAX) return units.toString();
  throw new CodedError("UNITS_INVALID", {message: `"${text}" is no number of units.`});
}

/** A share in 1/10,000: `500`, or `5%`. */
export function readBps(text: string, flag: string, bpsMax = 10_000): number {
  const bps = bpsWithin(0, bpsMax)(text);
  if (bps !== undefined) return bps;
  const message = `${flag}: "${text}" is not a share from 0 to ${percent(bpsMax)}: write 5%, or 500 (1/10,000).`;
  throw new CodedError("USAGE", {message});
}

export function readAsset(text: string): string {
  if (isCellId(text)) return text;
  throw new CodedError("ASSET_UNKNOWN", {message: `"${text}" is no id of an asset: 64 hex digits.`});
}

export function readAccount(text: string): string {
  if (isCellId(text)) return text;
  throw new CodedError("ACCOUNT_UNKNOWN", {message: `"${text}" is not an account id.`});
}

export const LOT_HELP = "1.5 (CTZ), 1500uctz (µCTZ), or 10@<asset id> (units)";

export function readLot(text: string): Lot {
  const [units, asset, ...rest] = text.split("@");
  if (units === undefined || asset === undefined || rest.length > 0) return {amountUctz: readAmount(text)};
  return {assetId: readAsset(asset), units: readUnits(units)};
}

export function lotText(lot: Lot): string {
  return "units" in lot ? `${lot.units}@${shortId(lot.assetId)}` : ctz(lot.amountUctz);
}
