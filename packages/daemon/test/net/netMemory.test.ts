import {NetMemory} from "@catalyze/daemon/net/netMemory";
import {describe, expect, it} from "vitest";

type Key = Parameters<NetMemory["put"]>[0];

const keyOf = (text: string) => ({toString: () => text}) as Key;
const time = Uint8Array.of(1);
const recordKey = (content: string, peer: string) => keyOf(`/dht/provider/${content}/${peer}`);

function contentsOf(memory: NetMemory, prefix: string): string[] {
  return [...memory.query({prefix})].map(({key}) => key.toString());
}

describe("NetMemory", () => {
  it("keeps peers and announcements, and nothing else", () => {
    const memory = new NetMemory("me");
    for (const key of [keyOf("/peers/a"), recordKey("c", "a")]) {
      memory.put(key, time);
      expect(memory.get(key)).toEqual(time);
      memory.delete(key);
      expect(() => memory.get(key)).toThrow(expect.objectContaining({name: "NotFoundError"}));
    }
    expect(() => memory.put(keyOf("/dht/record/x"), time)).toThrow(
      expect.objectContaining({code: "FORBIDDEN"}),
    );
  });

  it("refuses what is too large, key or value", () => {
    const memory = new NetMemory("me");
    const tooLarge = expect.objectContaining({code: "FRAME_TOO_LARGE"});
    expect(() => memory.put(keyOf("/peers/a"), new Uint8Array(16 * 1024 + 1))).toThrow(tooLarge);
    expect(() => memory.put(recordKey("x".repeat(300), "a"), time)).toThrow(tooLarge);
    expect(() => memory.put(recordKey("c", "a"), new Uint8Array(17))).toThrow(tooLarge);
    expect(contentsOf(memory, "/")).toEqual([]);
  });

  it("forgets peers that nobody asks for first", () => {
    const memory = new NetMemory("me");
    const used = keyOf("/peers/used");
    memory.put(used, time);
    for (let at = 0; at < 5_000; at += 1) {
      memory.put(keyOf(`/peers/passing${at}`), time);
      memory.get(used);
    }
    expect(contentsOf(memory, "/peers/")).toHaveLength(1_024);
    expect(memory.has(used)).toBe(true);
    expect(memory.has(keyOf("/peers/passing0"))).toBe(false);
  });

  it("lets a flood of announcements cost only the flooder", () => {
    const memory = new NetMemory("me");
    memory.put(recordKey("mine", "me"), time);
    memory.put(recordKey("theirs", "honest"), time);
    for (let peer = 0; peer < 30; peer += 1) {
      for (let at = 0; at < 300; at += 1) memory.put(recordKey(`c${peer}-${at}`, `flooder${peer}`), time);
    }
    expect(contentsOf(memory, "/dht/provider/")).toHaveLength(4_096);
    expect(memory.has(recordKey("mine", "me"))).toBe(true);
    expect(memory.has(recordKey("theirs", "honest"))).toBe(true);
    expect(memory.has(recordKey("c29-0", "flooder29"))).toBe(false);
    expect(memory.has(recordKey("c29-299", "flooder29"))).toBe(true);
  });

  it("names at most the newest providers of a content, and always this node", () => {
    const memory = new NetMemory("me");
    memory.put(recordKey("c", "me"), time);
    for (let at = 0; at < 100; at += 1) memory.put(recordKey("c", `p${at}`), time);
    const found = contentsOf(memory, "/dht/provider/c/");
    expect(found).toHaveLength(33);
    expect(found[0]).toBe("/dht/provider/c/me");
    expect(found.at(-1)).toBe("/dht/provider/c/p99");
  });
});
