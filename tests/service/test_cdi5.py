# SPDX-License-Identifier: Apache-2.0
"""CDI 3.0 to 5.4: what differs among them, paths, and what is our own (docs/protocol/cdi5.md)."""

from __future__ import annotations

import re
from typing import Any

import pytest

from supertokens.engine import base64url
from supertokens.engine.user_data import decode_object

from .running import Answer, Service

VERSIONS = ("3.0", "3.1", "4.0", "5.0", "5.1", "5.2", "5.3", "5.4")
SESSION = {"userId": "u", "userDataInJWT": {"role": "admin"}, "userDataInDatabase": {"d": 1}, "enableAntiCsrf": False}


def create(service: Service, version: str = "5.4", **more: Any) -> Any:
    reply = service.request("POST", "/recipe/session", SESSION | more, version=version)
    assert reply.status == 200, reply.text
    return reply.json()


def refresh(service: Service, token: str, version: str = "5.4", **more: Any) -> Answer:
    given = {"refreshToken": token, "enableAntiCsrf": False, "useDynamicSigningKey": True, **more}
    return service.request("POST", "/recipe/session/refresh", given, version=version)


def verify(service: Service, token: str, version: str = "5.4", **more: Any) -> Answer:
    given = {"accessToken": token, "doAntiCsrfCheck": False, "enableAntiCsrf": False, "checkDatabase": False, **more}
    return service.request("POST", "/recipe/session/verify", given, version=version)


def header_of(token: str) -> Any:
    return decode_object(base64url.decode(token.split(".")[0]))


def test_members_that_other_cores_do_not_know_go_to_those_only_that_ask_for_them(service: Service) -> None:
    more = {"tellsMore": True}
    for asked, told in (({}, set()), (more, {"remember"})):
        created = create(service, remember=False, **asked)
        refreshed = refresh(service, created["refreshToken"]["token"], **asked).json()
        verified = verify(service, refreshed["accessToken"]["token"], **asked).json()
        again = verify(service, verified["accessToken"]["token"], **asked).json()
        query = {"sessionHandle": created["session"]["handle"], **({"tellsMore": "true"} if asked else {})}
        found = service.request("GET", "/recipe/session", version="5.4", query=query).json()
        for reply in (created, refreshed, found):
            assert reply.keys() & {"remember", "cookiesUntil"} == told
            assert reply.get("remember", False) is False
        assert verified.keys() & {"remember", "cookiesUntil"} == (told | {"cookiesUntil"} if told else set())
        assert "cookiesUntil" not in again, "without a new token there is no cookie to set"
        token = created["refreshToken"]
        assert token["expiry"] == token["createdTime"] + 86_400_000


@pytest.mark.parametrize("version", VERSIONS)
def test_replies_have_the_members_of_their_version_in_order(service: Service, version: str) -> None:
    user = ["userId"] if version in ("3.0", "3.1") else ["userId", "recipeUserId"]
    created = create(service, version)
    assert list(created) == ["session", "accessToken", "refreshToken", "status"]
    assert list(created["session"]) == ["handle", *user, "userDataInJWT", "tenantId"]
    assert list(created["accessToken"]) == list(created["refreshToken"]) == ["token", "expiry", "createdTime"]
    assert header_of(created["accessToken"]["token"])["version"] == "5"
    refreshed = refresh(service, created["refreshToken"]["token"], version).json()
    assert list(refreshed) == ["session", "accessToken", "refreshToken", "status"]
    verified = verify(service, refreshed["accessToken"]["token"], version).json()
    assert list(verified) == ["session", "accessToken", "status"]
    theft = refresh(service, created["refreshToken"]["token"], version, client="another").json()
    assert list(theft) == ["status", "session"]
    assert list(theft["session"]) == ["handle", "userId", "recipeUserId"], "in all of them, as the reference does"
    found = service.request(
        "GET", "/recipe/session", version=version, query={"sessionHandle": created["session"]["handle"]}
    ).json()
    assert list(found) == [
        "sessionHandle", *user, "userDataInDatabase", "expiry", "userDataInJWT", "timeCreated", "status", "tenantId"
    ]  # fmt: skip


