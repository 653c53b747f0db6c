# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import datetime
import ipaddress
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from supertokens.config import Config
from supertokens.errors import SuperTokensGeneralError
from supertokens.remote import RemoteCore
from tests.service.running import Service


def certificate(folder: Path) -> tuple[str, str]:
    """Files with a certificate of its own for 127.0.0.1, and with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a core of the tests")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    files = folder / "certificate.pem", folder / "key.pem"
    files[0].write_bytes(made.public_bytes(pem))
    files[1].write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return str(files[0]), str(files[1])


def test_a_certificate_that_the_system_does_not_trust_is_an_error_and_a_trusted_one_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_service, key = certificate(tmp_path)
    with Service(tmp_path, {"ssl_certfile": of_service, "ssl_keyfile": key}) as service:
        config = Config(hosts=service.url.replace("http:", "https:"))
        with pytest.raises(SuperTokensGeneralError) as refused:
            RemoteCore(config).create_session("user", {}, {}, anti_csrf=False)
        assert "CERTIFICATE_VERIFY_FAILED" in str(refused.value.__cause__)
        monkeypatch.setenv("SSL_CERT_FILE", of_service)
        core = RemoteCore(config)
        issued = core.create_session("user", {}, {}, anti_csrf=False)
        assert core.verify(issued.access_token.text, check_anti_csrf=False, check_database=True).user_id == "user"
        other_name = RemoteCore(Config(hosts=f"https://localhost:{service.port}"))
        with pytest.raises(SuperTokensGeneralError):
            other_name.session_handles("user")
