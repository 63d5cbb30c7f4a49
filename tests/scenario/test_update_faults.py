"""Writes and flushes that fail: nothing that was acknowledged is lost, queries go on, and updates do
by themselves when the fault is over."""

import errno
from concurrent.futures import ThreadPoolExecutor

import pytest

from lab import by_length, large_zone, open_to, until, wire
from lab.faults import FDATASYNC, META, PWRITE, WRITEV, Faults
from lab.model import NOERROR, SERVFAIL
from lab.updating import Silence, put_text

ZONE = "f.test."
KEY = wire.Key.make("update.test.")
CLIENTS, UPDATES = 4, 4  # while a fault waits for its turn

class Book:
    """What was acknowledged of each name, and what may be there as well."""

    def __init__(self, server):
        self.server, self.count, self.serial = server, 0, 0
        self.acknowledged, self.unknown = {}, {}

    def put(self, client, name):
        self.count += 1
        try:
            rcode = put_text(client, ZONE, name, self.count).rcode
        except Silence:
            rcode = None  # the keeper was being opened anew
        if rcode == NOERROR:
            self.acknowledged[name], self.unknown[name] = self.count, []
        else:
            assert rcode in (None, SERVFAIL), rcode
            self.unknown.setdefault(name, []).append(self.count)
        return rcode

    def check(self):
        for name, number in self.acknowledged.items():
            answer = self.server.ask(f"{name}.{ZONE}", "TXT")
            assert answer.is_signed(), answer
            there = int(min(answer.texts("TXT")).strip('"'))
            assert there == number or there in self.unknown[name], (name, there, number)
        serial = self.server.serial(ZONE)
        assert serial >= self.serial
        self.serial = serial


def change(server, book, name):
    """A client's updates while a fault waits for its turn; queries never suffer."""
    with server.client(KEY, seconds=5.0) as client:
        for turn in range(UPDATES):
            book.put(client, f"{name}-{turn}")
            assert server.ask(f"host0000001.{ZONE}").is_signed()


FAULTS = {
    "flush": (FDATASYNC, errno.EIO),
    "meta page": (META, errno.EIO),
    "meta page, full": (META, errno.ENOSPC),
    "page": (PWRITE, errno.EIO),
    "page, full": (PWRITE, errno.ENOSPC),
    "pages": (WRITEV, errno.EIO),
    "pages, full": (WRITEV, errno.ENOSPC),
}


@pytest.mark.parametrize("what", FAULTS)
def test_a_write_that_fails(lab, what):
    server = lab.avow(
        zones={ZONE: (large_zone(ZONE, 50), open_to(KEY))}, keys=[KEY], start=False
    )
    faults, hits = Faults(server), 0
    server.start()
    server.wait_signed()
    supervisor, books = server.process.pid, [Book(server) for _ in range(CLIENTS)]
    for number in range(1, by_length(3, 25)):
        with faults.disk(*FAULTS[what], number) as count, ThreadPoolExecutor(CLIENTS) as pool:
            turns = [pool.submit(change, server, books[i], f"n{number}-{i}") for i in range(CLIENTS)]
            for turn in turns:
                turn.result()
            hits += count()
        with server.client(KEY, seconds=5.0) as client:
            until(lambda: books[0].put(client, "again") == NOERROR, "updates to be possible again")
        for book in books:
            book.check()
    assert hits, "no fault was met"
    assert server.metric("commits_failed")
    assert server.log.find("warning: keeper: the store could not be written")
    assert server.process.pid == supervisor and server.process.code is None
    assert server.stop() == 0
    server.check_store()
    server.start()
    for book in books:
        book.check()


def test_a_disk_that_is_full_for_a_while(lab):
    """SERVFAIL at once, queries go on; updates do by themselves when there is room."""
    server = lab.avow(
        zones={ZONE: (large_zone(ZONE, 50), open_to(KEY))}, keys=[KEY], start=False
    )
    faults = Faults(server)
    server.start()
    server.wait_signed()
    book, keeper = Book(server), server.room_pid("keeper")
    with server.client(KEY, seconds=5.0) as client:
        with faults.disk(WRITEV, errno.ENOSPC, 1, length=1 << 30) as count:
            for turn in range(UPDATES):
                assert book.put(client, f"n{turn}") == SERVFAIL
                assert server.ask(f"host0000001.{ZONE}").is_signed()
            assert count() and "No space" in server.log.text()
            assert server.metric("commits_failed") and server.metric("updates_lost")
        until(lambda: book.put(client, "again") == NOERROR, "updates to be possible again")
    book.check()
    assert server.room_pid("keeper") == keeper
