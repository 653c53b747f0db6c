# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import contextlib
import datetime
import decimal
import enum
import json
import sys
from collections import OrderedDict
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supertokens.engine import user_data
from supertokens.engine.user_data import (
    MAX_DEPTH,
    MAX_INTEGER_CHARACTERS,
    NumberTooLargeError,
    decode_object,
    encode_object,
    equal,
)


@pytest.mark.parametrize("value", [None, [], "text", 7, b"bytes", {1}, (("a", 1),)])
def test_what_is_no_mapping_is_a_type_error_that_names_the_field(value: object) -> None:
    with pytest.raises(TypeError, match="session_data must be a dict"):
        encode_object(value, "session_data")


@pytest.mark.parametrize(
    "value",
    [b"x", {1, 2}, datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC), decimal.Decimal(1), object(), 1j, len],
)
def test_what_json_has_not_is_a_type_error_that_says_where(value: object) -> None:
    with pytest.raises(TypeError, match=r"jwt_payload\.a\[1\]\.b is of type"):
        encode_object({"a": [0, {"b": value}]}, "jwt_payload")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_numbers_that_json_cannot_express_are_refused(value: float) -> None:
    with pytest.raises(ValueError, match=r"jwt_payload\.a is (nan|inf|-inf)"):
        encode_object({"a": value}, "jwt_payload")


@pytest.mark.parametrize("key", [1, None, True, b"a", 1.5])
def test_keys_that_are_no_strings_are_refused_instead_of_turned_into_some(key: object) -> None:
    with pytest.raises(TypeError, match="keys of a JSON object are strings"):
        encode_object({"a": {key: 1}}, "jwt_payload")


@pytest.mark.parametrize("value", [{"a": "\ud800"}, {"\udfff": 1}, {"a": ["x\udc00"]}])
def test_lone_surrogates_are_refused(value: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="lone surrogate"):
        encode_object(value, "jwt_payload")


def test_nesting_has_a_limit_and_a_value_inside_itself_is_caught_by_it() -> None:
    value: Any = {}
    for _ in range(MAX_DEPTH - 1):
        value = {"a": value}
    assert encode_object(value, "jwt_payload").count("{") == MAX_DEPTH
    with pytest.raises(ValueError, match="nested"):
        encode_object({"a": value}, "jwt_payload")
    loop: list[object] = []
    loop.append(loop)
    with pytest.raises(ValueError, match="nested"):
        encode_object({"a": loop}, "jwt_payload")


def test_large_integers_and_nulls_come_back_exactly() -> None:
    value = {"big": 2**200, "negative": -(2**70), "float": 1.0, "null": None, "empty": {}, "list": [None, [], {}]}
    back = decode_object(encode_object(value, "jwt_payload"))
    assert back == value
    assert isinstance(back["float"], float)
    assert isinstance(back["big"], int)


LARGEST, LEAST = int("9" * MAX_INTEGER_CHARACTERS), -int("9" * (MAX_INTEGER_CHARACTERS - 1))


@pytest.mark.parametrize("wrap", [dict, OrderedDict])
def test_integers_have_a_limit_of_digits_and_one_more_is_refused_in_our_words(wrap: Any) -> None:
    value = wrap(largest=LARGEST, least=[LEAST])
    assert decode_object(encode_object(value, "jwt_payload")) == value
    for beyond in (LARGEST + 1, LEAST - 1, enum.IntEnum("Huge", {"ONE": LARGEST + 1})["ONE"]):
        with pytest.raises(
            ValueError, match=r"^jwt_payload\.a\[0\] is an integer of more than 4300 characters; store it as"
        ):
            encode_object(wrap(a=[beyond]), "jwt_payload")


@pytest.mark.parametrize("allowed", [640, 0])
@pytest.mark.parametrize("wrap", [dict, OrderedDict])
def test_the_limit_of_digits_holds_where_python_was_told_another_one(wrap: Any, allowed: int) -> None:
    before = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(allowed)
    try:
        with pytest.raises(ValueError, match="more than 4300 characters"):
            encode_object(wrap(a=LARGEST + 1), "jwt_payload")
        if allowed:
            with pytest.raises(ValueError, match=r"^jwt_payload holds an integer of more digits than sys\.get_int_max"):
                encode_object(wrap(a=LARGEST), "jwt_payload")
            with pytest.raises(NumberTooLargeError):
                decode_object(b'{"a":%s}' % (b"9" * 641))
        else:
            assert len(encode_object(wrap(a=LARGEST), "jwt_payload")) == MAX_INTEGER_CHARACTERS + len('{"a":}')
            with pytest.raises(NumberTooLargeError):
                decode_object(b'{"a":%s}' % (b"9" * (MAX_INTEGER_CHARACTERS + 1)))
    finally:
        sys.set_int_max_str_digits(before)


