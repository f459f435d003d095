/** A JSON log line as a person reads it: `12:00:01 info  net     peer connected  peer=12D3…`. */
const COLOURS: Readonly<Record<string, number>> = {debug: 90, info: 36, warn: 33, error: 31};
const OWN = new Set(["ts", "level", "msg", "module"]);

export function prettyLine(json: string, hasColour: boolean): string {
  let line: Record<string, unknown>;
  try {
    line = JSON.parse(json) as Record<string, unknown>;
  } catch {
    return json;
  }
  const level = String(line["level"]);
  const time = String(line["ts"]).slice(11, 19);
  const paint = (text: string, code: number): string =>
    hasColour ? `\u001b[${code}m${text}\u001b[0m` : text;
  const fields = Object.entries(line)
    .filter(([key]) => !OWN.has(key))
    .map(([key, value]) => `${key}=${typeof value === "object" ? JSON.stringify(value) : String(value)}`)
    .join(" ");
  const head = `${time} ${paint(level.padEnd(5), COLOURS[level] ?? 0)} ${String(line["module"] ?? "node")}`;
  return `${head}: ${String(line["msg"])}${fields === "" ? "" : `  ${paint(fields, 90)}`}\n`;
}
