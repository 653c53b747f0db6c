# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from base64 import b64decode

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa
from hypothesis import given
from hypothesis import strategies as st

from supertokens.engine import base64url
from supertokens.engine.key_set import MAX_TOKEN_LEAD_MS
from supertokens.engine.sealing import Sealer
from supertokens.engine.signing_keys import (
    MAX_RING_AGE_TO_SIGN_MS,
    PUBLISHED_AHEAD_MS,
    KeyRing,
    SigningKey,
    StoredKey,
    StoredKeys,
)

NOW = 1_700_000_000_000
HOUR = 3_600_000
DAY = 24 * HOUR


def ring_at(now: int, stored: list[StoredKey], validity: int = HOUR) -> KeyRing:
    ring = KeyRing.build(StoredKeys(stored, now), now, validity, Sealer(()), {})
    assert ring is not None
    return ring


def with_successor(stored: list[StoredKey], material: list[bytes], at: int) -> list[StoredKey]:
    return [*stored, StoredKey(f"d-{at}", "dynamic", at, material[2])]


def test_the_first_key_signs_at_once(stored_keys: list[StoredKey]) -> None:
    assert ring_at(NOW, stored_keys).signing_key(NOW).kid == f"d-{NOW}"


def test_a_new_key_is_published_for_a_minute_before_it_signs(
    stored_keys: list[StoredKey], material: list[bytes]
) -> None:
    born = NOW + DAY
    ring = ring_at(born, with_successor(stored_keys, material, born))
    assert set(ring.by_header.values()) == {*ring.dynamic, *ring.static}
    assert [key.kid for key in ring.dynamic] == [f"d-{born}", f"d-{NOW}"]
    assert ring.signing_key(born + PUBLISHED_AHEAD_MS - 1).kid == f"d-{NOW}"
    assert ring.signing_key(born + PUBLISHED_AHEAD_MS).kid == f"d-{born}"


def test_the_old_key_verifies_until_its_last_token_has_expired(
    stored_keys: list[StoredKey], material: list[bytes]
) -> None:
    born = NOW + DAY
    stored = with_successor(stored_keys, material, born)
    last_token_expires = born + PUBLISHED_AHEAD_MS + MAX_RING_AGE_TO_SIGN_MS + HOUR
    assert len(ring_at(last_token_expires, stored).dynamic) == 2
    assert [key.kid for key in ring_at(last_token_expires + 1, stored).dynamic] == [f"d-{born}"]


def test_the_next_key_is_due_a_minute_before_the_interval_ends(ring: KeyRing) -> None:
    assert ring.due_purposes(NOW + DAY - PUBLISHED_AHEAD_MS - 1, DAY) == []
    assert ring.due_purposes(NOW + DAY - PUBLISHED_AHEAD_MS, DAY) == ["dynamic"]
    assert ring.due_purposes(NOW + 1000 * DAY, None) == [], "rotation is off"


def test_the_static_key_signs_when_asked_for(ring: KeyRing) -> None:
    assert ring.signing_key(NOW, static=True) is ring.static[0]
    assert ring.static[0].kid.startswith("s-")


def test_a_ring_without_a_key_for_every_purpose_is_none(stored_keys: list[StoredKey]) -> None:
    for missing in range(3):
        kept = stored_keys[:missing] + stored_keys[missing + 1 :]
        assert KeyRing.build(StoredKeys(kept, NOW), NOW, HOUR, Sealer(()), {}) is None


def test_the_age_of_a_ring_counts_in_both_directions(ring: KeyRing) -> None:
    assert ring.age(NOW + 5) == ring.age(NOW - 5) == 5


def test_the_newest_refresh_key_serves_new_sessions_and_older_ones_stay(stored_keys: list[StoredKey]) -> None:
    ring = ring_at(NOW, [*stored_keys, StoredKey("66" * 8, "refresh", NOW + 1, b"q" * 32)])
    assert ring.newest_refresh.id == "66" * 8
    assert set(ring.refresh) == {"5a" * 8, "66" * 8}


def test_keys_are_parsed_once(stored_keys: list[StoredKey], ring: KeyRing) -> None:
    known = {key.kid: key for key in (*ring.dynamic, *ring.static)}
    again = KeyRing.build(StoredKeys(stored_keys, NOW + 1), NOW + 1, HOUR, Sealer(()), known)
    assert again is not None
    assert again.dynamic[0] is ring.dynamic[0]


