# SPDX-License-Identifier: Apache-2.0
"""What is shown of a result: verdicts on the goals, and figures in documents that nobody typed."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
from benchmarks import names
from benchmarks.figures import DOCUMENTS, filled
from benchmarks.goals import GOALS
from benchmarks.report import details, headline, terminal
from benchmarks.result import LATEST, RESULTS, Result
from benchmarks.rounds import Spread
from benchmarks.stretches import BREAKDOWN

from supertokens.config import Config

ROOT: Final = Path(__file__).parent.parent.parent

MACHINE: Final[dict[str, Any]] = {
    "cpu": "A CPU", "cores": 2, "kernel": "Linux 6", "file_system": "ext4", "python": "CPython 3.11.7",
    "sqlite": "3.40.1", "openssl": "OpenSSL 3", "libraries": {}, "load": 0.0, "busy": False,
}  # fmt: skip

TIMINGS: Final = {
    names.BARE_GET: [40.0, 42.0, 41.0], names.OURS_GET: [48.0, 50.0, 49.0], names.OURS_OPEN: [41.0, 43.0, 42.0],
    names.OURS_FIRST_SIGHT: [90.0, 91.0, 92.0], names.OURS_QUERY: [80.0, 84.0, 82.0], names.EXCHANGE: [5.0, 5.0, 5.0],
    names.CORE_SEEN: [1.0, 1.0, 1.0], names.CORE_FIRST_SIGHT: [40.0, 40.0, 40.0], names.RSA_VERIFY: [25.0, 25.0, 25.0],
    names.RSA_SIGN: [400.0, 400.0, 400.0], names.CORE_REFRESH: [500.0, 500.0, 500.0], names.STORE_GET: [5.0, 5.0, 5.0],
    names.SIGNED_COOKIE: [110.0, 112.0, 111.0], names.SIGN_AND_UPDATE: [400.0, 400.0, 400.0],
}  # fmt: skip


REQUESTS: Final = Result(
    "2026-01-02 03:04 UTC",
    "abc1234",
    False,
    MACHINE,
    {"per request": TIMINGS},
    {"per request": {names.OURS_GET: Spread(p50=48.5, p99=77.25, operations=1000)}},
)


def verdicts(of: Result) -> dict[str, str]:
    return {each.goal.case: each.verdict for each in of.outcomes}


def test_each_goal_is_met_missed_or_not_measured() -> None:
    of = verdicts(REQUESTS)
    assert of["GET protected, token seen before"] == "met"
    assert of["GET protected, blacklisting `query` on SQLite"] == "missed"
    assert of["refresh at `core.refresh` (embedded, SQLite)"] == "met"
    assert of["verify with 16 threads"] == "not measured"


def test_the_goals_are_those_of_the_project() -> None:
    assert [goal.text for goal in GOALS] == [
        "≥ 0.82 of the bare route's throughput",
        "≥ 0.78 of the bare route's throughput",
        "≤ 32 MB",
        "≥ 0.78 of the bare route's throughput",
        "≥ 0.65 of the bare route's throughput",
        "≥ 0.97 of the throughput without blacklisting",
        "≤ 30 ms",
        "≤ 20 ms",
        "≤ 1/6 of what Flask's own signed cookie adds",
        "≥ 0.85 of the bare route's throughput",
        "≥ 0.85 of the bare route's throughput",
        "≥ 0.85 of the bare route's throughput",
        "≤ 2 × one RSA-2048 verify, base64 and JSON of the claims",
        "≥ 0.95 of the throughput of 1 thread",
        "≥ 0.95 of the bare route's throughput",
        "≤ 1.5 × (one RSA-2048 sign and one durable insert)",
        "≤ 0.7 × that with RS256",
        "≤ 1.03 × one without",
        "≤ 1.5 × (one RSA-2048 sign, one read and one update without fsync)",
        "≤ 1.1 × one `core.refresh`",
        "≤ 1.1 × what `core.refresh`, called by its view, adds to a bare route",
        "≥ 0.50 of what SQLite does with 16 rows to a transaction",
        "≥ 1.25 of the throughput of 1 thread",
        "≤ 1.5 × that in one of ten thousand",
        "≤ 1.5 × that in one of ten thousand",
        "≤ 1.5 × that in one of ten thousand",
        "≥ 0.80 of what psycopg alone does with the same statements",
        "≥ 0.80 of what psycopg alone does with the same statements",
        "≤ 1.3 × that with ten thousand",
        "≤ 1.3 × that with ten thousand",
        "≤ 1.3 × that with ten thousand",
        "≤ 1.5 × (one empty reply, one RSA-2048 sign and one durable insert)",
        "≤ 1.25 × (one empty reply, one RSA-2048 sign, one read and one update without fsync)",
        "≥ 0.60 of the throughput of /hello",
        "≤ 1.5 × that of 1 worker",
        "≤ 1.5 × that of 1 worker",
    ]


def test_no_goal_depends_on_how_fast_a_processor_is() -> None:
    """All but the cache's size and the lag of push, most of which is waiting, are ratios."""
    names_of_cases = [text for name, text in vars(names).items() if name.isupper() and isinstance(text, str)]
    cases = [*names_of_cases, *SCALED]
    for goal in GOALS:
        times = {name: 10.0 + index for index, name in enumerate(cases)}
        slower = {name: 2 * time for name, time in times.items()}
        if goal.shown not in ("MB", "ms"):
            assert goal.quantity(slower) == pytest.approx(goal.quantity(times)), goal.case


