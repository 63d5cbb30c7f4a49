"""A daemon whose disk, clock and processes fail on order (tests/faults)."""

import contextlib
import mmap
import shutil
import struct

from .paths import FAULT_DAEMON

PWRITE, WRITEV, FDATASYNC, META = 1, 2, 3, 4  # as tests/faults/disk.c has them

# As tests/faults/orders.h has them.
CLOCK, PID, CALL, HITS, FORKS, FORKS_FAILED, RECORDING, OCTETS = 0, 8, 12, 28, 32, 36, 40, 48
ACKNOWLEDGED = 4  # as tests/power/record.h has it


class Faults:
    """A daemon's program of its own, and the orders that it obeys. To be made before its start."""

    def __init__(self, server):
        program = server.folder / FAULT_DAEMON.name
        shutil.copy(FAULT_DAEMON, program)
        self.path = program.with_name(program.name + ".orders")
        self.path.write_bytes(bytes(OCTETS))
        self.record = program.with_name(program.name + ".record")
        self.record.touch()
        server.program = program
        self.server = server

    def _put(self, place, form, *values):
        with open(self.path, "r+b") as file, mmap.mmap(file.fileno(), OCTETS) as orders:
            struct.pack_into(form, orders, place, *values)

    def _get(self, place):
        with open(self.path, "rb") as file:
            return struct.unpack_from("i", file.read(), place)[0]

    @contextlib.contextmanager
    def disk(self, call, error, number, length=1):
        """The number-th call of a kind fails in the keeper, and some behind it."""
        pid = self.server.room_pid("keeper")
        self._put(CALL, "5i", call, error, number, length, 0)
        self._put(PID, "i", pid)
        try:
            yield lambda: self._get(HITS)
        finally:
            self._put(PID, "i", 0)

    @contextlib.contextmanager
    def recording(self, base):
        """What the keeper does from now on is in self.record, the store as it is now in `base`.

        Nothing must be written while it begins. Yields a function to be told what was acknowledged.
        """
        with open(self.record, "ab", buffering=0) as record:
            self._put(RECORDING, "i", 1)
            self._put(PID, "i", self.server.room_pid("keeper"))
            shutil.copy(self.server.store_file, base)
            try:
                yield lambda number: record.write(struct.pack("IIQ", ACKNOWLEDGED, 0, number))
            finally:
                self._put(PID, "i", 0)
                self._put(RECORDING, "i", 0)

    def set_clock(self, ahead):
        """The daemon's wall clock is so many seconds ahead of ours."""
        self._put(CLOCK, "q", ahead)

    def fail_forks(self, count):
        """So many forks are to fail."""
        self._put(FORKS, "i", count)

    @property
    def forks_failed(self):
        return self._get(FORKS_FAILED)
