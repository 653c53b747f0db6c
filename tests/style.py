# SPDX-License-Identifier: Apache-2.0
"""Measure how the source reads: `make style`, or `python -m tests.style FOLDER …` for any other package.

All figures come from the syntax tree, so a run on the same files gives the same figures:

- Docstrings: those of functions and methods, nested and private ones too. Classes and modules are things, so theirs may
  begin with a noun.
- A docstring begins with a noun phrase if its first word is an article, a determiner, a pronoun, a question word or a
  numeral (`NOUN_PHRASE`), or no word at all (a name in code font, a symbol). "The key that …" does, "Return the key
  that …" does not.
- A parameter is named if its name stands as a word in the docstring of its function. Counted are all parameters of all
  functions with a docstring, `self` and `cls` aside.
- Comments: those that are not the licence line, on 100 lines that are not blank.
- Length of a function: its lines from `def` to the end, without docstring.

For the source of commit 95ea4dc this gives 64 % noun phrases and 32 % named parameters; a reading by hand had found
66 % and 33 %. The figures of `ELSEWHERE` were measured with this script on the wheels named there.
"""

from __future__ import annotations

import ast
import io
import re
import statistics
import sys
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

__all__ = ["TESTED_IN", "Figures", "measured", "modules", "untested"]

ROOT: Final = Path(__file__).parent.parent
SOURCE: Final = ROOT / "src" / "supertokens"

MAX_NOUN_PHRASES: Final = 0.15  # of the docstrings
MIN_NAMED: Final = 0.50  # of the parameters

NOUN_PHRASE: Final = re.compile(
    "(a|an|the|this|that|these|those|its?|they|their|what(ever)?|whether|which|who(ever|m|se)?|where|when|how|why|all|every|"
    "each|any|both|n?either|no|none|(no|any|every|some)(body|thing)|some|many|several|few|most|one|two|three|four|)",
    re.IGNORECASE,
)

ELSEWHERE: Final = """\
itsdangerous 2.2      10 %   26 %   9.4    6 / 31 / 77
argon2-cffi 25.1       0 %   43 %   1.7    8 / 41 / 69
svcs 26.2              3 %   50 %   3.0    8 / 27 / 38
starlette 1.10        15 %   61 %   5.1    5 / 38 / 204
flask 3.1             18 %   61 %  10.1    6 / 42 / 141
anyio 4.16            15 %   90 %   3.4    5 / 31 / 126"""

