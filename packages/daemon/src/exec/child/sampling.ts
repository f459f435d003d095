/** Choosing the next token. Plain double arithmetic in a fixed order: equal logits give equal text. */

/** `temperature` 0 takes the likeliest, the first of equals. */
export function chooseToken(logits: Float32Array, temperature: number, random: () => number): number {
  let best = 0;
  for (const [id, logit] of logits.entries()) if (logit > (logits[best] as number)) best = id;
  if (temperature === 0) return best;
  const top = logits[best] as number;
  const weights = Array.from(logits, (logit) => Math.exp((logit - top) / temperature));
  let left = random() * weights.reduce((sum, weight) => sum + weight, 0);
  for (const [id, weight] of weights.entries()) {
    left -= weight;
    if (left < 0) return id;
  }
  return best;
}

/** Mulberry32: small, and the same on every machine. Values in [0, 1). */
export function seededRandom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
