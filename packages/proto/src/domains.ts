/**
 * Signature domains. Every signature covers `domain ‖ genesis hash ‖ body`, so bytes signed for one
 * purpose, or on one network, are noise for every other. Ten ASCII bytes at most, NUL-terminated.
 */
export const DOMAIN = {
  ask: "CTZ-ASK\0",
  quote: "CTZ-QUOTE\0",
  offer: "CTZ-OFFER\0",
  award: "CTZ-AWARD\0",
  bind: "CTZ-BIND\0",
  commit: "CTZ-COMMIT\0",
  receipt: "CTZ-RCPT\0",
  manifest: "CTZ-MANIF\0",
  op: "CTZ-OP\0",
  voucher: "CTZ-VCH\0",
  verdict: "CTZ-VERD\0",
  entry: "CTZ-ENTRY\0",
  consensus: "CTZ-CONS\0",
  seat: "CTZ-SEAT\0",
} as const;

export type Domain = (typeof DOMAIN)[keyof typeof DOMAIN];
