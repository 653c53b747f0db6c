# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import base64
import dataclasses
import hashlib
import logging
import pickle
import re
import secrets
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from supertokens.config import Config, ConfigError, KeyDescription, describe
from supertokens.config.rules import GRACE_PERIODS_IN_A_LIFE
from supertokens.engine.renewal import least_validity

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "configuration.md"

KEY = "7c0e1f9a5d3b48e2906fa1c4d7b85326e94a0d1c63f7528bb1e8094fd2a6c35e"
OTHER_KEY = "b91d4e7703fa2c58e6a10d9f4b73c8256ef0a41b8d92573ac4167ef3085db2c9"
SECRETS = {
    "encryption_key": "correct-horse-battery-staple",
    "api_keys": "horse_battery_staple_correct",
    "api_key": "staple-correct-horse-battery",
    "database": "postgresql://app:correct-horse@db.internal:x/sessions",
}

# A layer takes keys by their names and gives what Config.load takes; the strongest comes first.
Layer = Callable[[Path, dict[str, Any]], dict[str, Any]]


def as_arguments(folder: Path, keys: dict[str, Any]) -> dict[str, Any]:
    return {"arguments": keys}


def as_flat_app_config(folder: Path, keys: dict[str, Any]) -> dict[str, Any]:
    return {"app_config": {f"SUPERTOKENS_{name.upper()}": value for name, value in keys.items()}}


def as_file_of_the_app(folder: Path, keys: dict[str, Any]) -> dict[str, Any]:
    return {"app_config": {"SUPERTOKENS_CONFIG": str(yaml_file(folder / "app.yaml", yaml.safe_dump(keys)))}}


def as_environment(folder: Path, keys: dict[str, Any]) -> dict[str, Any]:
    return {"environ": {f"SUPERTOKENS_{name.upper()}": str(value) for name, value in keys.items()}}


def as_file_of_the_environment(folder: Path, keys: dict[str, Any]) -> dict[str, Any]:
    return {"environ": {"SUPERTOKENS_CONFIG": str(yaml_file(folder / "environment.yaml", yaml.safe_dump(keys)))}}


LAYERS: list[Layer] = [
    as_arguments,
    as_flat_app_config,
    as_file_of_the_app,
    as_environment,
    as_file_of_the_environment,
]


