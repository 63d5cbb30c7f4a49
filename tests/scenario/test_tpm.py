"""The same with a very different module: tpm2-pkcs11 over a software TPM, P-256."""

import pytest

from lab import NOERROR, NXDOMAIN, TokenMissing, peers, small_zone, until

ZONE = "a.test."


def test_a_zone_signed_by_a_tpm(lab):
    try:
        tpm = lab.tpm()
    except TokenMissing as missing:
        pytest.skip(str(missing))
    # The software TPM listens on a TCP port, which the signer may reach only when it is said.
    token = tpm.token
    keystore = token.keystore(sessions=2, network=True)
    server = lab.avow(token=token, zones={ZONE: small_zone(ZONE)}, keystores=[keystore])
    server.wait_signed()
    peers.verify(server.export(ZONE), ZONE)
    validator = lab.unbound(server, ZONE)
    for name, rcode in (("www", NOERROR), ("nothere", NXDOMAIN), ("x.wild", NOERROR)):
        answer = validator.ask(f"{name}.{ZONE}")
        assert answer.rcode == rcode and answer.is_authentic, validator.why()
    old = server.kill_room("signer")
    server.wait_restart("signer", old)
    # Three objects fit into it. What the old process had loaded, a resource manager would drop.
    until(
        lambda: server.token_status()["up"] or tpm.flush(), "the token to be found", pause=1.0
    )
    server.change_zone(ZONE, lambda text: text + "fresh A 192.0.2.7\n")
    server.wait_signed()
    assert validator.ask(f"fresh.{ZONE}").is_authentic, validator.why()
