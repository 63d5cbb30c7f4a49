"""Free ports on loopback, below those that the kernel gives to clients."""

import random
import socket

LOWEST, HIGHEST = 20000, 32000


def _binds(family, address, port):
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(family, kind) as probe:
            try:
                probe.bind((address, port))
            except OSError:
                return False
    return True


def has_ipv6():
    return _binds(socket.AF_INET6, "::1", 0)


def free_port():
    """A port that neither UDP nor TCP uses, neither on 127.0.0.1 nor on ::1."""
    for _ in range(1000):
        port = random.SystemRandom().randrange(LOWEST, HIGHEST)
        if _binds(socket.AF_INET, "127.0.0.1", port):
            if not has_ipv6() or _binds(socket.AF_INET6, "::1", port):
                return port
    raise RuntimeError("no free port on loopback")


def free_address():
    """An address of loopback on which port 53 is free; None when we may not have that port."""
    for _ in range(100):
        pick = random.SystemRandom().randrange
        address = f"127.{pick(1, 255)}.{pick(0, 256)}.{pick(1, 255)}"
        try:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                probe.bind((address, 53))
        except PermissionError:
            return None
        except OSError:
            continue
        return address
    return None
