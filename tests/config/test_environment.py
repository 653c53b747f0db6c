# SPDX-License-Identifier: Apache-2.0
"""Variables that look like settings and are none: a misspelt protection must not go unnoticed."""

from __future__ import annotations

import pytest

from supertokens.config import Config
from supertokens.config.environment import doubtful_names
from supertokens.config.original import NO_EFFECT, OTHER_NAMES
from supertokens.config.settings import KEYS

SECRET = "5" * 64


@pytest.mark.parametrize(
    ("misspelt", "meant"),
    [
        ("SUPERTOKENS_ENCRYPTION_KEY_FLIE", "SUPERTOKENS_ENCRYPTION_KEY_FILE"),
        ("SUPERTOKENS_ENCRYPTIONKEY", "SUPERTOKENS_ENCRYPTION_KEY"),
        ("SUPERTOKENS_API_KYES", "SUPERTOKENS_API_KEYS"),
        ("SUPERTOKENS_APIKEYS_FILE", "SUPERTOKENS_API_KEYS_FILE"),
        ("SUPERTOKENS_ACCES_TOKEN_BLACKLISTING", "SUPERTOKENS_ACCESS_TOKEN_BLACKLISTING"),
        ("SUPERTOKENS_CONFG", "SUPERTOKENS_CONFIG"),
        ("SUPERTOKENS_STATE_FOLDERS", "SUPERTOKENS_STATE_FOLDER"),
        ("SUPERTOKENS_REFRESH_TOKEN_PAHT", "SUPERTOKENS_REFRESH_TOKEN_PATH"),
        ("SUPERTOKEN_ENCRYPTION_KEY", "SUPERTOKENS_ENCRYPTION_KEY"),
        ("SUPERTOKNES_API_KEYS", "SUPERTOKENS_API_KEYS"),
        ("SUPER_TOKENS_ENABLE_ANTI_CSRF", "SUPERTOKENS_ENABLE_ANTI_CSRF"),
        ("supertokens_api_keys", "SUPERTOKENS_API_KEYS"),
        ("Supertokens_Encryption_Key", "SUPERTOKENS_ENCRYPTION_KEY"),
    ],
)
@pytest.mark.parametrize("explain", [Config.explain, Config.explain_service], ids=["app", "service"])
def test_a_misspelt_name_is_warned_about_with_the_one_that_was_meant(
    explain: object, misspelt: str, meant: str
) -> None:
    explained = explain(environ={misspelt: SECRET})  # type: ignore[operator]
    (warning,) = explained.warnings
    assert warning == f"environment: {misspelt!r} is not a setting and has no effect; did you mean {meant}?"
    assert explained.config == Config(), "nothing of it counts"


def test_a_name_with_our_prefix_that_resembles_nothing_is_warned_about_too() -> None:
    (warning,) = doubtful_names({"SUPERTOKENS_QQQQQQ": SECRET})
    assert warning == "environment: 'SUPERTOKENS_QQQQQQ' is not a setting and has no effect"


def test_every_doubtful_name_has_a_line_of_its_own_and_no_value_is_shown() -> None:
    environ = {"SUPERTOKENS_DATABSE": SECRET, "SUPERTOKENS_API_KYE": SECRET, "SUPERTOKENS_\x1b[2J": SECRET}
    warnings = list(doubtful_names(environ))
    assert len(warnings) == len(environ)
    assert all(SECRET not in warning and warning.isprintable() for warning in warnings)


@pytest.mark.parametrize("service", ["", "CORE_", "MY_CORE_2_"])
def test_what_kubernetes_sets_beside_a_service_of_our_name_is_not_warned_about(service: str) -> None:
    prefix = f"SUPERTOKENS_{service}"
    environ = {
        f"{prefix}SERVICE_HOST": "10.0.0.7",
        f"{prefix}SERVICE_PORT": "3567",
        f"{prefix}SERVICE_PORT_HTTP": "3567",
        f"{prefix}PORT": "tcp://10.0.0.7:3567",
        f"{prefix}PORT_3567_TCP": "tcp://10.0.0.7:3567",
        f"{prefix}PORT_3567_TCP_PROTO": "tcp",
        f"{prefix}PORT_3567_TCP_PORT": "3567",
        f"{prefix}PORT_3567_TCP_ADDR": "10.0.0.7",
    }
    for explain in (Config.explain, Config.explain_service):
        explained = explain(environ=environ)
        assert explained.warnings == ()
        assert explained.config == Config()


def test_a_port_that_is_none_of_kubernetes_is_warned_about() -> None:
    assert len(list(doubtful_names({"SUPERTOKENS_CORE_PORT": "3567"}))) == 1


@pytest.mark.parametrize(
    "name", ["SUPERTEST_API_KEYS", "SUPERTRAMP", "SUPERTOKENIZER_CACHE", "PATH", "API_KEYS", "SUPERVISOR_ENABLED"]
)
def test_names_of_other_programs_are_left_alone(name: str) -> None:
    assert list(doubtful_names({name: "x"})) == []


def test_a_known_name_is_never_warned_about() -> None:
    known = [f"SUPERTOKENS_{name}".upper() for name in (*KEYS, *OTHER_NAMES, *NO_EFFECT)]
    environ = dict.fromkeys([*known, "SUPERTOKENS_CONFIG", "SUPERTOKENS_STATE_FOLDER", "SUPERTOKENS_api_keys"], "")
    assert list(doubtful_names(environ)) == []
