"""As much of DNS as a benchmark needs: a query with DO, and what came back. No library, because
asking must cost next to nothing."""

import socket
import struct
import time

A, NS, MX, TXT, RRSIG, OPT = 1, 2, 15, 16, 46, 41
TYPES = {"A": A, "NS": NS, "MX": MX, "TXT": TXT}


def encode_name(name):
    labels = [label.encode() for label in name.rstrip(".").split(".")]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def encode_query(number, name, rdtype="A"):
    head = struct.pack(">HHHHHH", number, 0, 1, 0, 0, 1)
    opt = struct.pack(">BHHIH", 0, OPT, 1232, 0x8000, 0)
    return head + encode_name(name) + struct.pack(">HH", TYPES[rdtype], 1) + opt


def skip_name(octets, at):
    while octets[at] and octets[at] < 0xC0:
        at += octets[at] + 1
    return at + (2 if octets[at] else 1)


class Answer:
    """Header and the types of the answer section."""

    def __init__(self, octets):
        self.length = len(octets)
        self.number, flags, questions, answers = struct.unpack(">HHHH", octets[:8])
        self.rcode = flags & 15
        self.authoritative = bool(flags & 0x400)
        self.types = []
        at = 12
        for _ in range(questions):
            at = skip_name(octets, at) + 4
        for _ in range(answers):
            at = skip_name(octets, at)
            rdtype, _, _, length = struct.unpack(">HHIH", octets[at : at + 10])
            self.types.append(rdtype)
            at += 10 + length

    def is_signed_positive(self):
        return self.rcode == 0 and self.authoritative and RRSIG in self.types


class Asker:
    """One socket, connected, so that a port where nobody listens is noticed at once."""

    def __init__(self, port):
        self.port = port
        self.number = 0
        self.open()

    def open(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.connect(("127.0.0.1", self.port))

    def close(self):
        self.socket.close()

    def send(self, name, rdtype="A"):
        self.number = (self.number + 1) & 0xFFFF
        try:
            self.socket.send(encode_query(self.number, name, rdtype))
        except ConnectionRefusedError:
            pass

    def receive(self, seconds):
        """The next answer, or None."""
        self.socket.settimeout(seconds)
        try:
            return Answer(self.socket.recv(65535))
        except (socket.timeout, BlockingIOError, ConnectionRefusedError):
            return None

    def ask(self, name, rdtype="A", seconds=5.0):
        """Answer and milliseconds; (None, milliseconds) without one."""
        start = time.perf_counter()
        self.send(name, rdtype)
        end = start + seconds
        while (left := end - time.perf_counter()) > 0:
            answer = self.receive(left)
            if answer and answer.number == self.number:
                return answer, (time.perf_counter() - start) * 1000
        return None, seconds * 1000

    def wait_signed(self, name, rdtype, start, seconds, alive):
        """Ask each millisecond until a signed positive answer comes: seconds since `start`."""
        due = time.perf_counter()
        while time.perf_counter() - start < seconds:
            if time.perf_counter() >= due:
                self.send(name, rdtype)
                due = time.perf_counter() + 0.001
            answer = self.receive(max(due - time.perf_counter(), 0.0001))
            if answer and answer.is_signed_positive():
                return time.perf_counter() - start
            if not answer and not alive():
                raise RuntimeError("the server ended")
        raise RuntimeError(f"no signed answer within {seconds} s")
