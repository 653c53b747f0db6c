# SPDX-License-Identifier: Apache-2.0
"""Pages without scripts: the server renews (`renewal: server`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

import flask
import pytest
from werkzeug.test import TestResponse

from supertokens.config import Config, ConfigError
from supertokens.core import Event
from supertokens.flask import (
    Session,
    SuperTokens,
    create_new_session,
    current_session,
    get_session,
    refresh_session,
    session_refused,
    supertokens_middleware,
)
from supertokens.remote import RemoteCore
from supertokens.testing import FakeClock
from tests.service.clocked import Services

from .conftest import HEADER_MODE, LEGACY, MODERN, Client, MakeApp

GRACE_S = 10


class Monotonic:
    """Seconds of a clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def monotonic() -> Monotonic:
    return Monotonic()


@pytest.fixture
def app(make_app: MakeApp, monotonic: Monotonic) -> flask.Flask:
    app = make_app(renewal="server", access_token_validity=3600, refresh_token_rotation_grace_period=GRACE_S)
    app.extensions["supertokens"].edge.monotonic = monotonic
    return app


def pages(app: flask.Flask, clock: FakeClock) -> Client:
    """A browser without scripts that has logged in."""
    client = Client(app, clock, {})
    assert client.post("/login").status_code == 200
    return client


def sent(response: TestResponse) -> list[str]:
    return [line.split("=")[0] for line in response.headers.getlist("Set-Cookie")]


def tokens(client: Client) -> tuple[str | None, str | None]:
    return client.browser.value("sAccessToken"), client.browser.value("sRefreshToken")


def core(app: flask.Flask) -> Any:
    return app.extensions["the core"]


def test_a_log_in_sends_two_cookies_on_one_path_and_no_library_headers(app: flask.Flask, clock: FakeClock) -> None:
    response = Client(app, clock, {}).post("/login")
    assert sent(response) == ["sAccessToken", "sRefreshToken"]
    assert all("; Path=/;" in line for line in response.headers.getlist("Set-Cookie"))
    assert not {"front-token", "id-refresh-token", "Access-Control-Expose-Headers"} & set(response.headers.keys())


def test_an_expired_page_is_renewed_and_answered_in_one_go(app: flask.Flask, clock: FakeClock) -> None:
    client = pages(app, clock)
    before = tokens(client)
    clock.advance(hours=2)
    response = client.get("/me")
    assert (response.status_code, response.json["user"]) == (200, "user")  # type: ignore[index]
    assert sent(response) == ["sAccessToken", "sRefreshToken"]
    assert not set(before) & set(tokens(client))
    assert response.headers.getlist("Cache-Control") == ["no-store"]
    assert core(app).session_handles("user") != []


def test_a_post_after_the_expiry_runs_once_with_its_body(app: flask.Flask, clock: FakeClock) -> None:
    seen: list[str] = []

    @app.post("/note")
    @supertokens_middleware
    def note() -> str:
        seen.append(flask.request.form["text"])
        return "noted"

    client = pages(app, clock)
    clock.advance(hours=2)
    assert client.post("/note", {"Sec-Fetch-Site": "same-origin"}, data={"text": "hello"}).text == "noted"
    assert seen == ["hello"]
    assert client.get("/me").status_code == 200


def test_pages_outlive_their_tokens_for_as_long_as_the_session_lives(app: flask.Flask, clock: FakeClock) -> None:
    client = pages(app, clock)
    for _ in range(50):
        clock.advance(days=3)
        assert client.get("/me").status_code == 200
    assert len(core(app).session_handles("user")) == 1
    clock.advance(days=101)
    assert client.get("/me").status_code == 401


def test_parallel_requests_of_one_page_get_the_same_child(app: flask.Flask, clock: FakeClock) -> None:
    client = pages(app, clock)
    clock.advance(hours=2)
    cookies = {"Cookie": client.browser.cookie_header("/me")}
    refresh_tokens = set()
    for _ in range(30):
        response = client.get("/me", cookies)
        assert response.status_code == 200
        refresh_tokens.add(client.browser.value("sRefreshToken"))
    assert len(refresh_tokens) == 1
    assert client.get("/me").status_code == 200


