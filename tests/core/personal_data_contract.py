# SPDX-License-Identifier: Apache-2.0
"""What is kept of a user's sessions, handed out and taken away, wherever the core runs: a part of `CoreContract`."""

from __future__ import annotations

import json
from typing import Any

import pytest

from supertokens.core import Core
from supertokens.core.everybody import revoke_others
from supertokens.core.export import exported_sessions
from supertokens.engine.noted_client import NOTHING_NOTED, NotedClient
from supertokens.errors import SuperTokensUnauthorisedError
from supertokens.testing import FakeClock

from .verbs import PAYLOAD, create, refresh, verify

__all__ = ["PersonalDataContract"]

PHONE = NotedClient("Phone \u00fc", "192.0.2.7")


def exported(core: Core, user_id: str = "user") -> list[dict[str, Any]]:
    return list(exported_sessions(core, user_id))


class PersonalDataContract:
    def test_an_export_has_all_that_is_known_of_each_session_and_no_secret(self, core: Core, clock: FakeClock) -> None:
        created_at = clock()
        first = create(core, noted=PHONE, remember=False, anti_csrf=True)
        clock.advance(minutes=1)
        second = create(core)
        core.create_session("grace", {}, {}, anti_csrf=False, noted=PHONE)
        clock.advance(minutes=1)
        child = refresh(core, first, anti_csrf=True, anti_csrf_token=first.anti_csrf_token)
        clock.advance(minutes=1)
        verify(core, child)
        core.confirm_session(first.handle)
        noted, plain = exported(core)
        assert noted == {
            "handle": first.handle,
            "user_id": "user",
            "created_at": created_at,
            "refreshed_at": clock() - 60_000,
            "last_seen_at": clock(),
            "expires_at": core.session(first.handle).expires_at,
            "auth_time": clock(),
            "remember": False,
            "user_agent": PHONE.user_agent,
            "address": PHONE.address,
            "jwt_payload": PAYLOAD,
            "session_data": {"cart": [1, 2]},
        }
        assert (plain["handle"], plain["user_agent"], plain["address"]) == (second.handle, None, None)
        text = json.dumps([noted, plain])
        for each in (first, second, child):
            secrets = (each.access_token.text, each.refresh_token.text, each.id_refresh_token.text)
            assert not any(secret in text for secret in (*secrets, each.anti_csrf_token or secrets[0]))

    def test_an_export_of_many_goes_on_from_page_to_page_and_leaves_out_what_ends_meanwhile(
        self, core: Core, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("supertokens.core.export._SESSIONS_AT_ONCE", 2)
        handles = []
        for _ in range(5):
            handles.append(create(core).handle)
            clock.advance(seconds=1)
        assert [each["handle"] for each in exported(core)] == handles
        going_on = exported_sessions(core, "user")
        next(going_on)
        core.revoke_sessions([handles[1], handles[3]])
        assert [each["handle"] for each in going_on] == [handles[2], handles[4]]

    @pytest.mark.parametrize("user_id", ["nobody", "", "\ud800"])
    def test_of_a_user_without_sessions_there_is_nothing(self, core: Core, user_id: str) -> None:
        assert exported(core, user_id) == []
        assert core.forget_clients(user_id) == []

    def test_clients_are_forgotten_of_one_user_and_nobody_is_logged_out(self, core: Core, clock: FakeClock) -> None:
        first, second, plain = create(core, noted=PHONE), create(core, noted=NotedClient("x", None)), create(core)
        other = core.create_session("grace", {}, {}, anti_csrf=False, noted=PHONE)
        pending = refresh(core, second, client="x", noted=NotedClient("x", None))
        before = {each["handle"]: each for each in exported(core)}
        assert sorted(core.forget_clients("user")) == sorted([first.handle, second.handle])
        assert {each.client for each in core.sessions("user")} == {NOTHING_NOTED}
        assert core.sessions("grace")[0].client == PHONE
        blank = {"user_agent": None, "address": None}
        assert {each["handle"]: each for each in exported(core)} == {
            handle: known | blank for handle, known in before.items()
        }, "all else is as it was"
        assert core.forget_clients("user") == [], "there is nothing left to forget"
        assert refresh(core, second, client="x").refresh_token.text == pending.refresh_token.text, "the child repeats"
        for each in (first, pending, plain, other):
            verify(core, refresh(core, each))

    def test_a_refresh_after_it_notes_what_it_is_given(self, core: Core) -> None:
        issued = create(core, noted=PHONE)
        core.forget_clients("user")
        refresh(core, issued)
        assert core.sessions("user")[0].client == NOTHING_NOTED
        refresh(core, issued, noted=PHONE, client="another")
        assert core.sessions("user")[0].client == PHONE

    def test_all_other_sessions_end_and_none_by_the_word_of_one_that_has_ended(self, core: Core) -> None:
        kept, ended, third = create(core), create(core), create(core)
        other = core.create_session("grace", {}, {}, anti_csrf=False)
        core.revoke_sessions([ended.handle])
        for user, spared in (("user", ended.handle), ("user", other.handle), ("grace", kept.handle), ("user", "")):
            with pytest.raises(SuperTokensUnauthorisedError):
                revoke_others(core, user, spared)
        assert sorted(core.session_handles("user")) == sorted([kept.handle, third.handle])
        assert revoke_others(core, "user", kept.handle) == [third.handle]
        assert core.session_handles("user") == [kept.handle]
        assert core.session_handles("grace") == [other.handle]
