"""A secondary that hears NOTIFY, and does with it what a test wants (RFC 1996)."""

import socket
import threading

import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype

from .waiting import until


class Notify:
    """One that came: checked against the key, else an exception is noted in its place."""

    def __init__(self, wire, source, keyring, serial):
        self.source = source[:2]
        self.message = dns.message.from_wire(wire, keyring=keyring)
        self.serial = serial  # of the zone, asked for when it had come
        (question,) = self.message.question
        self.zone = question.name.to_text()
        assert question.rdtype == dns.rdatatype.SOA and question.rdclass == dns.rdataclass.IN
        assert self.message.opcode() == dns.opcode.NOTIFY
        assert self.message.flags & dns.flags.AA and not self.message.flags & dns.flags.QR


class Secondary:
    """Hears on 127.0.0.1 until it is closed. `answer` makes of a Notify the octets to be sent, or
    None; `serial` asks for a zone's serial."""

    def __init__(self, keyring=None, serial=None, answer=None):
        self.keyring = keyring
        self.serial = serial
        self.answer = answer or Secondary.acknowledge
        self.heard = []
        self.wrong = []
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.port = self.sock.getsockname()[1]
        self.thread = threading.Thread(target=self._hear, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *what):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
            end.sendto(b"", ("127.0.0.1", self.port))
        self.thread.join()
        self.sock.close()
        assert not self.wrong, self.wrong

    def entry(self, key=None):
        """For `notify` of a zone."""
        return {"address": f"127.0.0.1@{self.port}", **({"key": key} if key else {})}

    @staticmethod
    def acknowledge(notify, rcode=dns.rcode.NOERROR, signed=True):
        """What a secondary says; signed when it was asked so."""
        if signed:
            response = dns.message.make_response(notify.message)
        else:
            response = dns.message.Message(id=notify.message.id)
            response.flags = notify.message.flags | dns.flags.QR
            response.question = notify.message.question
        response.flags |= dns.flags.AA
        response.set_rcode(rcode)
        return response.to_wire()

    def _hear(self):
        while True:
            wire, source = self.sock.recvfrom(65535)
            if not wire:
                return
            try:
                notify = Notify(wire, source, self.keyring, None)
                if self.serial:
                    notify.serial = self.serial(notify.zone)
                answer = self.answer(notify)
            except Exception as what:  # it is the test that is to fail, not the thread
                self.wrong.append((what, wire.hex()))
                continue
            self.heard.append(notify)
            if answer:
                self.sock.sendto(answer, source)

    def wait(self, holds, what):
        """Until one holds that was heard; that one."""

        def look():
            assert not self.wrong, self.wrong
            return next((notify for notify in self.heard if holds(notify)), None)

        return until(look, what)
