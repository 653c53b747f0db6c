# SPDX-License-Identifier: Apache-2.0
"""The documentation says what is true: its examples run, its names exist and are complete, its links resolve."""

from __future__ import annotations

import importlib
import inspect
import os
import re
import secrets
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, Final
from urllib.parse import unquote

import flask
import pytest
import yaml

import supertokens
import supertokens.asgi
import supertokens.flask
import supertokens.stores.memory
import supertokens.testing
import supertokens.wsgi
from supertokens.config import Config, describe
from supertokens.stores.sqlite import SqliteStore

from .pages import PAGES, ROOT, Page, page

EVERY_PAGE: Final = pytest.mark.parametrize("document", PAGES, ids=lambda document: document.name)

README: Final = page("README.md")
FLASK: Final = page("docs/integrations/flask.md")
LANGUAGES: Final = {"python", "yaml", "console", "bash", "sh", "text"}

# What keeps a test module that is made of a page as lonely as the examples that run here.
LONELY: Final = """
import socket

def refuse(*args, **kwargs):
    raise AssertionError("an example in the documentation must need no network")

socket.socket.connect = socket.getaddrinfo = refuse
"""


def with_pytest(document: Page) -> bool:
    return any("pytest" in block.info for block in document.blocks)


def parametrized(condition: Callable[[Page], object]) -> pytest.MarkDecorator:
    chosen = [document for document in PAGES if condition(document)]
    return pytest.mark.parametrize("document", chosen, ids=[document.name for document in chosen])


# Examples


@EVERY_PAGE
def test_every_block_is_of_a_language_that_is_tested(document: Page) -> None:
    for block in document.blocks:
        where = f"{document.name}:{block.line}"
        assert block.language in LANGUAGES, where
        marked = (("python", "pytest"), ("yaml", "service"), ("yaml", "kubernetes"))
        assert block.info[1:] == () or block.info in marked, where


