/** Aligned columns of text: headers, two spaces between, no lines. */
import {oneLine} from "./plainText.ts";
import type {Paint} from "./style.ts";

export type Column<Row> = {
  readonly head: string;
  readonly cell: (row: Row) => string;
  readonly align?: "right";
};

/** A table, or `none` when there are no rows. */
export function table<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  {paint, none}: {paint: Paint; none: string},
): string {
  if (rows.length === 0) return `${none}\n`;
  const cells = rows.map((row) => columns.map(({cell}) => oneLine(cell(row))));
  const widths = columns.map(({head}, at) =>
    Math.max(head.length, ...cells.map((line) => line[at]?.length ?? 0)),
  );
  const pad = (text: string, at: number): string => {
    if (columns[at]?.align === "right") return text.padStart(widths[at] ?? 0);
    return at === columns.length - 1 ? text : text.padEnd(widths[at] ?? 0);
  };
  const head = columns.map((column, at) => pad(column.head, at)).join("  ");
  const body = cells.map((line) => line.map(pad).join("  "));
  return [paint(head, "bold"), ...body].map((line) => `${line.trimEnd()}\n`).join("");
}

/** `name  value` lines; rows without a value are left out. */
export function pairs(rows: readonly (readonly [string, string | undefined])[], paint: Paint): string {
  const shown = rows.filter((row): row is readonly [string, string] => row[1] !== undefined);
  const width = Math.max(0, ...shown.map(([name]) => name.length));
  return shown.map(([name, value]) => `${paint(name.padEnd(width), "dim")}  ${oneLine(value)}\n`).join("");
}
