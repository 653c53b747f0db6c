# SPDX-License-Identifier: Apache-2.0
"""Where the service's messages go: information to one place, warnings and errors to another."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from logging.handlers import WatchedFileHandler
from pathlib import Path
from typing import Final, TextIO

from supertokens.config import Config

__all__ = ["log_as_configured"]

_FORMAT: Final = "%(asctime)s.%(msecs)03dZ %(levelname)s [%(process)d] %(message)s"
_TIME: Final = "%Y-%m-%dT%H:%M:%S"
_LEVELS: Final = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "error": logging.ERROR,
    "none": logging.CRITICAL + 1,
}


def log_as_configured(config: Config) -> None:
    """Set up logging by `info_log_path`, `error_log_path` and `log_level` of `config`, unless it is set up already."""
    logger = logging.getLogger("supertokens")
    if logger.hasHandlers():
        return
    logger.setLevel(_LEVELS[config.log_level])
    refused = [
        _add(logger, config.info_log_path, sys.stdout, lambda record: record.levelno < logging.WARNING),
        _add(logger, config.error_log_path, sys.stderr, lambda record: record.levelno >= logging.WARNING),
    ]
    for key, path, refusal in zip(
        ("info_log_path", "error_log_path"), (config.info_log_path, config.error_log_path), refused, strict=True
    ):
        if refusal is not None:
            logger.warning("'%s' names %s, which cannot be written (%s): it is not used", key, path, refusal.strerror)


def _add(
    logger: logging.Logger, path: str | None, stream: TextIO, belongs: Callable[[logging.LogRecord], bool]
) -> OSError | None:
    """Add a handler to `logger` for the file `path`, or for `stream` if that cannot be written; return the error then.

    `belongs`: which records it writes.
    """
    handler: logging.Handler = logging.StreamHandler(stream)
    refusal = None
    if path is not None:
        try:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            handler = WatchedFileHandler(path, encoding="utf-8")
        except OSError as error:
            refusal = error
    handler.addFilter(belongs)
    formatter = logging.Formatter(_FORMAT, _TIME)
    formatter.converter = time.gmtime  # logs of several hosts are read side by side
    handler.setFormatter(formatter)
    logger.addHandler(handler)
    return refusal
