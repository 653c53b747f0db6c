# SPDX-License-Identifier: Apache-2.0
"""What a refusal says to somebody who made an ordinary mistake: tabs, quotes, and milliseconds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from supertokens.config import Config, ConfigError, describe
from supertokens.config.options import Options


def refusal_of_file(folder: Path, content: str) -> str:
    file = folder / "config.yaml"
    file.write_text(content)
    with pytest.raises(ConfigError) as caught:
        Config.load(app_config={"SUPERTOKENS_CONFIG": file})
    return str(caught.value)


def refusal(**settings: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        Config(**settings)
    return str(caught.value)


def str_of(value: float) -> str:
    """A name for a test, also of a number that Python does not write out."""
    return f"{value:.3g}" if abs(value) < 10**300 or value != value else "a huge number"


# Tabs


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("port: 3568\n\tcookie_domain: example.com\n", 2),
        ("cookie_domain:\texample.com\n", 1),
        ("\tcookie_domain: example.com\n", 1),
        ("port: 3568\ncookie_domain: example.com\t\n", 2),
        ("port: 3568\ncookie_domain: example.com\t# ours\n", 2),
        ("api_keys:\n\t- aaaaaaaaaaaaaaaaaaaa\n", 2),
        ("api_keys:\n  -\taaaaaaaaaaaaaaaaaaaa\n", 2),
        ("host: a\n\t\nport: 1\n", 2),
    ],
)
def test_a_tab_is_called_a_tab_with_its_line(tmp_path: Path, content: str, line: int) -> None:
    message = refusal_of_file(tmp_path, content)
    expected = f"{tmp_path / 'config.yaml'}, line {line}: a tab, which YAML does not allow here; use spaces"
    assert message == expected, "and nothing of the file is quoted"


def test_a_tab_that_yaml_allows_is_none_of_our_business(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("#\tours\ncookie_domain: example.com\n")
    assert Config.load(app_config={"SUPERTOKENS_CONFIG": tmp_path / "config.yaml"}).cookie_domain == "example.com"


def test_another_mistake_beside_a_tab_is_not_taken_for_it(tmp_path: Path) -> None:
    assert "this is not YAML" in refusal_of_file(tmp_path, "#\tours\na: b: c\n")


# Quotes


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("cookie_secure", "true"), ("enable_anti_csrf", "False"), ("access_token_validity", "900"),
        ("refresh_token_validity", "43200"), ("refresh_token_rotation_grace_period", "2.5"), ("port", " 3567 "),
    ],
)  # fmt: skip
def test_a_value_in_quotes_is_told_to_lose_them(name: str, text: str) -> None:
    assert f"but it is {text!r}, which is text: remove the quotes; or leave it out" in refusal(**{name: text})


def test_so_it_is_in_a_file(tmp_path: Path) -> None:
    message = refusal_of_file(tmp_path, 'cookie_secure: "true"\n')
    assert "'cookie_secure' must be true or false, but it is 'true', which is text: remove the quotes" in message


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("cookie_secure", "maybe"), ("access_token_validity", "0"), ("access_token_validity", "2.5"), ("port", "99999"),
        ("access_token_validity", ""), ("access_token_validity", "1" * 5000), ("refresh_token_validity", "nan"),
        ("refresh_token_validity", "1e3"), ("cookie_same_site", "mild"), ("access_token_validity", "٣"),
    ],
)  # fmt: skip
def test_text_that_would_be_refused_without_quotes_too_is_not(name: str, text: str) -> None:
    assert "remove the quotes" not in refusal(**{name: text})


# Milliseconds, and other units


@pytest.mark.parametrize(
    ("name", "given", "hint"),
    [
        ("core_read_timeout", 5000, "if you mean milliseconds, write 5"),
        ("core_connect_timeout", 2500, "if you mean milliseconds, write 2.5"),
        ("refresh_token_rotation_grace_period", 10_000, "if you mean milliseconds, write 10"),
        ("access_token_validity", 604_800_000, "if you mean milliseconds, write 604800"),
        ("access_token_signing_key_update_interval", 86_400, "if you mean seconds, write 24"),
        ("access_token_signing_key_update_interval", 86_400_000, "if you mean milliseconds, write 24"),
        ("access_token_signing_key_update_interval", 1440, "if you mean minutes, write 24"),
        ("refresh_token_validity", 8_640_000_000, "if you mean milliseconds, write 144000"),
        ("drain_seconds", 5000, "if you mean milliseconds, write 5"),
        ("revocation_max_lag", 250, "if you mean milliseconds, write 0.25"),
    ],
)
def test_a_number_that_is_too_large_is_doubted_in_smaller_units(name: str, given: float, hint: str) -> None:
    assert f"but it is {given!r} ({hint}); or leave it out" in refusal(**{name: given})


@pytest.mark.parametrize("given", [-5000, 10**300, 10**16, float("inf"), float("nan"), True, 10**5000], ids=str_of)
def test_a_number_that_no_unit_explains_is_refused_without_a_guess(given: float) -> None:
    assert "meant" not in refusal(core_read_timeout=given)


def warnings_of(**settings: Any) -> tuple[str, ...]:
    return Config.explain(arguments=settings).warnings


def test_a_validity_that_is_probably_in_milliseconds_is_doubted() -> None:
    (warning,) = warnings_of(access_token_validity=3_600_000)
    assert warning == (
        "'access_token_validity' is 3600000 seconds, which is 41.7 days; if you mean milliseconds, write 3600"
    )
    (warning,) = Config.explain_service(arguments={"access_token_validity": 900_000}).warnings
    assert "if you mean milliseconds, write 900" in warning
    (warning,) = warnings_of(session_max_lifetime=2_592_000_000)
    assert "if you mean milliseconds, write 2592000" in warning
    (warning,) = warnings_of(short_session_validity=86_400_000)
    assert "if you mean milliseconds, write 86400" in warning


@pytest.mark.parametrize("seconds", [900, 1000, 3600, 86_000, 86_400, 99_000, 172_800, 604_800, 3_600_001])
def test_usual_validities_are_not_doubted(seconds: int) -> None:
    assert warnings_of(access_token_validity=seconds, refresh_token_validity=100_000) == ()


def test_a_grace_period_that_is_probably_in_milliseconds_is_doubted() -> None:
    (warning,) = warnings_of(refresh_token_rotation_grace_period=2000, access_token_validity=86_400)
    assert warning.endswith("which is 33.3 minutes; if you mean milliseconds, write 2")
    assert warnings_of(refresh_token_rotation_grace_period=60) == ()


def test_a_session_of_years_is_doubted_in_seconds() -> None:
    (warning,) = warnings_of(refresh_token_validity=2_592_000)
    assert warning.endswith("; if you mean seconds, write 43200")
    (warning,) = warnings_of(refresh_token_validity=100_000_000)
    assert "meant" not in warning


def test_the_typed_options_are_the_settings_that_count_in_an_app() -> None:
    assert set(Options.__annotations__) == {key.name for key in describe() if key.counts_on("app")}