SCALED: Final = [
    names.with_active(10_000),
    *(names.p99(case) for case in (names.PUSH_LAG_SQLITE, names.PUSH_LAG_POSTGRES)),
    *(
        names.with_threads(case, threads)
        for case in (names.VERIFY, names.LOGIN, names.STORE_CREATE)
        for threads in (1, 16)
    ),
    names.with_threads(names.STORE_CREATE_BATCHES, 1),
    *(
        names.in_store_of(case, size)
        for case in (
            names.CORE_CREATE,
            names.FIRST_USE,
            names.REVOKE_ONE,
            names.POSTGRES_GET,
            names.POSTGRES_ACCEPT,
            names.POSTGRES_REVOKE,
        )
        for size in names.STORE_SIZES
    ),
    *(
        names.p99(names.with_workers(case, workers))
        for case in (names.WORKERS_CREATE, names.WORKERS_REVOKE)
        for workers in (1, 2)
    ),
]


def test_the_service_is_judged_by_what_its_replies_are_made_of_and_by_its_slowest_writes() -> None:
    service = {
        names.SERVICE_HELLO: [50.0, 50.0, 50.0], names.SERVICE_CREATE: [800.0, 810.0, 790.0],
        names.p50(names.SERVICE_CREATE): [6_000.0] * 3, names.p99(names.SERVICE_CREATE): [12_340.0] * 3,
        names.SERVICE_REFRESH: [510.0, 500.5, 501.0], names.SERVICE_VERIFY: [100.0, 101.0, 99.0],
        names.SIGN_AND_INSERT: [500.0] * 3, names.SIGN_AND_UPDATE: [330.0] * 3,
        names.OPENSSL_SIGN: [250.0, 250.0, 250.0], names.OPENSSL_VERIFY: [10.0, 10.0, 10.0],
    }  # fmt: skip
    one, two = (names.with_workers(names.WORKERS_CREATE, workers) for workers in (1, 2))
    by_workers = {
        one: [700.0] * 3, names.p50(one): [5_000.0] * 3, names.p99(one): [10_000.0] * 3,
        two: [875.0] * 3, names.p50(two): [6_000.0] * 3, names.p99(two): [15_000.0, 15_010.0, 16_000.0],
    }  # fmt: skip
    at_rest = {
        names.SERVICE_RESIDENT: [91e6, 91e6, 89e6], names.SERVICE_PROPORTIONAL: [50e6, 50e6, 50e6],
        names.SERVICE_START: [400_000.0, 1_500_000.0, 500_000.0],
    }  # fmt: skip
    sections = {"service": service, "service by workers": by_workers, "service at rest": at_rest}
    of = Result("2026-01-02 03:04 UTC", "abc1234", False, MACHINE, sections)
    assert {case: verdict for case, verdict in verdicts(of).items() if "core service" in case} == {
        "core service: create": "met",
        "core service: refresh": "missed",
        "core service: verify": "missed",
        "core service: p99 of create at saturation, 2 workers": "missed",
        "core service: p99 of revoke at saturation, 2 workers": "not measured",
    }
    page = details(of)
    assert f"| {names.SERVICE_CREATE} | 1,250 | 1,235 … 1,266 | 6.00 | 12.34 | 0.31 | 0.01 |" in page
    assert f"| {two} | 1,143 | 0.80 | 6.00 | 15.01 |" in page
    assert "a worker holds 91 MB" in page
    assert "replies 0.50 s after its start" in page
    assert "1,143" in terminal(of)


def test_the_sentence_for_the_readme_names_the_run_and_what_it_missed() -> None:
    sentence = " ".join(headline(REQUESTS).split())
    assert sentence == (
        "Measured on 2026-01-02 on A CPU, 2 cores, at commit abc1234: 3 of 36 goals met, 1 missed, 32 not measured."
        " [Which goals it missed, and all figures](docs/performance.md#figures)."
    )


