"""Letters between rooms, true or not, written from the tables of ipc/messages.h; and the strings of a
room that tests/hostile/puppet.c has taken over."""

import queue
import re
import socket
import struct
import threading
from typing import NamedTuple

from . import wire
from .paths import BUILD, ROOT
from .waiting import PATIENCE

HOUSE = BUILD / "tests" / "hostile" / "avowd"
SIGNER, KEEPER, DESK, FRONT, VEIL, SUPERVISOR = range(6)
NUMBERS = {"u8": "!B", "u16": "!H", "u32": "!I", "u64": "!Q"}

_TABLES = (ROOT / "include/avow/ipc/messages.h").read_text().replace("\\\n", " ")
_LINKS = re.findall(r"L\((\w+)\)", re.search(r"#define LINKS\(L\)(.*)", _TABLES).group(1))
FIELDS = {
    name: re.findall(r"F\((\w+), (\w+)\)", rest)
    for name, rest in re.findall(r"#define FIELDS_(\w+)\(F\)(.*)", _TABLES)
}
_PLACES = {
    name: (number, place)
    for number, link in enumerate(_LINKS)
    for place, name in enumerate(
        re.findall(r"M\(\w+, \w+, \w+, (\w+)\)", re.search(rf"#define MESSAGES_{link}\(M\)(.*)", _TABLES).group(1))
    )
}


def _field(kind, value):
    if kind in NUMBERS:
        return struct.pack(NUMBERS[kind], value or 0)
    if kind == "name":
        return wire.name_wire(wire.name(value or "."))
    if kind == "fd":
        return bytes([bool(value)])
    octets = value or b""
    if kind == "text":
        octets = (octets.encode() if isinstance(octets, str) else octets) + b"\0"
    return struct.pack("!I", len(octets)) + octets


def letter(name, **values):
    """A frame; fields that are left out are 0, the root or empty."""
    unknown = set(values) - {field for _, field in FIELDS[name]}
    assert not unknown, f"{name} has no {unknown}"
    return bytes(_PLACES[name]) + b"".join(_field(kind, values.get(field)) for kind, field in FIELDS[name])


class Heard(NamedTuple):
    room: int
    index: int
    name: str
    fields: dict


def _read(octets):
    """(name, fields) of a frame."""
    name = next(name for name, place in _PLACES.items() if place == tuple(octets[:2]))
    at, fields = 2, {}
    for kind, field in FIELDS[name]:
        if kind in NUMBERS:
            size = struct.calcsize(NUMBERS[kind])
            (fields[field],) = struct.unpack(NUMBERS[kind], octets[at : at + size])
            at += size
        elif kind == "name":
            labels, at = wire.read_name(octets, at)
            fields[field] = wire.name_text(labels)
        elif kind == "fd":
            fields[field], at = octets[at], at + 1
        else:
            (size,) = struct.unpack("!I", octets[at : at + 4])
            fields[field], at = octets[at + 4 : at + 4 + size], at + 4 + size
    return name, fields


class Strings:
    """What moves the room `name` of a server that has not been started; it is another program."""

    def __init__(self, server, name):
        server.program = HOUSE
        server.state.mkdir(mode=0o700, exist_ok=True)
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(str(server.state / f"strings.{name}"))
        self.listener.listen(1)
        self.listener.settimeout(PATIENCE)

    def take(self):
        self.sock, _ = self.listener.accept()
        self.heard = queue.Queue()
        # While the room waits for us to listen it does not do what we say.
        threading.Thread(target=self._listen, daemon=True).start()
        return self

    def _listen(self):
        try:
            while octets := self.sock.recv(1 << 18):
                self.heard.put(Heard(octets[0], octets[1], *_read(octets[3:])))
        except OSError:
            pass  # closed
        self.heard.put(None)

    def send(self, room, index, frame, beside=0):
        self.sock.send(bytes([room, index, beside]) + frame)

    def hear(self):
        heard = self.heard.get(timeout=PATIENCE)
        assert heard, "the hostile room has died"
        return heard

    def close(self):
        self.sock.close()
        self.listener.close()
