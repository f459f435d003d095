/** Text from peers must not move the cursor, colour or rename a terminal. */

/** One line, control characters as spaces. */
export function oneLine(text: string): string {
  return text.replace(/\p{Cc}+/gu, " ");
}

/** Lines and tabs stay, every other control character goes. */
export function plainText(text: string): string {
  return text.replace(/[^\P{Cc}\n\t]/gu, "");
}
