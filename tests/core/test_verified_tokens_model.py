# SPDX-License-Identifier: Apache-2.0
"""The cache of verified tokens beside a verifier that keeps nothing: whatever happens, both say the same of a token."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from supertokens.config import Config
from supertokens.core import EmbeddedCore, WouldWaitError
from supertokens.core.token_verifier import TokenVerifier
from supertokens.engine.access_token import verify_signature
from supertokens.errors import SuperTokensTryRefreshTokenError
from supertokens.stores.memory import MemoryStore
from supertokens.testing import FakeClock

MOST = 4
LIFE_S = 600


class KeptTokens(RuleBasedStateMachine):
    """Two verifiers on the same keys: one keeps up to MOST tokens, the other checks each signature anew.

    So the one that keeps never answers for a token that was not verified, for one whose life or key is over, or for
    another session than the token's.
    """

    @initialize()
    def begin(self) -> None:
        self.clock = FakeClock()
        config = Config(access_token_signing_algorithm="ES256", access_token_validity=LIFE_S)
        self.core = EmbeddedCore(config, MemoryStore(), clock=self.clock)
        self.keeps, self.forgets = TokenVerifier(self.core.keys, MOST), TokenVerifier(self.core.keys, 0)
        self.texts: list[str] = []
        self.values: list[str | None] = []
        self.log_in(anti_csrf=True)

    @rule(anti_csrf=st.booleans())
    def log_in(self, anti_csrf: bool) -> None:
        number = len(self.texts)
        issued = self.core.create_session(f"user-{number}", {"n": number}, {}, anti_csrf=anti_csrf)
        child = self.core.refresh(
            issued.refresh_token.text, anti_csrf=anti_csrf, anti_csrf_token=issued.anti_csrf_token
        )
        for each in (issued, child):  # the second has a marker
            self.texts.append(each.access_token.text)
            self.values.append(each.anti_csrf_token)

    @rule(number=st.integers(0, 30), check=st.booleans(), value_of=st.integers(0, 30), times=st.integers(1, 3))
    def show(self, number: int, check: bool, value_of: int, times: int) -> None:
        text = self.texts[number % len(self.texts)]
        for _ in range(times):
            self.ask(text, check, self.values[value_of % len(self.values)])

    @rule(number=st.integers(0, 30), other=st.integers(0, 30), part=st.integers(0, 2))
    def show_one_with_a_part_of_another(self, number: int, other: int, part: int) -> None:
        parts, others = (self.texts[each % len(self.texts)].split(".") for each in (number, other))
        self.ask(".".join([*parts[:part], others[part], *parts[part + 1 :]]), False, None)

    @rule(
        number=st.integers(0, 30),
        place=st.integers(0, 700) | st.integers(-8, -1),
        character=st.sampled_from("Aa0_-.\xe9"),
    )
    def show_one_with_a_character_changed(self, number: int, place: int, character: str) -> None:
        text = self.texts[number % len(self.texts)]
        place %= len(text)
        self.ask(text[:place] + character + text[place + 1 :], False, None)

    @rule(seconds=st.sampled_from([0.001, 1, 29, 31, 61, LIFE_S - 1, LIFE_S]))
    def time_passes(self, seconds: float) -> None:
        self.clock.now += int(seconds * 1000)

    @precondition(lambda self: len(self.texts) > 2)
    @rule(drop_old=st.booleans())
    def keys_rotate(self, drop_old: bool) -> None:
        self.clock.now += 1  # keys are named by their millisecond
        self.core.keys.rotate(self.clock(), drop_old=drop_old)

    @invariant()
    def only_tokens_that_were_issued_are_kept_and_no_more_than_allowed(self) -> None:
        kept = self.keeps._cache.kept
        assert len(kept.by_text) <= MOST
        assert set(kept.by_text) <= set(self.texts)
        for text, known in kept.by_text.items():
            assert kept.keys is not None
            assert verify_signature(text, kept.keys) == known.token

    def ask(self, text: str, check: bool, value: str | None) -> None:
        def verdict(verifier: TokenVerifier, verb: str, *arguments: Any) -> object:
            try:
                known = getattr(verifier, verb)(text, self.clock(), *arguments)
            except SuperTokensTryRefreshTokenError as error:
                return error.reason, str(error)
            except WouldWaitError:
                return "would wait"
            return (known.token, known.session) if verb != "decides_at_once" else known

        for verb, arguments in (
            ("verify", (check, value)), ("verify_at_once", (check, value)), ("authenticate", ()),
            ("decides_at_once", ()),
        ):  # fmt: skip
            with_cache, without = (verdict(each, verb, *arguments) for each in (self.keeps, self.forgets))
            assert with_cache == without, verb


TestKeptTokens = pytest.mark.slow(KeptTokens.TestCase)
