import {createServer} from "node:net";

/** The wished port while it is free, else 0: any. Between the look and the use another may take it; then the start says so. */
export async function freePort(port: number, host: string): Promise<number> {
  if (port === 0) return 0;
  return await new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(0));
    server.listen(port, host, () => server.close(() => resolve(port)));
  });
}
