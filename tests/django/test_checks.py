# SPDX-License-Identifier: Apache-2.0
"""`manage.py check` names what is wrong in the project's settings, and the remedy; a server does not start with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

from supertokens.django import SuperTokensMiddleware
from supertokens.django.sessions import sessions_of_project
from supertokens.django.settings import home_of_project, read_settings

from .project import MIDDLEWARE


def messages(**changed: Any) -> list[tuple[str, str, str]]:
    with override_settings(**changed):
        found = run_checks()
    return [(each.id, each.msg, each.hint or "") for each in found if (each.id or "").startswith("supertokens.")]


def test_good_settings_pass() -> None:
    assert messages() == []
    assert messages(SUPERTOKENS={"anti_csrf": "origin", "routes": True, "threads": 1, "max_waiting": 0}) == []


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"cookie_domian": "a.example"}, "SUPERTOKENS: unknown key 'cookie_domian'; did you mean 'cookie_domain'?"),
        ({"route": True}, "SUPERTOKENS: unknown key 'route'; did you mean 'routes'?"),
        ({"thread": 3}, "SUPERTOKENS: unknown key 'thread'; did you mean 'threads'?"),
        ({"routes": "yes"}, "SUPERTOKENS: 'routes' must be True or False, not 'yes'"),
        ({"threads": 0}, "SUPERTOKENS: 'threads' must be a number of 1 or more, not 0"),
        ({"max_waiting": -1}, "SUPERTOKENS: 'max_waiting' must be a number of 0 or more, not -1"),
        ({"access_token_validity": 0}, "SUPERTOKENS: 'access_token_validity' must be"),
        ({"cookie_same_site": "none"}, "SUPERTOKENS: "),
        ({"renewal": "server", "access_token_validity": 30}, "SUPERTOKENS: "),
        ("origin", "SUPERTOKENS must be a dictionary of settings, not a str"),
    ],
)
def test_a_wrong_setting_is_named_with_the_remedy_and_stops_the_server(given: Any, told: str) -> None:
    [(number, message, hint)] = messages(SUPERTOKENS=given)
    assert number == "supertokens.E001"
    assert message.startswith(told)
    assert hint.startswith("Correct SUPERTOKENS")
    with override_settings(SUPERTOKENS=given), pytest.raises(ImproperlyConfigured, match="SUPERTOKENS"):
        SuperTokensMiddleware(lambda request: None)


def test_a_secret_is_in_no_message() -> None:
    [(_, message, _)] = messages(SUPERTOKENS={"encryption_key": "a secret that is too short"})
    assert "too short" not in message


def test_a_doubtful_setting_is_a_warning() -> None:
    [(number, message, _)] = messages(SUPERTOKENS={"trusted_origins": "https://app.example"})
    assert (number, "trusted_origins" in message) == ("supertokens.W001", True)


def test_a_missing_middleware_is_named() -> None:
    for middleware in ([], ["django.middleware.common.CommonMiddleware"], ["nowhere.Middleware"]):
        [(number, message, hint)] = messages(MIDDLEWARE=middleware)
        assert (number, "is not in MIDDLEWARE" in message) == ("supertokens.E002", True)
        assert "'supertokens.django.SuperTokensMiddleware'" in hint
    [(number, message, _)] = messages(MIDDLEWARE=[*MIDDLEWARE, *MIDDLEWARE])
    assert (number, "more than once" in message) == ("supertokens.E002", True)
    assert messages(MIDDLEWARE=["tests.django.sites.Teapot"]) == [], "a subclass is one"


def test_an_application_that_is_not_installed_is_named() -> None:
    with override_settings(INSTALLED_APPS=[]), pytest.raises(ImproperlyConfigured, match="INSTALLED_APPS"):
        sessions_of_project()


def test_the_environment_is_the_weaker_source(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUPERTOKENS_COOKIE_DOMAIN", "a.example")
    monkeypatch.setenv("SUPERTOKENS_API_BASE_PATH", "/auth")
    config = read_settings({"cookie_domain": "b.example"})[1].config
    assert (config.cookie_domain, config.api_base_path) == ("b.example", "/auth")


def test_a_project_keeps_its_sessions_in_its_folder(tmp_path: Path) -> None:
    with override_settings(BASE_DIR=tmp_path, ROOT_URLCONF="shop.urls"):
        assert home_of_project() == (tmp_path / "instance" / "supertokens.sqlite3", "shop.urls")
    with override_settings(ROOT_URLCONF="tests.urls"):
        assert home_of_project().database == Path(__file__).parent.parent.parent / "instance" / "supertokens.sqlite3"