def test_percentiles_stand_beside_the_median() -> None:
    assert f"| {names.OURS_GET} | 49.0 | 48.5 | 77.2 | 8.0 | 0.84 |" in details(REQUESTS)
    assert f"| {names.OURS_QUERY} | 82.0 | – | – | 41.0 | 0.50 |" in details(REQUESTS)


def test_a_p99_of_few_operations_says_of_how_many() -> None:
    few = {"per request": {names.OURS_GET: Spread(p50=48.5, p99=77.25, operations=99)}}
    assert "| 48.5 | 77.2 (99) |" in details(replace(REQUESTS, spreads=few))


def test_the_stretches_of_a_check_add_up_to_it() -> None:
    times = {name: rounds[0] for name, rounds in TIMINGS.items()}
    stretches = [part.quantity(times) for part in BREAKDOWN]
    total = next(index for index, part in enumerate(BREAKDOWN) if "protected GET" in part.name)
    assert sum(stretches[:total]) == pytest.approx(stretches[total])


def test_a_result_that_was_written_reads_the_same(tmp_path: Path) -> None:
    REQUESTS.write(tmp_path / "result.json")
    assert Result.read(tmp_path / "result.json") == REQUESTS
    content = json.loads((tmp_path / "result.json").read_text("utf-8"))
    assert content["goals"][0]["verdict"] == "met"
    assert content["sections"]["per request"][names.OURS_GET]["each"]["p99"] == 77.25
    assert content["sections"]["per request"][names.BARE_GET]["minimum"] == 40.0


def test_runs_of_one_day_have_files_of_their_own() -> None:
    assert REQUESTS.file_name == "2026-01-02-0304-abc1234.json"


def test_every_table_shows_what_there_is() -> None:
    for text in (terminal(REQUESTS), details(REQUESTS)):
        assert "missed" in text
        assert "not measured" in text
        assert names.OURS_GET in text


def test_words_around_the_tables_are_wrapped() -> None:
    long = Result("2026-01-02 03:04 UTC", "abc1234", True, {**MACHINE, "cpu": "A CPU " * 30, "busy": True}, {})
    for text in (details(long), headline(long)):
        assert [line for line in text.splitlines() if len(line) > 120 and not line.startswith("|")] == []


def test_a_run_on_a_busy_machine_says_so() -> None:
    busy = Result("2026-01-02 03:04 UTC", "abc1234", True, {**MACHINE, "busy": True}, {})
    assert "measure again" in terminal(busy)
    assert "Quick mode" in terminal(busy)


def test_figures_replace_what_is_between_the_marks_and_nothing_else() -> None:
    text = "before\n<!-- figures:begin -->\nold\n<!-- figures:end -->\nafter\n"
    once = filled(text, "new \\1")
    assert once == "before\n<!-- figures:begin -->\n\nnew \\1\n\n<!-- figures:end -->\nafter\n"
    assert filled(once, "new \\1") == once
    assert filled("no marks\n", "new") == "no marks\n"


@pytest.mark.skipif(not LATEST.exists(), reason="nothing has been measured yet: make bench")
@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_the_figures_in_a_document_are_those_of_the_latest_result(document: Path) -> None:
    text = document.read_text("utf-8")
    assert filled(text, DOCUMENTS[document](Result.read(LATEST))) == text


@pytest.mark.parametrize("file", sorted(RESULTS.glob("*.json")), ids=lambda file: file.name)
def test_a_published_result_is_a_full_one_and_says_nothing_of_whose_machine_it_was(file: Path) -> None:
    published = Result.read(file)
    assert not published.quick
    expected = {*MACHINE}
    assert set(published.machine) == expected
    assert not re.search(r'"/|[A-Z]:\\\\|(?<![\w.])/(home|root|work|tmp|Users)/', file.read_text("utf-8"))


def test_the_bound_of_the_cache_is_the_documented_one() -> None:
    page = (ROOT / "docs" / "performance.md").read_text("utf-8")
    assert f"{Config().verified_token_cache:,} tokens" in page


def test_the_peer_is_the_version_that_is_installed() -> None:
    pinned = (ROOT / "tests" / "clients" / "supertokens-python" / "requirements.txt").read_text("utf-8").splitlines()
    assert names.SUPERTOKENS_PYTHON.partition(",")[0].replace(" ", "==") in pinned
    others = (ROOT / "benchmarks" / "requirements.txt").read_text("utf-8").splitlines()
    assert names.SUPERTOKENS_FLASK.partition(",")[0].replace(" ", "==") in others