def yaml_file(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def load_yaml(folder: Path, content: str | bytes) -> Config:
    return Config.load(app_config={"SUPERTOKENS_CONFIG": yaml_file(folder / "config.yaml", content)})


def merged(*sources: dict[str, Any]) -> dict[str, Any]:
    together: dict[str, Any] = {}
    for source in sources:
        for name, values in source.items():
            together[name] = {**together.get(name, {}), **values}
    return together


def refusal(**sources: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        Config.load(**sources)
    return str(caught.value)


def warnings_of(caplog: pytest.LogCaptureFixture, **sources: Any) -> list[str]:
    caplog.clear()
    with caplog.at_level(logging.WARNING, logger="supertokens"):
        Config.load(**sources)
    return [record.getMessage() for record in caplog.records]


# Defaults and the value itself


def test_nothing_has_to_be_set() -> None:
    assert Config.load() == Config.load(arguments={}, app_config={}, environ={}) == Config()


def test_the_defaults_are_those_of_the_original_2_5_2_and_ours() -> None:
    assert {key.name: key.default for key in describe()} == {
        "access_token_validity": 3600,
        "refresh_token_validity": 144_000.0,
        "short_session_validity": None,
        "session_max_lifetime": None,
        "refresh_token_rotation_grace_period": 10.0,
        "refresh_token_rotation_grace_binding": "user-agent",
        "max_sessions_per_user": None,
        "session_limit_action": "oldest",
        "record_client": "user-agent",
        "access_token_blacklisting": False,
        "revocation": "query",
        "revocation_max_lag": 0.25,
        "verified_token_cache": 12_000,
        "access_token_signing_algorithm": "RS256",
        "access_token_signing_key_dynamic": True,
        "access_token_signing_key_update_interval": 24.0,
        "encryption_key": None,
        "encryption_key_file": None,
        "database": None,
        "database_file": None,
        "sqlite_synchronous": "full",
        "database_pool_size": 10,
        "database_timeout": 5.0,
        "max_session_data_bytes": 1_048_576,
        "enable_anti_csrf": None,
        "anti_csrf": None,
        "trusted_origins": None,
        "renewal": "client",
        "renewal_upload_grace": 600,
        "login_url": None,
        "api_base_path": None,
        "access_token_path": "/",
        "refresh_api_path": "/session/refresh",
        "cookie_domain": None,
        "older_cookie_domain": None,
        "cookie_secure": None,
        "cookie_same_site": "lax",
        "cookie_prefix": "none",
        "session_expired_status_code": 401,
        "core_config_version": 0,
        "hosts": None,
        "api_key": None,
        "api_key_file": None,
        "core_connect_timeout": 2.0,
        "core_read_timeout": 10.0,
        "host": "localhost",
        "port": 3567,
        "base_path": "",
        "api_keys": None,
        "api_keys_file": None,
        "insecure_allow_no_api_key": False,
        "workers": None,
        "max_server_pool_size": 10,
        "drain_seconds": 0.0,
        "ssl_certfile": None,
        "ssl_keyfile": None,
        "info_log_path": None,
        "error_log_path": None,
        "log_level": "info",
    }


def test_each_default_is_what_a_config_without_settings_holds() -> None:
    config = Config()
    for key in describe():
        assert (getattr(config, key.name), type(getattr(config, key.name))) == (key.default, type(key.default))


def test_every_key_is_described_once_with_type_and_meaning() -> None:
    names = [key.name for key in describe()]
    assert names == [field.name for field in dataclasses.fields(Config)]
    assert all(isinstance(key, KeyDescription) and key.type and key.meaning for key in describe())


def test_a_config_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Config().access_token_validity = 1  # type: ignore[misc]


def test_durations_come_in_whole_milliseconds() -> None:
    config = Config(
        access_token_validity=7,
        refresh_token_validity=0.5,
        refresh_token_rotation_grace_period=1.25,
        access_token_signing_key_update_interval=1.5,
    )
    durations = (
        config.access_token_validity_ms,
        config.refresh_token_validity_ms,
        config.refresh_token_rotation_grace_period_ms,
        config.access_token_signing_key_update_interval_ms,
    )
    assert durations == (7_000, 30_000, 1_250, 5_400_000)
    assert all(type(duration) is int for duration in durations)


def test_the_longest_access_token_validity_does_not_overflow() -> None:
    config = Config(access_token_validity=86_400_000, refresh_token_validity=1_440_001)
    assert config.access_token_validity_ms == 86_400_000_000


def test_a_whole_number_will_do_where_a_number_is_wanted() -> None:
    value = Config(refresh_token_validity=100).refresh_token_validity
    assert (value, type(value)) == (100.0, float)


# Precedence


@pytest.mark.parametrize(("stronger", "weaker"), list(combinations(LAYERS, 2)))
def test_of_two_sources_the_stronger_one_wins(tmp_path: Path, stronger: Layer, weaker: Layer) -> None:
    first = stronger(tmp_path, {"access_token_validity": 111})
    second = weaker(tmp_path, {"access_token_validity": 222, "session_expired_status_code": 440})
    config = Config.load(**merged(first, second))
    assert (config.access_token_validity, config.session_expired_status_code) == (111, 440)


@pytest.mark.parametrize("layer", LAYERS)
def test_every_source_wins_over_the_default(tmp_path: Path, layer: Layer) -> None:
    assert Config.load(**layer(tmp_path, {"access_token_validity": 111})).access_token_validity == 111


@pytest.mark.parametrize("layer", [as_arguments, as_flat_app_config, as_file_of_the_app])
def test_none_means_that_the_next_source_is_asked(tmp_path: Path, layer: Layer) -> None:
    weaker = as_environment(tmp_path, {"cookie_domain": "example.com"})
    assert Config.load(**merged(weaker, layer(tmp_path, {"cookie_domain": None}))).cookie_domain == "example.com"


def test_the_app_may_give_a_mapping_instead_of_a_file() -> None:
    config = Config.load(app_config={"SUPERTOKENS_CONFIG": {"access_token_validity": 111}})
    assert config.access_token_validity == 111


def test_settings_of_other_extensions_are_left_alone() -> None:
    app_config = {"SECRET_KEY": "x", "SQLALCHEMY_DATABASE_URI": 1, "supertokens_cookie_domain": 2, "DEBUG": True}
    assert Config.load(app_config=app_config, environ={"PATH": "/bin", "COOKIE_DOMAIN": "example.com"}) == Config()


# Names


@pytest.mark.parametrize(
    ("sources", "nearest"),
    [
        ({"arguments": {"acess_token_validity": 1}}, "'access_token_validity'"),
        ({"app_config": {"SUPERTOKENS_COOKIE_DOMIAN": "x.com"}}, "'SUPERTOKENS_COOKIE_DOMAIN'"),
        ({"app_config": {"SUPERTOKENS_CONFIG": {"cookie_samesite": "lax"}}}, "'cookie_same_site'"),
        ({"app_config": {"SUPERTOKENS_REFRESH_TOKN_PATH": "/"}}, "'SUPERTOKENS_REFRESH_TOKEN_PATH'"),
        ({"arguments": {"sqlite_synchronus": "full"}}, "'sqlite_synchronous'"),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest_known_name(sources: dict[str, Any], nearest: str) -> None:
    assert f"did you mean {nearest}?" in refusal(**sources)


def test_an_unknown_key_in_a_file_is_refused_with_the_name_of_the_file(tmp_path: Path) -> None:
    message = refusal(**as_file_of_the_app(tmp_path, {"cokie_domain": "example.com"}))
    assert str(tmp_path / "app.yaml") in message
    assert "did you mean 'cookie_domain'?" in message


@pytest.mark.parametrize("name", ["qqqqqq", 5, ("a",), ""])
def test_an_unknown_key_that_resembles_none_is_refused_too(name: Any) -> None:
    assert "unknown key" in refusal(app_config={"SUPERTOKENS_CONFIG": {name: 1}})


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize(
    ("spelling", "name", "value"),
    [
        ("refresh_token_path", "refresh_api_path", "/auth/refresh"),
        ("refresh_api_path", "refresh_api_path", "/auth/refresh"),
        ("access_token_dynamic_signing_key_update_interval", "access_token_signing_key_update_interval", 48.0),
        ("access_token_signing_key_update_interval", "access_token_signing_key_update_interval", 48.0),
    ],
)
def test_both_spellings_of_a_key_are_one_key(
    tmp_path: Path, layer: Layer, spelling: str, name: str, value: object
) -> None:
    assert getattr(Config.load(**layer(tmp_path, {spelling: value})), name) == value


@pytest.mark.parametrize("layer", LAYERS)
def test_two_spellings_with_different_values_in_one_source_are_refused(tmp_path: Path, layer: Layer) -> None:
    same = layer(tmp_path, {"refresh_token_path": "/a", "refresh_api_path": "/a"})
    assert Config.load(**same).refresh_api_path == "/a"
    different = layer(tmp_path, {"refresh_token_path": "/a", "refresh_api_path": "/b"})
    assert "'refresh_api_path' is set twice" in refusal(**different)


def test_a_stronger_source_wins_under_either_spelling(tmp_path: Path) -> None:
    stronger = as_flat_app_config(tmp_path, {"refresh_token_path": "/stronger"})
    weaker = as_environment(tmp_path, {"refresh_api_path": "/weaker"})
    assert Config.load(**merged(weaker, stronger)).refresh_api_path == "/stronger"


def test_every_flat_key_of_the_original_is_accepted() -> None:
    config = Config.load(
        app_config={
            "SUPERTOKENS_ACCESS_TOKEN_PATH": "/api",
            "SUPERTOKENS_REFRESH_TOKEN_PATH": "/api/refresh",
            "SUPERTOKENS_COOKIE_DOMAIN": "example.com",
            "SUPERTOKENS_COOKIE_SECURE": False,
            "SUPERTOKENS_COOKIE_SAME_SITE": "strict",
        }
    )
    assert config == Config(
        access_token_path="/api",
        refresh_api_path="/api/refresh",
        cookie_domain="example.com",
        cookie_secure=False,
        cookie_same_site="strict",
    )


# Types and text


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        *[("cookie_secure", text, True) for text in ("true", "True", "YES", "1", " true\n")],
        *[("cookie_secure", text, False) for text in ("false", "no", "NO", "0")],
        ("access_token_validity", "60", 60),
        ("refresh_token_validity", "60.5", 60.5),
        ("refresh_token_validity", "1e3", 1000.0),
        ("cookie_domain", "example.com\n", "example.com"),
        ("cookie_same_site", "Strict", "strict"),
        ("older_cookie_domain", "", ""),
        ("encryption_key", f"{KEY}, {OTHER_KEY}\n", (bytes.fromhex(KEY), bytes.fromhex(OTHER_KEY))),
    ],
)
def test_the_text_of_an_environment_variable_becomes_the_type_of_its_key(name: str, text: str, value: object) -> None:
    read = getattr(Config.load(environ={f"SUPERTOKENS_{name.upper()}": text}), name)
    assert (read, type(read)) == (value, type(value))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("cookie_secure", "maybe"),
        ("cookie_secure", "2"),
        ("access_token_validity", "1.5"),
        ("access_token_validity", "an hour"),
        ("access_token_validity", "9" * 5000),
        ("refresh_token_validity", "nan"),
        ("refresh_token_validity", "inf"),
        ("refresh_token_validity", "1e400"),
        ("encryption_key", ""),
    ],
)
def test_text_that_does_not_fit_its_key_is_refused_with_the_variable(name: str, text: str) -> None:
    message = refusal(environ={f"SUPERTOKENS_{name.upper()}": text})
    assert f"environment, SUPERTOKENS_{name.upper()}" in message
    assert f"'{name}'" in message


