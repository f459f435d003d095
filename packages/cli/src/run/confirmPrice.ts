/**
 * The confirmation rule. With `--max-price` nothing is asked. Without it a task may cost what the node's
 * `maxPriceDefault` allows; above that a person is asked, `--yes` agrees, and without a terminal it fails.
 */
import type {ApiClient, TaskUpload} from "@catalyze/api/client/apiClient";
import type {QuoteView} from "@catalyze/api/schema/market";
import {CodedError} from "@catalyze/core/errors/codedError";
import type {CommandContext} from "../context.ts";
import {ctz} from "../output/format.ts";

/** The candidates that a fallback may reach: a confirmed price covers them. */
const FALLBACKS = 3;

export type PriceQuestion = {readonly upload: TaskUpload; readonly tasks: number};

/** The maximum for each task, as the API takes it; `undefined` leaves it to the daemon. Throws `NEEDS_CONFIRMATION`. */
export async function confirmPrice(
  context: CommandContext,
  client: ApiClient,
  {upload, tasks}: PriceQuestion,
): Promise<string | undefined> {
  if (upload.maxPriceUctz !== undefined) return upload.maxPriceUctz;
  const quote = await client.upload("quote", upload);
  const cheapest = lowest(quote);
  // Nobody can: the daemon says why, with a code.
  if (cheapest === undefined) return undefined;
  if (cheapest <= BigInt(quote.maxPriceDefaultUctz)) return quote.maxPriceDefaultUctz;
  const most = coveringPrice(quote).toString();
  if (context.globals.yes) return most;
  if (!canAsk(context)) {
    throw new CodedError("NEEDS_CONFIRMATION", {
      evidence: {priceUctz: cheapest, maxPriceDefaultUctz: BigInt(quote.maxPriceDefaultUctz)},
    });
  }
  const each = tasks === 1 ? "" : ` for each of ${tasks} tasks`;
  const question = `The cheapest provider asks up to ${ctz(cheapest.toString())}${each}, a fallback up to ${ctz(most)}; your default maximum is ${ctz(quote.maxPriceDefaultUctz)}. Pay up to ${ctz(most)}${each}? [y/N] `;
  const answer = await context.io.ask(question);
  if (/^y(es)?$/i.test(answer.trim())) return most;
  throw new CodedError("NEEDS_CONFIRMATION", {message: "You said no; nothing was submitted."});
}

function canAsk({io, globals}: CommandContext): boolean {
  return io.stdinIsTty && io.stderr.isTty && !globals.json;
}

function lowest({candidates}: QuoteView): bigint | undefined {
  const prices = candidates.map(({chargeMaxUctz}) => BigInt(chargeMaxUctz));
  return prices.length === 0 ? undefined : prices.reduce((left, right) => (right < left ? right : left));
}

function coveringPrice({candidates}: QuoteView): bigint {
  const prices = candidates.slice(0, FALLBACKS).map(({chargeMaxUctz}) => BigInt(chargeMaxUctz));
  return prices.reduce((left, right) => (right > left ? right : left), 0n);
}
