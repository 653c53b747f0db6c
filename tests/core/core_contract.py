# SPDX-License-Identifier: Apache-2.0
"""What every `Core` answers, wherever it runs: `CoreContract`, for subclasses that say how to get one.

The subclass's fixtures: `make_core` (a core, without sessions, of a deployment with those keys of `Config`), `new_core`
(of a deployment that nobody else uses, its keys just made), `other_process` (another core of the same deployment),
`drop_keys` (make a new signing key, and drop the old ones, in a third process) and `clock`, which is everybody's.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from supertokens.core import Core, WouldWaitError
from supertokens.engine.access_token import verify_signature
from supertokens.engine.key_set import KeySet, read_key_set
from supertokens.engine.refresh_token import id_refresh_value
from supertokens.engine.session import VerifiedSession
from supertokens.errors import (
    SuperTokensTokenTheftError,
    SuperTokensTryRefreshTokenError,
    SuperTokensUnauthorisedError,
)
from supertokens.testing import FakeClock

from .lifetimes_contract import LifetimesContract
from .personal_data_contract import PersonalDataContract
from .verbs import PAYLOAD, MakeCore, create, kid, refresh, verify

__all__ = ["GRACE", "PAYLOAD", "CoreContract", "MakeCore", "OtherProcess", "create", "refresh", "verify"]

GRACE = 10

VALUES: list[Any] = [
    None, True, 0, -1, 2**53 + 1, 2**64 - 1, -(2**63), 1.0, -0.5, 1e300, 5e-324, "", "é\u2028\0\U0001f600\"\\", [], {},
    [None, [None]], {"": None, "a": {"b": None}},
]  # fmt: skip

OtherProcess = Callable[[Core], Core]


class CoreContract(LifetimesContract, PersonalDataContract):
    @pytest.fixture
    def core(self, make_core: MakeCore) -> Core:
        return make_core()

    def test_a_new_session_is_verified_as_what_it_was_created_as(self, core: Core) -> None:
        issued = create(core)
        verified = verify(core, issued)
        assert (verified.handle, verified.user_id, verified.jwt_payload) == (issued.handle, "user", PAYLOAD)
        assert verified.new_access_token is None
        assert core.session_data(issued.handle) == {"cart": [1, 2]}

    def test_lives_are_those_of_the_configuration(self, core: Core, clock: FakeClock) -> None:
        issued = create(core)
        assert issued.access_token.expires_at == clock() // 1000 * 1000 + 3_600_000
        assert issued.refresh_token.expires_at == clock() + 144_000 * 60_000
        assert issued.id_refresh_token.expires_at == issued.refresh_token.expires_at

    def test_an_access_token_is_refused_on_or_after_its_expiry(self, core: Core, clock: FakeClock) -> None:
        issued = create(core)
        clock.now = issued.access_token.expires_at - 1
        verify(core, issued)
        for _ in range(2):  # RFC 7519, 4.1.4: "on or after"
            clock.now += 1
            with pytest.raises(SuperTokensTryRefreshTokenError, match="expired"):
                verify(core, issued)

    def test_a_session_has_ended_on_or_after_its_expiry(self, core: Core, clock: FakeClock) -> None:
        issued = create(core)
        clock.now = issued.refresh_token.expires_at - 1
        assert core.session_handles("user") == [issued.handle]
        clock.now += 1
        assert core.session_handles("user") == []
        with pytest.raises(SuperTokensUnauthorisedError):
            refresh(core, issued)

    def test_verifies_at_once_is_true_of_what_the_token_alone_decides(self, core: Core, clock: FakeClock) -> None:
        issued = create(core)
        child = refresh(core, issued)
        verify(core, child)
        told = core.verifies_at_once
        assert told(issued.access_token.text)
        assert told(issued.access_token.text[:-4] + "AAAA"), "that it is forged is known at once too"
        assert told("x")
        assert not told(child.access_token.text), "its first use is the store's business"
        clock.now = issued.access_token.expires_at
        assert not told(issued.access_token.text), "the keys have to be read again first"
        verify(core, create(core))
        assert told(issued.access_token.text)

    def test_the_published_keys_verify_its_tokens_and_no_others(
        self, core: Core, new_core: MakeCore, clock: FakeClock
    ) -> None:
        keys, max_age_s = core.published_keys()
        assert max_age_s >= 1
        assert not {"d", "p", "q", "dp", "dq", "qi"}.intersection(*keys), "what is private stays so"
        key_set = KeySet(read_key_set(json.dumps({"keys": keys}).encode()), clock())
        issued = create(core)
        assert verify_signature(issued.access_token.text, key_set).handle == issued.handle
        with pytest.raises(SuperTokensTryRefreshTokenError):
            verify_signature(create(new_core()).access_token.text, key_set)

    def test_what_is_verified_at_once_is_verified_as_otherwise(self, core: Core, clock: FakeClock) -> None:
        issued = create(core)
        child = refresh(core, issued)
        verify(core, child)

        def at_once(token: str, value: str | None = None, *, check: bool = False) -> VerifiedSession:
            return core.verify_at_once(token, check_anti_csrf=check, anti_csrf_token=value)

        assert at_once(issued.access_token.text) == verify(core, issued)
        for forged in (issued.access_token.text[:-4] + "AAAA", "x", child.refresh_token.text):
            with pytest.raises(SuperTokensTryRefreshTokenError):
                at_once(forged)
        guarded = create(core, anti_csrf=True)
        assert at_once(guarded.access_token.text, guarded.anti_csrf_token, check=True).handle == guarded.handle
        for value in (None, "", "another", issued.anti_csrf_token):
            with pytest.raises(SuperTokensTryRefreshTokenError):
                at_once(guarded.access_token.text, value, check=True)
        with pytest.raises(WouldWaitError):
            at_once(child.access_token.text)
        clock.now = issued.access_token.expires_at
        with pytest.raises(WouldWaitError):  # the keys have to be read again first
            at_once(issued.access_token.text)
        verify(core, create(core))
        with pytest.raises(SuperTokensTryRefreshTokenError, match="expired"):
            at_once(issued.access_token.text)

    def test_a_refresh_token_is_no_access_token_and_back(self, core: Core) -> None:
        issued = create(core)
        with pytest.raises(SuperTokensTryRefreshTokenError):
            verify(core, issued.refresh_token.text)
        with pytest.raises(SuperTokensUnauthorisedError):
            refresh(core, issued.access_token.text)
        with pytest.raises(SuperTokensUnauthorisedError):
            refresh(core, issued.id_refresh_token.text)

    def test_tokens_of_another_deployment_are_refused(self, core: Core, new_core: MakeCore) -> None:
        theirs = create(new_core())
        with pytest.raises(SuperTokensTryRefreshTokenError):
            verify(core, theirs)
        with pytest.raises(SuperTokensUnauthorisedError):
            refresh(core, theirs)
        assert core.authentic_access_token(theirs.access_token.text) is None
        assert core.authentic_refresh_token(theirs.refresh_token.text) is None

    def test_a_session_with_the_static_key_stays_with_it_until_a_refresh_says_otherwise(self, core: Core) -> None:
        issued = create(core, static_key=True)
        child = refresh(core, issued)
        renewed = verify(core, child).new_access_token
        assert renewed is not None
        for text in (issued.access_token.text, child.access_token.text, renewed.text):
            assert kid(text).startswith("s-")
        changed = refresh(core, child, static_key=False)
        assert kid(changed.access_token.text).startswith("d-")
        assert kid(refresh(core, changed).access_token.text).startswith("d-")
        assert kid(refresh(core, changed, static_key=True).access_token.text).startswith("s-")

    def test_a_refresh_gives_a_child_whose_first_use_gives_a_token_without_the_marker(self, core: Core) -> None:
        issued = create(core)
        child = refresh(core, issued)
        first = verify(core, child)
        assert first.new_access_token is not None
        assert verify(core, first.new_access_token.text).new_access_token is None
        again = verify(core, child)
        assert again.new_access_token is not None, "in flight before the browser saw the new cookie"

    def test_the_first_use_keeps_the_expiry_of_the_token_that_was_shown(self, core: Core, clock: FakeClock) -> None:
        child = refresh(core, create(core))
        for _ in range(2):
            clock.advance(minutes=10)
            renewed = verify(core, child)
            assert renewed.new_access_token is not None
            assert renewed.new_access_token.expires_at == child.access_token.expires_at
            token = core.authentic_access_token(renewed.new_access_token.text)
            assert token is not None
            assert token.expires_at == child.access_token.expires_at

    def test_the_first_use_extends_the_session(self, core: Core, clock: FakeClock) -> None:
        issued = create(core)
        was = core.session(issued.handle).expires_at
        clock.advance(days=50)
        child = refresh(core, issued)
        assert core.session(issued.handle).expires_at == was
        verify(core, child)
        assert core.session(issued.handle).expires_at == clock() + 144_000 * 60_000

    def test_tabs_that_refresh_together_get_the_same_child(self, core: Core, clock: FakeClock) -> None:
        issued = create(core)
        first = refresh(core, issued, client="Firefox")
        clock.advance(seconds=GRACE)
        second = refresh(core, issued, client="Firefox")
        assert first.refresh_token.text == second.refresh_token.text
        assert first.id_refresh_token.text == second.id_refresh_token.text

    def test_a_straggler_gets_the_current_pair(self, core: Core) -> None:
        issued = create(core)
        child = refresh(core, issued)
        verify(core, child)
        late = refresh(core, issued)
        assert late.refresh_token.text == child.refresh_token.text
        assert verify(core, late).new_access_token is None

    def test_a_lost_answer_never_logs_out(self, core: Core, clock: FakeClock) -> None:
        issued = create(core)
        for _ in range(5):
            refresh(core, issued)
            clock.advance(hours=3)
        verify(core, refresh(core, issued))

    def test_a_replaced_token_that_comes_back_late_is_theft_and_the_core_revokes_nothing(
        self, core: Core, clock: FakeClock, caplog: pytest.LogCaptureFixture
    ) -> None:
        issued = create(core)
        child = refresh(core, issued)
        verify(core, child)
        clock.advance(seconds=GRACE + 1)
        with caplog.at_level(logging.WARNING), pytest.raises(SuperTokensTokenTheftError) as theft:
            refresh(core, issued)
        assert f"token theft detected in session {issued.handle}" in caplog.messages
        assert (theft.value.session_handle, theft.value.user_id) == (issued.handle, "user")
        refresh(core, child)

    def test_a_replaced_token_from_another_client_is_theft_at_once(self, core: Core) -> None:
        issued = create(core)
        child = refresh(core, issued, client="Firefox")
        verify(core, child, client="Firefox")
        with pytest.raises(SuperTokensTokenTheftError):
            refresh(core, issued, client="curl")

    def test_the_client_does_not_count_where_it_is_not_bound(self, make_core: MakeCore) -> None:
        core = make_core(refresh_token_rotation_grace_binding="none")
        issued = create(core)
        child = refresh(core, issued, client="Firefox")
        assert refresh(core, issued, client="curl").refresh_token.text == child.refresh_token.text

    def test_without_a_grace_period_each_refresh_mints_a_sibling_and_the_loser_is_theft(
        self, make_core: MakeCore
    ) -> None:
        core = make_core(refresh_token_rotation_grace_period=0)
        issued = create(core)
        one, other = refresh(core, issued), refresh(core, issued)
        assert one.refresh_token.text != other.refresh_token.text
        verify(core, one)
        assert verify(core, other).new_access_token is None, "a branch left behind lives out its minutes"
        for stale in (other, issued):
            with pytest.raises(SuperTokensTokenTheftError):
                refresh(core, stale)
        refresh(core, one)

    def test_a_child_that_comes_back_without_its_access_token_used_is_accepted(self, core: Core) -> None:
        issued = create(core)
        child = refresh(core, issued)
        grandchild = refresh(core, child)
        assert verify(core, child).new_access_token is not None
        assert verify(core, grandchild).new_access_token is not None

    def test_anti_csrf_is_checked_where_it_is_asked_for(self, core: Core) -> None:
        issued = create(core, anti_csrf=True)
        assert issued.anti_csrf_token is not None
        verify(core, issued)
        verify(core, issued, check_anti_csrf=True, anti_csrf_token=issued.anti_csrf_token)
        for wrong in (None, "", "wrong", issued.anti_csrf_token + "x", "\ud800"):
            with pytest.raises(SuperTokensTryRefreshTokenError, match="anti-csrf"):
                verify(core, issued, check_anti_csrf=True, anti_csrf_token=wrong)

    def test_a_token_issued_without_a_value_fails_the_check_and_gets_one_by_its_refresh(self, core: Core) -> None:
        """Switching anti-CSRF on logs nobody out."""
        issued = create(core, anti_csrf=False)
        with pytest.raises(SuperTokensTryRefreshTokenError):
            verify(core, issued, check_anti_csrf=True, anti_csrf_token="x")
        child = refresh(core, issued, anti_csrf=True)
        verify(core, child, check_anti_csrf=True, anti_csrf_token=child.anti_csrf_token)

    def test_the_value_stays_the_same_for_the_whole_session(self, core: Core) -> None:
        issued = create(core, anti_csrf=True)
        value = issued.anti_csrf_token
        child = refresh(core, issued, anti_csrf=True, anti_csrf_token=value)
        assert refresh(core, child, anti_csrf=True, anti_csrf_token=value).anti_csrf_token == value

    def test_without_a_grace_period_each_pair_has_a_value_of_its_own(self, make_core: MakeCore) -> None:
        core = make_core(refresh_token_rotation_grace_period=0)
        issued = create(core, anti_csrf=True)
        child = refresh(core, issued, anti_csrf=True, anti_csrf_token=issued.anti_csrf_token)
        assert child.anti_csrf_token != issued.anti_csrf_token
        verify(core, child, check_anti_csrf=True, anti_csrf_token=child.anti_csrf_token)
        with pytest.raises(SuperTokensUnauthorisedError):
            refresh(core, child, anti_csrf=True, anti_csrf_token=issued.anti_csrf_token)

    def test_a_refresh_without_the_value_is_for_the_caller_to_judge_and_a_wrong_one_never_passes(
        self,
        core: Core,
    ) -> None:
        issued = create(core, anti_csrf=True)
        with pytest.raises(SuperTokensUnauthorisedError, match="Anti CSRF"):
            refresh(core, issued, anti_csrf=True)
        refresh(core, issued, anti_csrf=True, anti_csrf_mode="if_sent")
        for mode in ("required", "if_sent"):
            with pytest.raises(SuperTokensUnauthorisedError, match="Anti CSRF"):
                refresh(core, issued, anti_csrf=True, anti_csrf_mode=mode, anti_csrf_token="wrong")

    def test_a_stolen_stale_token_without_its_value_cannot_raise_theft(self, core: Core, clock: FakeClock) -> None:
        issued = create(core, anti_csrf=True)
        value = issued.anti_csrf_token
        child = refresh(core, issued, anti_csrf=True, anti_csrf_token=value)
        verify(core, child)
        clock.advance(minutes=1)
        with pytest.raises(SuperTokensUnauthorisedError):
            refresh(core, issued, anti_csrf=True)
        with pytest.raises(SuperTokensTokenTheftError):
            refresh(core, issued, anti_csrf=True, anti_csrf_token=value)

    def test_a_revoked_session_is_gone_for_every_verb_but_offline_verify(self, core: Core) -> None:
        issued = create(core)
        child = refresh(core, issued)
        assert core.revoke_sessions([issued.handle, "nope", issued.handle]) == [issued.handle]
        assert core.revoke_sessions([issued.handle]) == []
        verify(core, issued)
        for gone in (
            lambda: verify(core, child),
            lambda: verify(core, issued, check_database=True),
            lambda: refresh(core, issued),
            lambda: refresh(core, child),
            lambda: core.regenerate(issued.access_token.text, {}),
            lambda: core.session_data(issued.handle),
            lambda: core.session(issued.handle),
            lambda: core.update_session_data(issued.handle, {}),
            lambda: core.update_jwt_payload(issued.handle, {}),
        ):
            with pytest.raises(SuperTokensUnauthorisedError):
                gone()
        assert core.session_handles("user") == []

    def test_all_sessions_of_a_user_are_revoked_and_nobody_elses(self, core: Core) -> None:
        mine = [create(core).handle for _ in range(3)]
        other = core.create_session("other", {}, {}, anti_csrf=False)
        assert sorted(core.session_handles("user")) == sorted(mine)
        assert sorted(core.revoke_user("user")) == sorted(mine)
        assert core.revoke_user("user") == []
        assert core.session_handles("other") == [other.handle]

    @pytest.mark.parametrize(
        "handle", ["", "nope", "\ud800", "x" * 100_000, "7B0AA0A2-3F4C-4F0E-8A43-0123456789AB", "a\0b"]
    )
    def test_a_handle_that_cannot_be_one_names_no_session(self, core: Core, handle: str) -> None:
        assert core.revoke_sessions([handle]) == []
        for verb in (core.session, core.session_data):
            with pytest.raises(SuperTokensUnauthorisedError):
                verb(handle)
        with pytest.raises(SuperTokensUnauthorisedError):
            core.update_session_data(handle, {})

    @pytest.mark.parametrize("user_id", ["", "nobody", "\ud800", "x" * 5_000, "a\0b", "'; DROP TABLE session; --"])
    def test_a_user_id_that_nobody_has_has_no_sessions(self, core: Core, user_id: str) -> None:
        create(core)
        assert core.session_handles(user_id) == core.revoke_user(user_id) == []
        assert len(core.session_handles("user")) == 1

    def test_one_string_instead_of_a_list_of_handles_is_the_callers_mistake(self, core: Core) -> None:
        with pytest.raises(TypeError, match="list"):
            core.revoke_sessions("7b0aa0a2-3f4c-4f0e-8a43-0123456789ab")

    def test_an_expired_session_is_gone_for_every_verb(self, core: Core, clock: FakeClock) -> None:
        issued = create(core)
        clock.now = issued.refresh_token.expires_at + 1
        with pytest.raises(SuperTokensUnauthorisedError):
            refresh(core, issued)
        for gone in (core.session, core.session_data):
            with pytest.raises(SuperTokensUnauthorisedError):
                gone(issued.handle)
        assert core.session_handles("user") == core.revoke_user("user") == core.revoke_sessions([issued.handle]) == []

    def test_a_payload_changed_by_handle_shows_after_the_next_refresh(self, core: Core) -> None:
        issued = create(core)
        core.update_jwt_payload(issued.handle, {"new": 1})
        assert verify(core, issued).jwt_payload == PAYLOAD
        assert refresh(core, issued).jwt_payload == {"new": 1}

    def test_a_changed_payload_shows_at_once_where_the_database_is_asked(self, core: Core) -> None:
        issued = create(core)
        assert verify(core, issued, check_database=True).new_access_token is None
        core.update_jwt_payload(issued.handle, {"new": 1.0})
        verified = verify(core, issued, check_database=True)
        assert verified.jwt_payload == {"new": 1.0}
        assert verified.new_access_token is not None
        assert verify(core, verified.new_access_token.text, check_database=True).new_access_token is None
        core.update_jwt_payload(issued.handle, {"new": 1})
        again = verify(core, verified.new_access_token.text, check_database=True)
        assert again.new_access_token is None, "1 equals 1.0"
        core.update_jwt_payload(issued.handle, {"new": True})
        assert verify(core, verified.new_access_token.text, check_database=True).new_access_token is not None

    def test_a_token_that_is_shown_after_each_change_of_payload_dies_when_it_would_have(
        self, core: Core, clock: FakeClock
    ) -> None:
        issued = create(core)
        shown = issued.access_token.text
        for number in range(5):
            clock.now = issued.access_token.expires_at - 5 + number
            core.update_jwt_payload(issued.handle, {"changed": number})
            renewed = verify(core, shown, check_database=True)
            assert renewed.new_access_token is not None
            assert renewed.new_access_token.expires_at == issued.access_token.expires_at
            shown = renewed.new_access_token.text
        clock.now = issued.access_token.expires_at
        with pytest.raises(SuperTokensTryRefreshTokenError):
            verify(core, shown, check_database=True)

    def test_a_branch_left_behind_still_sees_a_changed_payload_where_the_database_is_asked(
        self, make_core: MakeCore
    ) -> None:
        core = make_core(refresh_token_rotation_grace_period=0)
        issued = create(core)
        one, other = refresh(core, issued), refresh(core, issued)
        verify(core, one)
        core.update_jwt_payload(issued.handle, {"new": 1})
        assert verify(core, other).jwt_payload == PAYLOAD
        assert verify(core, other, check_database=True).jwt_payload == {"new": 1}

    def test_regenerate_stores_the_payload_and_keeps_expiry_and_marker(self, core: Core, clock: FakeClock) -> None:
        issued = create(core)
        child = refresh(core, issued)
        clock.advance(minutes=10)
        verified = core.regenerate(child.access_token.text, {"x": 1})
        assert verified.new_access_token is not None
        assert verified.new_access_token.expires_at == child.access_token.expires_at
        token = core.authentic_access_token(verified.new_access_token.text)
        assert token is not None
        assert (token.jwt_payload, token.serial, token.parent) == ({"x": 1}, 2, 1)
        assert refresh(core, issued).jwt_payload == {"x": 1}, "the parent may still be refreshed"

    def test_regenerate_without_a_payload_reuses_the_stored_one(self, core: Core) -> None:
        issued = create(core)
        core.update_jwt_payload(issued.handle, {"stored": 1})
        verified = core.regenerate(issued.access_token.text, None)
        assert verified.jwt_payload == {"stored": 1}
        assert verified.new_access_token is not None

    def test_regenerate_with_an_expired_token_stores_and_gives_none(self, new_core: MakeCore, clock: FakeClock) -> None:
        core = new_core()  # whose keys are new, too: an older one may be gone in two hours, and its tokens with it
        issued = create(core)
        clock.advance(hours=2)
        verified = core.regenerate(issued.access_token.text, {"x": 1})
        assert verified.new_access_token is None
        assert core.session(issued.handle).jwt_payload == {"x": 1}

    def test_regenerate_with_a_forged_token_is_unauthorised_and_writes_nothing(self, core: Core) -> None:
        issued = create(core)
        header, body, signature = issued.access_token.text.split(".")
        for forged in (f"{header}.{body}.{'A' * len(signature)}", "", "a.b.c"):
            with pytest.raises(SuperTokensUnauthorisedError):
                core.regenerate(forged, {"forged": True})
        assert core.session(issued.handle).jwt_payload == PAYLOAD

    def test_session_data_is_replaced_as_a_whole(self, core: Core) -> None:
        issued = create(core)
        core.update_session_data(issued.handle, {"a": None})
        assert core.session_data(issued.handle) == {"a": None}

    def test_a_rotation_of_the_signing_key_logs_nobody_out(self, core: Core, clock: FakeClock) -> None:
        issued = create(core)
        kids = {kid(issued.access_token.text)}
        for _ in range(60):
            clock.advance(minutes=59)
            issued = refresh(core, issued)
            renewed = verify(core, issued)
            assert renewed.new_access_token is not None
            clock.advance(minutes=59)
            verify(core, renewed.new_access_token.text)
            kids.add(kid(renewed.new_access_token.text))
        assert len(kids) >= 5

    def test_a_token_signed_just_before_the_change_outlives_it(self, new_core: MakeCore, clock: FakeClock) -> None:
        core = new_core()
        create(core)
        clock.advance(hours=23, minutes=59, seconds=1)
        create(core)  # publishes the next key
        clock.advance(seconds=59)
        old = create(core)
        clock.advance(seconds=2)
        new = create(core)
        assert kid(old.access_token.text) != kid(new.access_token.text)
        clock.advance(minutes=59)
        verify(core, old)
        verify(core, new)

    def test_another_process_knows_a_new_key_before_it_signs(
        self, core: Core, other_process: OtherProcess, clock: FakeClock
    ) -> None:
        other = other_process(core)
        verify(other, create(core))
        clock.advance(hours=24)
        for _ in range(10):
            verify(other, create(core))
            clock.advance(seconds=15)

    def test_a_dropped_key_is_refused_everywhere_within_a_minute(
        self, new_core: MakeCore, other_process: OtherProcess, drop_keys: Callable[[Core], None], clock: FakeClock
    ) -> None:
        core = new_core()
        other = other_process(core)
        issued = create(core)
        for each in (core, other):
            verify(each, issued)
        clock.advance(seconds=5)
        drop_keys(core)
        clock.advance(seconds=30)
        for each in (core, other):
            with suppress(SuperTokensTryRefreshTokenError):
                verify(each, issued)
        clock.advance(seconds=31)
        for each in (core, other):
            with pytest.raises(SuperTokensTryRefreshTokenError):
                verify(each, issued)
            verify(each, refresh(core, issued))

    def test_a_dropped_key_is_refused_although_the_clock_was_set_back_by_more_than_a_minute(
        self, new_core: MakeCore, other_process: OtherProcess, drop_keys: Callable[[Core], None], clock: FakeClock
    ) -> None:
        core = new_core()
        other = other_process(core)
        issued = create(core)
        for each in (core, other):
            verify(each, issued)
        clock.advance(seconds=5)
        drop_keys(core)
        clock.advance(minutes=-2)
        for each in (core, other):
            with pytest.raises(SuperTokensTryRefreshTokenError):
                verify(each, issued)

    def test_a_token_of_a_key_made_after_the_last_reading_is_good(
        self, new_core: MakeCore, other_process: OtherProcess, drop_keys: Callable[[Core], None], clock: FakeClock
    ) -> None:
        core = new_core()
        other = other_process(core)
        verify(other, create(core))
        clock.advance(seconds=29)
        drop_keys(core)
        clock.advance(seconds=2)
        issued = create(core)
        verify(other, issued)

    def test_a_clock_that_jumps_back_never_raises_theft_for_the_only_client(self, core: Core, clock: FakeClock) -> None:
        issued = create(core)
        for hours in (5, -3, 2, -4, 48, -47):
            clock.advance(hours=hours)
            issued = refresh(core, issued)
            verified = core.verify(issued.access_token.text, check_anti_csrf=False)
            assert verified.user_id == "user"

    def test_many_lineage_rows_are_reached_by_the_same_child(self, core: Core) -> None:
        """Whatever row answers, one serial has one text."""
        issued = create(core)
        texts = {refresh(core, issued).refresh_token.text for _ in range(3)}
        child = refresh(core, issued)
        verify(core, child)
        texts.add(refresh(core, issued).refresh_token.text)
        assert texts == {child.refresh_token.text}

    def test_data_is_swapped_only_if_nobody_has_replaced_it_since(
        self, core: Core, other_process: OtherProcess
    ) -> None:
        issued = create(core)
        stored = core.stored_session_data(issued.handle)
        assert stored.data == {"cart": [1, 2]}
        other = other_process(core)
        assert other.swap_session_data(issued.handle, stored.version, {"cart": [1, 2, 3]}) is True
        assert core.swap_session_data(issued.handle, stored.version, {"cart": []}) is False
        assert core.session_data(issued.handle) == {"cart": [1, 2, 3]}
        newer = core.stored_session_data(issued.handle)
        assert newer.version != stored.version
        core.update_session_data(issued.handle, {"cart": [1, 2]})
        assert core.swap_session_data(issued.handle, newer.version, {}) is False
        core.revoke_sessions([issued.handle])
        for verb in (
            lambda: core.stored_session_data(issued.handle),
            lambda: core.swap_session_data(issued.handle, stored.version, {}),
            lambda: core.stored_session_data("no handle"),
            lambda: core.swap_session_data("no handle", "x", {}),
        ):
            with pytest.raises(SuperTokensUnauthorisedError):
                verb()

    # What the caller says

    @pytest.mark.parametrize("value", VALUES, ids=repr)
    def test_payload_and_data_come_back_equal_from_every_verb(self, core: Core, value: Any) -> None:
        issued = core.create_session("user", {"x": value}, {"y": value}, anti_csrf=False)
        child = refresh(core, issued)
        first = verify(core, child)
        assert first.new_access_token is not None
        renewed = verify(core, first.new_access_token.text)
        found = [each.jwt_payload["x"] for each in (issued, child, first, renewed, core.session(issued.handle))]
        found.append(core.session_data(issued.handle)["y"])
        core.update_session_data(issued.handle, {"z": value})
        found.append(core.session_data(issued.handle)["z"])
        core.update_jwt_payload(issued.handle, {"z": value})
        found.append(core.session(issued.handle).jwt_payload["z"])
        changed = core.regenerate(first.new_access_token.text, {"z": [value]})
        found.append(changed.jwt_payload["z"][0])
        for each in found:
            assert (each, type(each)) == (value, type(value))

    @pytest.mark.parametrize(
        "wrong", [{"x": float("nan")}, {"x": "\ud800"}, {1: 2}, {"x": b""}, [], "x", None], ids=repr
    )
    def test_what_json_cannot_express_is_the_callers_mistake_and_changes_nothing(self, core: Core, wrong: Any) -> None:
        issued = create(core)
        for verb in (
            lambda: core.create_session("user", wrong, {}, anti_csrf=False),
            lambda: core.create_session("user", {}, wrong, anti_csrf=False),
            lambda: core.update_jwt_payload(issued.handle, wrong),
            lambda: core.update_session_data(issued.handle, wrong),
        ):
            with pytest.raises((TypeError, ValueError), match=r"jwt_payload|session_data"):
                verb()
        if wrong is not None:
            with pytest.raises((TypeError, ValueError), match="jwt_payload"):
                core.regenerate(issued.access_token.text, wrong)
        assert core.session_handles("user") == [issued.handle]
        assert (core.session(issued.handle).jwt_payload, core.session_data(issued.handle)) == (
            PAYLOAD,
            {"cart": [1, 2]},
        )

    @pytest.mark.parametrize("user_id", ["é ü", "a&userId=b", "a+b %2F/?#;", "\U0001f600", '"\\'])
    def test_a_user_is_found_by_whatever_name(self, core: Core, user_id: str) -> None:
        issued = core.create_session(user_id, {}, {}, anti_csrf=False)
        try:
            assert verify(core, issued).user_id == core.session(issued.handle).user_id == user_id
            assert core.session_handles(user_id) == [issued.handle]
        finally:
            assert core.revoke_user(user_id) == [issued.handle]

    def test_the_sessions_of_a_user_come_oldest_first(self, core: Core, clock: FakeClock) -> None:
        handles = []
        for _ in range(3):
            handles.append(create(core).handle)
            clock.advance(seconds=1)
        assert core.session_handles("user") == handles

    def test_the_sessions_of_a_user_are_listed_with_their_times_up_to_a_limit(
        self, core: Core, clock: FakeClock
    ) -> None:
        issued = []
        for _ in range(3):
            issued.append(create(core))
            clock.advance(seconds=1)
        core.create_session("other", {}, {}, anti_csrf=False)
        listed = core.sessions("user")
        assert [each.handle for each in listed] == [each.handle for each in issued]
        told = [core.session(each.handle) for each in issued]
        assert [(each.user_id, each.created_at, each.expires_at) for each in listed] == [
            ("user", each.created_at, each.expires_at) for each in told
        ]
        assert core.sessions("user", limit=2) == listed[:2]
        assert core.sessions("user", after=listed[0].cursor) == listed[1:]
        core.revoke_sessions([listed[1].handle])
        assert core.sessions("user", after=listed[0].cursor, limit=1) == listed[2:]
        assert core.sessions("user", after=listed[1].cursor) == listed[2:], "a cursor outlives its session"
        assert core.sessions("user", after=listed[2].cursor) == []
        assert core.sessions("user", limit=0) == core.sessions("nobody") == core.sessions("\ud800") == []

    def test_what_is_told_of_a_session_is_what_was_issued(self, core: Core, clock: FakeClock) -> None:
        issued = create(core)
        told = core.session(issued.handle)
        assert (told.handle, told.user_id, told.jwt_payload) == (issued.handle, "user", PAYLOAD)
        assert (told.created_at, told.expires_at) == (clock(), issued.refresh_token.expires_at)

    # Tokens

    def test_the_id_refresh_value_changes_with_every_child_and_is_that_of_the_token(self, core: Core) -> None:
        issued = create(core)
        child = refresh(core, issued)
        assert (
            issued.id_refresh_token.text != child.id_refresh_token.text == refresh(core, issued).id_refresh_token.text
        )
        assert id_refresh_value(child.refresh_token.text) == child.id_refresh_token.text

    def test_authentic_tokens_are_told_from_others_whether_or_not_their_session_lives(
        self, new_core: MakeCore, clock: FakeClock
    ) -> None:
        core = new_core()  # whose keys are new, too: in a day an older one would be gone, and its tokens with it
        issued = create(core)
        child = refresh(core, issued)
        core.revoke_sessions([issued.handle])
        clock.advance(days=1)
        for serial, each in ((1, issued), (2, child)):
            access, position = each.access_token.text, each.refresh_token.text
            token = core.authentic_access_token(access)
            assert token is not None
            assert (token.handle, token.user_id, token.serial) == (issued.handle, "user", serial)
            assert core.authentic_refresh_token(position) == (issued.handle, serial)
            for wrong in (access[:-2], position[:-2], "", "a.b.c", "\ud800", "é", "x" * 100_000):
                assert core.authentic_access_token(wrong) is None
                assert core.authentic_refresh_token(wrong) is None

    @pytest.mark.parametrize("garbage", ["", "x", "a.b.c", "é", "\ud800", "\0", "x" * 100_000])
    def test_garbage_is_no_token(self, core: Core, garbage: str) -> None:
        with pytest.raises(SuperTokensTryRefreshTokenError):
            verify(core, garbage)
        with pytest.raises(SuperTokensUnauthorisedError):
            refresh(core, garbage)
        with pytest.raises(SuperTokensUnauthorisedError):
            core.regenerate(garbage, {})

    def test_a_client_may_be_called_anything(self, core: Core) -> None:
        issued = create(core)
        for client in ("", "é\u2028", "\ud800", "x" * 10_000, None):
            child = refresh(core, issued, client=client)
            verify(core, child, client=client)
            issued = child