def test_a_lost_response_costs_nothing(app: flask.Flask, clock: FakeClock) -> None:
    client = pages(app, clock)
    clock.advance(hours=2)
    cookies = {"Cookie": client.browser.cookie_header("/me"), "User-Agent": client.agent}
    app.test_client(use_cookies=False).get("/me", headers=cookies)
    clock.advance(hours=5)
    assert client.get("/me").status_code == 200
    assert client.get("/me").status_code == 200


def test_the_child_is_confirmed_by_its_return_only(app: flask.Flask, clock: FakeClock) -> None:
    client = pages(app, clock)
    parent = client.browser.value("sRefreshToken")
    clock.advance(hours=2)
    client.get("/me")
    assert core(app).authentic_refresh_token(client.browser.value("sRefreshToken")).serial == 2
    clock.advance(hours=1)
    again = client.get("/me", {"Cookie": f"sRefreshToken={parent}"})
    assert again.status_code == 200, "the child was never seen in use"


def test_a_stolen_refresh_cookie_is_caught(app: flask.Flask, clock: FakeClock) -> None:
    client = pages(app, clock)
    thief = Client(app, clock, {}, agent="curl")
    thief.browser.jar.update(client.browser.jar)
    clock.advance(hours=2)
    client.get("/me")
    client.get("/me")
    answer = thief.get("/me")
    assert (answer.status_code, answer.json["error"]) == (401, "token theft detected")  # type: ignore[index]
    assert core(app).session_handles("user") == []
    assert thief.browser.jar == {}


# What came in late, and what leaves late


def late_view(app: flask.Flask, monotonic: Monotonic, seconds: float) -> None:
    @app.route("/late", methods=["GET", "POST"])
    def late() -> str:
        monotonic.now += seconds
        return get_session(None, False).get_user_id()

    @app.get("/slow")
    @supertokens_middleware
    def slow() -> str:
        monotonic.now += seconds
        return str(flask.g.supertokens.get_user_id())


def test_a_late_verb_renews_nothing_and_is_served_by_the_record(
    app: flask.Flask, clock: FakeClock, monotonic: Monotonic
) -> None:
    late_view(app, monotonic, 2.6)
    client = pages(app, clock)
    clock.advance(hours=2)
    before = tokens(client)
    response = client.get("/late")
    assert (response.status_code, response.text, sent(response)) == (200, "user", [])
    assert tokens(client) == before
    assert client.get("/me").status_code == 200


def test_a_late_verb_with_a_token_long_replaced_is_refused_for_this_request_only(
    app: flask.Flask, clock: FakeClock, monotonic: Monotonic
) -> None:
    late_view(app, monotonic, 2.6)
    client = pages(app, clock)
    old = {"Cookie": client.browser.cookie_header("/late")}
    for _ in range(2):
        clock.advance(hours=2)
        client.get("/me")
        client.get("/me")
    response = app.test_client(use_cookies=False).get("/late", headers={**old, "User-Agent": client.agent})
    assert (response.status_code, sent(response)) == (401, [])
    assert core(app).session_handles("user") != [], "no theft is raised"
    page = {**old, "Accept": "text/html", "Sec-Fetch-Mode": "navigate"}
    first = app.test_client(use_cookies=False).get("/late?a=1", headers=page)
    assert (first.status_code, first.headers["Location"]) == (303, "/late?a=1&supertokens-again=1")
    assert app.test_client(use_cookies=False).get(first.headers["Location"], headers=page).status_code == 401


def test_a_refusal_of_something_shown_is_signalled_with_its_reason(
    app: flask.Flask, clock: FakeClock, monotonic: Monotonic, topology: str
) -> None:
    reasons: list[str] = []

    def listen(_: flask.Flask, event: Event) -> None:
        reasons.append(event.reason)

    session_refused.connect(listen, sender=app)
    late_view(app, monotonic, 2.6)
    client = pages(app, clock)
    old = {"Cookie": client.browser.cookie_header("/late"), "User-Agent": client.agent}
    for _ in range(2):
        clock.advance(hours=2)
        client.get("/me")
        client.get("/me")
    assert Client(app, clock, {}).get("/me").status_code == 401
    assert reasons == [], "nobody showed anything"
    assert app.test_client(use_cookies=False).get("/late", headers=old).status_code == 401
    core(app).revoke_user("user")
    clock.advance(hours=2)
    assert client.get("/me").status_code == 401
    assert reasons == ["replaced", "ended" if topology == "embedded" else ""]


