# SPDX-License-Identifier: Apache-2.0
"""The keys: each once, with type, default, meaning, and where it counts (docs/configuration.md#keys)."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, Final, Literal

from supertokens.config import addresses, databases, secrets, values
from supertokens.config.original import MAX_KEY_INTERVAL_HOURS
from supertokens.config.values import CountsIn, KeyDescription, Kind, choice, integer, number

__all__ = ["KEYS", "Keys"]


def _key(
    counts_in: CountsIn, default: object, kind: Kind, meaning: str, unit: str = "", *, secret: bool = False
) -> Any:
    metadata = {"kind": kind, "meaning": meaning, "unit": unit, "counts_in": counts_in, "secret": secret}
    return field(default=default, repr=not secret, metadata=metadata)


def _file_of(name: str, counts_in: CountsIn) -> Any:
    return _key(counts_in, None, _PATH, f"File that holds the value of `{name}`; set one of the two")


_BOOLEAN: Final = Kind("boolean", values.boolean)
_PATH: Final = Kind("string", values.file_path)
_LOG_PATH: Final = Kind("string", values.log_path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """All keys and their defaults."""

    access_token_validity: int = _key(
        "core", 3600, integer(1, 86_400_000), "How long an access token is valid", "seconds"
    )
    refresh_token_validity: float = _key(
        "core", 144_000.0, number(0, 1_000_000_000), "How long a session lives after its last refresh", "minutes"
    )
    short_session_validity: int | None = _key(
        "core",
        None,
        integer(1, 86_400_000),
        "How long a session created with `remember=False` lives after its last refresh; unset: a day, or twice"
        " `access_token_validity` if that is longer",
        "seconds",
    )
    session_max_lifetime: int | None = _key(
        "core",
        None,
        integer(1, 10_000_000_000),
        "Maximum lifetime of a session after the login, however much it is used; unset: unlimited",
        "seconds",
    )
    refresh_token_rotation_grace_period: float = _key(
        "core", 10.0, number(0, 3600), "How long repeated refreshes by one client get the same new token", "seconds"
    )
    refresh_token_rotation_grace_binding: Literal["user-agent", "none"] = _key(
        "core", "user-agent", choice("user-agent", "none"), "What tells clients apart within the grace period"
    )
    max_sessions_per_user: int | None = _key(
        "core", None, integer(1, 1_000_000), "How many sessions a user may have at the same time; unset: unlimited"
    )
    session_limit_action: Literal["oldest", "refuse"] = _key(
        "core",
        "oldest",
        choice("oldest", "refuse"),
        "What a login beyond `max_sessions_per_user` does: end the session that has been unused for longest, or fail",
    )
    record_client: Literal["none", "user-agent", "address"] = _key(
        "app",
        "user-agent",
        choice("none", "user-agent", "address"),
        "What a session records about its client, for lists of devices: nothing, the User-Agent, or that and the IP"
        " address",
    )
    access_token_blacklisting: bool = _key(
        "both", False, _BOOLEAN, "Whether a revoked session ends at once, instead of with its access token"
    )
    revocation: Literal["query", "push"] = _key(
        "core",
        "query",
        choice("query", "push"),
        "How checks with `access_token_blacklisting` find out about a revocation: by reading the store (`query`),"
        " or by being told within `revocation_max_lag` (`push`)",
    )
    revocation_max_lag: float = _key(
        "core",
        0.25,
        number(0.05, 60),
        "With `revocation: push`, how long a check may still accept a session after the call that revoked it has"
        " returned",
        "seconds",
    )
    verified_token_cache: int = _key(
        "both", 12_000, integer(0, 10_000_000), "How many verified access tokens a process remembers; 0: none", "tokens"
    )
    access_token_signing_key_dynamic: bool = _key(
        "core", True, _BOOLEAN, "Whether the key that signs access tokens is rotated"
    )
    access_token_signing_key_update_interval: float = _key(
        "core",
        24.0,
        number(1, MAX_KEY_INTERVAL_HOURS),
        "How often the key that signs access tokens is rotated",
        "hours",
    )
    access_token_signing_algorithm: Literal["RS256", "ES256"] = _key(
        "core",
        "RS256",
        choice("RS256", "ES256"),
        "Algorithm that signs access tokens. `ES256` signs faster and gives shorter tokens, but is only for apps"
        " that run their own core, not for services",
    )
    encryption_key: tuple[bytes, ...] | None = _key(
        "core",
        None,
        Kind("list of keys", secrets.encryption_keys),
        "Key that encrypts the keys in the store; of several, all can decrypt, and the first encrypts once"
        " `supertokens keys seal` has run",
        secret=True,
    )
    encryption_key_file: str | None = _file_of("encryption_key", "core")
    database: str | None = _key(
        "core",
        None,
        Kind("string", databases.database),
        "Where sessions are stored: `sqlite:///` or `postgresql://` URL, or the path of a SQLite file",
        secret=True,
    )
    database_file: str | None = _file_of("database", "core")
    sqlite_synchronous: Literal["full", "normal"] = _key(
        "core", "full", choice("full", "normal"), "With `normal`, a power cut may undo the latest revocations"
    )
    database_pool_size: int = _key(
        "core", 10, integer(1, 10_000), "How many connections to a PostgreSQL server a process has at most"
    )
    database_timeout: float = _key(
        "core",
        5.0,
        number(0.1, 600),
        "How long an operation waits for a PostgreSQL server: for a connection, a lock or a response",
        "seconds",
    )
    max_session_data_bytes: int = _key(
        "app", 1_048_576, integer(2, 1_000_000_000), "How large the session data of a session may be, as JSON", "bytes"
    )
    enable_anti_csrf: bool | None = _key(
        "both",
        None,
        _BOOLEAN,
        "Whether sessions have an anti-CSRF value, which checks require; unset: no, but see `anti_csrf`",
    )
    anti_csrf: Literal["token", "origin", "none"] | None = _key(
        "app",
        None,
        choice("token", "origin", "none"),
        "How checks detect cross-site requests: `token`, by a value that the page sends; `origin`, by headers that"
        " browsers send; `none`, not at all; unset: as `enable_anti_csrf` says, otherwise `origin` with `renewal:"
        " server`",
    )
    trusted_origins: tuple[str, ...] | None = _key(
        "app",
        None,
        Kind("list of origins", addresses.origins),
        "Other origins whose requests `anti_csrf: origin` accepts, such as `https://app.example.com`",
    )
    renewal: Literal["client", "server"] = _key(
        "app",
        "client",
        choice("client", "server"),
        "What renews an expired access token: a library in the browser, or the server, for pages without scripts",
    )
    renewal_upload_grace: int = _key(
        "app",
        600,
        integer(0, 86_400),
        "With `renewal: server`, how long after its access token expired a large upload is still accepted; 0: not"
        " at all",
        "seconds",
    )
    login_url: str | None = _key(
        "app",
        None,
        Kind("string", values.login_url),
        "Where navigations without a session are redirected: a path, or the name of an endpoint; unset: not redirected",
    )
    api_base_path: str | None = _key(
        "app",
        None,
        Kind("string", values.cookie_path),
        "Prefix of the paths of the ready-made routes; unset: none",
    )
    access_token_path: str = _key("both", "/", Kind("string", values.cookie_path), "Path of the access token's cookie")
    refresh_api_path: str = _key(
        "both",
        "/session/refresh",
        Kind("string", values.cookie_path),
        "Path of the refresh API and of the refresh token's cookie",
    )
    cookie_domain: str | None = _key(
        "both", None, Kind("string", values.domain), "Domain of the cookies; unset: only the host that set them"
    )
    older_cookie_domain: str | None = _key(
        "app",
        None,
        Kind("string", values.older_domain),
        "Previous `cookie_domain`, whose cookies are cleared; an empty string if it was unset",
    )
    cookie_secure: bool | None = _key(
        "both",
        None,
        _BOOLEAN,
        "Whether cookies are sent over https only; unset: in an app, yes unless the request is local and over plain"
        " http; in the service, no",
    )
    cookie_same_site: Literal["none", "lax", "strict"] = _key(
        "both", "lax", choice("none", "lax", "strict"), "SameSite attribute of the cookies"
    )
    cookie_prefix: Literal["none", "host"] = _key(
        "app",
        "none",
        choice("none", "host"),
        "With `host`, no other host can plant session cookies: `__Host-`, path `/`, Secure",
    )
    session_expired_status_code: int = _key(
        "both", 401, integer(400, 599), "HTTP status of responses to requests without a session"
    )
    core_config_version: int = _key(
        "both", 0, integer(0, 1_000_000), "Version of the original's config.yaml; changes nothing"
    )

    hosts: tuple[str, ...] | None = _key(
        "app", None, Kind("list of URLs", addresses.hosts), "Core services to use; unset: the core runs in the app"
    )
    api_key: str | None = _key(
        "app",
        None,
        Kind("string", secrets.api_key),
        "API key that the app sends to the services in `hosts`",
        secret=True,
    )
    api_key_file: str | None = _file_of("api_key", "app")
    core_connect_timeout: float = _key(
        "app", 2.0, number(0.001, 600), "How long a service in `hosts` may take to accept a connection", "seconds"
    )
    core_read_timeout: float = _key(
        "app", 10.0, number(0.001, 600), "How long a service in `hosts` may take for its whole response", "seconds"
    )

    host: str = _key("service", "localhost", Kind("string", addresses.host), "Address on which the service listens")
    port: int = _key("service", 3567, integer(0, 65_535), "Port on which the service listens; 0: any free port")
    base_path: str = _key("service", "", Kind("string", addresses.base_path), "Prefix of every path")
    api_keys: tuple[str, ...] | None = _key(
        "service",
        None,
        Kind("list of keys", secrets.api_keys),
        "Callers must send one of these; unset: no key is required",
        secret=True,
    )
    api_keys_file: str | None = _file_of("api_keys", "service")
    insecure_allow_no_api_key: bool = _key(
        "service",
        False,
        _BOOLEAN,
        "Whether a service without `api_keys` may listen for other machines, which then all have full access",
    )
    workers: int | None = _key(
        "service", None, integer(1, 1024), "Worker processes; unset: one per CPU that the service may use, at most 8"
    )
    max_server_pool_size: int = _key(
        "service", 10, integer(1, 2**31 - 1), "Threads in each worker process, for requests that wait for the store"
    )
    drain_seconds: float = _key(
        "service",
        0.0,
        number(0, 600),
        "How long a service keeps accepting requests after it was told to stop",
        "seconds",
    )
    ssl_certfile: str | None = _key(
        "service", None, _PATH, "Certificate chain (PEM) for https; unset: http, for a proxy or this machine"
    )
    ssl_keyfile: str | None = _key("service", None, _PATH, "Private key (PEM) of `ssl_certfile`")
    info_log_path: str | None = _key("service", None, _LOG_PATH, "Log file for information; unset: standard output")
    error_log_path: str | None = _key(
        "service", None, _LOG_PATH, "Log file for warnings and errors; unset: standard error"
    )
    log_level: Literal["debug", "info", "warn", "error", "none"] = _key(
        "service", "info", choice("debug", "info", "warn", "error", "none"), "The lowest level that is logged"
    )

    @property
    def anti_csrf_mode(self) -> Literal["token", "origin", "none"]:
        """Return how cross-site requests are refused, by `anti_csrf`, `enable_anti_csrf` and `renewal` together."""
        if self.anti_csrf is not None:
            return self.anti_csrf
        if self.enable_anti_csrf is not None:
            return "token" if self.enable_anti_csrf else "none"
        return "origin" if self.renewal == "server" else "none"


KEYS: Final = {each.name: KeyDescription(each.name, each.default, **each.metadata) for each in fields(Keys)}