def run_blocks(document: Page, folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The namespace in which the Python blocks of a page have run, one after the other."""
    monkeypatch.chdir(folder)
    module = ModuleType("app_of_the_page")
    module.__file__ = str(folder / "app.py")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    for block in document.in_language("python"):
        if "pytest" not in block.info:
            lines_before = "\n" * block.line  # so that a traceback names the line of the page
            exec(compile(lines_before + block.text, document.path, "exec"), module.__dict__)
    return module.__dict__


# Those of Django need a project around them, which the page's own test makes.
@parametrized(lambda document: document.in_language("python") and document.name != "docs/integrations/django.md")
def test_the_python_examples_run(document: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_blocks(document, tmp_path, monkeypatch)


def test_the_store_that_is_shown_is_the_one_that_ships() -> None:
    shown = next(block.text for block in page("docs/stores-custom.md").blocks if "class MemoryStore" in block.text)
    assert inspect.getsource(supertokens.stores.memory).endswith("\n\n" + shown)


@parametrized(with_pytest)
def test_the_tests_in_the_examples_pass(document: Page, tmp_path: Path) -> None:
    name = f"test_{document.path.stem.replace('-', '_')}.py"
    (tmp_path / name).write_text("\n\n".join(block.text for block in document.in_language("python")), "utf-8")
    (tmp_path / "conftest.py").write_text(LONELY, "utf-8")
    (tmp_path / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n", "utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", name]
    environ = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    run = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    assert " passed" in run.stdout


@parametrized(lambda document: document.in_language("yaml"))
def test_the_yaml_examples_are_configurations_without_a_doubt(
    document: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in (
        ("api_keys", "k" * 40),
        ("encryption_key", secrets.token_hex(32)),
    ):  # what the examples keep in files
        Path(name).touch(mode=0o600)
        Path(name).write_text(value, "utf-8")
    for block in document.in_language("yaml"):
        if "kubernetes" in block.info:
            assert isinstance(yaml.safe_load(block.text), dict), "that its settings exist is the page's own test"
            continue
        file = tmp_path / "config.yaml"
        file.write_text(block.text, "utf-8")
        if "service" in block.info:
            config = Config.load_service(file=file)
        else:
            config = Config.load(app_config={"SUPERTOKENS_CONFIG": file})
        assert config != Config(), f"{document.name}:{block.line}"
    assert not caplog.records


def test_the_first_example_is_short_and_logs_in_protects_and_refreshes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [example] = README.in_language("python")
    assert len(example.text.splitlines()) <= 15
    client = run_blocks(README, tmp_path, monkeypatch)["app"].test_client()
    assert client.get("/me").status_code == 401
    assert client.post("/login").status_code == 200
    assert client.get("/me").json == {"role": "author"}
    before = client.get_cookie("sRefreshToken", path="/session/refresh").value
    assert client.post("/session/refresh").status_code == 200
    assert client.get_cookie("sRefreshToken", path="/session/refresh").value != before
    assert client.get("/me").json == {"role": "author"}
    assert (tmp_path / "instance" / "supertokens.sqlite3").exists()


# Commands


def targets() -> set[str]:
    """What `make` knows how to make."""
    rules = re.findall(r"^([a-z][a-z-]*):(?!=)", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    return set(rules)


@EVERY_PAGE
def test_every_make_command_exists(document: Page) -> None:
    places = [*document.code_spans, *(block.text for block in document.in_language("console", "bash", "sh"))]
    named = {target for place in places for target in re.findall(r"\bmake ([a-z][a-z-]*)", place)}
    assert named <= targets()


def test_the_first_command_of_the_readme_is_make_run() -> None:
    assert README.in_language("console")[0].text.splitlines()[0].startswith("$ make run")


# Names


def signature(function: Callable[..., object]) -> str:
    """The parameters with their defaults, as they are written without types."""
    parameters = [
        parameter.replace(annotation=inspect.Parameter.empty)
        for parameter in inspect.signature(function).parameters.values()
        if parameter.name != "self"
    ]
    return str(inspect.Signature(parameters))


FUNCTIONS: Final = {
    name: value for name in supertokens.flask.__all__ if inspect.isfunction(value := getattr(supertokens.flask, name))
}
EXTENSION: Final = {
    name: value
    for name, value in inspect.getmembers(supertokens.flask.SuperTokens, inspect.isfunction)
    if name[0] != "_"
}
SESSION: Final = {
    name: value for name, value in inspect.getmembers(supertokens.flask.Session, inspect.isfunction) if name[0] != "_"
}


@pytest.mark.parametrize("name", [*FUNCTIONS, *EXTENSION, "SuperTokens"])
def test_every_function_of_the_flask_module_has_a_section_with_its_signature(name: str) -> None:
    function = {**FUNCTIONS, **EXTENSION, "SuperTokens": supertokens.flask.SuperTokens}[name]
    assert f"`{name}{signature(function)}`" in FLASK.headings


@pytest.mark.parametrize("name", SESSION)
def test_every_method_of_a_session_is_documented_with_its_signature(name: str) -> None:
    section = FLASK.text.partition("\n## The session object\n")[2].partition("\n## ")[0]
    assert f"`{name}{signature(SESSION[name])}`" in section


@pytest.mark.parametrize(
    ("module", "where"),
    [
        (supertokens, FLASK),
        (supertokens.flask, FLASK),
        (supertokens.asgi, page("docs/integrations/asgi.md")),
        (supertokens.wsgi, page("docs/integrations/wsgi.md")),
        (supertokens.testing, page("docs/testing.md")),
    ],
    ids=lambda value: value.__name__ if isinstance(value, ModuleType) else value.name,
)
def test_every_public_name_is_documented(module: ModuleType, where: Page) -> None:
    named = {word for span in where.code_spans for word in re.findall(r"\w+", span)}
    assert set(module.__all__) - named == set()


def test_the_options_of_the_sqlite_store_are_documented() -> None:
    assert f"SqliteStore{signature(SqliteStore)}" in page("docs/core.md").code_spans


def test_every_error_is_in_the_tree_of_the_errors_page_and_of_its_module() -> None:
    [tree] = page("docs/errors.md").in_language("text")
    errors = [name for name in supertokens.__all__ if name.startswith("SuperTokens")]
    names = re.findall(r"SuperTokens\w+", tree.text)
    assert sorted(names) == sorted(errors)
    drawn = re.findall(r"^ *(?:[├└]── )?(SuperTokens\w+)", supertokens.errors.__doc__ or "", re.MULTILINE)
    assert drawn == names, "the docstring of errors.py draws the same tree, one class on a line"


def test_the_verbs_of_wsgi_are_documented_with_their_signatures() -> None:
    spans = [*page("docs/integrations/wsgi.md").code_spans, *page("docs/integrations/wsgi.md").headings]
    named = {name: getattr(supertokens.wsgi, name) for name in supertokens.wsgi.__all__}
    verbs = {name: value for name, value in named.items() if inspect.isfunction(value)}
    for name, verb in {**verbs, "SuperTokens": supertokens.wsgi.SuperTokens}.items():
        assert any(f"{name}{signature(verb)}" in span for span in spans), name


def test_the_verbs_of_asgi_are_documented_with_their_signatures() -> None:
    spans = [*page("docs/integrations/asgi.md").code_spans, *page("docs/integrations/asgi.md").headings]
    named = {name: getattr(supertokens.asgi, name) for name in supertokens.asgi.__all__}
    verbs = {name: value for name, value in named.items() if inspect.isfunction(value) and name != "answer_for"}
    for name, verb in {**verbs, "SuperTokens": supertokens.asgi.SuperTokens}.items():
        assert any(f"{name}{signature(verb)}" in span for span in spans), name
    methods = {*dir(supertokens.asgi.Session), *dir(supertokens.asgi.SuperTokens)}
    assert {name for name in methods if name[0] != "_"} - {"core", "get_session_handle"} <= {
        word for span in spans for word in re.findall(r"\w+", span)
    }


@EVERY_PAGE
def test_every_setting_that_is_named_exists(document: Page) -> None:
    elsewhere = {"CONFIG", "REFRESH_TOKEN_PATH", "STATE_FOLDER"}  # documented in docs/configuration.md
    known = {key.name.upper() for key in describe()} | elsewhere
    assert set(re.findall(r"\bSUPERTOKENS_([A-Z_]+[A-Z])\b", document.text)) <= known


@EVERY_PAGE
def test_every_test_that_is_named_exists(document: Page) -> None:
    sources = "\n".join(path.read_text("utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    for name in re.findall(r"`(test_\w+)`", document.prose):
        assert f"def {name}(" in sources


def test_the_architecture_names_every_module_and_no_other() -> None:
    source = ROOT / "src" / "supertokens"
    modules = {path.relative_to(source).as_posix() for path in source.rglob("*.py")}
    modules = {name for name in modules if "/" not in name or not name.endswith("__init__.py")}
    rows = re.findall(r"^\| `([\w/]+\.py)` \|", page("ARCHITECTURE.md").text, re.MULTILINE)
    assert sorted(rows) == sorted(modules)


def test_security_answers_every_item_of_the_checklist_once() -> None:
    cells = re.findall(r"^\| ([\d–, ]+) \|", page("SECURITY.md").text, re.MULTILINE)
    answered: list[int] = []
    for part in ",".join(cells).split(","):
        first, _, last = part.partition("–")
        answered += range(int(first), int(last or first) + 1)
    assert answered == list(range(1, 99))


# Figures

LIMITS: Final = [
    ("engine.session", "MAX_USER_ID_BYTES", "1 to {} bytes in UTF-8"),
    ("transport.limits", "MAX_COOKIE_BYTES", "| {} bytes |"),
    ("transport.limits", "MAX_ALL_HEADERS_BYTES", "| {} bytes |"),
    ("engine.user_data", "MAX_DEPTH", "| {} levels |"),
    ("engine.access_token", "MAX_TOKEN_CHARACTERS", "| {} characters |"),
    ("transport.duplicates", "_MAX_LOOKED_AT", "| cookies of the same name that are examined | {} |"),
]


@pytest.mark.parametrize(("module", "name", "text"), LIMITS, ids=[name for _, name, _ in LIMITS])
def test_a_limit_on_the_page_of_limits_is_the_one_in_the_code(module: str, name: str, text: str) -> None:
    value = getattr(importlib.import_module(f"supertokens.{module}"), name)
    assert text.format(value) in page("docs/limits.md").text


def test_a_default_on_the_page_of_limits_is_the_one_of_the_configuration() -> None:
    section = page("docs/limits.md").text.partition("\n## Times\n")[2]
    rows = re.findall(r"^\|[^|]+\| (\d+) \w+[^|]*\| `(\w+)` \|$", section, re.MULTILINE)
    assert len(rows) == 4
    for value, key in rows:
        assert getattr(Config(), key) == int(value)
    assert f"{Config().max_session_data_bytes} bytes (`max_session_data_bytes`)" in page("docs/limits.md").text


@pytest.mark.parametrize(("user_id", "letter", "text"), [
    ("u" * 36, "x", "| 36 ASCII characters (a UUID) | {} bytes |"),
    ("u" * 512, "x", "| 512 ASCII characters | {} bytes |"),
    ("u" * 36, "é", "| 36 ASCII characters (a UUID) | 1750 bytes | {} characters |"),
    ("u" * 512, "é", "| 512 ASCII characters | 550 bytes | {} characters |"),
])  # fmt: skip
def test_a_payload_of_the_documented_size_fits_and_hardly_any_larger_one(user_id: str, letter: str, text: str) -> None:
    before, after = (re.escape(part) for part in text.split("{}"))
    found = re.search(f"{before}(\\d+){after}", page("docs/limits.md").text)
    assert found is not None
    documented = int(found[1])
    app = flask.Flask("sizes")
    app.testing = True
    supertokens.flask.SuperTokens(app)
    with app.test_request_context():
        supertokens.flask.create_new_session(None, user_id, {"p": letter * (documented - len('{"p":""}'))})
        with pytest.raises(ValueError, match="too large"):
            supertokens.flask.create_new_session(None, user_id, {"p": letter * (documented * 5 // 4)})


# Links and words


@EVERY_PAGE
def test_every_link_leads_somewhere(document: Page) -> None:
    for link in document.links:
        if link.startswith("https://"):  # its form only, since tests use no network
            assert re.fullmatch(r"https://[a-z0-9-]+(\.[a-z0-9-]+)+(/[\w./-]*)?(#[\w-]+)?", link), link
            continue
        assert not link.startswith(("http:", "/")), f"{document.name}: {link} is not relative"
        path, _, anchor = unquote(link).partition("#")
        target = (document.path.parent / path).resolve() if path else document.path
        assert target.exists(), f"{document.name}: {link}"
        assert target.is_relative_to(ROOT)
        if anchor:
            assert anchor in Page(target).anchors, f"{document.name}: {link}"


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached, ahead = set(), [README]
    while ahead:
        document = ahead.pop()
        if document.path in reached:
            continue
        reached.add(document.path)
        targets_of_links = {(document.path.parent / link.partition("#")[0]).resolve() for link in document.links}
        ahead += [each for each in PAGES if each.path in targets_of_links]
    assert {document.path for document in PAGES} == reached


@EVERY_PAGE
def test_no_page_names_a_folder_of_somebodys_machine_or_puts_something_off(document: Page) -> None:
    for pattern in (r"(?<![\w.])/(home|work|root|Users|tmp)/", r"[A-Z]:\\", r"\bTODO\b", r"\bFIXME\b", r"\bfor now\b"):
        assert re.search(pattern, document.text) is None, pattern


@EVERY_PAGE
def test_no_line_is_too_long_outside_of_tables_and_blocks(document: Page) -> None:
    assert [line for line in document.prose.splitlines() if len(line) > 125 and not line.startswith("|")] == []
