"""No key leaves the token, and no secret is where it is not needed."""

import base64
import os
import re

import pytest

from lab import PIN, is_sanitized, small_zone, until

ZONE = "a.test."
SECRET = bytes(range(65, 97)) + b"scenario"
COOKIE = b"cookie-of-oursTM"
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
reads_memory = pytest.mark.skipif(
    os.geteuid() != 0 or is_sanitized(),
    reason="only root may read another's memory, and a sanitizer's shadow of it has no end",
)


def write_secrets(server, tsig, cookie):
    for name, text in {"transfer.key": base64_text(tsig), "cookies": cookie.hex()}.items():
        path = server.folder / name
        path.touch(mode=0o600)
        path.write_text(text + "\n")


@pytest.fixture(scope="module")
def server(shared_lab):
    server = shared_lab.avow(
        zones={ZONE: small_zone(ZONE)},
        start=False,
        tsig=[{"name": "transfer.test.", "secret-file": "transfer.key"}],
        server={"cookies": {"secret-files": ["cookies"]}},
    )
    server.zones[ZONE]["allow-transfer"] = [{"key": "transfer.test."}]
    write_secrets(server, SECRET, COOKIE)
    server.start()
    server.wait_signed()
    return server


def test_no_private_key_can_be_exported(server):
    """What the token says of each, and what it gives to who asks for the value."""
    token = server.token
    listed = token.tool("--list-objects", "--type", "privkey")
    assert listed.returncode == 0, listed.stderr
    keys = listed.stdout.split("Private Key Object")[1:]
    assert len(keys) == 2, listed.stdout
    for key in keys:
        access = re.search(r"Access:\s*(.*)", key).group(1)
        assert "sensitive" in access and "never extractable" in access, key
        identity = re.search(r"ID:\s*(\S+)", key).group(1)
        read = token.tool("--read-object", "--type", "privkey", "--id", identity)
        assert read.returncode != 0 or not read.stdout.strip(), "a private key was exported"
        public = token.tool("--read-object", "--type", "pubkey", "--id", identity)
        assert public.returncode == 0, "the control: a public key can be read"


def mappings(pid):
    """(start, end, whether locked) of all that a process has mapped and that can be read."""
    with open(f"/proc/{pid}/smaps") as lines:
        for line in lines:
            if re.match("[0-9a-f]+-[0-9a-f]+ ", line):
                place, mode = line.split()[:2]
                start, end = (int(number, 16) for number in place.split("-"))
                readable = "r" in mode and not line.rstrip().endswith(
                    ("[vvar]", "[vsyscall]", "data.mdb")
                )
            elif line.startswith("VmFlags:") and readable:
                yield start, end, "lo" in line.split()


def memory(pid, locked=True):
    """All that can be read of a process, or what of it is not locked."""
    with open(f"/proc/{pid}/mem", "rb", 0) as octets:
        for start, end, is_locked in list(mappings(pid)):
            if is_locked and not locked:
                continue
            while start < end:
                count = min(end - start, 16 << 20)
                octets.seek(start)
                try:
                    yield octets.read(count)
                except OSError:
                    break
                start += count


def holds(pid, *wanted):
    return any(word in piece for piece in memory(pid) for word in wanted)


def forms(secret, text):
    return (secret, text(secret).encode())


def base64_text(secret):
    return base64.b64encode(secret).decode()


TSIG_FORMS = forms(SECRET, base64_text)
COOKIE_FORMS = forms(COOKIE, bytes.hex)


@reads_memory
def test_neither_pin_nor_tsig_secret_is_with_the_front(server):
    server.ask(f"www.{ZONE}")
    assert not holds(server.room_pid("front"), PIN.encode())
    assert not holds(server.room_pid("front"), *TSIG_FORMS)


@reads_memory
def test_each_secret_is_where_it_is_used(server):
    """The control: the search finds what is there. And it is nowhere else."""
    assert holds(server.room_pid("desk"), *TSIG_FORMS)
    assert holds(server.room_pid("signer"), PIN.encode())
    for room in ("signer", "keeper"):
        assert not holds(server.room_pid(room), *TSIG_FORMS), room
    for room in ("keeper", "desk"):
        assert not holds(server.room_pid(room), PIN.encode()), room
    assert holds(server.room_pid("front"), COOKIE)
    for room in ("signer", "keeper", "desk"):
        assert not holds(server.room_pid(room), *COOKIE_FORMS), room


