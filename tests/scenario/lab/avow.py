"""An avowd of one's own: configuration, start, questions, sudden deaths, end."""

import json
import shutil
import signal
import subprocess
from pathlib import Path

from . import ask as asking
from .paths import AVOWCTL, AVOWD
from .process import Process, kill
from .updating import Client
from .waiting import until

ROOMS = ("signer", "keeper", "desk", "front")
DEFAULT_POLICY = {"name": "default", "algorithm": "ecdsap256sha256", "keys": "ksk+zsk"}


def open_to(key, *followers, **more):
    """A zone's settings: this key may do everything, and these (address, port) are notified."""
    settings = {"allow-update": [{"key": key.text}], "allow-transfer": [{"key": key.text}]}
    if followers:
        settings["notify"] = [
            {"address": f"{address}@{port}", "key": key.text} for address, port in followers
        ]
    return {**settings, **more}


class Failed(AssertionError):
    """avowctl said that it did not work."""

    def __init__(self, words, done):
        super().__init__(f"avowctl {' '.join(words)}: {done.returncode}: {done.stderr}")
        self.code = done.returncode
        self.text = done.stderr


class Avow:
    """One daemon. Zones are given as {name: file or text}; their files are copies."""

    def __init__(self, folder, token, listen, **settings):
        self.folder = Path(folder)
        self.token = token
        self.listen = listen  # [(address, port)]
        self.address, self.port = listen[0]
        self.settings = settings
        self.keys = []
        self.zones = {}
        self.process = None
        self.starts = 0
        self.program = AVOWD
        (self.folder / "zones").mkdir(parents=True, exist_ok=True)

    # ---- configuration --------------------------------------------------------------------

    @property
    def configuration(self):
        return self.folder / "avow.yaml"

    @property
    def state(self):
        return self.folder / "state"

    @property
    def store_file(self):
        return self.state / "store" / "data.mdb"

    def add_zone(self, name, source, **settings):
        """Have a zone in the configuration; `source` is a path or the text of a zone file."""
        path = self.folder / "zones" / (name.replace("/", "_").rstrip(".") + ".zone")
        if isinstance(source, Path):
            shutil.copyfile(source, path)
        else:
            path.write_text(source)
        self.zones[name] = {"name": name, "file": f"zones/{path.name}", **settings}
        return path

    def add_key(self, key):
        """Have a TSIG key in the configuration, its secret in a file beside it."""
        path = self.folder / f"{key.text.rstrip('.')}.key"
        path.write_text(key.file_text())
        path.chmod(0o600)
        self.keys.append({"name": key.text, "algorithm": key.algorithm, "secret-file": path.name})

    def zone_file(self, name):
        return self.folder / self.zones[name]["file"]

    def as_settings(self):
        """The configuration as JSON, which is YAML."""
        more = dict(self.settings)
        server = {
            "listen": [f"{address}@{port}" for address, port in self.listen],
            "workers": 2,
            "state": "state",
            "control": "avow.sock",
            "pid-file": "avowd.pid",
            "log": {"target": "stderr", "level": "info"},
            "store-size": "4G",
            **more.pop("server", {}),
        }
        return {
            "server": server,
            "keystores": more.pop("keystores", [self.token.keystore()]),
            "policies": more.pop("policies", [DEFAULT_POLICY]),
            "zones": list(self.zones.values()),
            **({"tsig": self.keys} if self.keys else {}),
            **more,
        }

    def write_configuration(self, text=None):
        self.configuration.write_text(text or json.dumps(self.as_settings(), indent=2) + "\n")
        self.configuration.chmod(0o600)

    # ---- start and end --------------------------------------------------------------------

    def launch(self):
        """Start it, and do not wait."""
        self.starts += 1
        # A confined room cannot be searched for leaks; all else a sanitizer finds is in the log.
        environment = {"ASAN_OPTIONS": "detect_leaks=0", "UBSAN_OPTIONS": "print_stacktrace=1"}
        self.process = Process(
            f"avowd-{self.starts}", [self.program, "-c", self.configuration], self.folder, environment
        )
        return self

    def start(self):
        """Start it, and wait until it serves."""
        self.write_configuration()
        self.launch()
        self.process.wait_line(r"avowd: ready: ")
        return self

    def start_in_vain(self):
        """Start it and see it fail: exit code and what it said."""
        self.launch()
        code = self.process.wait_end()
        assert not self.process.descendants(), "a process is left"
        return code, self.process.log.text()

    @property
    def log(self):
        return self.process.log

    def stop(self):
        """Stop it as a service manager does; nothing may be left and nothing wrong in the log."""
        code = self.process.stop()
        until(lambda: not self.process.descendants(), "the rooms to be gone")
        self.process.check_log()
        return code

    def close(self):
        """The end of a test: a daemon that runs is stopped, and must do so well."""
        if not self.process:
            return
        code = self.stop() if self.process.code is None else 0
        self.process.kill_all()
        self.process.check_log()
        assert code == 0, f"it ended with code {code}:\n{self.process.log.tail()}"

    def kill_everything(self):
        """The power goes off: the supervisor and all rooms at once."""
        self.process.kill_all()

    def hang_up(self):
        self.process.signal(signal.SIGHUP)

    # ---- avowctl --------------------------------------------------------------------------

    def run_ctl(self, *words, seconds=120, **more):
        return subprocess.run(
            [str(AVOWCTL), "-c", str(self.configuration), *words],
            capture_output=True,
            text=True,
            timeout=seconds,
            **more,
        )

    def ctl(self, *words, **more):
        """avowctl must succeed; what it printed."""
        done = self.run_ctl(*words, **more)
        if done.returncode:
            raise Failed(words, done)
        return done.stdout

    def ask_daemon(self, *words):
        return json.loads(self.ctl("--json", *words))

    def status(self):
        return self.ask_daemon("status")

    def zone_status(self, name):
        return self.ask_daemon("zone", "status", name)

    def serial(self, name):
        return self.zone_status(name)["serial"]

    def token_status(self):
        """What the daemon says of its one token: whether it is up, and in words."""
        (token,) = self.status()["signing"]["tokens"]
        return token

    def wait_token(self, up):
        """Until the token is, or is not, at hand; what is said of it."""
        self.wait_status(
            lambda status: [token["up"] for token in status["signing"]["tokens"]] == [up],
            "the token to be " + ("found" if up else "missed"),
        )
        return self.token_status()

    def metric(self, name):
        return self.status()["metrics"][name]

    def wait_signed(self, *names):
        """Until these zones, or all that are signed, are loaded and fully signed."""
        for name in names or self.zones:
            self.ctl("zone", "wait", name, "--timeout", "240", seconds=300)

    def wait_status(self, holds, what):
        """Until the daemon's status is so; also over deaths of the keeper, who answers."""

        def look():
            self.process.check_alive()
            done = self.run_ctl("--json", "status")
            return done.returncode == 0 and holds(json.loads(done.stdout))

        return until(look, what)

    def reload(self, name):
        return self.ask_daemon("zone", "reload", name)

    def change_zone(self, name, change):
        """Edit the zone file by a function of its text, and have it loaded."""
        path = self.zone_file(name)
        path.write_text(change(path.read_text()))
        return self.reload(name)

    def export(self, name):
        """The signed zone, as a file of its own."""
        path = self.folder / f"export-{name.rstrip('.') or 'root'}"
        path.write_text(self.ctl("zone", "export", name))
        return path

    def ds(self, name):
        """DS records as text: "example. IN DS 1 13 2 ABCD"."""
        return self.ask_daemon("ds", name)["records"]

    # ---- rooms ----------------------------------------------------------------------------

    def room(self, name):
        return next(room for room in self.status()["rooms"] if room["room"] == name)

    def room_pid(self, name):
        return self.room(name)["pid"]

    def room_pids(self):
        """All rooms that run, by pid, and without the keeper's help."""
        pids = {}
        for pid in self.process.descendants():
            try:
                words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            for word in words:
                if word.startswith(b"--room="):
                    pids[word[7:].decode()] = pid
        return pids

    def kill_room(self, name):
        """SIGKILL, to that one room; its process number."""
        pid = self.room_pid(name)
        kill(pid)
        return pid

    def wait_restart(self, name, old):
        """Until another process is that room, and is ready."""
        self.wait_status(
            lambda status: any(
                room["room"] == name and room["state"] == "ready" and room["pid"] != old
                for room in status["rooms"]
            ),
            f"a new {name}",
        )

    def wait_rooms(self):
        """Until all rooms are ready and the zones are settled."""
        self.wait_status(
            lambda status: status["ready"]
            and all(room["state"] == "ready" for room in status["rooms"]),
            "all rooms to be ready",
        )

    # ---- questions ------------------------------------------------------------------------

    def ask(self, name, rdtype="A", tcp=False, seconds=5.0, tries=6, **more):
        query = asking.question(name, rdtype, **more)
        return asking.ask(self.address, self.port, query, tcp, seconds, tries)

    def ask_many(self, queries, **more):
        return asking.ask_many(self.address, self.port, queries, **more)

    def client(self, key, **more):
        """A client of updates and transfers."""
        return Client(self.address, self.port, key, **more)

    def axfr(self, name, key):
        """The whole zone as it goes out, TSIG checked."""
        with self.client(key) as client:
            return client.axfr(name)

    def stream(self):
        return asking.Stream(self.address, self.port)

    def exchange(self, octets, seconds=1.0):
        return asking.exchange_udp(self.address, self.port, octets, seconds)

    # ---- the store of a stopped daemon ----------------------------------------------------

    def check_store(self):
        """`avowctl store check` must find nothing; its report."""
        return json.loads(self.ctl("--json", "store", "check"))
