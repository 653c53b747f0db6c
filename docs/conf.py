# SPDX-License-Identifier: Apache-2.0
"""The documentation as a site: `make site`. The pages are those of the repository; only the API reference is made here.

The source folder is the root of the repository, so that pages may link to SECURITY.md, to a test, or to a module, as
they do on a forge. What stands in the navigation is read from the tables of docs/index.md.
"""

from __future__ import annotations

import posixpath
import re
from importlib.metadata import version as version_of
from pathlib import Path

from sphinx.application import Sphinx

ROOT = Path(__file__).parent.parent

project = "supertokens-sessions"
author = project_copyright = "the contributors"
release = version = version_of("supertokens-sessions")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.viewcode"]
root_doc = "docs/index"
include_patterns = ["*.md", "docs/*.md", "docs/*/*.md", "docs/api.rst", "examples/*/README.md"]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
nitpicky = False

myst_heading_anchors = 4
myst_links_external_new_tab = False
suppress_warnings = ["myst.header"]  # a page may begin with the second level

default_role = "code"  # docstrings put names between single backticks
autodoc_default_options = {"members": True, "member-order": "bysource", "show-inheritance": True}
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
add_module_names = False
python_maximum_signature_line_length = 90
highlight_language = "none"

html_theme = "furo"
html_title = f"supertokens-sessions {release}"
html_show_copyright = False
html_copy_source = False
html_theme_options = {"navigation_with_keys": False}

_SECTION = re.compile(r"^## (.+)$", re.MULTILINE)
_ROW = re.compile(r"^\| \[[^\]]+\]\(([^)#]+)\)", re.MULTILINE)


def add_navigation(_: Sphinx, docname: str, source: list[str]) -> None:
    """Give the index page a hidden list of its own links, section by section, which Sphinx builds the navigation of."""
    if docname in ("docs/index", "docs/integrations/index", "docs/protocol/index", "docs/recipes"):
        folder = posixpath.dirname(docname)
        parts = _SECTION.split(source[0])
        sections = [("", parts[0]), *zip(parts[1::2], parts[2::2], strict=True)]
        for title, text in sections:
            pages = [posixpath.normpath(posixpath.join("/", folder, link)) for link in _ROW.findall(text)]
            if docname == "docs/recipes":
                pages = [page for page in pages if "/recipes/" in page]
            pages = {"Start": ["/README"], "Look it up": ["/docs/api"]}.get(title, []) + pages
            if pages:
                source[0] += _toctree(title, pages)


def _toctree(title: str, pages: list[str]) -> str:
    return "\n".join(["\n\n```{toctree}", ":hidden:", f":caption: {title}" if title else "", "", *pages, "```\n"])


def setup(app: Sphinx) -> None:
    app.connect("source-read", add_navigation)
