import type {Lot, OfferedView, SaleView} from "@catalyze/api/schema/asset";
import {CodedError} from "@catalyze/core/errors/codedError";
import {isCellId} from "@catalyze/core/primitives/id";
import {parseDuration} from "@catalyze/daemon/options/parsers";
import {command} from "../command.ts";
import type {CommandContext} from "../context.ts";
import {shortId, time} from "../output/format.ts";
import {table} from "../output/table.ts";
import {opLine} from "./ledgerLines.ts";
import {readLimit} from "./limit.ts";
import {LOT_HELP, lotText, readAccount, readLot} from "./lots.ts";

export const EXPIRES_DEFAULT = "24h";
/** Between two looks at an offer that is waited for. */
const LOOK_MS = 250;

const OFFER_FLAGS = {
  expires: {
    kind: "text",
    value: "2h",
    describe: `How long it stands; it cannot be taken back earlier (${EXPIRES_DEFAULT})`,
  },
  wait: {kind: "switch", describe: "Return when it is matched, or has come back (SALE_UNMATCHED)"},
} as const;

export const walletSell = command({
  path: ["wallet", "sell"],
  summary: "Offer one thing for another: a checkpoint matches offers that fit, or it comes back",
  examples: [
    "wallet sell 10@<asset id> 2.5",
    "wallet sell 2.5 10@<asset id> --expires 10m --wait",
    "wallet sell 10@<asset id> 2.5 --only <account>",
  ],
  args: {
    gives: {describe: `Set aside: ${LOT_HELP}`, required: true},
    wants: {describe: "At least, for all of it; the same forms", required: true},
  },
  flags: {
    only: {kind: "text", value: "account", describe: "With nobody else"},
    ...OFFER_FLAGS,
  },
  async run({gives, wants, only, expires, wait}, context) {
    const terms = {
      ...{gives: readLot(gives), wants: readLot(wants)},
      ...(only === undefined ? {} : {only: readAccount(only)}),
    };
    await offer({terms, expires, wait}, context);
  },
});

export const walletBuy = command({
  path: ["wallet", "buy"],
  summary: "Take an offer: give what it wants, for what it gives",
  examples: ["wallet buy <sale id> --wait"],
  args: {sale: {describe: "Its id: see wallet sales", required: true}},
  flags: OFFER_FLAGS,
  async run({sale, expires, wait}, context) {
    const {output} = context;
    const found = await look(readSale(sale), context);
    if (found?.state !== "open") throw new CodedError("SALE_UNKNOWN", {evidence: {saleId: sale}});
    if (found.isOwn) throw new CodedError("REQUEST_INVALID", {message: "That offer is this account's own."});
    output.note(`giving ${lotText(found.wants)} for ${lotText(found.gives)}; somebody else may be faster`);
    const terms = {gives: found.wants, wants: found.gives, only: found.seller};
    await offer({terms, expires, wait}, context);
  },
});

export const walletSales = command({
  path: ["wallet", "sales"],
  summary: "Own offers, and those of others that this account could take",
  flags: {
    all: {kind: "switch", describe: "Every open offer, in reach or not"},
    limit: {kind: "text", value: "n", describe: "At most so many (100)"},
  },
  async run({all, limit}, {client, output}) {
    const query = {...readLimit(limit), ...(all ? {isAll: true} : {})};
    const view = await (await client()).call("walletSales", {query});
    output.data(view, () =>
      table<SaleView>(
        view.sales,
        [
          {head: "SALE", cell: ({saleId}) => saleId},
          {head: "GIVES", cell: ({gives}) => lotText(gives), align: "right"},
          {head: "WANTS", cell: ({wants}) => lotText(wants), align: "right"},
          {head: "OF", cell: ({isOwn, seller}) => (isOwn ? "this account" : shortId(seller))},
          {head: "ONLY WITH", cell: ({only}) => (only === undefined ? "-" : shortId(only))},
          {head: "STANDS", cell: stateText},
        ],
        {paint: output.paint, none: "No offers."},
      ),
    );
  },
});

type Offer = {
  readonly terms: {readonly gives: Lot; readonly wants: Lot; readonly only?: string};
  readonly expires: string | undefined;
  readonly wait: boolean;
};

async function offer({terms, expires, wait}: Offer, context: CommandContext): Promise<void> {
  const {client, output} = context;
  const body = {...terms, validMs: readExpires(expires)};
  const {v: _, ...view} = await (await client()).call("walletSell", {body});
  const said = `offered ${lotText(terms.gives)} for ${lotText(terms.wants)}, until ${time(view.expiresAtMs)} (height ${view.expiryHeight})`;
  if (!wait) {
    output.data(view, () => `${said}\nsale ${view.saleId}\n${opLine(view)}`);
    return;
  }
  output.note(`${said}; sale ${view.saleId}`);
  const sale = await ended(view, context);
  output.data({...view, sale}, () => `matched with ${sale.partner ?? "another offer"}\n${opLine(view)}`);
}

/** Closed ones are forgotten a while later, so this looks often enough. Throws `SALE_UNMATCHED`. */
async function ended({saleId}: OfferedView, context: CommandContext): Promise<SaleView> {
  for (;;) {
    const sale = await look(saleId, context);
    if (sale?.state === "matched") return sale;
    if (sale === undefined) throw new CodedError("SALE_UNKNOWN", {evidence: {saleId}});
    if (sale.state === "returned") throw new CodedError("SALE_UNMATCHED", {evidence: {saleId}});
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

async function look(id: string, {client}: CommandContext): Promise<SaleView | undefined> {
  try {
    return (await (await client()).call("ledgerCells", {params: {id}})).sale;
  } catch (error) {
    if (error instanceof CodedError && error.code === "NOT_FOUND") return undefined;
    throw error;
  }
}

function readSale(text: string): string {
  if (isCellId(text)) return text;
  throw new CodedError("SALE_UNKNOWN", {message: `"${text}" is no id of an offer: 64 hex digits.`});
}

export function readExpires(text: string = EXPIRES_DEFAULT, flag = "--expires"): number {
  const ms = parseDuration(text);
  if (ms !== undefined && ms > 0) return ms;
  throw new CodedError("USAGE", {message: `${flag}: "${text}" is not a duration such as 10m or 24h.`});
}

function stateText({state, expiresAtMs}: SaleView): string {
  return state === "open" ? `until about ${time(expiresAtMs)}` : state;
}
