"""A key that `avowctl tsig generate` makes is one that BIND's tools read, and that avow takes."""

import base64
import json
import os
import shutil
import subprocess

import pytest

from lab import AVOWCTL

SIZES = {"hmac-sha1": 20, "hmac-sha224": 28, "hmac-sha256": 32, "hmac-sha384": 48, "hmac-sha512": 64}


def generate(*words, **more):
    return subprocess.run([AVOWCTL, *words], capture_output=True, text=True, timeout=60, **more)


def key_file(tmp_path, *words):
    path = tmp_path / "generated.key"
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        made = subprocess.run([AVOWCTL, *words], stdout=file, stderr=subprocess.PIPE, timeout=60)
    assert made.returncode == 0 and made.stderr == b""
    return path


def check_configuration(tmp_path, name, algorithm, path):
    """What avow says of a configuration with that key in it."""
    key = {"name": name, "algorithm": algorithm, "secret-file": str(path)}
    configuration = tmp_path / "avow.yaml"
    configuration.write_text(json.dumps({"server": {"listen": ["127.0.0.1@5399"]}, "tsig": [key]}))
    return generate("config", "check", configuration)


@pytest.mark.parametrize("algorithm", SIZES)
def test_both_ends_read_it(tmp_path, algorithm):
    path = key_file(tmp_path, "tsig", "generate", "Host-1._tsig.example.", algorithm)
    if shutil.which("named-checkconf"):
        subprocess.run(["named-checkconf", path], check=True, timeout=60)
    checked = check_configuration(tmp_path, "host-1._tsig.example.", algorithm, path)
    assert checked.returncode == 0, checked.stderr
    checked = check_configuration(tmp_path, "other.example.", algorithm, path)
    assert checked.returncode == 1 and "which is another one" in checked.stderr


@pytest.mark.parametrize("algorithm", [*SIZES, "HMAC-SHA512."])
def test_the_secret_is_as_long_as_the_hash(algorithm):
    keys = [json.loads(generate("--json", "tsig", "generate", "k", algorithm).stdout) for _ in "12"]
    plain = algorithm.lower().rstrip(".")
    assert {key["algorithm"] for key in keys} == {plain}
    assert {len(base64.b64decode(key["secret"])) for key in keys} == {SIZES[plain]}
    assert keys[0]["secret"] != keys[1]["secret"]


@pytest.mark.parametrize("words", [("a\\032b",), (".",), ("",), ("a..b",), ('a"b',), ("k", "hmac-md5")])
def test_what_is_no_key_is_refused(words):
    made = generate("tsig", "generate", *words)
    assert made.returncode == 2 and made.stdout == "" and made.stderr.startswith("avowctl: ")


def test_a_key_that_was_not_written_is_a_failure():
    with open("/dev/full", "w", encoding="ascii") as full:
        made = subprocess.run(
            [AVOWCTL, "tsig", "generate", "k"], stdout=full, stderr=subprocess.PIPE, timeout=60
        )
    assert made.returncode == 1 and b"not written" in made.stderr


def test_a_file_for_all_to_read_is_warned_of(tmp_path):
    with open(os.open(tmp_path / "open.key", os.O_WRONLY | os.O_CREAT, 0o644), "w") as file:
        made = subprocess.run(
            [AVOWCTL, "tsig", "generate", "k"], stdout=file, stderr=subprocess.PIPE, timeout=60
        )
    assert made.returncode == 0 and b"warning" in made.stderr
