"""Updates by programs that other people wrote: nsupdate and knsupdate."""

import subprocess

from . import wire
from .wire import ANY, ANY_CLASS, IN

EXISTS = {ANY_CLASS: ("yxdomain", "yxrrset"), wire.NONE: ("nxdomain", "nxrrset")}


def _prerequisite(record):
    owner, kind = wire.name_text(record.name), wire.type_text(record.type)
    if record.rdclass == IN:
        return f"prereq yxrrset {owner} IN {kind} {wire.rdata_text(record.type, record.rdata)}"
    of_name, of_rrset = EXISTS[record.rdclass]
    return (
        f"prereq {of_name} {owner}" if record.type == ANY else f"prereq {of_rrset} {owner} {kind}"
    )


def _change(record):
    owner, kind = wire.name_text(record.name), wire.type_text(record.type)
    if record.rdclass == ANY_CLASS:
        return f"update delete {owner}" + ("" if record.type == ANY else f" {kind}")
    if record.rdclass == IN:
        return (
            f"update add {owner} {record.ttl} {kind} {wire.rdata_text(record.type, record.rdata)}"
        )
    return f"update delete {owner} {kind} {wire.rdata_text(record.type, record.rdata)}"


def script(server, zone, updates):
    """What nsupdate is to read."""
    lines = [f"server {server.address} {server.port}", f"zone {zone}", "check-names no"]
    for update in updates:
        lines += [_prerequisite(record) for record in update.prerequisites]
        lines += [_change(record) for record in update.updates] + ["send"]
    return "\n".join(lines) + "\n"


def run(program, key, folder, text, *words):
    """The program with a script: its exit code and what it said."""
    path = folder / f"{program}.key"
    knot = f"{key.algorithm}:{key.text}:{key.base64}\n"  # Knot's tools have a form of their own
    path.write_text(knot if program.startswith("k") else key.file_text())
    path.chmod(0o600)
    done = subprocess.run(
        [program, "-k", str(path), *words], input=text, capture_output=True, text=True, timeout=300
    )
    return done.returncode, done.stdout + done.stderr
