"""Where things are, and how long the tests may take."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
BUILD = Path(os.environ.get("AVOW_BUILD", ROOT / "build")).resolve()
AVOWD = BUILD / "avowd"
AVOWCTL = BUILD / "avowctl"
FAULT_DAEMON = BUILD / "tests" / "faults" / "avowd-faults"
FAULT_MODULE = BUILD / "tests" / "faults" / "token.so"
SPOIL = BUILD / "tests" / "faults" / "spoil"

EXAMPLES = ROOT / "zones"
SHARED = ROOT.parent / "shared" / "zones"  # real zones; not part of the project

CAMPAIGN = os.environ.get("AVOW_CAMPAIGN", "") not in ("", "0")
KEEP = os.environ.get("AVOW_KEEP", "") not in ("", "0")  # leave the folders of tests behind


def is_sanitized():
    """Whether the daemon was built with AddressSanitizer."""
    return b"__asan_init" in AVOWD.read_bytes()


def by_length(short, long):
    """The short form's number in `make check`, the long form's in `make campaign`."""
    return long if CAMPAIGN else short


def soak_seconds():
    """How long the soak takes: 15 s in `make check`, a minute in `make campaign`, or SOAK_SECONDS."""
    return float(os.environ.get("AVOW_SOAK") or by_length(15, 60))


def zone_name(path):
    """The origin that a zone file's name stands for: edu.zone -> edu."""
    stem = Path(path).name.removesuffix(".zone")
    return "." if stem.startswith("root-") else stem + "."


def example_zones():
    return {zone_name(path): path for path in sorted(EXAMPLES.glob("*.zone"))}