def test_the_published_key_verifies_what_the_private_one_signs(ring: KeyRing) -> None:
    key = ring.dynamic[0]
    jwk = key.jwk()
    assert set(jwk) == {"kty", "kid", "n", "e", "alg", "use"}
    assert (jwk["kty"], jwk["alg"], jwk["use"], jwk["kid"]) == ("RSA", "RS256", "sig", key.kid)
    numbers = rsa.RSAPublicNumbers(
        int.from_bytes(base64url.decode(jwk["e"]), "big"), int.from_bytes(base64url.decode(jwk["n"]), "big")
    )
    numbers.public_key().verify(key.sign(b"data"), b"data", padding.PKCS1v15(), hashes.SHA256())
    loaded = serialization.load_der_public_key(b64decode(key.public_key_info(), validate=True))
    assert isinstance(loaded, rsa.RSAPublicKey)
    assert loaded.public_numbers() == numbers


def test_a_key_of_another_kind_in_the_store_is_refused() -> None:
    material = ed25519.Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with pytest.raises(TypeError, match="the signing key d-1 in the store is neither an RSA key nor one on P-256"):
        SigningKey("d-1", 1, material)


def test_no_key_material_shows_in_a_repr(stored_keys: list[StoredKey], ring: KeyRing) -> None:
    for key in stored_keys:
        assert repr(key.material) not in repr(key) + repr(ring)


# A clock that was wrong


YEAR = 365 * DAY
MINUTE = 60_000


def chain(dates: list[int], material: list[bytes], *, static: list[int] | None = None) -> list[StoredKey]:
    """Dynamic keys, and static ones, of those dates, in the order in which they were added; with a refresh key."""
    return [
        *(StoredKey(f"d-{date}", "dynamic", date, material[0]) for date in dates),
        *(StoredKey(f"s-{date}", "static", date, material[1]) for date in static or [NOW]),
        StoredKey("5a" * 8, "refresh", NOW, b"r" * 32),
    ]


def kids(ring: KeyRing) -> list[int]:
    return [int(key.kid[2:]) for key in ring.dynamic]


@pytest.mark.parametrize("ahead", [MINUTE + 1, HOUR, YEAR, 10 * YEAR])
def test_a_key_dated_ahead_is_succeeded_once_by_one_that_signs_at_once(ahead: int, material: list[bytes]) -> None:
    before = ring_at(NOW, chain([NOW + ahead], material, static=[NOW + ahead]))
    assert before.due_purposes(NOW, DAY) == ["dynamic", "static"]
    assert before.due_purposes(NOW, None) == ["dynamic", "static"], "also where keys do not rotate"
    assert before.signing_key(NOW).created_at == NOW + ahead, "as long as there is no other"
    after = ring_at(NOW, chain([NOW + ahead, NOW], material, static=[NOW + ahead, NOW]))
    assert after.due_purposes(NOW, DAY) == []
    assert after.signing_key(NOW).created_at == NOW
    assert after.signing_key(NOW, static=True).created_at == NOW
    assert set(kids(after)) == {NOW, NOW + ahead}, "the one dated ahead goes on verifying"
    tomorrow = NOW + DAY - MINUTE
    later = ring_at(tomorrow, chain([NOW + ahead, NOW], material, static=[NOW + ahead, NOW]))
    assert later.due_purposes(tomorrow - 1, DAY) == []
    assert later.due_purposes(tomorrow, DAY) == ["dynamic"]


@given(
    dates=st.lists(st.integers(-DAY, 2 * HOUR), min_size=1, max_size=3),
    static=st.integers(-DAY, 2 * HOUR),
    asked=st.integers(0, HOUR),
    later=st.integers(0, 2 * DAY),
)
def test_nothing_comes_to_be_due_before_the_moment_that_a_ring_names(
    material: list[bytes], dates: list[int], static: int, asked: int, later: int
) -> None:
    ring = ring_at(NOW, chain([NOW + date for date in dates], material, static=[NOW + static]))
    if ring.due_purposes(NOW + asked, DAY) == []:
        until = ring.nothing_due_until(NOW + asked, DAY)
        assert until > NOW + asked
        assert ring.due_purposes(min(NOW + asked + later, until - 1), DAY) == []


