# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import hmac
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supertokens.engine import base64url
from supertokens.engine.refresh_token import (
    MAX_TEXT_CHARACTERS,
    RefreshKey,
    UnknownRefreshKeyError,
    anti_csrf_inside,
    anti_csrf_value,
    authenticate,
    client_fingerprint,
    derive,
    id_refresh_value,
    lineage_hash,
    position_inside,
    serial_of,
    successor_of,
)
from supertokens.engine.session import handle_from_bytes, handle_to_bytes, is_handle, new_handle
from supertokens.errors import SuperTokensUnauthorisedError

KEY = RefreshKey("00" * 8, b"\x01" * 32)
OTHER_KEY = RefreshKey("11" * 8, b"\x02" * 32)
KEYS = {KEY.id: KEY}
HANDLE = "7b0aa0a2-3f4c-4f0e-8a43-0123456789ab"

GOLDEN_PLAIN = "AQAAAAAAAAAAewqgoj9MTw6KQwEjRWeJqwAAAAAAAAACAAAAAAAAAAG1xtMtysKFXoHTryfLt-nLOJSG_2LCiE7CrhQ8maQX5A"
GOLDEN_GUARDED = (
    "AQAAAAAAAAAAewqgoj9MTw6KQwEjRWeJqwAAAAAAAAACAAAAAAAAAAGzvJvc2brKzsayBEEFWc8P6ImC"
    "6NDXkDYGRJBbMRRaEhT4C7suGbMfNWV2bfmBb28"
)

SERIALS = st.integers(0, 2**64 - 1)


@given(SERIALS, SERIALS, st.booleans())
def test_a_derived_token_is_authentic_and_says_what_it_was_made_of(serial: int, parent: int, guarded: bool) -> None:
    value = anti_csrf_value(KEY, HANDLE, None) if guarded else None
    token = authenticate(derive(KEY, HANDLE, serial, parent, value), KEYS)
    assert (token.key, token.handle, token.serial, token.parent, token.anti_csrf_token) == (
        KEY, HANDLE, serial, parent, value,
    )  # fmt: skip


def test_the_same_serial_and_parent_always_give_the_same_token() -> None:
    assert derive(KEY, HANDLE, 5, 4, None) == derive(KEY, HANDLE, 5, 4, None)
    different = {
        derive(KEY, HANDLE, 5, 4, None),
        derive(KEY, HANDLE, 5, 3, None),
        derive(KEY, HANDLE, 6, 4, None),
        derive(KEY, HANDLE.replace("7", "8"), 5, 4, None),
        derive(OTHER_KEY, HANDLE, 5, 4, None),
        derive(KEY, HANDLE, 5, 4, anti_csrf_value(KEY, HANDLE, None)),
    }
    assert len(different) == 6


@given(SERIALS, st.booleans())
def test_the_anti_csrf_value_inside_is_the_one_that_the_token_was_made_with(serial: int, guarded: bool) -> None:
    value = anti_csrf_value(KEY, HANDLE, None) if guarded else None
    assert anti_csrf_inside(derive(KEY, HANDLE, serial, 1, value)) == value
    assert position_inside(derive(KEY, HANDLE, serial, 1, value)) == (HANDLE, serial)


@given(st.text(max_size=200) | st.text("Ba0-_", min_size=MAX_TEXT_CHARACTERS, max_size=MAX_TEXT_CHARACTERS))
def test_a_text_that_is_no_token_of_ours_has_neither_anti_csrf_value_nor_position_inside(text: str) -> None:
    assert anti_csrf_inside(text) is None
    assert position_inside(text) is None
    assert anti_csrf_inside("é" * MAX_TEXT_CHARACTERS) is None