@pytest.mark.parametrize("version", VERSIONS)
def test_from_5_0_on_a_refresh_has_to_say_which_kind_of_key_signs(service: Service, version: str) -> None:
    given = {"refreshToken": "x", "enableAntiCsrf": False}
    reply = service.request("POST", "/recipe/session/refresh", given, version=version)
    if version < "5.0":
        assert reply.json()["status"] == "UNAUTHORISED"
    else:
        assert reply.text == "Field name 'useDynamicSigningKey' is invalid in JSON input\n"


def test_paths_may_be_prefixed_by_the_public_app_and_tenant_and_end_in_one_slash(service: Service) -> None:
    for prefix in ("", "/public", "/appid-public", "/appid-public/public"):
        for ending in ("", "/"):
            reply = service.request("POST", f"{prefix}/recipe/session{ending}", SESSION)
            assert reply.status == 200, prefix
    for path in ("/public/hello", "/public", "/appid-public/public/", "/appid-public"):
        assert service.request("GET", path).text == "Hello\n"


@pytest.mark.parametrize(
    "path",
    ["/t1/recipe/session", "/appid-a1/recipe/session", "/appid-a1/t1/recipe/session", "/appid-public/t1/hello/"],
)
def test_other_apps_and_tenants_are_unknown(service: Service, path: str) -> None:
    reply = service.request("POST", path, SESSION)
    assert reply.status == 400
    assert reply.text.startswith("AppId or tenantId not found => ")


@pytest.mark.parametrize(
    "path",
    [
        "/a/b/recipe/session",
        "/public/appid-public/recipe/session",
        "/a%20b/recipe/session",
        "/recipe",
        "/t1",
        "/appid-a1",
    ],
)
def test_what_is_no_prefix_is_an_unknown_path(service: Service, path: str) -> None:
    assert service.request("POST", path, SESSION).text == "Not found\n"


def test_there_are_no_users_here(service: Service) -> None:
    reply = service.request("GET", "/user/id", query={"userId": "u"})
    assert reply.text == '{"status":"UNKNOWN_USER_ID_ERROR"}\n'
    assert service.request("GET", "/user/id").text == "Field name 'userId' is missing in GET request\n"


def test_the_key_set_is_public_and_says_how_long_it_may_be_kept(service: Service) -> None:
    for path in ("/.well-known/jwks.json", "/appid-public/.well-known/jwks.json"):
        reply = service.request("GET", path, version=None)
        found = re.fullmatch(r"max-age=(\d+), must-revalidate", reply.headers["cache-control"])
        assert found is not None
        assert 1 <= int(found[1]) <= 24 * 3600
        dynamic, static = reply.json()["keys"]
        assert list(dynamic) == ["kty", "kid", "n", "e", "alg", "use"]
        assert (dynamic["kid"][:2], static["kid"][:2]) == ("d-", "s-")
    assert service.request("GET", "/recipe/jwt/jwks").json() == {"keys": [dynamic, static], "status": "OK"}


def test_the_asked_for_kind_of_key_signs_from_create_and_refresh_on(service: Service) -> None:
    created = create(service, useDynamicSigningKey=False)
    assert header_of(created["accessToken"]["token"])["kid"].startswith("s-")
    refreshed = refresh(service, created["refreshToken"]["token"]).json()
    assert header_of(refreshed["accessToken"]["token"])["kid"].startswith("d-")


def test_a_payload_with_protected_names_is_refused(service: Service) -> None:
    protected = {"userDataInJWT": {"sub": "x"}}
    created = create(service)
    handle, token = created["session"]["handle"], created["accessToken"]["token"]
    for method, path, body in (
        ("POST", "/recipe/session", SESSION | protected),
        ("POST", "/recipe/session/regenerate", {"accessToken": token, **protected}),
        ("PUT", "/recipe/jwt/data", {"sessionHandle": handle, **protected}),
    ):
        reply = service.request(method, path, body)
        assert (reply.status, reply.text) == (400, "The user payload contains protected field\n")