def test_a_date_within_the_difference_of_two_clocks_is_not_ahead(material: list[bytes]) -> None:
    ring = ring_at(NOW, chain([NOW - HOUR, NOW + MINUTE], material))
    assert ring.due_purposes(NOW, DAY) == []
    assert ring.signing_key(NOW).created_at == NOW - HOUR
    assert ring.signing_key(NOW + 2 * MINUTE).created_at == NOW + MINUTE
    assert ring.max_token_lead == MAX_TOKEN_LEAD_MS


@pytest.mark.parametrize("sound_before", [[], [NOW - HOUR]])
def test_a_key_dated_ahead_leaves_once_the_tokens_of_its_days_have_expired(
    sound_before: list[int], material: list[bytes]
) -> None:
    stored = chain([*sound_before, NOW + YEAR, NOW], material)
    end = NOW + PUBLISHED_AHEAD_MS + MAX_RING_AGE_TO_SIGN_MS + HOUR
    assert kids(ring_at(end, stored)) == [NOW, NOW + YEAR, *sound_before]
    assert ring_at(end, stored).max_token_lead == MINUTE
    assert kids(ring_at(end + 1, stored)) == [NOW]
    assert ring_at(end + 1, stored).max_token_lead == MAX_TOKEN_LEAD_MS


def test_a_key_signs_on_where_only_one_dated_ahead_was_added_after_it(material: list[bytes]) -> None:
    ring = ring_at(NOW, chain([NOW - HOUR, NOW + YEAR], material))
    assert ring.signing_key(NOW).created_at == NOW - HOUR
    assert kids(ring_at(NOW + 10 * HOUR, chain([NOW - HOUR, NOW + YEAR], material))) == [NOW + YEAR, NOW - HOUR]


def test_the_key_of_an_hour_ago_lives_on_where_the_clock_was_set_back_for_a_while(material: list[bytes]) -> None:
    stored = chain([NOW - HOUR, NOW - YEAR, NOW], material)
    assert kids(ring_at(NOW + MINUTE, stored)) == [NOW, NOW - YEAR, NOW - HOUR]
    assert kids(ring_at(NOW + 2 * HOUR, stored)) == [NOW]


def test_a_key_that_was_added_last_signs_whatever_the_dates_of_the_others(material: list[bytes]) -> None:
    for others in ([NOW - 1], [NOW + YEAR], [NOW + YEAR, NOW + YEAR - 1], [NOW - HOUR, NOW + 10 * YEAR]):
        ring = ring_at(NOW + MINUTE, chain([*others, NOW], material))
        assert ring.signing_key(NOW + MINUTE).created_at == NOW


def test_moments_are_of_the_callers_clock_and_dates_of_the_stores(material: list[bytes]) -> None:
    own = NOW - 50_000
    ring = KeyRing.build(StoredKeys(chain([NOW - DAY, NOW - MINUTE], material), NOW), own, HOUR, Sealer(()), {})
    assert ring is not None
    assert not ring.clock_is_wrong
    assert ring.signing_key(own).created_at == NOW - MINUTE
    assert ring.signing_key(own - 1).created_at == NOW - DAY
    assert ring.next_key_due_at(own, DAY) == own + DAY - MINUTE - PUBLISHED_AHEAD_MS
    for offset in (MINUTE + 1, -MINUTE - 1):
        wrong = KeyRing.build(StoredKeys(chain([NOW], material), NOW), NOW - offset, HOUR, Sealer(()), {})
        assert wrong is not None
        assert wrong.clock_is_wrong


# V2


def test_v2_tokens_are_tried_with_three_keys_at_most_the_newest_first(material: list[bytes]) -> None:
    stored = StoredKeys(chain([NOW + minute * MINUTE for minute in range(20)], material), NOW + HOUR)
    for says, accepts in ((True, False), (False, True), (True, True)):
        ring = KeyRing.build(stored._replace(has_v2=says), NOW + HOUR, DAY, Sealer(()), {}, accepts_v2=accepts)
        assert ring is not None
        assert ring.v2 == ring.dynamic[:3]
    ring = KeyRing.build(stored, NOW + HOUR, DAY, Sealer(()), {})
    assert ring is not None
    assert ring.v2 == ()


def test_of_keys_that_are_all_younger_than_the_clock_says_the_first_signs(material: list[bytes]) -> None:
    """The clock of the process that made them was a little ahead: others have published that one the longest."""
    ring = ring_at(NOW, chain([NOW + 1000, NOW + 2000], material))
    assert ring.signing_key(NOW).created_at == NOW + 1000
    assert ring.signing_key(NOW + 1500).created_at == NOW + 1000