def processes(server):
    return {"supervisor": server.process.pid, **server.room_pids()}


@reads_memory
def test_secrets_lie_in_locked_memory(server):
    """But for the one copy of a TSIG secret that OpenSSL's HMAC keeps, which it wipes."""
    assert server.ctl("status").count("locked-memory") == 3, "signer, desk, front"
    for room, pid in processes(server).items():
        unlocked = list(memory(pid, locked=False))
        for word in (*COOKIE_FORMS, PIN.encode(), TSIG_FORMS[1]):
            assert not any(word in piece for piece in unlocked), room
        copies = sum(piece.count(SECRET) for piece in unlocked)
        assert copies == (1 if room == "desk" else 0), room


def replace_secrets(server, tsig, cookie):
    write_secrets(server, tsig, cookie)
    server.hang_up()
    for room, secret in (("desk", tsig), ("front", cookie)):
        until(lambda: holds(server.room_pid(room), secret), f"{room}: a new secret")


@reads_memory
def test_what_is_replaced_is_wiped(server):
    """A reload with other secrets: the old ones are nowhere any more."""
    other, cookie = SECRET[::-1], COOKIE[::-1]
    replace_secrets(server, other, cookie)
    for room, pid in processes(server).items():
        until(lambda: not holds(pid, *TSIG_FORMS, *COOKIE_FORMS), f"an old secret in the {room}")
    replace_secrets(server, SECRET, COOKIE)


def status_of(pid):
    with open(f"/proc/{pid}/status") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)


def test_rooms_are_confined(server):
    """As the kernel sees it: seccomp filters, no new privileges, no core, no capability."""
    for room in ("front", "desk", "keeper", "signer"):
        pid = server.room_pid(room)
        status = status_of(pid)
        assert status["Seccomp"] == "2", room
        assert status["NoNewPrivs"] == "1", room
        if os.geteuid() == 0:
            limits = open(f"/proc/{pid}/limits").read()
            assert re.search(r"Max core file size\s+0\s+0", limits), room
    text = server.ctl("status")
    for word in ("seccomp", "Landlock"):
        assert word.lower() in text.lower(), text


def test_what_the_front_has_open(server):
    """Sockets, pages, the log, and two files to read: none that it could write."""
    pid = server.room_pid("front")
    for entry in os.listdir(f"/proc/{pid}/fd"):
        path = os.readlink(f"/proc/{pid}/fd/{entry}")
        with open(f"/proc/{pid}/fdinfo/{entry}") as file:
            flags = int(re.search(r"flags:\s*(\d+)", file.read()).group(1), 8)
        if path.startswith(str(server.folder)) and "avowd-" not in path:
            assert flags & os.O_ACCMODE == os.O_RDONLY, path
            assert path.endswith(("/data.mdb", "/avowd.lock")), path


@needs_root
def test_rooms_can_have_a_user_of_their_own(lab):
    """Started as root with `user`: no room is root."""
    import pwd

    user = pwd.getpwnam("nobody")
    server = lab.avow(zones={ZONE: small_zone(ZONE)}, start=False, server={"user": "nobody"})
    lab.folder.chmod(0o755)
    for folder in (server.folder, server.folder / "zones"):
        folder.chmod(0o755)
    for path in [server.token.folder, *server.token.folder.rglob("*")]:
        os.chown(path, user.pw_uid, user.pw_gid)
    server.token.folder.chmod(0o755)
    os.chown(server.folder, user.pw_uid, user.pw_gid)
    server.start()
    server.wait_signed()
    for room in ("front", "desk", "keeper", "signer"):
        uids = status_of(server.room_pid(room))["Uid"].split()
        assert uids == [str(user.pw_uid)] * 4, room
    assert server.ask(f"www.{ZONE}").is_signed()
    server.kill_room("front")
    server.wait_rooms()
    assert server.ask(f"www.{ZONE}").is_signed()
