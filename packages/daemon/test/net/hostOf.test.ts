import {describe, expect, it} from "vitest";
import {hostOf} from "../../src/net/hostOf.ts";

describe("the machine of a peer", () => {
  it.each([
    ["/ip4/203.0.113.7/tcp/4001", "203.0.113.7"],
    ["/ip4/203.0.113.7/tcp/9/p2p/12D3", "203.0.113.7"],
    ["/ip6/::ffff:203.0.113.7/tcp/4001", "203.0.113.7"],
    ["/ip6/2001:db8:1:2:3:4:5:6/tcp/1", "2001:db8:1:2::/64"],
    ["/ip6/2001:DB8:1:2::9/tcp/1", "2001:db8:1:2::/64"],
    ["/ip6/2001:db8::9/tcp/1", "2001:db8:0:0::/64"],
    ["/ip4/127.0.0.1/tcp/1", undefined],
    ["/ip4/10.1.2.3/tcp/1", undefined],
    ["/ip4/172.31.0.1/tcp/1", undefined],
    ["/ip4/192.168.7.7/tcp/1", undefined],
    ["/ip4/100.64.0.9/tcp/1", undefined],
    ["/ip6/::1/tcp/1", undefined],
    ["/ip6/fe80::1/tcp/1", undefined],
    ["/ip6/fd00::1/tcp/1", undefined],
    ["/ip6/::ffff:10.0.0.1/tcp/1", undefined],
    ["/dns4/example.org/tcp/1", undefined],
    ["/fake/peer", undefined],
    ["/ip4/203.0.113.7/tcp/1/p2p/12D3/p2p-circuit", undefined],
    ["/ip4/999.1.1.1/tcp/1", undefined],
  ])("of %s is %s", (address, host) => {
    expect(hostOf([address])).toBe(host);
  });

  it("is the first public address", () => {
    expect(hostOf(["/ip4/10.0.0.1/tcp/1", "/ip4/203.0.113.7/tcp/1"])).toBe("203.0.113.7");
    expect(hostOf([])).toBeUndefined();
  });
});