def test_an_empty_environment_variable_is_not_set() -> None:
    names = {key.name for key in describe()} - {"older_cookie_domain", "encryption_key", "encryption_key_file"}
    environ = {f"SUPERTOKENS_{name.upper()}": "" for name in names} | {"SUPERTOKENS_CONFIG": "", "SUPERTOKENS_PORT": ""}
    assert Config.load(environ=environ) == Config()


@pytest.mark.parametrize("layer", [as_arguments, as_flat_app_config, as_file_of_the_app])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cookie_secure", "true"),
        ("cookie_secure", 1),
        ("access_token_blacklisting", "no"),
        ("access_token_validity", "3600"),
        ("access_token_validity", True),
        ("access_token_validity", 3600.0),
        ("access_token_validity", [3600]),
        ("access_token_validity", 10**30),
        ("refresh_token_validity", True),
        ("refresh_token_validity", "100"),
        ("session_expired_status_code", "401"),
        ("cookie_domain", 7),
        ("cookie_domain", False),
        ("cookie_same_site", False),
        ("access_token_path", ["/"]),
        ("core_config_version", "0"),
        ("max_session_data_bytes", 1.5),
    ],
)
def test_a_value_of_the_wrong_type_is_refused_with_key_and_value_and_source(
    tmp_path: Path, layer: Layer, name: str, value: object
) -> None:
    with pytest.raises(ConfigError) as caught:
        Config.load(**layer(tmp_path, {name: value}))
    message = str(caught.value)
    assert caught.value.key == name
    assert f"'{name}'" in message
    assert f"it is {value!r}" in message
    assert re.match(r"arguments: |app\.config, SUPERTOKENS_[A-Z_]+: |/.*app\.yaml: ", message)


def test_integers_of_any_length_are_refused_like_other_values() -> None:
    assert "too long to be shown" in refusal(arguments={"access_token_validity": 10**10_000})
    assert "must be a number" in refusal(arguments={"refresh_token_validity": 10**10_000})


def test_long_values_are_cut_in_messages() -> None:
    assert len(refusal(arguments={"cookie_domain": "x y" * 10_000})) < 400


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("name", [key.name for key in describe() if key.type in ("integer", "number")])
def test_numbers_that_are_not_finite_are_refused(name: str, value: float) -> None:
    assert f"'{name}' must be" in refusal(arguments={name: value})


@pytest.mark.parametrize("key", [key for key in describe() if key.default is not None], ids=lambda key: key.name)
def test_none_given_directly_is_refused_where_a_key_has_a_default(key: KeyDescription) -> None:
    with pytest.raises(ConfigError, match=key.name):
        Config(**{key.name: None})  # type: ignore[arg-type]


# Rules for single keys


@pytest.mark.parametrize(
    ("name", "lowest", "highest"),
    [
        ("access_token_validity", 1, 86_400_000),
        ("access_token_signing_key_update_interval", 1, 720),
        ("refresh_token_rotation_grace_period", 0, 3600),
        ("session_expired_status_code", 400, 599),
        ("max_session_data_bytes", 2, 1_000_000_000),
        ("refresh_token_validity", 61, 1_000_000_000),
        ("short_session_validity", 3601, 86_400_000),
        ("session_max_lifetime", 11, 10_000_000_000),
    ],
)
def test_numbers_are_accepted_up_to_their_limits_and_refused_beyond(name: str, lowest: int, highest: int) -> None:
    for value in (lowest, highest):
        # An access token must not outlive its session, whichever of the two is being tried.
        room = {"refresh_token_validity": 2_000_000} if name == "access_token_validity" else {}
        assert getattr(Config(**{**room, name: value}), name) == value  # type: ignore[arg-type]
    for value in (lowest - 1, highest + 1, -1):
        with pytest.raises(ConfigError, match=name):
            Config(**{name: value})  # type: ignore[arg-type]


@pytest.mark.parametrize("value", ["None", "LAX", "sTrIcT"])
def test_same_site_may_be_written_in_any_case(value: str) -> None:
    config = Config.load(arguments={"cookie_same_site": value, "enable_anti_csrf": True, "cookie_secure": True})
    assert config.cookie_same_site == value.lower()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cookie_same_site", "sometimes"),
        ("cookie_prefix", "__Host-"),
        ("sqlite_synchronous", "off"),
        ("refresh_token_rotation_grace_binding", "ip"),
    ],
)
def test_a_choice_that_does_not_exist_is_refused_with_those_that_do(name: str, value: str) -> None:
    message = refusal(arguments={name: value})
    assert f"'{name}' must be" in message
    assert f"it is {value!r}" in message
    (key,) = (key for key in describe() if key.name == name)
    assert all(option.strip("`") in message for option in key.type.split(" or "))