@pytest.mark.parametrize("version", VERSIONS)
def test_the_recipe_users_claim_is_protected_since_tokens_have_it(service: Service, version: str) -> None:
    protected = {"userDataInJWT": {"rsub": "x", "role": "admin"}}
    reply = service.request("POST", "/recipe/session", SESSION | protected, version=version)
    if version >= "4.0":
        assert (reply.status, reply.text) == (400, "The user payload contains protected field\n")
        return
    created = reply.json()
    assert created["session"]["userDataInJWT"] == {"rsub": "x", "role": "admin"}
    token = created["accessToken"]["token"]
    claims = decode_object(base64url.decode(token.split(".")[1]))
    assert (claims["rsub"], claims["role"]) == ("u", "admin"), "ours are V5, whose own claim it is"
    assert verify(service, token, version).json()["session"]["userDataInJWT"] == {"role": "admin"}
    handle = {"sessionHandle": created["session"]["handle"]}
    assert service.request("PUT", "/recipe/jwt/data", handle | protected, version=version).json() == {"status": "OK"}
    renewed = service.request(
        "POST", "/recipe/session/regenerate", {"accessToken": token, **protected}, version=version
    )
    assert renewed.json()["status"] == "OK"


def test_nulls_are_kept(service: Service) -> None:
    payload = {"a": None, "b": {"c": None}}
    created = create(service, userDataInJWT=payload)
    assert created["session"]["userDataInJWT"] == payload
    assert verify(service, created["accessToken"]["token"]).json()["session"]["userDataInJWT"] == payload


def test_within_the_grace_period_one_client_gets_one_child_and_another_is_told_apart(service: Service) -> None:
    token = create(service)["refreshToken"]["token"]
    first = refresh(service, token, client="firefox").json()
    again = refresh(service, token, client="firefox").json()
    assert again["refreshToken"]["token"] == first["refreshToken"]["token"]
    other = refresh(service, token, client="curl").json()
    assert other["refreshToken"]["token"] != first["refreshToken"]["token"], "a sibling, minted for somebody else"


def test_anti_csrf_counts_where_the_request_enables_it_and_is_required_on_refresh(service: Service) -> None:
    created = create(service, enableAntiCsrf=True)
    assert list(created) == ["session", "accessToken", "refreshToken", "antiCsrfToken", "status"]
    token, value = created["accessToken"]["token"], created["antiCsrfToken"]
    check = {"enableAntiCsrf": True, "doAntiCsrfCheck": True}
    assert verify(service, token, **check).json()["status"] == "TRY_REFRESH_TOKEN"
    assert verify(service, token, **check, antiCsrfToken=value).json()["status"] == "OK"
    assert verify(service, token, doAntiCsrfCheck=True).json()["status"] == "OK"
    text = created["refreshToken"]["token"]
    assert refresh(service, text, enableAntiCsrf=True).json()["status"] == "UNAUTHORISED"
    assert refresh(service, text, enableAntiCsrf=True, antiCsrfToken=value).json()["status"] == "OK"


def test_a_refresh_token_is_authenticated_without_a_look_at_its_session(service: Service) -> None:
    created = create(service)
    handle, text = created["session"]["handle"], created["refreshToken"]["token"]

    def authenticate(token: str) -> Any:
        return service.request("POST", "/recipe/session/refresh/authenticate", {"refreshToken": token}).json()

    assert authenticate(text) == {"status": "OK", "handle": handle, "serial": 1}
    service.request("POST", "/recipe/session/remove", {"sessionHandles": [handle]})
    assert authenticate(text)["status"] == "OK"
    assert authenticate(text[:-4] + "AAAA")["status"] == "UNAUTHORISED"