def test_what_a_verb_found_leaves_in_time_only(app: flask.Flask, clock: FakeClock, monotonic: Monotonic) -> None:
    late_view(app, monotonic, 2.6)
    client = pages(app, clock)
    clock.advance(hours=2)
    response = client.get("/slow")
    assert (response.text, sent(response)) == ("user", []), "the pair is dropped"
    assert client.get("/slow").status_code == 200
    assert client.get("/me").status_code == 200
    core(app).revoke_user("user")
    clock.advance(hours=2)
    assert sent(client.get("/late")) == [], "nor is a clearing sent late"


def test_what_a_verb_was_told_leaves_always(app: flask.Flask, clock: FakeClock, monotonic: Monotonic) -> None:
    @app.post("/slow-login")
    def slow_login() -> str:
        monotonic.now += 60
        create_new_session(None, "another")
        monotonic.now += 60
        return "in"

    @app.post("/slow-logout")
    def slow_logout() -> str:
        session = get_session(None, False)
        monotonic.now += 60
        session.revoke_session()
        return "out"

    client = pages(app, clock)
    assert set(sent(client.post("/slow-login"))) == {"sAccessToken", "sRefreshToken"}
    assert client.get("/me").json["user"] == "another"  # type: ignore[index]
    clock.advance(hours=2)
    client.post("/slow-logout")
    assert client.browser.jar == {}


def test_a_payload_that_changes_in_a_renewing_request_leaves_with_the_pair_or_not_at_all(
    app: flask.Flask, clock: FakeClock, monotonic: Monotonic
) -> None:
    @app.post("/promote")
    @supertokens_middleware
    def promote() -> str:
        flask.g.supertokens.update_jwt_payload({"role": "owner"})
        monotonic.now += float(flask.request.args.get("wait", "0"))
        return "promoted"

    client = pages(app, clock)
    clock.advance(hours=2)
    response = client.post("/promote")
    assert sent(response) == ["sAccessToken", "sRefreshToken"]
    assert client.get("/me").json["payload"] == {"role": "owner"}  # type: ignore[index]
    clock.advance(hours=2)
    assert sent(client.post("/promote?wait=3")) == []
    assert client.get("/me").json["payload"] == {"role": "owner"}  # type: ignore[index]


@pytest.mark.parametrize("dialect", [{}, LEGACY, MODERN], ids=["pages", "legacy", "modern"])
def test_a_re_issued_token_goes_out_with_more_than_three_grace_periods_left(
    app: flask.Flask, clock: FakeClock, dialect: dict[str, str]
) -> None:
    """Whoever asks: a library's lock does not hold the pages beside it."""
    for left_ms, names in ((3 * GRACE_S * 1000, []), (3 * GRACE_S * 1000 + 1, ["sAccessToken"])):
        client = Client(app, clock, dialect)
        assert client.post("/login").status_code == 200
        clock.advance(hours=2)
        client.post("/session/refresh") if dialect else client.get("/me")
        token = core(app).authentic_access_token(client.browser.value("sAccessToken"))
        clock.advance(seconds=(token.expires_at - clock() - left_ms) / 1000)
        assert sent(client.get("/me")) == names


@pytest.mark.parametrize("after_ms", [-1, 0, 1])
def test_a_page_that_is_asked_for_at_the_expiry_of_its_token_is_renewed(
    app: flask.Flask, clock: FakeClock, after_ms: int
) -> None:
    """On its expiry a token is refused already (RFC 7519, 4.1.4)."""
    client = Client(app, clock, {})
    assert client.post("/login").status_code == 200
    token = core(app).authentic_access_token(client.browser.value("sAccessToken"))
    clock.now = token.expires_at + after_ms
    response = client.get("/me")
    assert response.status_code == 200
    assert ("sRefreshToken" in sent(response)) is (after_ms >= 0)