@pytest.mark.parametrize("number", ["9" * 4301, "-" + "9" * 4300, "9" * 100_000, "1e400", "-1e999999"])
def test_a_number_that_is_too_large_to_read_is_an_error_of_its_own(number: str) -> None:
    with pytest.raises(NumberTooLargeError, match="integers have at most 4300 characters"):
        decode_object(f'{{"a":[{number}]}}')


def test_subclasses_and_other_mappings_are_taken_as_what_they_are_to_json() -> None:
    class Colour(enum.StrEnum):
        RED = "red"

    value = OrderedDict(
        colour=Colour.RED, size=enum.IntEnum("Size", "L").L, pair=(1, 2), view=MappingProxyType({"x": True})
    )
    assert decode_object(encode_object(value, "jwt_payload")) == {
        "colour": "red", "size": 1, "pair": [1, 2], "view": {"x": True},
    }  # fmt: skip


def test_no_way_to_an_error_is_kept_for_a_value_without_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(user_data, "_checked", None)
    value = {"a": [None, True, 1, 1.5, "é", [], {}, {"b": {"c": [[]]}}]}
    assert decode_object(encode_object(value, "jwt_payload")) == value


class Text(str):
    __slots__ = ()


class Letter(enum.StrEnum):
    A = "a"


ODD = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(max_size=2)
    | st.sampled_from([decimal.Decimal(1), "\ud800", "x\udfff", Text("x"), Text("\ud800"), Letter.A])
)  # fmt: skip
ODD_VALUES = st.recursive(
    ODD,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner)
        | st.dictionaries(st.text(max_size=3) | st.sampled_from(["\udc00", Text("t"), 1, None]), inner, max_size=3)
    ),
)


def outcome(value: object) -> str:
    try:
        return encode_object(value, "jwt_payload")
    except (TypeError, ValueError) as error:
        return f"{type(error).__name__}: {error}"


@given(
    st.dictionaries(st.text(max_size=3) | st.sampled_from(["\udc00", 1]), ODD_VALUES, max_size=3), st.integers(0, 66)
)
def test_a_dict_and_another_mapping_with_the_same_items_come_out_the_same_or_fail_in_the_same_words(
    value: dict[Any, Any], deeper: int
) -> None:
    for _ in range(deeper):
        value = {"a": [0, value]} if deeper % 2 else {"a": value}
    assert outcome(value) == outcome(OrderedDict(value)) == outcome(MappingProxyType(value))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(alphabet=st.characters(codec="utf-8")),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text(alphabet=st.characters(codec="utf-8")), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip
OBJECTS = st.dictionaries(st.text(alphabet=st.characters(codec="utf-8")), JSON, max_size=4)


@given(OBJECTS)
def test_what_is_strict_json_comes_back_and_agrees_with_the_standard_library(value: dict[str, Any]) -> None:
    text = encode_object(value, "jwt_payload")
    assert decode_object(text) == value == json.loads(text)


@given(st.binary() | st.text())
def test_any_input_is_an_object_or_a_value_error(data: str | bytes) -> None:
    with contextlib.suppress(ValueError):
        assert isinstance(decode_object(data), dict)


@pytest.mark.parametrize("text", ["[]", "1", "", "{", "null", '{"a":NaN}', "{'a':1}", '{"a":1}x', "[" * 5000])
def test_what_is_no_strict_json_object_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a JSON object"):
        decode_object(text)


@given(OBJECTS, OBJECTS)
def test_equal_agrees_with_python_but_for_booleans(left: dict[str, Any], right: dict[str, Any]) -> None:
    assert equal(left, json.loads(json.dumps(left)))
    if equal(left, right):
        assert left == right


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [(1, 1.0, True), (1, True, False), (0, False, False), ([1], [True], False), ({"a": 0.0}, {"a": 0}, True),
     (None, False, False), ("1", 1, False), ([], {}, False), ({"a": None}, {}, False), (True, True, True)],
)  # fmt: skip
def test_one_equals_one_point_nought_and_true_is_no_number(left: object, right: object, same: bool) -> None:
    assert equal(left, right) is same
