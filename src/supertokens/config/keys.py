# SPDX-License-Identifier: Apache-2.0
"""Configuration: one frozen value, read from several sources (DESIGN, section 9).

    defaults  <  config.yaml that the environment names  <  environment  <  app.config["SUPERTOKENS_CONFIG"]
              <  app.config["SUPERTOKENS_<KEY>"]  <  arguments

In every source None, which is null in YAML, means "not set": the next weaker one is asked.
"""

from __future__ import annotations

import difflib
import logging
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final, Literal

from supertokens.config import values
from supertokens.config.values import ConfigError, KeyDescription, Kind, choice, integer, number, read, shown
from supertokens.config.yaml_file import read_yaml

__all__ = ["Config", "describe"]

_PREFIX: Final = "SUPERTOKENS_"
_FILE: Final = "SUPERTOKENS_CONFIG"
_LONGEST_COOKIE_LIFE: Final = 400 * 24 * 60 * 60 * 1000  # ms; browsers cap it there (RFC 6265bis, 5.5)

_log = logging.getLogger("supertokens")


def _key(default: object, kind: Kind, meaning: str, unit: str = "", *, secret: bool = False) -> Any:
    metadata = {"kind": kind, "meaning": meaning, "unit": unit, "secret": secret}
    return field(default=default, repr=not secret, metadata=metadata)


