declare const verified: unique symbol;

/**
 * A value whose signature was checked. Only `market/envelope.ts` makes one, from bytes as received;
 * stages that act on a peer's word accept nothing else.
 */
export type Verified<T> = T & {readonly [verified]: true};
