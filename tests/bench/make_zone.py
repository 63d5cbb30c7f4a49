#!/usr/bin/env python3
"""Write a zone of NAMES names: hosts, delegations, MX and TXT, about 1.56 records a name.

usage: make_zone.py NAMES [ORIGIN] > FILE      The same arguments give the same file.
"""
import random
import sys


def main():
    names = int(sys.argv[1])
    origin = sys.argv[2] if len(sys.argv) > 2 else "big.example."
    chance = random.Random(20260101)
    out = [f"$ORIGIN {origin}", "$TTL 3600",
           "@ SOA ns1 hostmaster 1 7200 3600 1209600 3600", "@ NS ns1", "@ NS ns2",
           "ns1 A 192.0.2.1", "ns2 A 192.0.2.2", "* TXT \"nobody\""]
    for number in range(names - 3):
        name = f"{chance.choice('abcdefghijklmnopqrstuvwxyz')}{number:06x}"
        kind = number % 100
        address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
        if kind < 40:
            out.append(f"{name} A {address}")
        elif kind < 70:
            out.append(f"{name} NS ns{kind}.dns.example.net.")
            out.append(f"{name} NS ns1.{name}" if kind < 46 else f"{name} NS b{kind}.dns.example.org.")
            if kind < 46:
                out.append(f"ns1.{name} A {address}")
        elif kind < 90:
            out.append(f"{name} A {address}")
            out.append(f"{name} MX 10 {name}")
        else:
            out.append(f"{name} TXT \"v=spf1 ip4:{address} -all\"")
        if len(out) > 100000:
            print("\n".join(out))
            out = []
    print("\n".join(out))


main()
