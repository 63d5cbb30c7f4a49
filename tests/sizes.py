#!/usr/bin/env python3
"""Measure the house style: no function over 60 lines, no file over 600, public headers at most 260.

A longer one needs a reason, given in a comment that contains the words "long because".
"""
import pathlib
import re
import sys

FUNCTION, FILE, HEADER = 60, 600, 260
faults = []

for path in sorted(pathlib.Path(".").glob("src/*/*.[ch]")) + sorted(
        pathlib.Path("include/avow").glob("*/*.h")):
    lines = path.read_text().split("\n")
    excused = "long because" in "\n".join(lines[:40])
    limit = HEADER if path.parts[0] == "include" else FILE
    if len(lines) > limit and not excused:
        faults.append(f"{path}: {len(lines)} lines (limit {limit})")
    start = None
    for number, line in enumerate(lines, 1):
        if line == "{" and path.suffix == ".c":
            start = number
        elif line == "}" and start:
            head = " ".join(lines[max(0, start - 6):start])
            if number - start - 1 > FUNCTION and "long because" not in head:
                name = re.findall(r"(\w+)\(", lines[start - 2] + " " + lines[start - 3])
                faults.append(f"{path}:{start}: {name[:1]} {number - start - 1} lines (limit {FUNCTION})")
            start = None

print("\n".join(faults) if faults else "sizes: fine")
sys.exit(bool(faults))
