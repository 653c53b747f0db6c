# SPDX-License-Identifier: Apache-2.0
"""Configuration: one frozen value, read from several sources (DESIGN, section 9).

    defaults  <  config.yaml that the environment names  <  environment  <  app.config["SUPERTOKENS_CONFIG"]
              <  app.config["SUPERTOKENS_<KEY>"]  <  arguments

In every source None, which is null in YAML, means "not set": the next weaker one is asked.
"""

from __future__ import annotations

import base64
import difflib
import logging
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple
from urllib.parse import unquote

import yaml

__all__ = ["Config", "ConfigError", "KeyDescription", "describe"]

_PREFIX: Final = "SUPERTOKENS_"
_FILE: Final = "SUPERTOKENS_CONFIG"
_TAG: Final = "tag:yaml.org,2002:"
_LONGEST_COOKIE_LIFE: Final = 400 * 24 * 60 * 60 * 1000  # ms; browsers cap it there (RFC 6265bis, 5.5)

_log = logging.getLogger("supertokens")


class ConfigError(ValueError):
    """The configuration cannot be used. The message names key, value and remedy, and shows no secret.

    `key`: the key at fault, where there is one.
    """

    def __init__(self, message: str, key: str | None = None) -> None:
        super().__init__(message)
        self.key = key


class _Kind(NamedTuple):
    """The values of a key. `read`: as Config holds them; its ValueError says what they must be, without the value."""

    name: str
    read: Callable[[object], object]


@dataclass(frozen=True, slots=True)
class KeyDescription:
    """What help and documentation say about one key. `unit` is empty where there is none."""

    name: str
    default: object
    kind: _Kind = field(repr=False)
    meaning: str = ""
    unit: str = ""
    secret: bool = False

    @property
    def type(self) -> str:
        return self.kind.name


def _key(default: object, kind: _Kind, meaning: str, unit: str = "", *, secret: bool = False) -> Any:
    metadata = {"kind": kind, "meaning": meaning, "unit": unit, "secret": secret}
    return field(default=default, repr=not secret, metadata=metadata)


def _integer(least: int, most: int) -> _Kind:
    def read(value: object) -> int:
        # To Python a bool is an int, but `true` is no number of seconds.
        if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
            return value
        raise ValueError(f"must be a whole number from {least} to {most}")

    return _Kind("integer", read)


def _number(least: float, most: float) -> _Kind:
    def read(value: object) -> float:
        if isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most:
            return float(value)
        raise ValueError(f"must be a number from {least:.12g} to {most:.12g}")

    return _Kind("number", read)


def _choice(*options: str, because: str = "") -> _Kind:
    def read(value: object) -> str:
        if isinstance(value, str) and value.lower() in options:
            return value.lower()
        raise ValueError(f"must be {' or '.join(map(repr, options))}{because}")

    return _Kind(" or ".join(f"`{option}`" for option in options), read)


def _boolean(value: object) -> bool:
    if isinstance(value, bool):
        return value
    raise ValueError("must be true or false")


def _path(value: object) -> str:
    # Out with what would end the Path attribute of a cookie, or make browsers drop it (RFC 6265bis, 5.6).
    if isinstance(value, str) and re.fullmatch(r"/[!-~]{0,1023}", value) and not set(value) & set(";?#"):
        return value
    raise ValueError("must be a path that starts with '/', in visible ASCII characters without ';', '?' and '#'")


def _domain(value: object) -> str:
    # To browsers ".Example.com" is "example.com"; one spelling lets the older domain be told from the present one.
    domain = value.removeprefix(".").lower() if isinstance(value, str) else ""
    label = r"(?!-)[a-z0-9_-]{1,63}(?<!-)"
    if len(domain) <= 253 and re.fullmatch(rf"{label}(\.{label})*", domain):
        return domain
    raise ValueError("must be a domain such as 'example.com', without scheme, port or path (in ASCII: 'xn--…')")


def _older_domain(value: object) -> str:
    return "" if value == "" else _domain(value)


def _database(value: object) -> str:
    database = os.fspath(value) if isinstance(value, Path) else value
    if isinstance(database, str):
        _sqlite_file(database)
        return database
    raise ValueError("must be a URL such as 'sqlite:///sessions.sqlite3', or the path of a file")


def _sqlite_file(database: str) -> Path:
    path, scheme = database, re.match(r"([A-Za-z][A-Za-z0-9+.-]+):", database)
    if scheme:
        if scheme[1].lower() != "sqlite":
            raise ValueError(f"names {scheme[1]!r}, which is not available in this version; available: sqlite")
        if not re.fullmatch(r"//(/[^?#]*)?", database[scheme.end() :]):
            raise ValueError("must be 'sqlite:///relative/file' or 'sqlite:////absolute/file', and nothing after it")
        path = unquote(database[scheme.end() + 3 :])
    if path in ("", ":memory:"):
        raise ValueError("must name a file, since threads and processes share it (app.testing makes a temporary one)")
    if path.endswith(("/", os.sep)) or not path.isprintable():
        raise ValueError("must name a file, not a folder, in printable characters")
    return Path(path)


