# SPDX-License-Identifier: Apache-2.0
"""A core that is not ours: it speaks 5.x, spells its headers otherwise, and knows nothing of our extensions."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import parse_qsl

import pytest

from supertokens.config import Config
from supertokens.core.export import exported_sessions
from supertokens.engine import base64url
from supertokens.engine.access_token import AccessToken, claims_of
from supertokens.engine.refresh_token import id_refresh_value
from supertokens.engine.signing_keys import SigningKey, generate_signing_material
from supertokens.errors import SuperTokensGeneralError, SuperTokensUnauthorisedError
from supertokens.remote import RemoteCore, listing
from supertokens.testing import FakeClock

from .faulty import FaultyHost, Request, reply

HANDLE = "7b0aa0a2-3f4c-4f0e-8a43-0123456789ab"
OPAQUE = "p2q8/+4=.1b16b1df538ba12dc3f97edbb85caa7050d46c148134290feba80f8236c83db9.V2"


class OriginalCore:
    def __init__(self, clock: FakeClock) -> None:
        self.key = SigningKey(f"d-{clock()}", clock(), generate_signing_material())
        self.clock = clock
        self.payload = {"role": "admin", "nothing": None}
        self.changes: dict[str, Any] = {}
        """Of the replies about sessions that exist."""

    def access_token(self, parent: str | None) -> dict[str, Any]:
        now = self.clock()
        token = AccessToken(
            version="5",
            handle=HANDLE,
            user_id="user",
            refresh_token_hash="ab" * 32,
            parent_refresh_token_hash=parent,
            anti_csrf_token=None,
            jwt_payload=self.payload,
            created_at=now,
            expires_at=now + 3_600_000,
        )
        header = f'{{"kid":"{self.key.kid}","typ":"JWT","version":"5","alg":"RS256"}}'
        claims = json.dumps({**claims_of(token), "iss": "https://api.example/auth"})
        signed = f"{base64url.encode(header.encode())}.{base64url.encode(claims.encode())}"
        text = f"{signed}.{base64url.encode(self.key.sign(signed.encode()))}"
        return {"token": text, "expiry": token.expires_at, "createdTime": now}

    def __call__(self, request: Request) -> bytes:
        session = {
            "handle": HANDLE, "userId": "user", "recipeUserId": "user", "userDataInJWT": self.payload,
            "tenantId": "public",
        }  # fmt: skip
        opaque = {"token": OPAQUE, "expiry": self.clock() + 10**9, "createdTime": self.clock()}
        if request.path == "/.well-known/jwks.json":
            return reply(
                {"keys": [self.key.jwk(), {"kty": "EC", "kid": "s-x"}]}, headers="Cache-Control: max-age=60\r\n"
            )
        if request.path == "/recipe/session":
            return reply({
                "session": session, "accessToken": self.access_token(None), "refreshToken": opaque, "status": "OK",
            })  # fmt: skip
        if request.path == "/recipe/session/refresh":
            return reply({
                "session": session, "accessToken": self.access_token("cd" * 32), "refreshToken": opaque, "status": "OK",
            })  # fmt: skip
        if request.path == "/recipe/session/verify":
            return reply({"session": session, "accessToken": self.access_token(None), "status": "OK", **self.changes})
        if request.path == "/recipe/session/regenerate":
            self.payload = request.fields["userDataInJWT"]
            return reply({"session": session, "accessToken": self.access_token(None), "status": "OK", **self.changes})
        if request.path.startswith("/recipe/session/data"):
            return reply({"status": "OK", "userDataInDatabase": {}})
        if request.path == "/recipe/session/remove":
            return reply({"status": "OK", "sessionHandlesRevoked": request.fields["sessionHandles"]})
        return reply(b"Not found", 404)


class CoreWithSessions:
    """Lists the handles of a user in no particular order, as the original core may; one has ended by now."""

    CREATED: Final = {"7": 5, "8": 3, "9": 9, "6": 3}

    def __call__(self, request: Request) -> bytes:
        query = dict(parse_qsl(request.target.partition("?")[2]))
        if request.path == "/recipe/session/user":
            return reply({"status": "OK", "sessionHandles": [HANDLE.replace("7", each) for each in "57896"]})
        if request.path == "/recipe/session":
            handle = query["sessionHandle"]
            if handle[0] not in self.CREATED:
                return reply({"status": "UNAUTHORISED", "message": "it has ended"})
            return reply({
                "status": "OK", "sessionHandle": handle, "userId": "ada", "userDataInDatabase": {}, "userDataInJWT": {},
                "expiry": 10**9, "timeCreated": self.CREATED[handle[0]],
            })  # fmt: skip
        return reply(b"Not found", 404)


def test_the_sessions_of_a_core_that_has_no_lists_are_listed_in_order_all_the_same() -> None:
    with FaultyHost(CoreWithSessions()) as host:
        core = RemoteCore(Config(hosts=host.url))
        listed = core.sessions("ada")
        assert [each.handle[0] for each in listed] == ["6", "8", "7", "9"]
        assert [(each.user_id, each.created_at, each.refreshed_at, each.expires_at) for each in listed] == [
            ("ada", created_at, None, 10**9) for created_at in (3, 3, 5, 9)
        ]
        assert core.sessions("ada", after=listed[0].cursor, limit=2) == listed[1:3]


def test_a_long_list_is_read_in_pages_and_no_longer_than_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "_MAX_PAGE", 3)
    sessions = [
        {"handle": HANDLE[:-1] + str(number), "timeCreated": number // 2, "timeRefreshed": None, "expiry": 9}
        for number in range(6)
    ]

    def answer(request: Request) -> bytes:
        after = request.fields.get("afterSessionHandle")
        known = [
            each
            for each in sessions
            if after is None or (each["timeCreated"], each["handle"]) > (request.fields["afterTimeCreated"], after)
        ]
        return reply({"status": "OK", "sessions": known[: request.fields["limit"]]})

    with FaultyHost(answer) as host:
        core = RemoteCore(Config(hosts=host.url))
        core.sessions("nobody", limit=1)
        for limit, pages in ((None, [3, 3, 3]), (6, [3, 3]), (5, [3, 2]), (3, [3]), (1, [1]), (0, [])):
            host.requests.clear()
            listed = core.sessions("ada", limit=limit)
            assert [each.handle for each in listed] == [each["handle"] for each in sessions[:limit]]
            assert [request.fields["limit"] for request in host.requests] == pages


def test_a_list_of_a_core_that_begins_anew_again_and_again_is_an_error() -> None:
    def answer(request: Request) -> bytes:
        assert request.path == "/recipe/session/list"
        session = {"handle": HANDLE, "timeCreated": 5, "timeRefreshed": None, "expiry": 9}
        return reply({"status": "OK", "sessions": [session] * request.fields["limit"]})

    with FaultyHost(answer) as host:
        core = RemoteCore(Config(hosts=host.url))
        assert len(core.sessions("ada", limit=3)) == 3
        with pytest.raises(SuperTokensGeneralError, match="has no end"):
            core.sessions("ada")


def test_sessions_work_with_a_core_that_is_not_ours() -> None:
    clock = FakeClock()
    with FaultyHost(OriginalCore(clock)) as host:
        core = RemoteCore(Config(hosts=host.url), clock=clock)
        issued = core.create_session("user", {"role": "admin", "nothing": None}, {}, anti_csrf=False)
        assert issued.id_refresh_token.text == id_refresh_value(OPAQUE)
        host.requests.clear()
        for _ in range(3):
            payload = core.verify(issued.access_token.text, check_anti_csrf=False).jwt_payload
            assert payload == {"role": "admin", "nothing": None, "iss": "https://api.example/auth"}
        assert [request.path for request in host.requests] == ["/.well-known/jwks.json"]
        child = core.refresh(issued.refresh_token.text, anti_csrf=False, anti_csrf_mode="if_sent", client="x")
        first = core.verify(child.access_token.text, check_anti_csrf=False, client="x")
        assert first.new_access_token is not None
        core.verify(first.new_access_token.text, check_anti_csrf=False)
        assert core.regenerate(first.new_access_token.text, {"n": 1}).new_access_token is not None
        assert core.authentic_refresh_token(OPAQUE) is None, "it cannot be asked"
        paths = [request.path for request in host.requests[1:]]
        verbs = ["refresh", "verify", "regenerate", "refresh/authenticate"]
        assert paths == [f"/recipe/session/{verb}" for verb in verbs]


def test_a_core_that_would_remember_what_was_not_to_be_remembered_gets_its_session_revoked() -> None:
    clock = FakeClock()
    with FaultyHost(OriginalCore(clock)) as host:
        core = RemoteCore(Config(hosts=host.url), clock=clock)
        assert core.create_session("user", {}, {}, anti_csrf=False).remember is True
        host.requests.clear()
        with pytest.raises(SuperTokensGeneralError, match="remember=False"):
            core.create_session("user", {}, {}, anti_csrf=False, remember=False)
        created, removed = host.requests
        assert (created.path, removed.path) == ("/recipe/session", "/recipe/session/remove")
        assert removed.fields["sessionHandles"] == [HANDLE]


def test_a_core_without_versions_of_the_data_changes_none_by_a_function() -> None:
    clock = FakeClock()
    with FaultyHost(OriginalCore(clock)) as host:
        core = RemoteCore(Config(hosts=host.url), clock=clock)
        with pytest.raises(SuperTokensGeneralError, match="by a function"):
            core.stored_session_data(HANDLE)


def test_a_core_that_cannot_renew_or_confirm_a_session_is_named_and_nothing_is_lost() -> None:
    clock = FakeClock()
    with FaultyHost(OriginalCore(clock)) as host:
        core = RemoteCore(Config(hosts=host.url), clock=clock)
        issued = core.create_session("user", {}, {}, anti_csrf=False)
        for verb in (lambda: core.renew_session(HANDLE, anti_csrf=False), lambda: core.confirm_session(HANDLE)):
            with pytest.raises(SuperTokensGeneralError, match="it is the original core"):
                verb()
        assert core.verify(issued.access_token.text, check_anti_csrf=False).handle == HANDLE
        assert core.renewal_terms() is None, "so that `renewal: server` is refused"


def test_a_core_that_does_not_replace_sessions_is_asked_to_revoke_them() -> None:
    clock, other = FakeClock(), HANDLE.replace("7", "8")
    with FaultyHost(OriginalCore(clock)) as host:
        core = RemoteCore(Config(hosts=host.url), clock=clock)
        core.create_session("user", {}, {}, anti_csrf=False, replaces=[other])
        created, removed = host.requests
        assert (created.path, removed.path) == ("/recipe/session", "/recipe/session/remove")
        assert removed.fields["sessionHandles"] == [other]


def test_a_core_that_notes_no_clients_forgets_none_and_its_sessions_are_exported_as_far_as_it_tells() -> None:
    with FaultyHost(CoreWithSessions()) as host:
        core = RemoteCore(Config(hosts=host.url))
        with pytest.raises(SuperTokensGeneralError, match="it is the original core"):
            core.forget_clients("ada")
        exported = list(exported_sessions(core, "ada"))
        assert [each["handle"][0] for each in exported] == ["6", "8", "7", "9"]
        assert {(each["user_agent"], each["address"], each["last_seen_at"]) for each in exported} == {
            (None, None, None)
        }


@pytest.mark.parametrize("verb", ["verify", "regenerate"])
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"session": {"handle": HANDLE.replace("7", "8"), "userId": "user", "userDataInJWT": {}}}, "another session"),
        ({"accessToken": {"token": "a.b.c", "expiry": 2, "createdTime": 1}}, "is invalid"),
    ],
    ids=["session", "token"],
)
def test_a_reply_about_another_session_or_with_no_access_token_is_an_error(
    verb: str, changes: dict[str, Any], message: str
) -> None:
    clock = FakeClock()
    original = OriginalCore(clock)
    with FaultyHost(original) as host:
        core = RemoteCore(Config(hosts=host.url), clock=clock)
        text = core.create_session("user", {}, {}, anti_csrf=False).access_token.text
        verbs: dict[str, Callable[[], Any]] = {
            "verify": lambda: core.verify(text, check_anti_csrf=False, check_database=True),
            "regenerate": lambda: core.regenerate(text, {}),
        }
        verbs[verb]()
        original.changes = changes
        with pytest.raises(SuperTokensGeneralError, match=message):
            verbs[verb]()


def test_a_forged_token_never_reaches_a_core_that_would_believe_it() -> None:
    """The original's regenerate verifies no signature (docs/protocol/cdi2.md#regenerate)."""
    clock = FakeClock()
    with FaultyHost(OriginalCore(clock)) as host:
        core = RemoteCore(Config(hosts=host.url), clock=clock)
        text = core.create_session("user", {}, {}, anti_csrf=False).access_token.text
        header, body, signature = text.split(".")
        host.requests.clear()
        for forged in (f"{header}.{body}.{'A' * len(signature)}", f"{header}.{body}x.{signature}", "a.b.c"):
            with pytest.raises(SuperTokensUnauthorisedError):
                core.regenerate(forged, {"role": "root"})
        assert [request.path for request in host.requests] == ["/.well-known/jwks.json"]