# Uploads


def test_a_large_upload_renews_nothing_and_is_served(app: flask.Flask, clock: FakeClock) -> None:
    @app.post("/upload")
    @supertokens_middleware
    def upload() -> str:
        return str(len(flask.request.get_data()))

    client = pages(app, clock)
    clock.advance(hours=1, minutes=5)
    body = b"x" * (1 << 20)
    small, large = {"data": body}, {"data": body + b"x"}
    response = client.post("/upload", **large)
    assert (response.text, sent(response)) == (str(len(body) + 1), [])
    assert sent(client.post("/upload", **small)) == ["sAccessToken", "sRefreshToken"]


def test_an_upload_of_unknown_length_renews_nothing_and_is_served(app: flask.Flask, clock: FakeClock) -> None:
    @app.post("/upload")
    @supertokens_middleware
    def upload() -> bytes:
        return flask.request.get_data()

    client = pages(app, clock)
    clock.advance(hours=1, minutes=5)
    in_parts = {"wsgi.input": BytesIO(b"in parts"), "wsgi.input_terminated": True, "CONTENT_LENGTH": ""}
    response = client.post("/upload", {"Transfer-Encoding": "chunked"}, environ_overrides=in_parts)
    assert (response.text, sent(response)) == ("in parts", [])


# Which cookies count


def test_an_access_token_alone_counts_only_while_its_record_exists(app: flask.Flask, clock: FakeClock) -> None:
    client = pages(app, clock)
    alone = {"Cookie": f"sAccessToken={client.browser.value('sAccessToken')}"}
    assert client.get("/me", alone).status_code == 200
    core(app).revoke_user("user")
    assert client.get("/me", alone).status_code == 401


def test_an_access_token_beside_another_sessions_refresh_token_is_as_if_absent(
    app: flask.Flask, clock: FakeClock
) -> None:
    one, other = pages(app, clock), Client(app, clock, {})
    other.post("/login?user=other")
    mixed = f"sAccessToken={one.browser.value('sAccessToken')}; sRefreshToken={other.browser.value('sRefreshToken')}"
    assert one.get("/me", {"Cookie": mixed}).json["user"] == "other"  # type: ignore[index]


def test_without_a_refresh_cookie_an_expired_page_is_try_refresh_and_nothing_is_deleted(
    app: flask.Flask, clock: FakeClock
) -> None:
    client = pages(app, clock)
    alone = {"Cookie": f"sAccessToken={client.browser.value('sAccessToken')}"}
    clock.advance(hours=2)
    response = client.get("/me", alone)
    assert (response.json["error"], sent(response)) == ("try refresh token", [])  # type: ignore[index]


@pytest.mark.parametrize("broken", ["garbage", "a.b.c", ""])
def test_an_access_cookie_that_is_garbage_is_renewed(app: flask.Flask, clock: FakeClock, broken: str) -> None:
    client = pages(app, clock)
    cookies = f"sAccessToken={broken}; sRefreshToken={client.browser.value('sRefreshToken')}"
    assert client.get("/me", {"Cookie": cookies}).status_code == 200


def test_a_refresh_cookie_that_is_garbage_is_as_if_absent(app: flask.Flask, clock: FakeClock) -> None:
    client = pages(app, clock)
    clock.advance(hours=2)
    for cookies in ("sRefreshToken=garbage", f"sAccessToken={client.browser.value('sAccessToken')}; sRefreshToken=x"):
        response = client.get("/me", {"Cookie": cookies})
        assert (response.json["error"], sent(response)) == ("try refresh token", [])  # type: ignore[index]


# Libraries and bearer clients beside pages


@pytest.mark.parametrize("dialect", [LEGACY, MODERN], ids=["legacy", "modern"])
def test_a_library_keeps_its_own_protocol(app: flask.Flask, clock: FakeClock, dialect: dict[str, str]) -> None:
    client = Client(app, clock, dialect)
    client.post("/login")
    clock.advance(hours=2)
    assert client.get("/me").json["error"] == "try refresh token"  # type: ignore[index]
    assert client.post("/session/refresh").status_code == 200
    assert client.get("/me").status_code == 200


