# SPDX-License-Identifier: Apache-2.0
"""CDI 1.0 to 2.3: what differs among them, and the order of what is in a reply (docs/protocol/cdi2.md)."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from .conftest import StartService
from .running import Service

SESSION = {"userId": "u", "userDataInJWT": {"role": "admin"}, "userDataInDatabase": {"d": 1}}
VERSIONS = ("1.0", "2.0", "2.1", "2.2", "2.3")
V2_HEADER = "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCIsInZlcnNpb24iOiIyIn0="


def create(service: Service, version: str = "2.3", **more: Any) -> Any:
    reply = service.request("POST", "/session", SESSION | more, version=version)
    assert reply.status == 200, reply.text
    return reply.json()


def body_of(token: str) -> Any:
    return json.loads(base64.b64decode(token.split(".")[1], validate=True))


@pytest.mark.parametrize("version", VERSIONS)
def test_a_new_session_has_the_members_of_its_version_in_order(service: Service, version: str) -> None:
    reply = create(service, version)
    assert list(reply) == [
        "session", "accessToken", "refreshToken", "idRefreshToken", "status",
        "jwtSigningPublicKey", "jwtSigningPublicKeyExpiryTime",
    ]  # fmt: skip
    assert list(reply["session"]) == ["handle", "userId", "userDataInJWT"]
    token = ["token", "expiry", "createdTime", "cookiePath", "cookieSecure"]
    token += ["domain"] if version in ("1.0", "2.0", "2.1") else []
    token += [] if version == "1.0" else ["sameSite"]
    assert list(reply["accessToken"]) == list(reply["refreshToken"]) == token
    assert list(reply["idRefreshToken"]) == (token[:3] if version == "1.0" else token)
    assert reply["accessToken"].get("domain", "localhost") == "localhost"
    assert reply["accessToken"]["cookieSecure"] is False, "unset is reported as false"
    assert reply["accessToken"]["cookiePath"] == "/"
    assert reply["refreshToken"]["cookiePath"] == "/session/refresh"
    assert reply["idRefreshToken"]["expiry"] == reply["refreshToken"]["expiry"]
    assert reply["accessToken"]["expiry"] - reply["accessToken"]["createdTime"] == 3_600_000


@pytest.mark.parametrize("version", VERSIONS)
def test_a_handshake_has_the_members_of_its_version_in_order(service: Service, version: str) -> None:
    reply = service.request("POST", "/handshake", {}, version=version).json()
    expected = ["status", "jwtSigningPublicKey", "jwtSigningPublicKeyExpiryTime"]
    expected += ["cookieDomain"] if version in ("1.0", "2.0", "2.1") else []
    expected += [
        "cookieSecure", "accessTokenPath", "refreshTokenPath", "enableAntiCsrf", "accessTokenBlacklistingEnabled"
    ]  # fmt: skip
    expected += [] if version == "1.0" else ["cookieSameSite", "idRefreshTokenPath", "sessionExpiredStatusCode"]
    assert list(reply) == expected


def test_what_is_configured_is_what_the_sdk_is_told(start_service: StartService) -> None:
    service = start_service(
        {
            "cookie_domain": ".Example.com", "cookie_secure": True, "cookie_same_site": "none",
            "enable_anti_csrf": True, "access_token_path": "/a", "refresh_api_path": "/r",
            "session_expired_status_code": 440, "access_token_blacklisting": True,
        }
    )  # fmt: skip
    told = service.request("POST", "/handshake", {}, version="2.0").json()
    told.pop("jwtSigningPublicKey")
    told.pop("jwtSigningPublicKeyExpiryTime")
    assert told == {
        "status": "OK", "cookieDomain": ".Example.com", "cookieSecure": True, "accessTokenPath": "/a",
        "refreshTokenPath": "/r", "enableAntiCsrf": True, "accessTokenBlacklistingEnabled": True,
        "cookieSameSite": "none", "idRefreshTokenPath": "/a", "sessionExpiredStatusCode": 440,
    }  # fmt: skip
    token = create(service, "2.3")["idRefreshToken"]
    assert (token["cookiePath"], token["domain"], token["sameSite"]) == ("/a", ".Example.com", "none")


def test_an_old_caller_gets_a_v2_token_that_the_told_key_verifies(service: Service) -> None:
    reply = create(service)
    text = reply["accessToken"]["token"]
    header, body, signature = text.split(".")
    assert header == V2_HEADER
    assert list(body_of(text)) == ["sessionHandle", "userId", "refreshTokenHash1", "userData", "expiryTime",
                                   "timeCreated", "lmrt"]  # fmt: skip
    key = serialization.load_der_public_key(base64.b64decode(reply["jwtSigningPublicKey"], validate=True))
    assert isinstance(key, rsa.RSAPublicKey)
    key.verify(base64.b64decode(signature), f"{header}.{body}".encode(), padding.PKCS1v15(), hashes.SHA256())


def test_the_key_expires_an_interval_after_it_was_made_also_without_rotation(start_service: StartService) -> None:
    service = start_service({"access_token_signing_key_dynamic": False, "access_token_signing_key_update_interval": 2})
    told = service.request("POST", "/handshake", {}, version="2.3").json()["jwtSigningPublicKeyExpiryTime"]
    created = create(service)["accessToken"]["createdTime"]
    assert created + 2 * 3_600_000 - 60_000 < told <= created + 2 * 3_600_000


def test_nulls_are_dropped_from_tokens_and_replies_and_kept_in_storage(service: Service) -> None:
    payload = {"a": None, "b": {"c": None, "d": [None, {"e": None}]}}
    reply = create(service, userDataInJWT=payload, userDataInDatabase=payload)
    kept = {"b": {"d": [None, {}]}}
    assert reply["session"]["userDataInJWT"] == body_of(reply["accessToken"]["token"])["userData"] == kept
    handle = {"sessionHandle": reply["session"]["handle"]}
    stored = service.request("GET", "/jwt/data", version="2.3", query=handle).json()
    assert stored == {"status": "OK", "userDataInJWT": payload}
    assert service.request("GET", "/session/data", version="2.3", query=handle).json()["userDataInDatabase"] == payload


def test_cdi_1_0_has_delete_and_none_of_what_came_later(service: Service) -> None:
    old, new = create(service, "1.0"), create(service, "1.0")
    handle = old["session"]["handle"]
    for method, path in (("POST", "/session/regenerate"), ("GET", "/jwt/data"), ("PUT", "/jwt/data")):
        assert service.request(method, path, b"{", version="1.0").text == "CDI version not supported\n"
    assert service.request("POST", "/session/remove", b"{", version="1.0").text == (
        "/session/remove POST is only available in >= CDI 2.0. Please call /session DELETE instead\n"
    )
    both = {"sessionHandle": handle, "userId": "u"}
    one_of_three = "Invalid JSON input - use one of userId, sessionHandle, or sessionHandles array\n"
    for selectors in ({}, both):
        assert service.request("DELETE", "/session", selectors, version="1.0").text == one_of_three
    deleted = service.request("DELETE", "/session", {"sessionHandle": handle}, version="1.0").json()
    assert deleted == {"status": "OK", "numberOfSessionsRevoked": 1}
    again = {"sessionHandles": [handle, new["session"]["handle"]]}
    assert service.request("DELETE", "/session", again, version="1.0").json()["numberOfSessionsRevoked"] == 1


def test_from_cdi_2_0_on_delete_is_refused_before_its_body_is_read(service: Service) -> None:
    for version in VERSIONS[1:]:
        assert service.request("DELETE", "/session", b"{", version=version).text == (
            "/session DELETE is only available in CDI 1.0. Please call /session/remove POST instead\n"
        )


def test_refresh_tells_no_key_and_verify_no_key_in_a_refusal(service: Service) -> None:
    reply = create(service)
    refreshed = service.request(
        "POST", "/session/refresh", {"refreshToken": reply["refreshToken"]["token"]}, version="2.3"
    )
    assert list(refreshed.json()) == ["session", "accessToken", "refreshToken", "idRefreshToken", "status"]
    verified = service.request(
        "POST", "/session/verify",
        {"accessToken": refreshed.json()["accessToken"]["token"], "doAntiCsrfCheck": False}, version="2.3",
    )  # fmt: skip
    assert list(verified.json()) == [
        "session", "accessToken", "status", "jwtSigningPublicKey", "jwtSigningPublicKeyExpiryTime"
    ]  # fmt: skip
    refused = service.request("POST", "/session/verify", {"accessToken": "x", "doAntiCsrfCheck": False}, version="2.3")
    assert list(refused.json()) == ["status", "message"]


def test_with_anti_csrf_the_value_is_in_the_reply_before_the_status_and_checked(start_service: StartService) -> None:
    service = start_service({"enable_anti_csrf": True})
    reply = create(service)
    assert list(reply)[3:6] == ["idRefreshToken", "antiCsrfToken", "status"]
    given = {"accessToken": reply["accessToken"]["token"], "doAntiCsrfCheck": True}

    def verify(**more: Any) -> str:
        return str(service.request("POST", "/session/verify", given | more, version="2.0").json()["status"])

    assert verify() == "TRY_REFRESH_TOKEN"
    assert verify(antiCsrfToken="wrong") == "TRY_REFRESH_TOKEN"
    assert verify(antiCsrfToken=reply["antiCsrfToken"]) == "OK"
    assert verify(doAntiCsrfCheck=False) == "OK"
    refresh = {"refreshToken": reply["refreshToken"]["token"]}
    assert service.request("POST", "/session/refresh", refresh, version="2.0").json()["status"] == "UNAUTHORISED"
    refresh["antiCsrfToken"] = reply["antiCsrfToken"]
    assert service.request("POST", "/session/refresh", refresh, version="2.0").json()["status"] == "OK"


def test_without_anti_csrf_in_the_configuration_a_check_that_is_asked_for_does_not_count(service: Service) -> None:
    token = create(service)["accessToken"]["token"]
    given = {"accessToken": token, "doAntiCsrfCheck": True}
    assert service.request("POST", "/session/verify", given, version="2.3").json()["status"] == "OK"


def test_a_null_is_no_absent_field(service: Service) -> None:
    given = {"refreshToken": "x", "antiCsrfToken": None}
    reply = service.request("POST", "/session/refresh", given, version="2.2")
    assert (reply.status, reply.text) == (400, "Field name 'antiCsrfToken' is invalid in JSON input\n")


def test_names_that_only_v5_protects_and_empty_user_ids_are_no_concern_of_an_old_caller(service: Service) -> None:
    reply = create(service, userId="", userDataInJWT={"sub": "x", "exp": 1})
    assert reply["session"]["userId"] == ""
    assert body_of(reply["accessToken"]["token"])["userData"] == {"sub": "x", "exp": 1}
