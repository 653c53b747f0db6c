# SPDX-License-Identifier: Apache-2.0
"""The distribution: what is tested is what is shipped."""

from __future__ import annotations

import importlib.metadata
import os
import pickle
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import supertokens
from supertokens import errors

from .django.project import set_up

BASE = {"cryptography", "msgspec", "pyyaml"}


TESTS_THE_WHEEL = os.environ.get("TESTED") == "wheel"  # as the Makefile says


def test_what_is_tested_is_the_built_wheel_under_make_test_and_the_source_otherwise(root: Path) -> None:
    imported = Path(supertokens.__file__).resolve()
    if TESTS_THE_WHEEL:
        assert "site-packages" in imported.parts
        assert root / "src" not in imported.parents
    else:
        assert root / "src" in imported.parents, "an installed copy hides the source: pip install -e '.[dev]'"


@pytest.mark.skipif(
    not TESTS_THE_WHEEL, reason="the source is tested here; `make test` builds the wheel and tests that"
)
def test_the_wheel_is_typed_licensed_and_needs_three_packages() -> None:
    distribution = importlib.metadata.distribution("supertokens-sessions")
    files = {str(file) for file in distribution.files or []}
    assert "supertokens/py.typed" in files
    assert any(name.endswith("LICENSE") for name in files)
    assert not any("test_" in name for name in files)
    required = {
        line.partition(">")[0].partition("<")[0] for line in distribution.requires or [] if "extra ==" not in line
    }
    assert required == BASE
    assert supertokens.__version__ == distribution.version


def test_the_base_import_loads_no_framework_and_no_optional_dependency() -> None:
    code = "import sys, supertokens, supertokens.testing; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"flask", "werkzeug", "sqlalchemy", "redis", "django", "starlette", "click", "requests"} & set(loaded)


@pytest.mark.parametrize("framework", ["flask", "starlette", "fastapi", "django"])
def test_a_missing_framework_says_what_to_install(framework: str) -> None:
    code = f"import sys; sys.modules['{framework}'] = None; import supertokens.{framework}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1
    assert f"pip install 'supertokens-sessions[{framework}]'" in done.stderr


def test_every_module_is_there_for_a_reason_that_its_docstring_tells() -> None:
    vague = {"utils", "helpers", "common", "constants", "types", "misc", "base64"}
    set_up()  # some modules for Django need a project around them
    for module in pkgutil.walk_packages(supertokens.__path__, "supertokens."):
        loaded = __import__(module.name, fromlist=["_"])
        assert loaded.__doc__, module.name
        assert module.name.rpartition(".")[2] not in vague


def test_modules_and_functions_stay_small(root: Path) -> None:
    sizes = {path: len(path.read_text().splitlines()) for path in (root / "src").rglob("*.py")}
    assert {str(path.relative_to(root)): size for path, size in sizes.items() if size > 350} == {}
    names = ("asgi", "django", "fastapi", "flask", "starlette", "wsgi")
    integrations = {root / "src" / "supertokens" / name for name in names}
    assert {path.name: size for path, size in sizes.items() if path.parent in integrations and size > 250} == {}


@pytest.mark.parametrize("name", errors.__all__)
def test_the_errors_have_one_root_and_survive_pickling(name: str) -> None:
    kind = getattr(errors, name)
    assert issubclass(kind, errors.SuperTokensError)
    error = kind("handle", "user") if name == "SuperTokensTokenTheftError" else kind("message")
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), vars(copy)) == (kind, str(error), vars(error))


def test_no_file_of_the_project_knows_the_machine_it_was_written_on(root: Path) -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=root, capture_output=True, text=True, check=True).stdout.split(
        "\n"
    )
    here = [os.sep + "work" + os.sep, os.sep + "root" + os.sep]
    for name in tracked:
        path = root / name
        if path.suffix in {".py", ".md", ".toml", ".js", ".json", ".html", ".css", ".yaml", ""} and path.is_file():
            text = path.read_text(errors="ignore")
            assert not any(place in text for place in here), name