def test_an_older_library_that_has_no_part_in_a_pages_session_is_renewed_like_a_page(
    app: flask.Flask, clock: FakeClock
) -> None:
    client = pages(app, clock)
    clock.advance(hours=2)
    response = client.get("/me", LEGACY)
    assert (response.status_code, sent(response)) == (200, ["sAccessToken", "sRefreshToken"])


@pytest.mark.parametrize("dialect", [LEGACY, MODERN], ids=["legacy", "modern"])
def test_the_refresh_api_rotates_nothing_beside_a_living_token(
    app: flask.Flask, clock: FakeClock, dialect: dict[str, str]
) -> None:
    client = Client(app, clock, dialect)
    client.post("/login")
    before = tokens(client)
    response = client.post("/session/refresh")
    assert (response.status_code, sent(response), tokens(client)) == (200, [], before)
    assert response.headers.get("front-token")
    assert bool(response.headers.get("id-refresh-token")) is (dialect is LEGACY)
    core(app).revoke_user("user")
    assert client.post("/session/refresh").status_code == 401
    assert client.browser.jar == {}


def test_a_bearer_client_is_never_renewed_in_place(app: flask.Flask, clock: FakeClock) -> None:
    login = Client(app, clock, HEADER_MODE).post("/login")
    bearer = {"Authorization": f"Bearer {login.headers['st-access-token']}"}
    client, beside = Client(app, clock, {}), pages(app, clock)
    assert client.get("/me", bearer).status_code == 200
    clock.advance(minutes=61)
    assert client.get("/me", bearer).json["error"] == "try refresh token"  # type: ignore[index]
    assert beside.get("/me", bearer).json["error"] == "try refresh token"  # type: ignore[index]


# Every path through a view


def stream() -> flask.Response:
    def body() -> Iterator[str]:
        yield "streamed"

    return flask.Response(body())


def ends_itself() -> str:
    get_session(None, False).revoke_session()
    return "ended"


VIEWS: dict[str, tuple[Callable[[], Any], int]] = {
    "returns": (lambda: "text", 200),
    "aborts": (lambda: flask.abort(404), 404),
    "raises": (lambda: 1 / 0, 500),
    "redirects": (lambda: flask.redirect("/elsewhere"), 302),
    "streams": (stream, 200),
    "not modified": (lambda: ("", 304), 304),
    "no content": (lambda: ("", 204), 204),
}


@pytest.mark.parametrize("name", VIEWS)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_the_pair_leaves_however_the_view_ends(app: flask.Flask, clock: FakeClock, name: str, method: str) -> None:
    view, status = VIEWS[name]
    app.config["PROPAGATE_EXCEPTIONS"] = False
    app.add_url_rule("/view", "view", supertokens_middleware(view), methods=["GET", "POST"])
    client = pages(app, clock)
    clock.advance(hours=2)
    response = client.call(method, "/view")
    assert (response.status_code, sent(response)) == (status, ["sAccessToken", "sRefreshToken"])
    assert client.get("/me").status_code == 200


def test_an_async_view_is_renewed(app: flask.Flask, clock: FakeClock) -> None:
    @app.get("/async")
    @supertokens_middleware
    async def view() -> str:
        return str(flask.g.supertokens.get_user_id())

    client = pages(app, clock)
    clock.advance(hours=2)
    assert client.get("/async").text == "user"


def test_a_view_that_ends_or_begins_a_session_after_the_renewal_has_the_last_word(
    app: flask.Flask, clock: FakeClock
) -> None:
    app.add_url_rule("/end", "end", supertokens_middleware(ends_itself), methods=["POST"])

    @app.post("/switch")
    @supertokens_middleware
    def switch() -> str:
        create_new_session(None, "another")
        session = current_session()
        assert session is not None
        return session.get_user_id()

    client = pages(app, clock)
    clock.advance(hours=2)
    assert client.post("/switch").text == "another"
    assert client.get("/me").json["user"] == "another"  # type: ignore[index]
    clock.advance(hours=2)
    client.post("/end")
    assert client.browser.jar == {}


