import {ApiClient} from "@catalyze/api/client/apiClient";
import {afterEach, describe, expect, it} from "vitest";
import {fakeFacade} from "./fakeFacade.ts";
import {type Harness, startHarness, TOKEN} from "./serverHarness.ts";

let harness: Harness | undefined;
afterEach(async () => {
  await harness?.close();
  harness = undefined;
});

/** A daemon whose exports never end by themselves, and how many of them are open. */
async function endless(): Promise<{readonly client: ApiClient; readonly isOpen: () => number}> {
  harness = startHarness();
  let open = 0;
  const facade = fakeFacade(harness.state);
  const ledger = {
    ...facade.ledger,
    async *export() {
      open += 1;
      try {
        for (;;) yield new Uint8Array(64 * 1024);
      } finally {
        open -= 1;
      }
    },
  };
  harness.server.setFacade({...facade, ledger});
  return {client: new ApiClient({url: await harness.server.start(), token: TOKEN}), isOpen: () => open};
}

describe("GET /api/v1/ledger/export", () => {
  it("sends two at a time, no faster than they are read, and lets go when the reader does", async () => {
    const {client, isOpen} = await endless();
    const [first, second, third] = [client.ledgerExport(), client.ledgerExport(), client.ledgerExport()];
    for (const each of [first, second]) expect((await each.next()).value?.length).toBeGreaterThan(0);
    expect(isOpen()).toBe(2);
    await expect(third.next()).rejects.toMatchObject({code: "QUEUE_FULL"});
    await Promise.all([first.return(undefined), second.return(undefined)]);
    await expect.poll(isOpen).toBe(0);
    const again = client.ledgerExport();
    expect((await again.next()).value?.length).toBeGreaterThan(0);
    await again.return(undefined);
  });

  it("ends with the server", async () => {
    const {client, isOpen} = await endless();
    const reader = client.ledgerExport();
    await reader.next();
    await harness?.server.stop();
    await expect.poll(isOpen).toBe(0);
    await expect(
      (async () => {
        for await (const _ of reader);
      })(),
    ).rejects.toMatchObject({code: "DAEMON_UNREACHABLE"});
  });
});
