# SPDX-License-Identifier: Apache-2.0
"""The session object that a view works with."""

from __future__ import annotations

import copy
from collections.abc import Mapping

import pytest

from supertokens.errors import SuperTokensError, SuperTokensGeneralError, SuperTokensUnauthorisedError
from supertokens.testing import FakeClock
from supertokens.transport import RequestSession, Session, Standing, verbs

from .conftest import MakeSite
from .site import Response, Site, Visitor, cookies_in, deleted_in, header_in, set_in

OUR_COOKIES = {"sAccessToken", "sIdRefreshToken", "sRefreshToken"}


def look(visitor: Visitor) -> Session:
    return verbs.verify(visitor.ask(), check_anti_csrf=False)


def test_it_tells_whose_it_is_without_asking_the_store(
    visitor: Visitor, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = look(visitor)
    for name in ("get", "get_session_data", "update", "remove", "rotate"):
        monkeypatch.setattr(site.store, name, lambda *_, **__: pytest.fail("the store was asked"))
    assert session.get_user_id() == "ada"
    assert session.get_handle() == session.get_session_handle()
    assert session.get_jwt_payload() == {"role": "admin"}
    assert session.get_access_token() == visitor.cookie("sAccessToken")


def test_it_shows_no_token_and_no_personal_datum(visitor: Visitor) -> None:
    session = look(visitor)
    for shown in (repr(session), str(session), f"{session}", str(session.__rich_repr__())):
        assert session.get_handle() in shown
        assert "ada" not in shown.replace(session.get_handle(), "")
        assert session.get_access_token() not in shown
        assert "role" not in shown


def test_the_payload_is_a_copy_of_this_objects_own(visitor: Visitor) -> None:
    visitor.log_in(payload={"deep": {"list": [1]}})
    owner = visitor.ask()
    one, other = (verbs.verify(owner, check_anti_csrf=False) for _ in range(2))
    one.get_jwt_payload()["deep"]["list"].append(2)
    assert one.get_jwt_payload() == {"deep": {"list": [1, 2]}}, "as long as nobody has changed it"
    assert other.get_jwt_payload() == {"deep": {"list": [1]}}
    assert look(visitor).get_jwt_payload() == {"deep": {"list": [1]}}


def test_a_changed_payload_is_that_of_every_object_of_the_request_from_then_on(visitor: Visitor) -> None:
    owner = visitor.ask("POST")
    one, other = (verbs.verify(owner, check_anti_csrf=False) for _ in range(2))
    given = {"roles": ["writer"]}
    one.update_jwt_payload(given)
    given["roles"].append("admin")
    for session in (one, other, verbs.verify(owner, check_anti_csrf=False)):
        assert session.get_jwt_payload() == {"roles": ["writer"]}
        assert session.get_access_token() == one.get_access_token()
    other.update_jwt_payload(None)
    assert (one.get_jwt_payload(), other.get_jwt_payload()) == ({}, {})
    assert set_in(visitor.take(owner)) == {"sAccessToken": one.get_access_token()}
    assert look(visitor).get_jwt_payload() == {}


@pytest.mark.parametrize("wrong", [{"sub": "mallory"}, {"a": "x" * 9000}, {"a": object()}, [1], "text"])
def test_a_payload_that_cannot_be_carried_changes_nothing(visitor: Visitor, site: Site, wrong: object) -> None:
    owner = visitor.ask("POST")
    session = verbs.verify(owner, check_anti_csrf=False)
    with pytest.raises((TypeError, ValueError)):
        session.update_jwt_payload(wrong)  # type: ignore[arg-type]
    assert session.get_jwt_payload() == {"role": "admin"}
    assert site.edge.jwt_payload(session.get_handle()) == {"role": "admin"}
    assert cookies_in(visitor.take(owner)) == []


def test_the_expiry_of_a_token_is_not_moved_by_a_changed_payload(visitor: Visitor, clock: FakeClock) -> None:
    """Otherwise the holder of one stolen token would live for ever."""
    for _ in range(3):
        clock.advance(minutes=19)
        owner = visitor.ask("POST")
        verbs.verify(owner, check_anti_csrf=False).update_jwt_payload({"n": clock()})
        visitor.take(owner)
    clock.advance(minutes=3)
    with pytest.raises(SuperTokensError, match="expired"):
        look(visitor)


def test_session_data_is_read_and_replaced_in_the_store(visitor: Visitor, site: Site) -> None:
    owner = visitor.ask("POST")
    session = verbs.verify(owner, check_anti_csrf=False)
    assert session.get_session_data() == {}
    session.update_session_data({"cart": [1]})
    assert session.get_session_data() == site.core.session_data(session.get_handle()) == {"cart": [1]}
    session.update_session_data(None)
    assert session.get_session_data() == {}
    with pytest.raises((TypeError, ValueError)):
        session.update_session_data({"a": float("inf")})
    assert cookies_in(visitor.take(owner)) == []


@pytest.mark.parametrize("verb", ["get_session_data", "update_session_data", "update_jwt_payload"])
def test_a_session_that_has_ended_meanwhile_is_over_for_the_request(
    site: Site, dialect: Mapping[str, str], verb: str
) -> None:
    visitor = Visitor(site, dialect)
    visitor.log_in()
    owner = visitor.ask("POST")
    session = verbs.verify(owner, check_anti_csrf=False)
    site.core.revoke_user("ada")
    with pytest.raises(SuperTokensUnauthorisedError):
        getattr(session, verb)(*([{}] if verb.startswith("update") else []))
    assert owner.standing is Standing.NONE
    with pytest.raises(SuperTokensUnauthorisedError):
        verbs.verify(owner, check_anti_csrf=False)
    assert deleted_in(visitor.take(owner)) == OUR_COOKIES


def test_a_store_that_cannot_answer_ends_no_session(
    visitor: Visitor, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = visitor.ask("POST")
    session = verbs.verify(owner, check_anti_csrf=False)

    def fail(*_: object, **__: object) -> None:
        raise SuperTokensGeneralError("the store is away")

    for name in ("get", "get_session_data", "update", "remove"):
        monkeypatch.setattr(site.store, name, fail)
    for verb in (
        session.get_session_data, session.revoke_session, lambda: session.update_jwt_payload({}),
        lambda: session.update_session_data({}),
    ):  # fmt: skip
        with pytest.raises(SuperTokensGeneralError):
            verb()
    assert owner.standing is Standing.FOUND
    assert cookies_in(visitor.take(owner)) == []


def test_it_is_revoked_everywhere_and_forgotten_here(site: Site, any_dialect: Mapping[str, str]) -> None:
    visitor = Visitor(site, any_dialect)
    owner = visitor.ask("POST", "/login")
    session = verbs.create(owner, "ada", None, None)
    session.revoke_session()
    assert site.handles() == []
    assert owner.standing is Standing.ENDED
    session.revoke_session()  # a browser that logs out is logged out, also where it was before
    headers = visitor.take(owner)
    assert set_in(headers) == {}
    assert visitor.cookies == set()
    assert "remove" in (header_in(headers, "front-token"), header_in(headers, "id-refresh-token"))
    assert header_in(headers, "st-access-token") in (None, "")


# An object of a session that another has replaced in the same request


def replaced(visitor: Visitor) -> tuple[Session, Response, RequestSession]:
    """Return the object of ada's session after bob has logged in over it, and the response of that log-in."""
    owner, response = visitor.ask("POST", "/login"), Response()
    owner.put_on(response)
    earlier = verbs.verify(owner, check_anti_csrf=False)
    verbs.create(owner, "bob", {"role": "bob"}, None)
    return earlier, response, owner


def test_a_replaced_session_stays_what_it_was(site: Site, dialect: Mapping[str, str]) -> None:
    visitor = Visitor(site, dialect)
    visitor.log_in()
    earlier, response, owner = replaced(visitor)
    token = earlier.get_access_token()
    written = copy.copy(response.headers)
    earlier.update_jwt_payload({"role": "changed"})
    assert (earlier.get_user_id(), earlier.get_jwt_payload()) == ("ada", {"role": "changed"})
    assert earlier.get_access_token() != token
    assert site.edge.jwt_payload(earlier.get_handle()) == {"role": "changed"}
    assert response.headers == written
    assert owner.answer is not None
    assert owner.answer.user_id == "bob"


@pytest.mark.parametrize("verb", ["revoke_session", "get_session_data", "update_session_data", "update_jwt_payload"])
@pytest.mark.parametrize("ended", [False, True])
def test_whatever_is_done_with_a_replaced_session_leaves_the_new_one_alone(
    site: Site, dialect: Mapping[str, str], verb: str, ended: bool
) -> None:
    visitor = Visitor(site, dialect)
    visitor.log_in()
    earlier, response, owner = replaced(visitor)
    written = copy.copy(response.headers)
    if ended:
        site.core.revoke_user("ada")
    try:
        getattr(earlier, verb)(*([{}] if verb.startswith("update") else []))
    except SuperTokensUnauthorisedError:
        assert ended
    assert (site.handles() == []) is (ended or verb == "revoke_session")
    assert response.headers == written
    visitor.take(owner)
    assert look(visitor).get_user_id() == "bob"


def test_an_object_is_good_for_as_long_as_somebody_has_it(make_site: MakeSite) -> None:
    """A view may hand it to a body that is made after the headers have left, or to a queue."""
    site = make_site()
    visitor = Visitor(site)
    visitor.log_in()
    owner = visitor.ask()
    session = verbs.verify(owner, check_anti_csrf=False)
    visitor.take(owner)
    assert session.get_session_data() == {}
    session.update_session_data({"seen": True})
    with pytest.raises(RuntimeError, match="headers have been sent"):
        session.update_jwt_payload({})
    site.core.revoke_user("ada")
    with pytest.raises(SuperTokensUnauthorisedError):
        session.get_session_data()
