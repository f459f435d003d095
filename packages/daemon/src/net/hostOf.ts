/** Which machine a peer's connections come from, as far as addresses tell it. */
import {BlockList, isIP} from "node:net";

/** Many nodes behind one of these are ordinary: a machine's own, a company's, a mobile network's. */
const INSIDE = new BlockList();
for (const [address, bits] of [
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.168.0.0", 16],
] as const)
  INSIDE.addSubnet(address, bits, "ipv4");
for (const [address, bits] of [
  ["::1", 128],
  ["fc00::", 7],
  ["fe80::", 10],
] as const)
  INSIDE.addSubnet(address, bits, "ipv6");

/** IPv6 hands a whole /64 to one machine. */
const HOST_GROUPS = 4;

/** The first public IP address among these multiaddrs, of IPv6 the network; `undefined` when there is none. */
export function hostOf(addresses: readonly string[]): string | undefined {
  for (const address of addresses) {
    const ip = /^\/ip[46]\/([^/]+)/.exec(address)?.[1];
    const host = ip === undefined || address.includes("/p2p-circuit") ? undefined : publicHost(ip);
    if (host !== undefined) return host;
  }
  return undefined;
}

function publicHost(ip: string): string | undefined {
  const plain = ip.replace(/^::ffff:(?=\d+\.)/i, "");
  const version = isIP(plain);
  if (version === 4) return INSIDE.check(plain, "ipv4") ? undefined : plain;
  if (version !== 6 || INSIDE.check(plain, "ipv6")) return undefined;
  const [head = "", tail] = plain.toLowerCase().split("::");
  const groups = head === "" ? [] : head.split(":");
  const after = tail === undefined || tail === "" ? 0 : tail.split(":").length;
  const zeros = tail === undefined ? 0 : 8 - groups.length - after;
  const all = [...groups, ...Array.from({length: zeros}, () => "0"), ...(tail ? tail.split(":") : [])];
  return `${all.slice(0, HOST_GROUPS).join(":")}::/64`;
}
