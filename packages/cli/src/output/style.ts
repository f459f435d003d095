/** Colours where the place shows them; plain text everywhere else. */
const CODES = {bold: 1, dim: 2, red: 31, green: 32, yellow: 33} as const;

export type Paint = (text: string, style: keyof typeof CODES) => string;

export function paintFor(hasColour: boolean): Paint {
  return (text, style) => (hasColour ? `\u001b[${CODES[style]}m${text}\u001b[0m` : text);
}