def _encryption_keys(value: object) -> tuple[bytes, ...]:
    keys = [_decoded(item) for item in _items(value)]
    if keys and all(len(key) == 32 for key in keys):
        return tuple(keys)
    raise ValueError(
        "must be keys of 32 bytes, each as 64 hex digits or base64, with commas between; a good one comes from"
        ' python -c "import secrets; print(secrets.token_hex(32))"'
    )


def _decoded(key: object) -> bytes:
    if isinstance(key, str) and re.fullmatch(r"[0-9A-Fa-f]{64}", key):
        return bytes.fromhex(key)
    if isinstance(key, str) and re.fullmatch(r"[A-Za-z0-9+/_-]{43}=?", key):
        return base64.b64decode(key[:43].replace("-", "+").replace("_", "/") + "=")
    return key if isinstance(key, bytes) else b""


def _api_keys(value: object) -> tuple[str, ...]:
    keys = tuple(str(item) for item in _items(value))
    if keys and all(re.fullmatch(r"[A-Za-z0-9=-]{20,}", key) for key in keys):
        return keys
    raise ValueError("must be keys of at least 20 characters out of A-Z a-z 0-9 = -, with commas between")


def _items(value: object) -> list[object]:
    items = value.split(",") if isinstance(value, str) else value if isinstance(value, list | tuple) else []
    return [item.strip() if isinstance(item, str) else item for item in items]


