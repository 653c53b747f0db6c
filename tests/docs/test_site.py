# SPDX-License-Identifier: Apache-2.0
"""The site of `make site` is built without a warning, has everything, and needs no network."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import supertokens.fastapi
import supertokens.flask

from .pages import PAGES, ROOT


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built afresh. A warning, such as of a link that leads nowhere, is an error."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "--quiet", "--fail-on-warning", "--keep-going", "-b", "html"]
    command += ["-d", str(folder / "doctrees"), "-c", str(ROOT / "docs"), str(ROOT), str(folder / "html")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "html"


def test_every_page_is_in_it(site: Path) -> None:
    for page in PAGES:
        assert (site / page.name).with_suffix(".html").exists(), page.name


@pytest.mark.parametrize("module", [supertokens.flask, supertokens.fastapi], ids=lambda module: module.__name__)
def test_every_function_of_an_integration_is_in_the_reference(site: Path, module: ModuleType) -> None:
    reference = (site / "docs" / "api.html").read_text("utf-8")
    for name in module.__all__:
        if not name.endswith("Error") and callable(getattr(module, name)):
            assert re.search(rf'id="supertokens\.(\w+\.)+{name}"', reference), name


def test_the_search_finds_pages_without_a_server(site: Path) -> None:
    index = (site / "searchindex.js").read_text("utf-8")
    assert "docs/how-it-works" in index
    assert (site / "search.html").exists()


def test_no_page_loads_anything_from_elsewhere(site: Path) -> None:
    loads = re.compile(r'<(?:script|img|iframe)[^>]* src="(?:https?:)?//|<link[^>]* href="(?:https?:)?//')
    for path in site.rglob("*.html"):
        assert loads.search(path.read_text("utf-8")) is None, path.name
