# SPDX-License-Identifier: Apache-2.0
"""The configuration as one frozen value, and how it is read from its sources (docs/configuration.md).

    an app:      defaults  <  config.yaml that the environment names  <  environment
                 <  app.config["SUPERTOKENS_CONFIG"]  <  app.config["SUPERTOKENS_<KEY>"]  <  arguments
    the service: defaults  <  config.yaml  <  names of the official images in the environment
                 <  environment  <  arguments

In every source None, which is null in YAML, means "not set": the next weaker one is asked.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from supertokens.config import rules, sources
from supertokens.config.databases import parse_database
from supertokens.config.environment import doubtful_names, from_environment, from_image
from supertokens.config.original import why_no_effect
from supertokens.config.secrets import IN_FILES, parse_api_keys, read_secret_file
from supertokens.config.settings import KEYS, Keys
from supertokens.config.sources import Setting, from_file_or_mapping, from_mapping
from supertokens.config.values import ConfigError, KeyDescription, Side, read

__all__ = ["Config", "Explained", "describe"]

_log = logging.getLogger("supertokens")
_MAX_WORKERS_BY_DEFAULT: Final = 8
_SHORT_SESSION_S: Final = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Config(Keys):
    """The configuration. Raises ConfigError for values that are invalid, alone or together.

    Rules that the original has too are in docs/protocol/original.md#validation. Where only `<key>_file` is given, the
    key is read from that file.
    """

    def __post_init__(self) -> None:
        for name, key in KEYS.items():
            value = getattr(self, name)
            if value is not None or key.default is not None:
                object.__setattr__(self, name, read(key, value))
        for name in IN_FILES:
            path = getattr(self, f"{name}_file")
            if path is not None and getattr(self, name) is None:
                object.__setattr__(self, name, _read_from_file(name, path))
        _refuse(rules.contradictions(self))

    @staticmethod
    def load(
        *,
        arguments: Mapping[str, object] | None = None,
        app_config: Mapping[str, object] | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> Config:
        """Return the configuration of an app, and log its warnings. Only files that a source names are read.

        `app_config`: the whole configuration of a framework's app, in which names without the prefix SUPERTOKENS_ are
        ignored. `arguments` are the strongest source, `environ` the weakest. Raise ConfigError, which names the source
        too.
        """
        return Config.explain(arguments=arguments, app_config=app_config, environ=environ).logged()

    @staticmethod
    def explain(
        *,
        arguments: Mapping[str, object] | None = None,
        app_config: Mapping[str, object] | None = None,
        environ: Mapping[str, str] | None = None,
        arguments_are: str = "arguments",
    ) -> Explained:
        """Return the same as `load`, with the source of each setting, and with the warnings instead of logging them.

        `arguments`, `app_config` and `environ` are those of `load`. `arguments_are`: what messages call the first.
        """
        app_config, environ = app_config or {}, environ or {}
        settings = sources.merged(
            from_file_or_mapping(environ.get(sources.FILE) or None, f"environment, {sources.FILE}"),
            from_environment(environ, "app"),
            from_file_or_mapping(app_config.get(sources.FILE), f"app.config, {sources.FILE}"),
            sources.from_app_config(app_config),
            from_mapping(arguments or {}, arguments_are),
        )
        return _explained(_with_refresh_path(settings), "app", doubtful_names(environ))

    @staticmethod
    def load_service(
        *,
        arguments: Mapping[str, object] | None = None,
        environ: Mapping[str, str] | None = None,
        file: str | Path | None = None,
    ) -> Config:
        """Return the configuration of the core service, and log its warnings.

        `arguments` are the strongest source. `file`: the config.yaml; None: the one that SUPERTOKENS_CONFIG names in
        `environ`, if any. Raise ConfigError, which names the source too.
        """
        return Config.explain_service(arguments=arguments, environ=environ, file=file).logged()

    @staticmethod
    def explain_service(
        *,
        arguments: Mapping[str, object] | None = None,
        environ: Mapping[str, str] | None = None,
        file: str | Path | None = None,
    ) -> Explained:
        """Return the same as `load_service`, with the source of each setting, and with the warnings instead of logging
        them.

        `arguments`, `environ` and `file` are those of `load_service`.
        """
        environ = environ or {}
        if file is None:
            file = environ.get(sources.FILE) or None
        settings = sources.merged(
            from_file_or_mapping(file, "", lenient=True),
            from_image(environ),
            from_environment(environ, "service"),
            from_mapping(arguments or {}, "arguments"),
        )
        return _explained(_with_possible_grace_period(settings), "service", doubtful_names(environ))

    @property
    def access_token_validity_ms(self) -> int:
        return self.access_token_validity * 1000

    @property
    def refresh_token_validity_ms(self) -> int:
        return round(self.refresh_token_validity * 60_000)

    @property
    def short_session_validity_ms(self) -> int:
        """Return how long (ms) a session that is not remembered lives after its last use: never longer than another."""
        short = self.short_session_validity or max(_SHORT_SESSION_S, 2 * self.access_token_validity)
        return min(short * 1000, self.refresh_token_validity_ms)

    @property
    def refresh_token_rotation_grace_period_ms(self) -> int:
        return round(self.refresh_token_rotation_grace_period * 1000)

    @property
    def access_token_signing_key_update_interval_ms(self) -> int:
        return round(self.access_token_signing_key_update_interval * 3_600_000)

    @property
    def sqlite_path(self) -> Path | None:
        """Return the file that `database` names, or None if it is unset or no file."""
        return None if self.database is None else parse_database(self.database).path

    @property
    def database_name(self) -> str | None:
        """Return the name of the database to show to people, without a secret, or None if it is unset."""
        return None if self.database is None else parse_database(self.database).name

    @property
    def worker_count(self) -> int:
        """Return how many worker processes the service has: `workers`, or as many as suit the CPUs of this process."""
        return self.workers or min(_usable_cpus(), _MAX_WORKERS_BY_DEFAULT)


class Explained(NamedTuple):
    """A configuration, the source of each key that was set, and the warnings."""

    config: Config
    where: Mapping[str, str]
    warnings: tuple[str, ...]

    def logged(self) -> Config:
        for warning in self.warnings:
            _log.warning("%s", warning)
        return self.config


def describe() -> tuple[KeyDescription, ...]:
    """Return all keys, in the order of `Config`."""
    return tuple(KEYS.values())


def _explained(settings: dict[str, Setting], side: Side, doubts: Iterable[str]) -> Explained:
    counting = {name: setting for name, setting in settings.items() if name in KEYS and KEYS[name].counts_on(side)}
    try:
        for name in settings.keys() & KEYS.keys() - counting.keys():
            read(KEYS[name], settings[name].value)
        config = Config(**{name: setting.value for name, setting in counting.items()})
        if side == "app":
            _refuse(rules.contradictions_in_apps(config))
            _refuse(_keys_of_the_core(config, counting))
        else:
            _refuse(rules.contradictions_in_services(config))
    except ConfigError as error:
        where = f"{settings[error.key].where}: " if error.key in settings else ""
        raise ConfigError(f"{where}{error}", error.key) from None
    warnings = [
        f"{setting.where}: '{name}' has no effect: {why}"
        for name, setting in settings.items()
        if (why := _why_no_effect(name, config, side))
    ]
    warnings += [f"{setting.where}: {setting.warning}" for setting in counting.values() if setting.warning]
    more = rules.doubts_in_services(config) if side == "service" else ()
    where_set = {name: setting.where for name, setting in counting.items()}
    for name in IN_FILES:
        file = counting.get(f"{name}_file")
        if file is not None and name not in where_set:
            where_set[name] = f"{file.value}, {file.where}"
    return Explained(config, where_set, (*warnings, *doubts, *rules.doubts(config), *more))


def _with_possible_grace_period(settings: dict[str, Setting]) -> dict[str, Setting]:
    """Return `settings` with a grace period that its access tokens allow.

    The original has no such setting, so that a config.yaml of its own with very short sessions has to start.
    """
    name, validity = "refresh_token_rotation_grace_period", settings.get("refresh_token_validity")
    if name in settings or validity is None or not isinstance(validity.value, int | float):
        return settings
    if not 0 < validity.value * 60 <= Keys().refresh_token_rotation_grace_period:
        return settings
    return settings | {name: Setting(validity.value * 30, f"half of 'refresh_token_validity', {validity.where}")}


def _with_refresh_path(settings: dict[str, Setting]) -> dict[str, Setting]:
    """Return `settings` with the refresh API below `api_base_path`, if that is set and the path itself is not."""
    base = settings.get("api_base_path")
    if base is None or "refresh_api_path" in settings or not isinstance(base.value, str):
        return settings
    return settings | {"refresh_api_path": Setting(f"{base.value.rstrip('/')}/session/refresh", base.where)}


def _refuse(contradictions: Iterator[tuple[str, str]]) -> None:
    for name, contradiction in contradictions:
        raise ConfigError(contradiction, name)


def _keys_of_the_core(config: Config, settings: Mapping[str, Setting]) -> Iterator[tuple[str, str]]:
    # Two places with different values would leave it open which one counts.
    for name in settings:
        if config.hosts is not None and KEYS[name].counts_in == "core":
            why = "belongs to the core service that 'hosts' names, and cannot be set in the app as well"
            yield name, f"'{name}' {why}; set it there and remove it here, or remove 'hosts' to run the core in the app"


def _why_no_effect(name: str, config: Config, side: Side) -> str:
    key = KEYS.get(name)
    if key is None:
        return why_no_effect(name)
    if name.endswith("_log_path") or name == "log_level":
        return "" if side == "service" else "an app's logs go to the logger 'supertokens' of Python's logging"
    if name in ("api_key", "api_key_file") and side == "service":
        return "it is the key that an app sends; a service accepts those in 'api_keys'"
    if not key.counts_on(side):
        return "it applies to the core service only" if side == "app" else "it applies to apps only"
    if name == "revocation_max_lag" and config.revocation != "push":
        return "'revocation' is not 'push', so each check with 'access_token_blacklisting' reads the store"
    if name == "revocation" and side == "app" and not config.access_token_blacklisting:
        return (
            "'access_token_blacklisting' is not true, so a revoked session stays usable until its access token expires"
        )
    needs_hosts = name in ("core_connect_timeout", "core_read_timeout") and config.hosts is None
    return "'hosts' is not set, so there is no core service to wait for" if needs_hosts else ""


def _read_from_file(name: str, path: str) -> object:
    text = read_secret_file(name, path)
    try:
        return read(KEYS[name], parse_api_keys(text) if name == "api_keys" else text)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}", f"{name}_file") from None


def _usable_cpus() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on this system
        return os.cpu_count() or 1