@pytest.mark.parametrize(
    "given",
    [
        "example.com",
        ".example.com",
        "API.Example.COM",
        "localhost",
        "127.0.0.1",
        "xn--bcher-kva.example",
        "a_b.example",
        ".".join(["a" * 63] * 3 + ["a" * 61]),
    ],
)
def test_a_cookie_domain_is_kept_as_it_is_spelt(given: str) -> None:
    config = Config(cookie_domain=given, older_cookie_domain=given)
    assert (config.cookie_domain, config.older_cookie_domain) == (given, given)


@pytest.mark.parametrize("name", ["cookie_domain", "older_cookie_domain"])
@pytest.mark.parametrize(
    "value",
    [
        "https://example.com",
        "example.com:443",
        "example.com/path",
        "example .com",
        "example.com;",
        "example.com; Secure",
        "example.com\r\nSet-Cookie: a=b",
        "example.com\n",
        "exa\x00mple.com",
        "..example.com",
        "example..com",
        "example.com.",
        "-example.com",
        "example-.com",
        ".",
        "bücher.example",
        "[::1]",
        "*.example.com",
        "a" * 64,
        ".".join(["a" * 63] * 4),
    ],
)
def test_what_is_no_domain_is_refused(name: str, value: str) -> None:
    assert f"'{name}' must be a domain" in refusal(arguments={name: value})


def test_an_empty_older_domain_stands_for_cookies_without_a_domain_but_an_empty_domain_for_nothing() -> None:
    assert Config(older_cookie_domain="").older_cookie_domain == ""
    assert "'cookie_domain' must be a domain" in refusal(arguments={"cookie_domain": ""})


@pytest.mark.parametrize("name", ["access_token_path", "refresh_api_path"])
@pytest.mark.parametrize("value", ["/", "/auth", "/auth/", "/a-b_c.d~e/%20!$&'()*+,=:@"])
def test_a_path_is_kept_as_it_is(name: str, value: str) -> None:
    assert getattr(Config(**{name: value}), name) == value  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["access_token_path", "refresh_api_path"])
@pytest.mark.parametrize(
    "value",
    [
        "",
        "auth",
        "https://example.com/auth",
        "/a b",
        "/a;b",
        "/a\r\nb",
        "/a\n",
        "/\x00",
        "/ü",
        "/a?b",
        "/a#b",
        "/" * 1025,
    ],
)
def test_what_would_not_survive_in_a_cookie_path_is_refused(name: str, value: str) -> None:
    assert f"'{name}' must be a path" in refusal(arguments={name: value})


# Keys against each other


@pytest.mark.parametrize(("access", "refresh"), [(60, 1), (61, 1), (3600, 60.0), (3600, 59.9)])
def test_a_refresh_token_must_outlive_an_access_token(access: int, refresh: float) -> None:
    message = refusal(arguments={"access_token_validity": access, "refresh_token_validity": refresh})
    assert f"'refresh_token_validity' ({refresh:g} minutes)" in message
    assert f"'access_token_validity' ({access} seconds)" in message


def test_a_session_must_outlive_the_grace_period() -> None:
    settings = {"access_token_validity": 1, "refresh_token_validity": 0.1, "refresh_token_rotation_grace_period": 6}
    message = refusal(arguments=settings)
    assert "'refresh_token_rotation_grace_period' (6 seconds) must be shorter" in message
    assert Config.load(arguments={**settings, "refresh_token_rotation_grace_period": 5.9})


def test_a_grace_period_that_is_long_beside_an_access_token_gives_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    assert not warnings_of(caplog, arguments={"access_token_validity": 80})
    (warning,) = warnings_of(caplog, arguments={"access_token_validity": 79})
    assert "less than 8 times 'refresh_token_rotation_grace_period' (10 seconds)" in warning
    (warning,) = warnings_of(caplog, arguments={"access_token_validity": 10})
    assert "'refresh_token_rotation_grace_period' (10 seconds)" in warning


@pytest.mark.parametrize(
    ("settings", "mode"),
    [
        ({}, "none"),
        ({"enable_anti_csrf": True}, "token"),
        ({"renewal": "server"}, "origin"),
        ({"renewal": "server", "enable_anti_csrf": False}, "none"),
        ({"renewal": "server", "enable_anti_csrf": True}, "token"),
        ({"renewal": "server", "anti_csrf": "none"}, "none"),
        ({"anti_csrf": "origin"}, "origin"),
        ({"anti_csrf": "token", "enable_anti_csrf": True}, "token"),
    ],
)
def test_how_cross_site_requests_are_refused_follows_from_three_settings(settings: dict[str, Any], mode: str) -> None:
    assert Config.load(arguments=settings).anti_csrf_mode == mode


@pytest.mark.parametrize(("mode", "enabled"), [("none", True), ("origin", True), ("token", False)])
def test_two_settings_that_contradict_each_other_are_refused(mode: str, enabled: bool) -> None:
    assert "contradict" in refusal(arguments={"anti_csrf": mode, "enable_anti_csrf": enabled})


def test_push_without_blacklisting_is_refused_with_what_is_missing() -> None:
    text = refusal(arguments={"revocation": "push"})
    assert "'revocation' ('push') needs 'access_token_blacklisting: true'" in text
    assert "usable until its access token expires" in text
    assert Config.load(arguments={"revocation": "push", "access_token_blacklisting": True}).revocation == "push"


def test_push_with_hosts_is_refused_with_the_reason() -> None:
    hosts = {"hosts": "http://localhost:3567", "access_token_blacklisting": True}
    text = refusal(arguments={"revocation": "push", **hosts})
    assert "'revocation' ('push') cannot be combined with 'hosts': every check already asks the core service" in text


@pytest.mark.parametrize(
    ("settings", "warning"),
    [
        ({"revocation": "query"}, "'revocation' has no effect: 'access_token_blacklisting' is not true, so a revoked"),
        (
            {"revocation_max_lag": 1, "access_token_blacklisting": True},
            "'revocation_max_lag' has no effect: 'revocation' is not 'push'",
        ),
    ],
)
def test_a_setting_of_revocation_that_changes_nothing_is_warned_of(settings: dict[str, Any], warning: str) -> None:
    [said] = Config.explain(arguments=settings).warnings
    assert said.startswith(f"arguments: {warning}")
    assert Config.explain(arguments=settings | {"revocation": "push", "access_token_blacklisting": True}).warnings == ()