# Modules that have no test file of their name, under the file or folder that tests them.
TESTED_IN: Final = {
    "asgi/test_contract.py": ("asgi/session.py", "asgi/verbs.py"),
    "asgi/test_lifespan.py": ("asgi/extension.py", "asgi/wrapper.py"),
    "asgi/test_requests.py": ("asgi/stored_sessions.py", "transport/stored_sessions.py"),
    "asgi/test_event_loop.py": ("asgi/threads.py",),
    "asgi/test_websockets.py": ("asgi/answers.py",),
    "cli/test_commands.py": ("cli/__main__.py", "cli/check.py", "cli/migrate.py", "cli/target.py"),
    "cli/test_copy.py": ("core/copying.py", "stores/postgres_moving.py", "stores/sqlite_moving.py"),
    "cli/test_service.py": ("cli/background.py", "cli/instances.py"),
    "cli/test_terminal.py": ("cli/output.py",),
    "config/test_app.py": (
        "config/addresses.py", "config/loading.py", "config/rules.py", "config/settings.py", "config/sources.py",
        "config/values.py", "config/yaml_file.py",
    ),
    "config/test_environment.py": ("config/original.py",),
    "config/test_messages.py": ("config/options.py",),
    "config/test_secret_files.py": ("config/secrets.py",),
    "core/test_contract.py": ("core/protocol.py", "core/stored_sessions.py"),
    "core/test_embedded.py": ("core/token_verifier.py", "core/issuer.py", "engine/anti_csrf.py"),
    "core/test_feed.py": ("core/comparisons.py",),
    "core/test_keys.py": ("core/key_maker.py",),
    "core/test_personal_data.py": ("core/export.py",),
    "flask/test_overtaken_requests.py": ("core/successors.py",),
    "core/test_lifetimes.py": ("engine/lifetimes.py",),
    "core/test_error_reports.py": ("engine/value.py",),
    "cli/test_sessions.py": ("core/everybody.py",),
    "engine/test_refresh_token.py": ("engine/session.py",),
    "django/test_django.py": (
        "django/async_verbs.py", "django/middleware.py", "django/protection.py", "django/responses.py",
        "django/session.py", "django/stored_sessions.py", "django/verbs.py",
    ),
    "django/test_checks.py": ("django/apps.py", "django/settings.py", "django/sessions.py"),
    "django/test_beside_django.py": ("django/signals.py",),
    "django/test_auth.py": ("django/test.py",),
    "django/test_command.py": ("django/management/commands/supertokens.py",),
    "fastapi/test_fastapi.py": ("fastapi/dependencies.py", "starlette/extension.py", "starlette/handlers.py"),
    "flask/test_contract.py": (
        "testing/browser_contract.py", "testing/integration.py", "testing/integration_contract.py",
        "testing/request_session_contract.py", "testing/visitor.py",
    ),
    "flask/test_devices.py": ("devices.py", "transport/user_sessions.py"),
    "flask/test_errors.py": ("errors.py", "flask/handlers.py"),
    "flask/test_extension.py": ("flask/verbs.py",),
    "flask/test_pages.py": (
        "core/signals.py", "flask/answers.py", "flask/routes.py", "flask/signals.py", "transport/refusals.py",
        "transport/routes.py",
    ),
    "flask/test_renewal.py": ("transport/renewing.py",),
    "flask/test_request_session.py": ("flask/requests.py",),
    "flask/test_topology.py": ("topology.py",),
    "integration/test_one_folder.py": ("default_database.py",),
    "postgres/test_contract.py": (
        "stores/postgres.py", "stores/postgres_connections.py", "stores/postgres_database.py",
        "stores/postgres_feed.py", "stores/postgres_keys.py", "stores/postgres_rows.py", "stores/postgres_schema.py",
    ),
    "remote/test_contract.py": (
        "remote/core.py", "remote/listing.py", "remote/payloads.py", "remote/sessions.py", "remote/stored_sessions.py",
        "service/standing.py",
    ),
    "remote/test_faults.py": ("remote/client.py", "remote/replies.py"),
    "service/test_bad_input.py": ("service/fields.py",),
    "service/test_cdi5.py": ("service/cdi5_replies.py", "service/listing.py", "service/session_data.py"),
    "service/test_faults.py": ("service/server.py", "service/worker.py"),
    "service/test_http.py": ("service/dispatch.py", "service/replies.py", "service/request_head.py"),
    "service/test_operations.py": ("service/openapi.py", "service/readiness.py", "service/shared.py"),
    "service/test_paths.py": ("service/routes.py",),
    "service/test_two_families.py": ("service/both_families.py",),
    "stores/test_memory.py": (
        "stores/base.py", "stores/memory_feed.py", "stores/polling.py", "testing/feed_contract.py",
        "testing/key_store_contract.py", "testing/records.py", "testing/session_limit_contract.py",
        "testing/store_contract.py",
    ),
    "stores/test_opening.py": ("config/databases.py",),
    "stores/test_schema.py": ("stores/sqlite_schema.py",),
    "stores/test_sqlite.py": ("stores/sqlite_limits.py", "stores/sqlite_rows.py"),
    "stores/test_sqlite_erasing.py": ("stores/sqlite_keys.py",),
    "stores/test_sqlite_files.py": ("stores/sqlite_connections.py",),
    "wsgi/test_contract.py": ("wsgi/requests.py", "wsgi/verbs.py"),
    "wsgi/test_wsgi.py": ("wsgi/extension.py",),
    "testing/test_clients.py": ("testing/messages.py", "testing/keys.py"),
}  # fmt: skip


