/** Byte limits of the wire: checked before decoding. `docs/limits.md` lists them with their reasons. */
export const LIMITS = {
  /** One gossip message: asks, offers, awards, entries. Above about 4 MiB gossip vanishes silently. */
  gossipBytesMax: 256 * 1024,
  askBytesMax: 4 * 1024,
  offerBytesMax: 4 * 1024,
  awardBytesMax: 64 * 1024,
  /** One frame of the market stream. */
  marketFrameBytesMax: 16 * 1024,
  /** One frame of the task stream; inputs and outputs travel in chunks below it. */
  taskFrameBytesMax: 320 * 1024,
  chunkBytesMax: 256 * 1024,
  inputBytesMax: 16 * 1024 * 1024,
  outputBytesMax: 16 * 1024 * 1024,
  /** One frame of the ledger stream: an entry with up to 512 ops, or a page of a sync. */
  ledgerFrameBytesMax: 4 * 1024 * 1024,
  /** The state at an epoch's end, in pieces that are verified one by one; its head lists them. */
  snapshotChunkBytesMax: 1024 * 1024,
  snapshotHeadBytesMax: 4 * 1024 * 1024 - 64 * 1024,
  entryBytesMax: 1024 * 1024,
  opBytesMax: 16 * 1024,
  /** What an evidence op shows: a certificate has the headers of a quorum. Pays its fee for each 16 KiB. */
  evidenceBytesMax: 128 * 1024,
  /** An op that shows evidence, with its header and signatures. */
  evidenceOpBytesMax: 144 * 1024,
  /** One block of a blob, with protobuf overhead on top. */
  blockBytesMax: 1024 * 1024 + 1024,
  blobFrameBytesMax: 1024 * 1024 + 4 * 1024,
  manifestBytesMax: 64 * 1024,
} as const;