@pytest.mark.parametrize(
    "wrong", ["null", "app.example.com", "https://a.example/", "https://A.example", "https://u@a.example", "*", 7, [7]]
)
def test_a_trusted_origin_is_written_as_browsers_send_it(wrong: Any) -> None:
    assert "as browsers send them" in refusal(arguments={"trusted_origins": wrong})


def test_trusted_origins_are_a_list_or_a_text_with_commas() -> None:
    both = ("https://a.example", "capacitor://localhost")
    for spelling in (list(both), ", ".join(both), [*both, both[0]]):
        assert Config.load(arguments={"trusted_origins": spelling, "anti_csrf": "origin"}).trusted_origins == both


@pytest.mark.parametrize("wrong", ["//evil.example", "/\\evil.example", "https://evil.example", "", "/a b", 7])
def test_a_log_in_page_is_a_path_of_this_site_or_an_endpoint(wrong: Any) -> None:
    assert "path of this site" in refusal(arguments={"login_url": wrong})


def test_the_refresh_api_is_below_the_base_path_unless_it_is_set() -> None:
    assert Config.load(arguments={"api_base_path": "/auth"}).refresh_api_path == "/auth/session/refresh"
    explicit = {"api_base_path": "/auth", "refresh_api_path": "/again"}
    assert Config.load(arguments=explicit).refresh_api_path == "/again"


def test_the_rule_about_lives_and_grace_periods_is_the_one_of_the_engine() -> None:
    assert least_validity(1) == GRACE_PERIODS_IN_A_LIFE


def test_sessions_that_outlive_every_cookie_give_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    assert not warnings_of(caplog, arguments={"refresh_token_validity": 576_000})
    (warning,) = warnings_of(caplog, arguments={"refresh_token_validity": 576_001})
    assert "400 days" in warning


@pytest.mark.parametrize(
    ("settings", "missing"),
    [
        ({}, "enable_anti_csrf"),
        ({"cookie_secure": True}, "enable_anti_csrf"),
        ({"enable_anti_csrf": True}, "cookie_secure"),
        ({"enable_anti_csrf": True, "cookie_secure": False}, "cookie_secure"),
    ],
)
def test_same_site_none_needs_anti_csrf_and_secure_cookies(settings: dict[str, Any], missing: str) -> None:
    message = refusal(arguments={"cookie_same_site": "none", **settings})
    assert "'cookie_same_site' is 'none'" in message
    assert f"set '{missing}' to true" in message


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cookie_domain", "example.com"),
        ("access_token_path", "/api"),
        ("cookie_secure", False),
    ],
)
def test_a_host_prefix_refuses_what_browsers_would_refuse_with_it(name: str, value: object) -> None:
    message = refusal(arguments={"cookie_prefix": "host", name: value})
    assert f"'{name}' ({value!r}) cannot be combined with 'cookie_prefix: host'" in message


def test_a_host_prefix_leaves_the_route_of_the_refresh_api_free() -> None:
    assert Config(cookie_prefix="host", refresh_api_path="/auth/refresh").refresh_api_path == "/auth/refresh"


@pytest.mark.parametrize("secure", [None, True])
def test_a_host_prefix_goes_with_everything_else_at_its_default(secure: bool | None) -> None:
    assert Config(cookie_prefix="host", cookie_secure=secure).cookie_prefix == "host"


# Encryption keys


def encodings(key: bytes) -> list[str]:
    standard, for_urls = base64.b64encode(key).decode(), base64.urlsafe_b64encode(key).decode()
    return [key.hex(), key.hex().upper(), standard, standard.rstrip("="), for_urls, for_urls.rstrip("=")]


RANDOM_KEYS = st.integers(min_value=0).map(lambda seed: hashlib.sha256(str(seed).encode()).digest())
WITH_EVERY_LETTER = bytes.fromhex("fbeffe") + hashlib.sha256(b"").digest()[:29]
"""Its base64 has ``+`` and ``/``."""


@given(st.lists(RANDOM_KEYS, min_size=1, max_size=3), st.integers(0, 5), st.booleans())
@example([WITH_EVERY_LETTER], 2, False)
@example([WITH_EVERY_LETTER], 4, False)
def test_encryption_keys_are_read_in_every_notation(keys: list[bytes], notation: int, as_text: bool) -> None:
    written: Any = [encodings(key)[notation] for key in keys]
    config = Config.load(arguments={"encryption_key": ", ".join(written) if as_text else written})
    assert config.encryption_key == tuple(keys)
    assert dataclasses.replace(config) == config


@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        ",",
        "password",
        KEY[:-1],
        KEY + "0",
        KEY[:-1] + "g",
        f"{KEY},",
        f"{KEY},,{KEY}",
        f"{KEY} {KEY}",
        [],
        [KEY, ""],
        [KEY, 5],
        [f"{KEY},{KEY}"],
        [bytes(31)],
        bytes(32),
        5,
        True,
        {"key": KEY},
        base64.b64encode(bytes(31)).decode(),
        base64.b64encode(bytes(33)).decode(),
    ],
)
def test_an_encryption_key_of_another_shape_is_refused_with_the_command_that_makes_one(value: object) -> None:
    message = refusal(arguments={"encryption_key": value})
    assert "'encryption_key' must be keys of 32 bytes" in message
    assert 'python -c "import secrets; print(secrets.token_hex(32))"' in message


def test_what_the_command_prints_is_a_key() -> None:
    made = secrets.token_hex(32)
    assert Config.load(arguments={"encryption_key": made}).encryption_key == (bytes.fromhex(made),)


@pytest.mark.parametrize(
    ("key", "weakness"),
    [
        (bytes(32), "repeats itself"),
        (b"\xff" * 32, "repeats itself"),
        (bytes.fromhex("deadbeef" * 8), "repeats itself"),
        (bytes.fromhex("0123456789" * 6 + "0123"), "repeats itself"),
        (bytes.fromhex("00112233445566778899aabbccddeeff" * 2), "repeats itself"),
        (bytes(range(32)), "counts"),
        (bytes(range(255, 223, -1)), "counts"),
        (bytes(index * 9 % 256 for index in range(32)), "counts"),
        (bytes(31) + b"\x01", "has few different bytes"),
        (bytes(range(15)) + bytes(17), "has few different bytes"),
        (b"change me before you deploy this", "is readable text"),
        (b"correct-horse-battery-staple-123", "is readable text"),
    ],
)
def test_an_encryption_key_that_is_plainly_a_placeholder_is_refused_wherever_it_stands(
    key: bytes, weakness: str
) -> None:
    for given_keys in (key.hex(), f"{KEY},{key.hex()}", [KEY, base64.b64encode(key).decode()], [key]):
        message = refusal(arguments={"encryption_key": given_keys})
        assert f"'encryption_key' must be random, but one key {weakness}" in message
        assert 'python -c "import secrets; print(secrets.token_hex(32))"' in message
        assert key.hex() not in message
        assert repr(key)[2:-1] not in message