_BOOLEAN: Final = _Kind("boolean", _boolean)
_QUERY_ONLY: Final = ": 'push' is not available in this version, and 'query' is stricter"


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The configuration. Raises ConfigError for values that do not go, alone or together (protocol-1, F.2)."""

    access_token_validity: int = _key(3600, _integer(1, 86_400_000), "How long an access token is valid", "seconds")
    refresh_token_validity: float = _key(
        144_000.0, _number(0, 1_000_000_000), "How long a session lives after its last refresh", "minutes"
    )
    refresh_token_rotation_grace_period: float = _key(
        10.0, _number(0, 3600), "How long the repeated refreshes of one client get the same new token", "seconds"
    )
    refresh_token_rotation_grace_binding: Literal["user-agent", "none"] = _key(
        "user-agent", _choice("user-agent", "none"), "What tells that client from another"
    )
    access_token_blacklisting: bool = _key(
        False, _BOOLEAN, "Whether each check of an access token also finds out if the session was revoked"
    )
    revocation: Literal["query"] = _key(
        "query", _choice("query", because=_QUERY_ONLY), "How it finds out; `query` asks the store"
    )
    access_token_signing_key_dynamic: bool = _key(True, _BOOLEAN, "Whether the key that signs access tokens changes")
    access_token_signing_key_update_interval: float = _key(24.0, _number(1, 720), "How often it changes", "hours")
    encryption_key: tuple[bytes, ...] | None = _key(
        None,
        _Kind("list of keys", _encryption_keys),
        "Seals the keys in the store; of several, the first seals and all open",
        secret=True,
    )
    database: str | None = _key(
        None, _Kind("string", _database), "Where sessions are kept: `sqlite:///` URL or file", secret=True
    )
    sqlite_synchronous: Literal["full", "normal"] = _key(
        "full", _choice("full", "normal"), "With `normal`, a power cut may undo the latest revocations"
    )
    max_session_data_bytes: int = _key(
        1_048_576, _integer(2, 1_000_000_000), "How large the session data of a session may be, as JSON", "bytes"
    )
    enable_anti_csrf: bool = _key(False, _BOOLEAN, "Whether sessions have an anti-CSRF value, which checks ask for")
    access_token_path: str = _key("/", _Kind("string", _path), "Path of the access token's cookie")
    refresh_api_path: str = _key(
        "/session/refresh", _Kind("string", _path), "Path of the refresh API and of the refresh token's cookie"
    )
    cookie_domain: str | None = _key(
        None, _Kind("string", _domain), "Domain of the cookies; unset: only the host that set them"
    )
    older_cookie_domain: str | None = _key(
        None,
        _Kind("string", _older_domain),
        "Earlier `cookie_domain`, whose cookies are cleared; an empty string if that was unset",
    )
    cookie_secure: bool | None = _key(
        None, _BOOLEAN, "Whether cookies travel over https only; unset: unless the request is local and in the clear"
    )
    cookie_same_site: Literal["none", "lax", "strict"] = _key(
        "lax", _choice("none", "lax", "strict"), "SameSite attribute of the cookies"
    )
    cookie_prefix: Literal["none", "host"] = _key(
        "none", _choice("none", "host"), "With `host`, no other host can plant our cookies: `__Host-`, path `/`, Secure"
    )
    session_expired_status_code: int = _key(401, _integer(400, 599), "HTTP status of answers to a missing session")
    core_config_version: int = _key(0, _integer(0, 1_000_000), "Version of the original's config.yaml; changes nothing")

    def __post_init__(self) -> None:
        for name, key in _KEYS.items():
            value = getattr(self, name)
            if value is not None or key.default is not None:
                object.__setattr__(self, name, _read(key, value))
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
        return None if self.database is None else _sqlite_file(self.database)

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
            for name in ("cookie_domain", "access_token_path", "refresh_api_path"):
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
    "max_server_pool_size": KeyDescription("max_server_pool_size", None, _integer(1, 2**31 - 1)),
    "api_keys": KeyDescription("api_keys", None, _Kind("list of keys", _api_keys), secret=True),
}
_WORDS: Final = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
# An encryption key that did not arrive must not switch sealing off.
_MAY_BE_EMPTY: Final = frozenset(("older_cookie_domain", "encryption_key"))


def describe() -> tuple[KeyDescription, ...]:
    """All keys, in the order of `Config`."""
    return tuple(_KEYS.values())


def _read(key: KeyDescription, value: object) -> object:
    try:
        return key.kind.read(value)
    except ValueError as refusal:
        unit = f" ({key.unit})" if key.unit else ""
        given = "" if key.secret else f", but it is {_shown(value)}"
        usual = "" if key.default is None else f" for the default, {key.default!r}"
        is_text = key.type not in ("integer", "number", "boolean")
        hint = " (in YAML, text such as no needs quotes)" if is_text and isinstance(value, bool | int | float) else ""
        raise ConfigError(f"'{key.name}' {refusal}{unit}{given}{hint}; or leave it out{usual}", key.name) from None


def _shown(value: object) -> str:
    try:
        text = repr(value)
    except ValueError:  # an integer of thousands of digits
        return "too long to be shown"
    return text if len(text) <= 100 else f"{text[:100]}…"


@dataclass(frozen=True, slots=True)
class _Setting:
    value: Any
    where: str


def _settings(given: Mapping[str, object], where: str, prefix: str = "") -> dict[str, _Setting]:
    """What one source sets, by the names that Config has for its keys."""
    settings: dict[str, _Setting] = {}
    for spelling, value in given.items():
        name = _name(spelling, prefix)
        if not (name in _KEYS or name in _NOT_YET or _why_without_effect(name)):
            raise ConfigError(f"{where}: there is no key {_shown(spelling)}; {_nearest(name, prefix)}", name)
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
        _read(_CHECKED_WITHOUT_EFFECT[name], value)


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
        return _settings(_read_yaml(given), os.fspath(given))
    if isinstance(given, Mapping):
        return _settings(given, where)
    raise ConfigError(f"{where} must be the path of a config.yaml, or a mapping, not a {type(given).__name__}")


def _read_yaml(path: str | Path) -> dict[str, object]:
    try:
        content = Path(path).read_bytes()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise ConfigError(f"{path}: this config.yaml cannot be read ({why}); correct its path or its mode") from None
    try:
        root = yaml.compose(content, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError) as error:
        # The text of the error quotes the file, which may hold secrets.
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise ConfigError(f"{path}{line}: this is not YAML; write lines like 'cookie_domain: example.com'") from None
    if root is None or (isinstance(root, yaml.ScalarNode) and root.tag == f"{_TAG}null"):
        return {}
    if not isinstance(root, yaml.MappingNode):
        raise ConfigError(f"{path}: this is no mapping; write lines such as 'cookie_domain: example.com'")
    return _mapping(root, str(path))


def _mapping(root: yaml.MappingNode, path: str) -> dict[str, object]:
    values: dict[str, object] = {}
    for key, value in root.value:
        where = f"{path}, line {key.start_mark.line + 1}"
        name = key.value if isinstance(key, yaml.ScalarNode) else "a key that is no text"
        if name in values:
            raise ConfigError(f"{where}: {_shown(name)} is there twice; remove one of them", name)
        try:
            values[name] = [_scalar(item) for item in value.value] if value.id == "sequence" else _scalar(value)
        except (ValueError, KeyError):
            problem = f"{_shown(name)} must have one plain value, or a list of them; put text in quotes"
            raise ConfigError(f"{where}: {problem}", name) from None
    return values


def _scalar(node: yaml.Node) -> object:
    text, kind = node.value, node.tag.removeprefix(_TAG)
    if kind == "null":
        return None
    if kind == "bool":
        return yaml.SafeLoader.bool_values[text.lower()]
    if kind == "int":
        return int(text, 0)  # refuses what YAML 1.1 takes for octal (010) and base 60 (1:30)
    if kind == "float":
        return float(text)
    if kind in ("str", "timestamp", "value") and isinstance(node, yaml.ScalarNode):
        return text
    raise ValueError(kind)
