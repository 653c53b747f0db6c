# SPDX-License-Identifier: Apache-2.0
"""base64url: each byte string has one text, and no other text is accepted."""

from __future__ import annotations

import itertools
from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supertokens.engine import base64url

_EVERY_KIND = 'AQgwBZaz059-_+/="\\!. \n\x00é\udc80'
"""Characters that may end a text, that may not, of the other alphabet, of JSON, and of none."""


def accepted(text: str) -> bytes | None:
    try:
        return base64url.decode(text)
    except ValueError:
        return None


def expected(text: str) -> bytes | None:
    """By the definition: the bytes whose text this is."""
    try:
        data = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        return None
    return data if urlsafe_b64encode(data).decode().rstrip("=") == text else None


@pytest.mark.parametrize("length", range(5))
def test_exactly_the_texts_that_encode_writes_are_accepted(length: int) -> None:
    for characters in itertools.product(_EVERY_KIND, repeat=length):
        text = "".join(characters)
        assert accepted(text) == expected(text), repr(text)


@given(st.binary(max_size=200))
def test_what_was_encoded_is_decoded(data: bytes) -> None:
    text = base64url.encode(data)
    assert base64url.decode(text) == data
    assert len(text) == base64url.length(len(data))


@given(st.text(max_size=40))
def test_any_other_text_is_a_value_error(text: str) -> None:
    assert accepted(text) == expected(text)


@pytest.mark.parametrize("escape", [r"\u0041AAA", r"\/AAA", 'AA"AAA', "AAAA\\"])
def test_no_escape_of_json_gets_through(escape: str) -> None:
    assert accepted(escape) is None
