# SPDX-License-Identifier: Apache-2.0
"""`manage.py supertokens …` works on the sessions of the project."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command, execute_from_command_line
from django.core.management.base import CommandError
from django.http import HttpRequest, HttpResponse
from django.test import override_settings

from supertokens.django import create_new_session
from supertokens.django.sessions import sessions_of_project
from supertokens.django.test import Client

from .project import MIDDLEWARE
from .sites import urls


def log_in(request: HttpRequest) -> HttpResponse:
    create_new_session(request, "ada")
    return HttpResponse()


def test_it_lists_and_ends_the_sessions_of_the_project(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options: dict[str, Any] = {
        "database": tmp_path / "here.sqlite3", "encryption_key": [os.urandom(32)], "routes": True,
        "anti_csrf": "origin", "trusted_origins": ["https://a.example", "https://b.example"],
    }  # fmt: skip
    before = dict(os.environ)
    urlconf = urls({"/login": log_in})
    with override_settings(SUPERTOKENS=options, MIDDLEWARE=MIDDLEWARE, ROOT_URLCONF=urlconf, BASE_DIR=tmp_path):
        Client().post("/login")
        core = sessions_of_project().current().core
        call_command("supertokens", "sessions", "list", "ada", "--json")
        assert core.session_handles("ada")[0] in capsys.readouterr().out
        with pytest.raises(SystemExit) as ended:
            execute_from_command_line(["manage.py", "supertokens", "sessions", "revoke", "--user", "ada", "--yes"])
        assert ended.value.code == 0
        assert core.session_handles("ada") == []
        with pytest.raises(CommandError):
            call_command("supertokens", "sessions", "show", "no-such-handle")
        with pytest.raises(CommandError):
            call_command("supertokens", "sesions")
        core.close()
    assert dict(os.environ) == before


def test_a_wrong_setting_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    with override_settings(SUPERTOKENS={"databse": "x"}), pytest.raises(CommandError, match="did you mean 'database'"):
        call_command("supertokens", "sessions", "list", "ada")
    with override_settings(SUPERTOKENS={"databse": "x"}), pytest.raises(SystemExit, match="1"):
        execute_from_command_line(["manage.py", "supertokens", "sessions", "list", "ada"])
    assert "did you mean 'database'" in capsys.readouterr().err


def test_a_project_that_has_no_sessions_yet_is_told_where_they_would_be(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with override_settings(SUPERTOKENS={}, BASE_DIR=tmp_path), pytest.raises(CommandError) as refused:
        call_command("supertokens", "sessions", "list", "ada")
    assert str(tmp_path / "instance" / "supertokens.sqlite3") in str(refused.value)


def test_what_the_command_line_needs_is_said_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "supertokens.cli.commands", raising=False)
    monkeypatch.setitem(sys.modules, "click", None)
    with pytest.raises(CommandError, match=r"supertokens-sessions\[cli\]"):
        call_command("supertokens", "sessions", "list", "ada")