def test_sessions_are_listed_page_by_page_oldest_first(service: Service) -> None:
    handles = [create(service, userId="lists")["session"]["handle"] for _ in range(3)]

    def page(**fields: Any) -> Any:
        return service.request("POST", "/recipe/session/list", {"userId": "lists", **fields})

    whole = page(limit=1000).json()
    assert whole["status"] == "OK"
    assert sorted(each["handle"] for each in whole["sessions"]) == sorted(handles)
    first = whole["sessions"][0]
    known = service.request("GET", f"/recipe/session?sessionHandle={first['handle']}").json()
    assert first == {
        "handle": first["handle"],
        "timeCreated": known["timeCreated"],
        "timeRefreshed": None,
        "expiry": known["expiry"],
        "timeSeen": known["timeCreated"],
        "remember": True,
        "userAgent": None,
        "address": None,
    }
    assert page(limit=1).json()["sessions"] == [first]
    behind = {"afterTimeCreated": first["timeCreated"], "afterSessionHandle": first["handle"]}
    assert page(limit=9, **behind).json()["sessions"] == whole["sessions"][1:]
    assert page(limit=1, **behind).json()["sessions"] == whole["sessions"][1:2]
    for wrong in ({}, {"limit": 0}, {"limit": -1}, {"limit": 1001}, {"limit": "9"}, {"limit": True}, {"limit": 1.0}):
        refused = page(**wrong)
        assert (refused.status, refused.text) == (400, "Field name 'limit' is invalid in JSON input\n"), wrong


def test_remove_takes_one_selector_and_flags_with_a_user_only(service: Service) -> None:
    created = create(service, userId="remove")

    def remove(**given: Any) -> str:
        return service.request("POST", "/recipe/session/remove", given).text

    one = "Invalid JSON input - use one of userId or sessionHandles array\n"
    assert remove() == one
    assert remove(userId="remove", sessionHandles=[]) == one
    for flag in ("revokeAcrossAllTenants", "revokeSessionsForLinkedAccounts"):
        only = f"Invalid JSON input - {flag} can only be set if userId is set\n"
        assert remove(sessionHandles=[], **{flag: True}) == only
    handle = created["session"]["handle"]
    assert remove(sessionHandles=["nope", handle]) == f'{{"status":"OK","sessionHandlesRevoked":["{handle}"]}}\n'
    assert remove(userId="remove", revokeAcrossAllTenants=True) == '{"status":"OK","sessionHandlesRevoked":[]}\n'


def test_the_families_share_sessions_and_each_gets_tokens_of_its_own_version(service: Service) -> None:
    modern = create(service, userId="mixed")
    given = {"refreshToken": modern["refreshToken"]["token"]}
    old = service.request("POST", "/session/refresh", given, version="2.3").json()
    v2 = old["accessToken"]["token"]
    assert header_of(v2.replace("=", ""))["version"] == "2"
    renewed = verify(service, v2).json()["accessToken"]["token"]
    assert renewed.split(".")[0] == v2.split(".")[0], "verify keeps the version that it was shown"
    v5 = refresh(service, old["refreshToken"]["token"]).json()["accessToken"]["token"]
    given = {"accessToken": v5, "doAntiCsrfCheck": False}
    renewed = service.request("POST", "/session/verify", given, version="2.3").json()["accessToken"]["token"]
    assert header_of(renewed)["version"] == "5"
    handles = service.request("GET", "/session/user", version="2.3", query={"userId": "mixed"}).json()["sessionHandles"]
    assert handles == [modern["session"]["handle"]]
    regenerated = service.request("POST", "/recipe/session/regenerate", {"accessToken": v2, "userDataInJWT": {"n": 1}})
    assert regenerated.json()["accessToken"]["token"].split(".")[0] == v2.split(".")[0]


def test_a_payload_that_was_let_in_comes_out_again_however_large(service: Service) -> None:
    """The service judges no sizes but that of a body (docs/limits.md): it mints no token that it refuses."""
    payload = {"text": "x" * 1_000_000}
    created = create(service, userDataInJWT=payload)
    verified = verify(service, created["accessToken"]["token"]).json()
    assert (verified["status"], verified["session"]["userDataInJWT"]) == ("OK", payload)
    refreshed = refresh(service, created["refreshToken"]["token"]).json()
    assert verify(service, refreshed["accessToken"]["token"], checkDatabase=True).json()["status"] == "OK"
