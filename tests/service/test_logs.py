# SPDX-License-Identifier: Apache-2.0
"""Where the service's messages go."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

pytest.importorskip("granian", reason="install the extra: pip install 'supertokens-sessions[service]'")

from supertokens.config import Config
from supertokens.service.logs import log_as_configured


@contextmanager
def nobody_has_set_up_logging() -> Iterator[logging.Logger]:
    """The library's logger. No fixture: when a test begins, pytest adds handlers to loggers that do not propagate."""
    logger = logging.getLogger("supertokens")
    logger.propagate = False
    try:
        yield logger
    finally:
        for handler in logger.handlers:
            handler.close()
        logger.handlers.clear()
        logger.setLevel(logging.NOTSET)
        logger.propagate = True


def say(logger: logging.Logger) -> None:
    for level in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR):
        logger.log(level, "at level %d", level)


def test_what_goes_well_and_what_does_not_go_to_streams_of_their_own(capsys: pytest.CaptureFixture[str]) -> None:
    with nobody_has_set_up_logging() as logger:
        log_as_configured(Config())
        say(logger)
        output = capsys.readouterr()
        assert [line.rpartition(" ")[2] for line in output.out.splitlines()] == ["20"]
        assert [line.rpartition(" ")[2] for line in output.err.splitlines()] == ["30", "40"]


def test_files_are_made_with_their_folders(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with nobody_has_set_up_logging() as logger:
        info, error = tmp_path / "logs" / "info.log", tmp_path / "logs" / "error.log"
        log_as_configured(Config(info_log_path=str(info), error_log_path=str(error)))
        say(logger)
        assert info.read_text().count("\n") == 1
        assert error.read_text().count("\n") == 2
        assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(("level", "lines"), [("debug", 4), ("info", 3), ("warn", 2), ("error", 1), ("none", 0)])
def test_the_least_that_is_logged_is_configured(capsys: pytest.CaptureFixture[str], level: str, lines: int) -> None:
    with nobody_has_set_up_logging() as logger:
        log_as_configured(Config(log_level=level))  # type: ignore[arg-type]
        say(logger)
        output = capsys.readouterr()
        assert (output.out + output.err).count("\n") == lines


def test_a_file_that_cannot_be_written_gives_way_to_the_stream_with_a_warning(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with nobody_has_set_up_logging() as logger:
        (tmp_path / "file").touch()
        path = tmp_path / "file" / "info.log"
        log_as_configured(Config(info_log_path=str(path)))
        logger.info("it goes on")
        output = capsys.readouterr()
        assert "it goes on" in output.out
        assert f"'info_log_path' names {path}, which cannot be written" in output.err


def test_logging_that_somebody_has_set_up_is_left_alone(capsys: pytest.CaptureFixture[str]) -> None:
    with nobody_has_set_up_logging() as logger:
        log_as_configured(Config())
        log_as_configured(Config(log_level="debug"))
        say(logger)
        assert capsys.readouterr().out.count("\n") == 1


def test_times_are_in_utc_wherever_the_service_runs(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        with nobody_has_set_up_logging() as logger:
            log_as_configured(Config())
            logger.info("now")
            moment = datetime.fromisoformat(capsys.readouterr().out.split()[0])
    finally:
        monkeypatch.undo()
        time.tzset()
    assert moment.utcoffset() == timedelta(0)
    assert abs(datetime.now(UTC) - moment) < timedelta(minutes=5)