@given(RANDOM_KEYS)
def test_a_random_key_is_never_taken_for_a_placeholder(key: bytes) -> None:
    assert Config(encryption_key=[key]).encryption_key == (key,)


# Database


@pytest.mark.parametrize(
    ("database", "path"),
    [
        ("sqlite:///sessions.sqlite3", "sessions.sqlite3"),
        ("sqlite:///var/sessions.sqlite3", "var/sessions.sqlite3"),
        ("sqlite:////var/lib/sessions.sqlite3", "/var/lib/sessions.sqlite3"),
        ("sqlite:////var/my%20app/100%25.db", "/var/my app/100%.db"),
        ("SQLite:///sessions.db", "sessions.db"),
        ("sessions.sqlite3", "sessions.sqlite3"),
        ("/var/lib/my app/100%25.db", "/var/lib/my app/100%25.db"),
        (Path("/var/lib/sessions.db"), "/var/lib/sessions.db"),
    ],
)
def test_a_database_is_the_url_or_the_path_of_a_file(database: Any, path: str) -> None:
    assert Config(database=database).sqlite_path == Path(path)


def test_without_a_database_there_is_no_path() -> None:
    assert Config().sqlite_path is None


@pytest.mark.parametrize(
    "database", ["sqlite://", "sqlite:///", ":memory:", "sqlite:///:memory:", "sqlite:///%3Amemory%3A", ""]
)
def test_a_database_in_memory_is_refused_with_what_to_do_in_tests(database: str) -> None:
    message = refusal(arguments={"database": database})
    assert "'database' must name a file, since threads and processes share it" in message
    assert "app.testing" in message


@pytest.mark.parametrize("scheme", ["postgresql+psycopg", "mysql", "redis", "rediss", "file"])
def test_other_databases_are_refused_without_the_password_in_their_url(scheme: str) -> None:
    message = refusal(arguments={"database": f"{scheme}://app:correct-horse@db.internal/x?password=correct-horse"})
    assert f"{scheme!r}, which is not available in this version; available: sqlite, postgresql" in message
    assert "correct-horse" not in message


@pytest.mark.parametrize(
    "database",
    [
        "sqlite:sessions.db",
        "sqlite://host/sessions.db",
        "sqlite:///sessions.db?mode=ro",
        "sqlite:///sessions.db#x",
        "sqlite:///sessions/",
        "sessions/",
        "/",
        "sessions.db\n",
        "sqlite:///sessions%00.db",
        "postgresql:app:correct-horse@db/x",
        5,
        True,
        ["sessions.db"],
    ],
)
def test_what_names_no_file_is_refused_as_database(database: object) -> None:
    message = refusal(arguments={"database": database})
    assert "'database'" in message
    assert "correct-horse" not in message


@pytest.mark.parametrize(
    ("database", "part"),
    [
        ("mongodb://x", "names 'mongodb'"),
        ("sqlite:sessions.db", "must have '//' after 'sqlite:'"),
        ("sqlite:/sessions.db", "must have '//' after 'sqlite:'"),
        ("sqlite://root:correct-horse@db/sessions.db", "not name a host after '//'"),
        ("sqlite://sessions.db", "not name a host after '//'"),
        ("sqlite:///sessions.db?password=correct-horse", "not have a query"),
        ("sqlite:///sessions.db#correct-horse", "not have a fragment"),
        ("sqlite:///50%.db", "two hexadecimal digits after each '%'"),
        ("sqlite:///sessions/", "not a folder"),
    ],
)
def test_the_part_of_a_database_url_that_is_wrong_is_named(database: str, part: str) -> None:
    message = refusal(arguments={"database": database})
    assert part in message
    assert "correct-horse" not in message


# Secrets


@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize("layer", LAYERS)
def test_a_secret_is_not_in_the_message_that_refuses_it(tmp_path: Path, layer: Layer, name: str) -> None:
    message = refusal(**layer(tmp_path, {name: SECRETS[name]}))
    assert f"'{name}'" in message
    assert not re.search("horse|battery|staple", message)


def test_secrets_are_not_in_the_repr_of_a_config() -> None:
    config = Config.load(arguments={"encryption_key": KEY, "database": "sqlite:///correct-horse.db"})
    for secret in (KEY, repr(bytes.fromhex(KEY)), "correct-horse"):
        assert secret not in repr(config)
        assert secret not in str(config)
    assert "access_token_validity=3600" in repr(config)


