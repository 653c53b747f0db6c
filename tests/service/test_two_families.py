# SPDX-License-Identifier: Apache-2.0
"""One session, asked for by callers of both families of the core protocol (V2 and V5 mix)."""

from __future__ import annotations

from base64 import b64decode
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from .running import Service

_DATA = {"userDataInJWT": {"role": "admin"}, "userDataInDatabase": {}}


def old(service: Service, path: str, **fields: Any) -> Any:
    reply = service.request("POST", path, fields, version="2.3").json()
    assert reply["status"] == "OK", reply
    return reply


def modern(service: Service, path: str, **fields: Any) -> Any:
    reply = service.request("POST", f"/recipe{path}", {"enableAntiCsrf": False} | fields, version="5.4").json()
    assert reply["status"] == "OK", reply
    return reply


def verified_by_both(service: Service, token: str) -> None:
    """Both families accept it; an old one's SDK would with the key that it was told."""
    verified = old(service, "/session/verify", accessToken=token, doAntiCsrfCheck=False)
    modern(service, "/session/verify", accessToken=token, doAntiCsrfCheck=False, checkDatabase=True)
    if is_v2(token):
        signed, _, signature = token.rpartition(".")
        key = load_der_public_key(b64decode(verified["jwtSigningPublicKey"]))
        assert isinstance(key, RSAPublicKey)
        key.verify(b64decode(signature), signed.encode(), PKCS1v15(), SHA256())


def is_v2(token: str) -> bool:
    return "=" in token.split(".")[0]


@pytest.mark.parametrize("dynamic", [True, False], ids=["dynamic key", "static key"])
def test_a_session_of_a_modern_caller_serves_an_old_one(service: Service, dynamic: bool) -> None:
    created = modern(service, "/session", userId="u", useDynamicSigningKey=dynamic, **_DATA)
    verified_by_both(service, created["accessToken"]["token"])

    refreshed = old(service, "/session/refresh", refreshToken=created["refreshToken"]["token"])
    token = refreshed["accessToken"]["token"]
    assert is_v2(token)
    confirmed = old(service, "/session/verify", accessToken=token, doAntiCsrfCheck=False)["accessToken"]["token"]
    assert is_v2(confirmed)
    verified_by_both(service, confirmed)
    renewed = old(service, "/session/regenerate", accessToken=confirmed, userDataInJWT={"n": 1})["accessToken"]["token"]
    assert is_v2(renewed)
    verified_by_both(service, renewed)

    again = modern(
        service, "/session/refresh", refreshToken=refreshed["refreshToken"]["token"], useDynamicSigningKey=dynamic
    )
    assert not is_v2(again["accessToken"]["token"])
    verified_by_both(service, again["accessToken"]["token"])


def test_a_modern_caller_that_asks_for_the_static_key_leaves_the_old_ones_tokens_good(service: Service) -> None:
    created = old(service, "/session", userId="u", **_DATA)
    token = created["accessToken"]["token"]
    modern(service, "/session/refresh", refreshToken=created["refreshToken"]["token"], useDynamicSigningKey=False)

    given = {"doAntiCsrfCheck": False, "checkDatabase": True}
    renewed = old(service, "/session/regenerate", accessToken=token, userDataInJWT={"n": 1})["accessToken"]["token"]
    assert is_v2(renewed)
    verified_by_both(service, renewed)
    for_its_payload = modern(service, "/session/verify", accessToken=token, **given)["accessToken"]["token"]
    assert is_v2(for_its_payload)
    verified_by_both(service, for_its_payload)
