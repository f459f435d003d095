import type {Cell} from "./cell.ts";

/** When the system acts on a cell. */
export function dueHeights(cell: Cell): readonly bigint[] {
  if (cell.kind === "asset" || cell.kind === "holding") return [];
  if (cell.kind === "sale") return cell.isClosed ? [] : [cell.spec.expiryH + 1n];
  const thawing = cell.frozen === undefined ? [] : [cell.frozen.untilH];
  if (cell.kind === "account") {
    const [maturing, accepts] = [cell.cooling.map(({matureH}) => matureH), cell.accepts];
    return [...thawing, ...maturing, ...accepts.map(({untilH}) => untilH)];
  }
  return cell.isClosed ? thawing : [...thawing, cell.expiryH + 1n];
}