_BOOLEAN: Final = Kind("boolean", values.boolean)
_QUERY_ONLY: Final = ": 'push' is not available in this version, and 'query' is stricter"


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The configuration. Raises ConfigError for values that do not go, alone or together (protocol-1, F.2)."""

    access_token_validity: int = _key(3600, integer(1, 86_400_000), "How long an access token is valid", "seconds")
    refresh_token_validity: float = _key(
        144_000.0, number(0, 1_000_000_000), "How long a session lives after its last refresh", "minutes"
    )
    refresh_token_rotation_grace_period: float = _key(
        10.0, number(0, 3600), "How long the repeated refreshes of one client get the same new token", "seconds"
    )
    refresh_token_rotation_grace_binding: Literal["user-agent", "none"] = _key(
        "user-agent", choice("user-agent", "none"), "What tells clients apart within the grace period"
    )
    access_token_blacklisting: bool = _key(
        False, _BOOLEAN, "Whether a revoked session ends at once, instead of with its access token"
    )
    revocation: Literal["query"] = _key(
        "query",
        choice("query", because=_QUERY_ONLY),
        "How blacklisting learns of revocations: `query` asks the store each time",
    )
    access_token_signing_key_dynamic: bool = _key(True, _BOOLEAN, "Whether the key that signs access tokens changes")
    access_token_signing_key_update_interval: float = _key(
        24.0, number(1, 720), "How often the key that signs access tokens changes", "hours"
    )
    encryption_key: tuple[bytes, ...] | None = _key(
        None,
        Kind("list of keys", values.encryption_keys),
        "Seals the keys in the store; of several, the first seals and all open",
        secret=True,
    )
    database: str | None = _key(
        None, Kind("string", values.database), "Where sessions are kept: `sqlite:///` URL or file", secret=True
    )
    sqlite_synchronous: Literal["full", "normal"] = _key(
        "full", choice("full", "normal"), "With `normal`, a power cut may undo the latest revocations"
    )
    max_session_data_bytes: int = _key(
        1_048_576, integer(2, 1_000_000_000), "How large the session data of a session may be, as JSON", "bytes"
    )
    enable_anti_csrf: bool = _key(False, _BOOLEAN, "Whether sessions have an anti-CSRF value, which checks ask for")
    access_token_path: str = _key("/", Kind("string", values.cookie_path), "Path of the access token's cookie")
    refresh_api_path: str = _key(
        "/session/refresh",
        Kind("string", values.cookie_path),
        "Path of the refresh API and of the refresh token's cookie",
    )
    cookie_domain: str | None = _key(
        None, Kind("string", values.domain), "Domain of the cookies; unset: only the host that set them"
    )
    older_cookie_domain: str | None = _key(
        None,
        Kind("string", values.older_domain),
        "Earlier `cookie_domain`, whose cookies are cleared; an empty string if that was unset",
    )
    cookie_secure: bool | None = _key(
        None, _BOOLEAN, "Whether cookies travel over https only; unset: unless the request is local and in the clear"
    )
    cookie_same_site: Literal["none", "lax", "strict"] = _key(
        "lax", choice("none", "lax", "strict"), "SameSite attribute of the cookies"
    )
    cookie_prefix: Literal["none", "host"] = _key(
        "none", choice("none", "host"), "With `host`, no other host can plant our cookies: `__Host-`, path `/`, Secure"
    )
    session_expired_status_code: int = _key(401, integer(400, 599), "HTTP status of answers to a missing session")
    core_config_version: int = _key(0, integer(0, 1_000_000), "Version of the original's config.yaml; changes nothing")

    def __post_init__(self) -> None:
        for name, key in _KEYS.items():
            value = getattr(self, name)
            if value is not None or key.default is not None:
                object.__setattr__(self, name, read(key, value))
        for name, contradiction in self._contradictions():
            raise ConfigError(contradiction, name)

    @classmethod
    def load(
        cls,
        *,
        arguments: Mapping[str, object] | None = None,
        app_config: Mapping[str, object] | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> Config:
        """What the sources give together; its warnings are logged. Reads nothing but a config.yaml that one names.

        `app_config`: of a whole application; what does not start with SUPERTOKENS_ is left alone.
        Raises ConfigError, which also names the source.
        """
        app_config, environ = app_config or {}, environ or {}
        flat = {key: value for key, value in app_config.items() if str(key).startswith(_PREFIX) and key != _FILE}
        settings = (
            _from_file_or_mapping(environ.get(_FILE) or None, f"environment, {_FILE}")
            | _from_environment(environ)
            | _from_file_or_mapping(app_config.get(_FILE), f"app.config, {_FILE}")
            | _settings(flat, "app.config", _PREFIX)
            | _settings(arguments or {}, "arguments")
        )
        try:
            for name, setting in settings.items():
                _check_foreign(name, setting.value)
            config = cls(**{name: setting.value for name, setting in settings.items() if name in _KEYS})
        except ConfigError as error:
            where = f"{settings[error.key].where}: " if error.key in settings else ""
            raise ConfigError(f"{where}{error}", error.key) from None
        for name, setting in settings.items():
            if name not in _KEYS:
                _log.warning("%s: '%s' has no effect: %s", setting.where, name, _why_without_effect(name))
        for doubt in config._doubts():
            _log.warning(doubt)
        return config

    @property
    def access_token_validity_ms(self) -> int:
        return self.access_token_validity * 1000

    @property
    def refresh_token_validity_ms(self) -> int:
        return round(self.refresh_token_validity * 60_000)

    @property
    def refresh_token_rotation_grace_period_ms(self) -> int:
        return round(self.refresh_token_rotation_grace_period * 1000)

    @property
    def access_token_signing_key_update_interval_ms(self) -> int:
        return round(self.access_token_signing_key_update_interval * 3_600_000)

    @property
    def sqlite_path(self) -> Path | None:
        """The file that `database` names; None if it is unset."""
        return None if self.database is None else values.sqlite_file(self.database)

    def _contradictions(self) -> Iterator[tuple[str, str]]:
        """Keys whose values do not go together with others, and why."""
        refresh = f"'refresh_token_validity' ({self.refresh_token_validity:g} minutes)"
        if self.refresh_token_validity_ms <= self.access_token_validity_ms:
            access = f"'access_token_validity' ({self.access_token_validity} seconds)"
            yield "refresh_token_validity", f"{refresh} must be longer than {access}; change one of them"
        if self.refresh_token_rotation_grace_period_ms >= self.refresh_token_validity_ms:
            grace = f"'refresh_token_rotation_grace_period' ({self.refresh_token_rotation_grace_period:g} seconds)"
            yield "refresh_token_rotation_grace_period", f"{grace} must be shorter than {refresh}; change one of them"
        if self.cookie_same_site == "none" and not self.enable_anti_csrf:
            yield "cookie_same_site", "'cookie_same_site' is 'none', so set 'enable_anti_csrf' to true"
        if self.cookie_same_site == "none" and not self.cookie_secure:
            yield "cookie_same_site", "'cookie_same_site' is 'none', so set 'cookie_secure' to true: browsers demand it"
        if self.cookie_prefix == "host":
            for name in ("cookie_domain", "access_token_path"):
                if getattr(self, name) != _KEYS[name].default:
                    given = f"'{name}' ({getattr(self, name)!r})"
                    yield name, f"{given} cannot go with 'cookie_prefix: host'; leave out one of them"
            if self.cookie_secure is False:
                yield (
                    "cookie_secure",
                    "'cookie_secure' (False) cannot go with 'cookie_prefix: host'; leave out one of them",
                )

    def _doubts(self) -> Iterator[str]:
        if self.refresh_token_rotation_grace_period_ms >= self.access_token_validity_ms:
            yield (
                f"'refresh_token_rotation_grace_period' ({self.refresh_token_rotation_grace_period:g} seconds) should"
                f" be shorter than 'access_token_validity' ({self.access_token_validity} seconds)"
            )
        if self.refresh_token_validity_ms > _LONGEST_COOKIE_LIFE:
            yield (
                f"'refresh_token_validity' ({self.refresh_token_validity:g} minutes) is more than 400 days (576000"
                " minutes), but browsers keep no cookie longer: who stays away that long has to log in again"
            )


_KEYS: Final = {each.name: KeyDescription(each.name, each.default, **each.metadata) for each in fields(Config)}
_OTHER_NAMES: Final = {
    "access_token_dynamic_signing_key_update_interval": "access_token_signing_key_update_interval",
    "refresh_token_path": "refresh_api_path",
}
_NOT_YET: Final = {
    "hosts": "'hosts' selects the core service, which this version does not have yet; remove it to run embedded",
    "api_key": "'api_key' is for the core service, which this version does not have yet; remove it to run embedded",
}
_WITHOUT_EFFECT: Final = {
    **dict.fromkeys(
        ("host", "port", "api_keys", "max_server_pool_size", "base_path"),
        "it configures the core service, which this version does not have yet",
    ),
    **dict.fromkeys(
        ("info_log_path", "error_log_path", "log_level"), "logs go to the logger 'supertokens' of Python's logging"
    ),
    "revocation_max_lag": "it goes with 'revocation: push', which this version does not have yet",
}
_FAMILIES_WITHOUT_EFFECT: Final = {
    r"(postgresql|mysql|mongodb|sqlite)_.+": "'database' says where sessions are kept",
    r"(passwordless|password|email_verification|argon2|bcrypt|firebase|totp)_.+|disable_telemetry": (
        "it configures a part of the original core that is not about sessions"
    ),
}
_CHECKED_WITHOUT_EFFECT: Final = {
    "max_server_pool_size": KeyDescription("max_server_pool_size", None, integer(1, 2**31 - 1)),
    "api_keys": KeyDescription("api_keys", None, Kind("list of keys", values.api_keys), secret=True),
}
_WORDS: Final = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
# An encryption key that did not arrive must not switch sealing off.
_MAY_BE_EMPTY: Final = frozenset(("older_cookie_domain", "encryption_key"))


def describe() -> tuple[KeyDescription, ...]:
    """All keys, in the order of `Config`."""
    return tuple(_KEYS.values())


@dataclass(frozen=True, slots=True)
class _Setting:
    value: Any = field(repr=False)
    where: str


def _settings(given: Mapping[str, object], where: str, prefix: str = "") -> dict[str, _Setting]:
    """What one source sets, by the names that Config has for its keys."""
    settings: dict[str, _Setting] = {}
    for spelling, value in given.items():
        name = _name(spelling, prefix)
        if not (name in _KEYS or name in _NOT_YET or _why_without_effect(name)):
            raise ConfigError(f"{where}: there is no key {shown(spelling)}; {_nearest(name, prefix)}", name)
        if value is None:
            continue
        if name in settings and settings[name].value != value:
            raise ConfigError(f"{where}: '{name}' is set twice, under two names; remove one of them", name)
        settings[name] = _Setting(value, where if spelling == name else f"{where}, {spelling}")
    return settings


def _name(spelling: object, prefix: str) -> str:
    name = str(spelling)
    name = name.removeprefix(prefix).lower() if prefix else name
    return _OTHER_NAMES.get(name, name)


def _nearest(name: str, prefix: str) -> str:
    near = difflib.get_close_matches(name, [*_KEYS, *_OTHER_NAMES, *_NOT_YET, *_WITHOUT_EFFECT], n=1)
    if not near:
        return "remove it; docs/configuration.md has those that there are"
    return f"did you mean '{f'{prefix}{near[0]}'.upper() if prefix else near[0]}'? Otherwise remove it"


def _why_without_effect(name: str) -> str:
    """Why a key of the original has no effect here; empty for any other name."""
    family = next((why for names, why in _FAMILIES_WITHOUT_EFFECT.items() if re.fullmatch(names, name)), "")
    is_misspelt = bool(family and difflib.get_close_matches(name, _KEYS, n=1, cutoff=0.85))
    return _WITHOUT_EFFECT.get(name, "" if is_misspelt else family)


def _check_foreign(name: str, value: object) -> None:
    if name in _NOT_YET:
        raise ConfigError(_NOT_YET[name], name)
    if name in _CHECKED_WITHOUT_EFFECT:
        read(_CHECKED_WITHOUT_EFFECT[name], value)


def _from_environment(environ: Mapping[str, str]) -> dict[str, _Setting]:
    known: dict[str, object] = {}
    others = []
    for spelling, text in environ.items():
        if not spelling.startswith(_PREFIX) or spelling == _FILE:
            continue
        name = _name(spelling, _PREFIX)
        key = _KEYS.get(name) or _CHECKED_WITHOUT_EFFECT.get(name)
        if not (key or name in _NOT_YET or name in _WITHOUT_EFFECT):
            others.append(spelling)
        elif name == "port" and text.startswith("tcp://"):
            continue  # Kubernetes sets it in every pod beside a service named "supertokens"
        elif text.strip() or name in _MAY_BE_EMPTY:
            known[spelling] = _parsed(text.strip(), key) if key else text
    if others:
        _log.info("the environment has variables that are not settings: %s", ", ".join(sorted(others)))
    return _settings(known, "environment", _PREFIX)


def _parsed(text: str, key: KeyDescription) -> object:
    """What an environment variable means. Text that makes no sense stays as it is, to be refused like any value."""
    with suppress(ValueError):
        if key.type in ("integer", "number"):
            return int(text) if key.type == "integer" else float(text)
    return _WORDS.get(text.lower(), text) if key.type == "boolean" else text


def _from_file_or_mapping(given: object, where: str) -> dict[str, _Setting]:
    if given is None:
        return {}
    if isinstance(given, str | Path):
        return _settings(read_yaml(given), os.fspath(given))
    if isinstance(given, Mapping):
        return _settings(given, where)
    raise ConfigError(f"{where} must be the path of a config.yaml, or a mapping, not a {type(given).__name__}")