def test_a_refused_secret_is_in_no_other_part_of_the_error_either(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_yaml(tmp_path, f"encryption_key: '{SECRETS['encryption_key']}\n")
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    assert "horse" not in str(caught.value)
    assert "horse" not in repr(caught.value)


@pytest.mark.parametrize("content", ["api_keys: *horse", "api_keys: !horse x", "encryption_key: {horse: 1}"])
def test_a_secret_is_not_quoted_from_a_file_that_cannot_be_read(tmp_path: Path, content: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_yaml(tmp_path, content)
    assert "horse" not in str(caught.value)


def test_which_keys_are_secret_is_described() -> None:
    assert {key.name for key in describe() if key.secret} == {"encryption_key", "database", "api_keys", "api_key"}


def test_an_error_can_be_sent_to_another_process() -> None:
    copy = pickle.loads(pickle.dumps(ConfigError("message", "cookie_domain")))
    assert (str(copy), copy.key) == ("message", "cookie_domain")


# Keys of the original


ORIGINAL = """
# (OPTIONAL) every key of the original may stay commented, or be there without a value
core_config_version: 0
# port:
host:
access_token_validity: ~
refresh_token_validity: null
cookie_domain:
info_log_path: null
postgresql_user:
"""


def test_the_config_file_of_the_original_starts(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert load_yaml(tmp_path, ORIGINAL) == Config()
    assert not caplog.records


def test_a_filled_config_file_of_the_original_starts_with_a_warning_for_each_key_without_effect(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with_effect = """
        core_config_version: 0
        access_token_validity: 600
        access_token_blacklisting: true
        access_token_path: /api
        access_token_signing_key_dynamic: false
        access_token_signing_key_update_interval: 168
        enable_anti_csrf: true
        refresh_token_validity: 100.5
        refresh_api_path: /api/refresh
        cookie_domain: api.example.com
        cookie_secure: true
        cookie_same_site: None
        session_expired_status_code: 440
    """
    without_effect = """
        port: 3567
        host: 0.0.0.0
        info_log_path: "null"
        error_log_path: /var/log/supertokens.log
        max_server_pool_size: 10
        api_keys: abcdefghijABCDEFGHIJ=-, 01234567890123456789
        postgresql_user: root
        postgresql_password: correct-horse
        mysql_port: 3306
        mongodb_connection_uri: mongodb://root:correct-horse@localhost
        sqlite_database_folder_location: /tmp
        disable_telemetry: true
        password_reset_token_lifetime: 3600000
        bcrypt_log_rounds: 11
    """
    config = load_yaml(tmp_path, "\n".join(line.strip() for line in (with_effect + without_effect).splitlines()))
    assert config == Config(
        access_token_validity=600,
        access_token_blacklisting=True,
        access_token_path="/api",
        access_token_signing_key_dynamic=False,
        access_token_signing_key_update_interval=168,
        enable_anti_csrf=True,
        refresh_token_validity=100.5,
        refresh_api_path="/api/refresh",
        cookie_domain="api.example.com",
        cookie_secure=True,
        cookie_same_site="none",
        session_expired_status_code=440,
    )
    warned = [record.getMessage() for record in caplog.records]
    names = [line.split(":")[0].strip() for line in without_effect.split("\n") if line.strip()]
    assert len(warned) == len(names)
    for name, message in zip(names, warned, strict=True):
        assert f"'{name}' has no effect: " in message
        assert str(tmp_path / "config.yaml") in message
        assert "correct-horse" not in message


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_server_pool_size", 0),
        ("max_server_pool_size", "10"),
        ("max_server_pool_size", True),
        ("api_keys", "x" * 19),
        ("api_keys", "x" * 20 + "," + "x" * 19),
        ("api_keys", "x" * 20 + "_"),
        ("api_keys", "x" * 20 + "é"),
        ("api_keys", ""),
        ("api_keys", 5),
        ("api_keys", [5]),
        ("api_keys", []),
    ],
)
def test_keys_without_effect_are_checked_by_the_rules_of_the_original(name: str, value: object) -> None:
    assert f"'{name}' must be" in refusal(arguments={name: value})


def test_keys_without_effect_warn_from_the_environment_too(caplog: pytest.LogCaptureFixture) -> None:
    environ = {"SUPERTOKENS_HOST": "0.0.0.0", "SUPERTOKENS_PORT": "3567", "SUPERTOKENS_MAX_SERVER_POOL_SIZE": "10"}
    assert [message.split("'")[1] for message in warnings_of(caplog, environ=environ)] == [
        "host",
        "port",
        "max_server_pool_size",
    ]


def test_the_port_that_kubernetes_sets_is_ignored(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger="supertokens"):
        assert Config.load(environ={"SUPERTOKENS_PORT": "tcp://10.0.0.7:3567"}) == Config()
    assert not caplog.records


# Files


@pytest.mark.parametrize("content", ["", "# nothing\n", "---\n", "null", "{}", "\ufeffaccess_token_validity: 3600\n"])
def test_a_file_may_say_nothing(tmp_path: Path, content: str) -> None:
    assert load_yaml(tmp_path, content) == Config()


def test_a_path_may_be_text_or_a_path(tmp_path: Path) -> None:
    path = yaml_file(tmp_path / "config.yaml", "access_token_validity: 111")
    for given_as in (path, str(path)):
        assert Config.load(app_config={"SUPERTOKENS_CONFIG": given_as}).access_token_validity == 111


def test_a_missing_file_is_refused_with_its_path(tmp_path: Path) -> None:
    message = refusal(environ={"SUPERTOKENS_CONFIG": str(tmp_path / "nowhere.yaml")})
    assert str(tmp_path / "nowhere.yaml") in message
    assert "cannot be read" in message


@pytest.mark.parametrize("path", ["", ".", "a\x00b"])
def test_a_path_that_names_no_file_is_refused(path: str) -> None:
    assert "cannot be read" in refusal(app_config={"SUPERTOKENS_CONFIG": path})


@pytest.mark.parametrize("value", [5, True, ["config.yaml"], b"config.yaml", [("encryption_key", "correct-horse")]])
def test_a_source_that_is_neither_path_nor_mapping_is_refused(value: object) -> None:
    message = refusal(app_config={"SUPERTOKENS_CONFIG": value})
    assert "SUPERTOKENS_CONFIG must be the path of a config.yaml, or a mapping" in message
    assert "correct-horse" not in message


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"a: b: c", ", line 1"),
        (b"access_token_validity: 1\ncookie_domain: [", ", line"),
        (b"x: '\xff'", ""),
        (b"a: 1\n---\na: 2\n", ", line"),
        (b"[" * 5_000, ""),
        (b'x: "\\UFFFFFFFF"', ""),
    ],
)
def test_a_file_that_is_not_yaml_is_refused_with_the_line(tmp_path: Path, content: bytes, line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_yaml(tmp_path, content)
    assert f"{tmp_path / 'config.yaml'}{line}" in str(caught.value)
    assert "this is not YAML" in str(caught.value)


@pytest.mark.parametrize("content", ["- cookie_domain: example.com", "cookie_domain", "5", "[1, 2]"])
def test_a_file_that_is_no_mapping_is_refused(tmp_path: Path, content: str) -> None:
    with pytest.raises(ConfigError, match=r"config\.yaml: this is not a mapping"):
        load_yaml(tmp_path, content)


def test_a_key_that_is_there_twice_is_refused_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"config\.yaml, line 3: 'cookie_domain' is set twice"):
        load_yaml(tmp_path, "cookie_domain: a.com\ncookie_secure: true\ncookie_domain: a.com\n")