def test_the_format_stays_what_it_is() -> None:
    """A change here logs out everybody who holds a token of this version: give it another version instead."""
    assert derive(KEY, HANDLE, 2, 1, None) == GOLDEN_PLAIN
    assert derive(KEY, HANDLE, 2, 1, anti_csrf_value(KEY, HANDLE, None)) == GOLDEN_GUARDED
    assert len(GOLDEN_GUARDED) == MAX_TEXT_CHARACTERS


def test_the_subkeys_are_what_hkdf_gives_by_hand() -> None:
    """RFC 5869, section 2.3: the first block of HKDF-Expand is HMAC(secret, info || 0x01)."""
    for use, subkey in (("token", KEY.token_subkey), ("anti_csrf", KEY.anti_csrf_subkey), ("hint", KEY.hint_subkey)):
        info = b"supertokens refresh key: " + use.encode()
        assert subkey == hmac.digest(KEY.secret, info + b"\x01", "sha256")


def test_every_flipped_bit_is_noticed() -> None:
    raw = base64url.decode(GOLDEN_GUARDED)
    for position in range(8 * len(raw)):
        flipped = bytearray(raw)
        flipped[position // 8] ^= 1 << position % 8
        with pytest.raises(SuperTokensUnauthorisedError):
            authenticate(base64url.encode(bytes(flipped)), KEYS)


def test_every_changed_character_and_every_truncation_is_noticed() -> None:
    for index in range(len(GOLDEN_PLAIN)):
        replaced = "A" if GOLDEN_PLAIN[index] != "A" else "B"
        with pytest.raises(SuperTokensUnauthorisedError):
            authenticate(GOLDEN_PLAIN[:index] + replaced + GOLDEN_PLAIN[index + 1 :], KEYS)
        with pytest.raises(SuperTokensUnauthorisedError):
            authenticate(GOLDEN_PLAIN[:index], KEYS)


@pytest.mark.parametrize("spoiled", [" {}", "{} ", "{}=", "{}\n", "{}A", "A{}", "\t{}"])
def test_one_token_has_one_text(spoiled: str) -> None:
    with pytest.raises(SuperTokensUnauthorisedError):
        authenticate(spoiled.format(GOLDEN_PLAIN), KEYS)


def test_a_token_cannot_be_regrouped_into_one_with_an_anti_csrf_value() -> None:
    """The length tells the two forms apart, and the MAC covers all before it: moving bytes between fields fails."""
    raw = base64url.decode(GOLDEN_PLAIN)
    with pytest.raises(SuperTokensUnauthorisedError):
        authenticate(base64url.encode(raw[:41] + b"\0" * 16 + raw[41:]), KEYS)


def test_an_unknown_key_is_told_apart_from_a_forged_token() -> None:
    with pytest.raises(UnknownRefreshKeyError):
        authenticate(derive(OTHER_KEY, HANDLE, 1, 0, None), KEYS)
    impostor = RefreshKey(KEY.id, OTHER_KEY.secret)
    with pytest.raises(SuperTokensUnauthorisedError) as refused:
        authenticate(derive(impostor, HANDLE, 1, 0, None), KEYS)
    assert not isinstance(refused.value, UnknownRefreshKeyError)


@given(st.text())
def test_any_text_is_either_authentic_or_unauthorised(text: str) -> None:
    with pytest.raises(SuperTokensUnauthorisedError):
        authenticate(text, KEYS)


@given(st.binary())
def test_any_bytes_in_base64url_are_unauthorised(data: bytes) -> None:
    with pytest.raises(SuperTokensUnauthorisedError):
        authenticate(base64url.encode(b"\x01" + data), KEYS)


def test_the_anti_csrf_value_belongs_to_the_session_or_to_the_serial() -> None:
    values = [anti_csrf_value(KEY, HANDLE, serial) for serial in (None, 1, 2)]
    values.append(anti_csrf_value(OTHER_KEY, HANDLE, None))
    assert len(set(values)) == 4
    assert all(len(base64url.decode(value)) == 16 for value in values)


def test_values_of_one_key_never_pass_for_each_other() -> None:
    assert len({KEY.secret, KEY.token_subkey, KEY.anti_csrf_subkey, KEY.hint_subkey}) == 4


def test_the_id_refresh_value_changes_with_the_token_and_fits_into_its_header() -> None:
    value = id_refresh_value(GOLDEN_PLAIN)
    assert value == id_refresh_value(GOLDEN_PLAIN) != id_refresh_value(GOLDEN_GUARDED)
    assert ";" not in value
    assert "=" not in value
    assert value not in GOLDEN_PLAIN


def test_a_fingerprint_tells_clients_apart_and_sessions_too() -> None:
    assert len(client_fingerprint(KEY, HANDLE, "Firefox")) == 8
    assert client_fingerprint(KEY, HANDLE, "Firefox") == client_fingerprint(KEY, HANDLE, "Firefox")
    assert client_fingerprint(KEY, HANDLE, "Firefox") != client_fingerprint(KEY, HANDLE, "Chromium")
    assert client_fingerprint(KEY, HANDLE, "Firefox") != client_fingerprint(KEY, HANDLE.replace("7", "8"), "Firefox")
    assert client_fingerprint(KEY, HANDLE, None) == client_fingerprint(KEY, HANDLE, "") == b""
    assert client_fingerprint(KEY, HANDLE, "\ud800") != b""


@given(SERIALS, st.text(alphabet=st.characters(codec="utf-8")))
def test_a_lineage_hash_gives_its_serial_back(serial: int, text: str) -> None:
    hashed = lineage_hash(serial, text)
    assert len(hashed) == 64
    assert serial_of(hashed) == serial


@pytest.mark.parametrize("text", ["", "0" * 63, "0" * 65, "g" * 64, "A" * 64, "+" + "0" * 63, "0_" * 32, "０" * 64])
def test_what_is_no_lineage_hash_has_no_serial(text: str) -> None:
    with pytest.raises(ValueError, match="not a lineage hash"):
        serial_of(text)


def test_neither_keys_nor_tokens_show_in_a_repr() -> None:
    token = authenticate(GOLDEN_GUARDED, KEYS)
    shown = repr(KEY) + repr(token)
    for secret in (repr(KEY.secret), GOLDEN_GUARDED, token.anti_csrf_token, KEY.token_subkey.hex()):
        assert str(secret) not in shown


@pytest.mark.parametrize(("key_id", "secret"), [("00" * 7, b"x" * 32), ("00" * 8, b"x" * 31), ("zz" * 8, b"x" * 32)])
def test_a_key_of_another_size_is_refused(key_id: str, secret: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        RefreshKey(key_id, secret)


def test_a_successor_is_one_handle_for_each_key_and_handle_and_nobody_can_tell_it_without_the_key() -> None:
    handles = [HANDLE, f"{HANDLE[:-1]}c"]
    pairs = [(key, handle) for key in (KEY, OTHER_KEY) for handle in handles]
    found = [successor_of(key, handle) for key, handle in pairs]
    assert len({*found, *handles}) == 6
    assert all(is_handle(each) for each in found)
    assert found == [successor_of(key, handle) for key, handle in pairs]
    assert found[0] == "d469a33d-8d4a-44ad-867d-9cf82b6eef79", "processes of another version find it too"


@given(st.binary(min_size=16, max_size=16))
def test_a_handle_and_its_bytes_are_those_of_a_uuid(raw: bytes) -> None:
    handle = str(UUID(bytes=raw))
    assert (handle_from_bytes(raw), handle_to_bytes(handle)) == (handle, raw)
    assert new_handle(raw) == str(UUID(bytes=raw, version=4))


@pytest.mark.parametrize("other", ["", "0" * 30, "0" * 34, "g" * 32, "urn:uuid:12345678-1234-5678-1234-567812345678"])
def test_another_text_is_no_handle(other: str) -> None:
    with pytest.raises(ValueError, match=r"hex|handle"):
        handle_to_bytes(other)