def test_later_verbs_of_a_request_keep_the_outcome_of_the_first(app: flask.Flask, clock: FakeClock) -> None:
    seen: list[Session] = []

    @app.get("/twice")
    @supertokens_middleware
    def twice() -> str:
        clock.advance(hours=3)
        seen.extend((get_session(None, False), get_session(None, False)))
        return "fine"

    client = pages(app, clock)
    assert client.get("/twice").status_code == 200
    clock.advance(hours=2)
    assert client.get("/twice").status_code == 200
    assert {session.get_user_id() for session in seen} == {"user"}


def test_an_explicit_refresh_by_a_page_converges_like_a_renewal(app: flask.Flask, clock: FakeClock) -> None:
    @app.post("/own/refresh")
    def own() -> str:
        refresh_session(None)
        return "refreshed"

    client = pages(app, clock)
    clock.advance(hours=2)
    cookies = {"Cookie": client.browser.cookie_header("/")}
    one, other = client.post("/own/refresh", cookies), client.get("/me", cookies)
    assert (one.status_code, other.status_code) == (200, 200)
    assert client.get("/me").status_code == 200


def add_slow_refresh(app: flask.Flask, monotonic: Monotonic) -> None:
    """Add a refresh that changes the payload, and whose answer leaves late."""

    @app.post("/own/refresh")
    def own() -> str:
        refresh_session(None).update_jwt_payload({"role": "owner"})
        monotonic.now += 3
        return "refreshed"


def test_a_payload_that_changes_after_an_explicit_refresh_never_leaves_without_the_pair(
    app: flask.Flask, clock: FakeClock, monotonic: Monotonic
) -> None:
    add_slow_refresh(app, monotonic)
    client = pages(app, clock)
    clock.advance(hours=2)
    assert sent(client.post("/own/refresh")) == []
    assert client.get("/me").json["payload"] == {"role": "owner"}  # type: ignore[index]


@pytest.mark.parametrize("dialect", [LEGACY, MODERN], ids=["legacy", "modern"])
def test_a_payload_that_changes_in_a_librarys_slow_refresh_leaves_with_the_pair(
    app: flask.Flask, clock: FakeClock, monotonic: Monotonic, dialect: dict[str, str]
) -> None:
    add_slow_refresh(app, monotonic)
    client = Client(app, clock, dialect)
    client.post("/login")
    clock.advance(hours=2)
    assert {"sAccessToken", "sRefreshToken"} <= set(sent(client.post("/own/refresh")))
    token = core(app).authentic_access_token(client.browser.value("sAccessToken"))
    assert token.jwt_payload == {"role": "owner"}


# Start


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({"refresh_token_rotation_grace_period": 0}, "refresh_token_rotation_grace_period"),
        ({"access_token_validity": 79}, "access_token_validity"),
    ],
)
def test_settings_under_which_honest_browsers_would_be_logged_out_are_refused_at_start(
    options: dict[str, Any], key: str
) -> None:
    with pytest.raises(ConfigError, match="renewal: server") as refusal:
        SuperTokens(flask.Flask("an_app"), renewal="server", **options)
    assert refusal.value.key == key


def test_a_service_that_mints_siblings_is_refused_at_its_first_use_and_logs_nobody_in(services: Services) -> None:
    """At start it may not be there yet."""
    services.forget_sessions()
    service = services.with_settings(refresh_token_rotation_grace_period=0)
    app = flask.Flask("an_app")
    app.config["PROPAGATE_EXCEPTIONS"] = True
    SuperTokens(app, renewal="server", hosts=service.url)

    @app.post("/login")
    def login() -> str:
        create_new_session(None, "user")
        return "in"

    for _ in range(2):
        with pytest.raises(ConfigError, match="'renewal: server' cannot be combined with this core"):
            app.test_client().post("/login")
    assert RemoteCore(Config(hosts=service.url)).session_handles("user") == []