@pytest.mark.parametrize("word", ["no", "off", "yes", "on", "true", "5", "1.5"])
@pytest.mark.parametrize("name", ["cookie_same_site", "cookie_domain", "refresh_api_path", "encryption_key"])
def test_what_yaml_takes_for_something_other_than_text_is_refused_with_advice_to_quote_it(
    tmp_path: Path, name: str, word: str
) -> None:
    with pytest.raises(ConfigError, match=f"'{name}' must be .*quote text"):
        load_yaml(tmp_path, f"{name}: {word}")


@pytest.mark.parametrize(
    "value",
    [
        "010",
        "1:30",
        "1:30.5",
        ".inf",
        ".nan",
        "{a: 1}",
        "[[1]]",
        "[{a: 1}]",
        "!!python/object:os.system x",
        "!!binary eA==",
        "!!bool perhaps",
        "!!int x",
        "&a [*a]",
    ],
)
def test_a_value_that_is_not_plain_is_refused_with_key_and_line(tmp_path: Path, value: str) -> None:
    with pytest.raises(ConfigError, match=r"config\.yaml, line 1: 'access_token_validity' must have a single value"):
        load_yaml(tmp_path, f"access_token_validity: {value}")


@pytest.mark.parametrize(
    "content", ["? [a]\n: 1", "? {a: 1}\n: 1", "? &a [*a]\n: 1", "<<: {cookie_domain: a.com}", "5: 1"]
)
def test_a_key_that_is_not_plain_text_is_refused(tmp_path: Path, content: str) -> None:
    with pytest.raises(ConfigError, match=r"config\.yaml"):
        load_yaml(tmp_path, content)


def test_a_list_may_be_written_as_a_list(tmp_path: Path) -> None:
    config = load_yaml(tmp_path, f"encryption_key:\n  - '{KEY}'\n  - '{OTHER_KEY}'\n")
    assert config.encryption_key == (bytes.fromhex(KEY), bytes.fromhex(OTHER_KEY))


def test_an_alias_stands_for_its_value(tmp_path: Path) -> None:
    config = load_yaml(tmp_path, "access_token_path: &path /api\nrefresh_api_path: *path\n")
    assert (config.access_token_path, config.refresh_api_path) == ("/api", "/api")


def test_whole_numbers_may_be_grouped(tmp_path: Path) -> None:
    assert load_yaml(tmp_path, "max_session_data_bytes: 2_000_000").max_session_data_bytes == 2_000_000


def assert_usable_or_refused(**sources: Any) -> None:
    try:
        config = Config.load(**sources)
    except ConfigError:
        return
    assert dataclasses.replace(config) == config
    assert all(isinstance(getattr(config, name), int) for name in dir(config) if name.endswith("_ms"))


NAMES = st.sampled_from([key.name for key in describe()] + ["hosts", "port", "api_keys", "<<", "x"])
VALUES = st.text() | st.from_regex(r"[-+!&*|>'\"%@`{}\[\],.:_0-9a-fA-Fxonetrus~= ]{0,30}", fullmatch=True)
LINES = st.builds("{}: {}".format, NAMES, VALUES)


@given(
    st.binary()
    | st.text().map(lambda text: text.encode("utf-8", "replace"))
    | st.lists(LINES).map("\n".join).map(str.encode)
)
@example(b"? &a [*a]\n: 1\n")
@example(b"access_token_validity: 0x_\n")
@example(b"access_token_validity: " + b"9" * 5000)
@example(b"access_token_validity: 0x" + b"f" * 5000)
@example(b"%YAML 1.99999999999999999999\n---\n")
@example(b"!!null [a]")
@example(b"\xff\xfe\x00\xd8")
@example(b'"\\ud800": 1')
@example(b"database: /\xf0\x90\x8d\x88")
def test_whatever_a_file_holds_it_gives_a_config_or_a_config_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = yaml_file(tmp_path_factory.getbasetemp() / "arbitrary.yaml", content)
    assert_usable_or_refused(app_config={"SUPERTOKENS_CONFIG": path})


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.just(Path("x")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(st.dictionaries(NAMES | st.text(), anything, max_size=5))
def test_whatever_the_arguments_are_they_give_a_config_or_a_config_error(arguments: dict[str, Any]) -> None:
    assert_usable_or_refused(arguments=arguments)


@given(st.dictionaries((NAMES | st.text()).map(lambda name: f"SUPERTOKENS_{name.upper()}"), st.text(), max_size=5))
def test_whatever_the_environment_is_it_gives_a_config_or_a_config_error(environ: dict[str, str]) -> None:
    assert_usable_or_refused(environ=environ)


# Documentation


COUNTS_IN = {"core": "core", "both": "app, service", "app": "app", "service": "service"}


def written(default: object) -> str:
    if default is None:
        return "unset"
    if default == "":
        return "empty"
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    return f"`{default:g}`" if isinstance(default, float) else f"`{default}`"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", DOCUMENT.read_text(), re.DOTALL | re.MULTILINE)


def test_the_documentation_has_every_key_with_type_default_unit_and_meaning() -> None:
    section = DOCUMENT.read_text().partition("\n## Keys\n")[2].partition("\n### ")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line[:3] == "| `"]
    assert rows == [
        [f"`{key.name}`", key.type, written(key.default), key.unit, COUNTS_IN[key.counts_in], key.meaning]
        for key in describe()
    ]


@pytest.mark.parametrize("block", blocks("python"))
def test_the_python_examples_of_the_documentation_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: str
) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(block, str(DOCUMENT), "exec"), {"__name__": "example"})


@pytest.mark.parametrize("block", blocks("yaml"))
def test_the_yaml_examples_of_the_documentation_load_without_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, block: str
) -> None:
    assert load_yaml(tmp_path, block) != Config()
    assert not caplog.records


def test_the_documentation_has_examples() -> None:
    assert blocks("python")
    assert blocks("yaml")


@pytest.mark.parametrize("name", ["ip_allow_regex", "ip_deny_regex", "disable_telemetry"])
def test_the_documentation_names_the_keys_without_effect(name: str) -> None:
    section = DOCUMENT.read_text().partition("\n## Keys of the original without effect\n")[2]
    assert f"`{name}`" in section
