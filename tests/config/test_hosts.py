# SPDX-License-Identifier: Apache-2.0
"""Apps that use a core service: which one, with which key, and what is then no longer theirs to set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from supertokens.config import Config, ConfigError, describe
from supertokens.core import EmbeddedCore
from supertokens.topology import open_core

KEY = "key-of-twenty-characters"
SEALING = "7c0e1f9a5d3b48e2906fa1c4d7b85326e94a0d1c63f7528bb1e8094fd2a6c35e"


def refusal(**sources: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        Config.load(**sources)
    return str(caught.value)


@pytest.mark.parametrize(
    ("given_as", "urls"),
    [
        ([{"hostname": "localhost", "port": 3567}], ("http://localhost:3567",)),
        ([{"hostname": "a.internal", "port": 1}, {"hostname": "b"}], ("http://a.internal:1", "http://b:3567")),
        ([{"hostname": "::1", "port": 3567}], ("http://[::1]:3567",)),
        ("http://localhost:3567", ("http://localhost:3567",)),
        ("http://a:3567/;https://b", ("http://a:3567", "https://b")),
        (" http://a ; http://b; ", ("http://a", "http://b")),
        ("HTTPS://A.Example.com:8443/cores/one/", ("https://a.example.com:8443/cores/one",)),
        ("http://[fd00::1]:3567", ("http://[fd00::1]:3567",)),
        ("http://a;http://a/", ("http://a",)),
        (["http://a", "http://b"], ("http://a", "http://b")),
        (("http://a",), ("http://a",)),
    ],
)
def test_hosts_of_every_release_of_the_original_become_base_urls(given_as: object, urls: tuple[str, ...]) -> None:
    assert Config.load(app_config={"SUPERTOKENS_HOSTS": given_as}).hosts == urls


def test_hosts_in_the_environment_are_urls_with_semicolons_between() -> None:
    environ = {"SUPERTOKENS_HOSTS": "http://a:1;http://b:2", "SUPERTOKENS_API_KEY": KEY}
    config = Config.load(environ=environ)
    assert (config.hosts, config.api_key) == (("http://a:1", "http://b:2"), KEY)


@pytest.mark.parametrize(
    "value",
    [
        "",
        ";",
        "localhost:3567",
        "//localhost",
        "ftp://localhost",
        "http://",
        "http://localhost:0",
        "http://localhost:99999",
        "http://localhost:port",
        "http://a;;http://b",
        "http://a,http://b",
        "http://a b",
        "http://a?x=1",
        "http://a#x",
        "http://a\\b",
        "http://a/\r\nHost: b",
        "http://bücher.example",
        [],
        {},
        5,
        [5],
        [""],
        [{}],
        [{"hostname": ""}],
        [{"hostname": "a", "port": "3567"}],
        [{"hostname": "a", "port": True}],
        [{"hostname": "a", "port": 0}],
        [{"hostname": "http://a", "port": 1}],
        [{"hostname": "a", "port": 1, "scheme": "https"}],
    ],
)
def test_what_is_no_host_is_refused(value: object) -> None:
    assert "'hosts' must be base URLs" in refusal(arguments={"hosts": value})


def test_a_password_in_an_address_is_refused_and_not_shown() -> None:
    message = refusal(arguments={"hosts": "http://app:correct-horse@core.internal"})
    assert "without a password" in message
    assert "horse" not in message


@pytest.mark.parametrize("name", [key.name for key in describe() if key.counts_in == "core"])
def test_what_belongs_to_the_core_is_refused_beside_hosts_even_at_its_default(name: str, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(SEALING if name == "encryption_key_file" else "sqlite:///x.sqlite3")
    (key,) = (key for key in describe() if key.name == name)
    unset = {"encryption_key": SEALING, "database": "x.sqlite3", "short_session_validity": 7200}
    value = (unset | {"session_max_lifetime": 7200, "max_sessions_per_user": 7}).get(name, key.default)
    settings = {"hosts": "http://localhost:3567", name: str(file) if name.endswith("_file") else value}
    message = refusal(arguments=settings)
    assert f"'{name}' belongs to the core service that 'hosts' names" in message
    assert "set it there and remove it here, or remove 'hosts' to run the core in the app" in message


def test_which_keys_belong_to_the_core() -> None:
    assert {key.name for key in describe() if key.counts_in == "core"} == {
        "access_token_validity",
        "refresh_token_validity",
        "short_session_validity",
        "session_max_lifetime",
        "max_sessions_per_user",
        "session_limit_action",
        "refresh_token_rotation_grace_period",
        "refresh_token_rotation_grace_binding",
        "access_token_signing_algorithm",
        "access_token_signing_key_dynamic",
        "access_token_signing_key_update_interval",
        "encryption_key",
        "encryption_key_file",
        "database",
        "database_file",
        "revocation",
        "revocation_max_lag",
        "sqlite_synchronous",
        "database_pool_size",
        "database_timeout",
    }


def test_what_the_apps_of_the_original_could_override_stays_theirs_beside_hosts() -> None:
    config = Config.load(
        app_config={
            "SUPERTOKENS_HOSTS": "http://localhost:3567",
            "SUPERTOKENS_ACCESS_TOKEN_PATH": "/api",
            "SUPERTOKENS_REFRESH_TOKEN_PATH": "/api/refresh",
            "SUPERTOKENS_COOKIE_DOMAIN": "example.com",
            "SUPERTOKENS_COOKIE_SECURE": True,
            "SUPERTOKENS_COOKIE_SAME_SITE": "strict",
            "SUPERTOKENS_ACCESS_TOKEN_BLACKLISTING": True,
            "SUPERTOKENS_ENABLE_ANTI_CSRF": True,
        }
    )
    assert (config.refresh_api_path, config.cookie_domain, config.hosts) == (
        "/api/refresh",
        "example.com",
        ("http://localhost:3567",),
    )


def test_an_api_key_without_hosts_is_refused_because_the_original_would_have_asked_a_service() -> None:
    message = refusal(app_config={"SUPERTOKENS_API_KEY": KEY})
    assert "'hosts' is not set" in message
    assert "http://localhost:3567" in message
    assert KEY not in message


@pytest.mark.parametrize("value", ["", "a b", "a\r\nb", "ü", "x" * 1025, 5, ["a"]])
def test_an_api_key_that_no_header_can_carry_is_refused_without_showing_it(value: object) -> None:
    message = refusal(arguments={"hosts": "http://a", "api_key": value})
    assert "'api_key' must be one key" in message
    assert "but it is" not in message


def test_timeouts_without_hosts_give_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    Config.load(arguments={"core_connect_timeout": 1, "core_read_timeout": 1, "hosts": "http://a"})
    assert not caplog.records
    Config.load(arguments={"core_read_timeout": 1})
    assert "'core_read_timeout' has no effect: 'hosts' is not set" in caplog.text


@pytest.mark.parametrize("name", ["core_connect_timeout", "core_read_timeout"])
@pytest.mark.parametrize("value", [0, -1, float("inf"), "1", True])
def test_a_timeout_that_would_never_or_always_be_over_is_refused(name: str, value: object) -> None:
    assert f"'{name}' must be a number" in refusal(arguments={"hosts": "http://a", name: value})


def test_an_app_that_names_hosts_never_gets_a_core_of_its_own(tmp_path: Path) -> None:
    config = Config(hosts=("http://localhost:3567",))
    core = open_core(config, tmp_path / "x.sqlite3", object(), "an_app.py", is_test=False)
    assert not isinstance(core, EmbeddedCore)
    assert list(tmp_path.iterdir()) == []
