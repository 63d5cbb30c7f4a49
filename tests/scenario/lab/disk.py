"""A disk that fails on order, and one that notes what was written and flushed."""

import contextlib
import mmap
import shutil
import struct

from .paths import FAULT_DISK

PWRITE, WRITEV, FDATASYNC, META = 1, 2, 3, 4  # as tests/faults/disk.c has them
ACKNOWLEDGED = 4  # as tests/power/record.h has it
ORDERS = struct.Struct("7i")


class Disk:
    """A daemon's program of its own, and the orders that its disk obeys."""

    def __init__(self, server):
        program = server.folder / "avowd-disk"
        shutil.copy(FAULT_DISK, program)
        orders = program.with_name("avowd-disk.orders")
        orders.write_bytes(bytes(ORDERS.size))
        self.record = program.with_name("avowd-disk.record")
        self.record.touch()
        server.program = program
        self.server, self.path = server, orders

    @contextlib.contextmanager
    def fault(self, call, error, number, length=1):
        """The number-th call of a kind fails in the keeper, and some behind it."""
        with open(self.path, "r+b") as file, mmap.mmap(file.fileno(), ORDERS.size) as orders:
            pid = self.server.room_pid("keeper")
            orders[4:24] = struct.pack("5i", call, error, number, length, 0)
            orders[0:4] = struct.pack("i", pid)
            try:
                yield lambda: struct.unpack("i", orders[20:24])[0]
            finally:
                orders[0:4] = bytes(4)

    @contextlib.contextmanager
    def recording(self, base):
        """What the keeper does from now on is in self.record, the store as it is now in `base`.

        Nothing must be written while it begins. Yields a function to be told what was acknowledged.
        """
        with open(self.path, "r+b") as file, open(self.record, "ab", buffering=0) as record:
            with mmap.mmap(file.fileno(), ORDERS.size) as orders:
                orders[24:28] = struct.pack("i", 1)
                orders[0:4] = struct.pack("i", self.server.room_pid("keeper"))
                shutil.copy(self.server.store_file, base)
                try:
                    yield lambda number: record.write(struct.pack("IIQ", ACKNOWLEDGED, 0, number))
                finally:
                    orders[0:4] = bytes(4)