@dataclass
class Figures:
    """What one package measures like."""

    docstrings: int = 0
    noun_phrases: list[str] = field(default_factory=list)  # file:line of each
    parameters: int = 0
    named: int = 0
    comments: int = 0
    lines: int = 0
    lengths: list[int] = field(default_factory=list)

    @property
    def noun_share(self) -> float:
        return len(self.noun_phrases) / self.docstrings if self.docstrings else 0.0

    @property
    def named_share(self) -> float:
        return self.named / self.parameters if self.parameters else 1.0

    def row(self, name: str) -> str:
        lengths = sorted(self.lengths)
        p95 = lengths[int(len(lengths) * 0.95)] if lengths else 0
        comments = 100 * self.comments / max(1, self.lines)
        return (
            f"{name:<20}{self.noun_share:>6.0%}{self.named_share:>7.0%}{comments:>6.1f}"
            f"{statistics.median(lengths or [0]):>5.0f} / {p95} / {max(lengths, default=0)}"
        ).replace("%", " %")


def modules(folder: Path) -> list[Path]:
    """Return the Python files below `folder`, without those that others wrote and it only carries (`_vendor`)."""
    return [path for path in sorted(folder.rglob("*.py")) if "_vendor" not in path.parts]


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def is_noun_phrase(docstring: str) -> bool:
    """Return whether `docstring` begins with a noun phrase, by the rule at the top."""
    return NOUN_PHRASE.fullmatch(re.split(r"[^A-Za-z']", docstring, maxsplit=1)[0]) is not None


def parameter_names(arguments: ast.arguments) -> list[str]:
    each = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
    return [argument.arg for argument in each if argument is not None and argument.arg not in ("self", "cls")]


def measured(folder: Path) -> Figures:
    """Return the figures of all modules below `folder`."""
    figures = Figures()
    for path in modules(folder):
        text = path.read_text("utf-8")
        figures.lines += sum(1 for line in text.splitlines() if line.strip())
        tokens = tokenize.generate_tokens(io.StringIO(text).readline)
        figures.comments += sum(token.type == tokenize.COMMENT and "SPDX" not in token.string for token in tokens)
        for function in functions(ast.parse(text)):
            first, end = function.body[0], function.end_lineno or function.lineno
            docstring = ast.get_docstring(function)
            in_docstring = (first.end_lineno or 0) - first.lineno + 1 if docstring else 0
            figures.lengths.append(end - function.lineno + 1 - in_docstring)
            if docstring:
                figures.docstrings += 1
                if is_noun_phrase(docstring):
                    figures.noun_phrases.append(f"{path.relative_to(folder)}:{function.lineno} {function.name}")
                names = parameter_names(function.args)
                figures.parameters += len(names)
                figures.named += sum(bool(re.search(rf"(?<!\w){re.escape(name)}(?!\w)", docstring)) for name in names)
    return figures


def untested() -> list[str]:
    """Return the modules that have neither a test file of their name nor a line in `TESTED_IN`."""
    listed = {module for names in TESTED_IN.values() for module in names}
    return [name for name in by_name(has_file=False) if name not in listed]


def by_name(*, has_file: bool) -> list[str]:
    """Return the modules that have a test file of their name (`has_file`), or those that have none."""
    names = [path.relative_to(SOURCE) for path in modules(SOURCE) if path.name != "__init__.py"]
    return [
        name.as_posix() for name in names if (ROOT / "tests" / name.parent / f"test_{name.name}").exists() is has_file
    ]


def main(folders: list[str]) -> None:
    print(f"{'':<20}{'noun':>8}{'named':>7}{'comments':>10}  lines of a function")
    print(f"{'':<20}{'phrases':>8}{'param.':>7}{'per 100':>10}  median / p95 / max")
    for folder in folders:
        print(measured(Path(folder)).row(Path(folder).name))
    if folders:
        return
    ours = measured(SOURCE)
    print(ours.row("ours"))
    print(ELSEWHERE)
    own, others = by_name(has_file=True), by_name(has_file=False)
    print(f"\n{len(own)} of {len(own) + len(others)} modules have a test file of their name; TESTED_IN names the rest.")
    print(f"\nDocstrings that begin with a noun phrase ({len(ours.noun_phrases)} of {ours.docstrings}):")
    print("\n".join(ours.noun_phrases))


if __name__ == "__main__":
    main(sys.argv[1:])
