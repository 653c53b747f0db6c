# SPDX-License-Identifier: Apache-2.0
"""The options of an app as types, so that a type checker flags a misspelt or mistyped one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, TypedDict

__all__ = ["Options"]


class Options(TypedDict, total=False):
    """Every setting that counts in an app, by its name; see docs/configuration.md. None means "not set"."""

    access_token_validity: int | None
    refresh_token_validity: float | None
    short_session_validity: int | None
    session_max_lifetime: int | None
    refresh_token_rotation_grace_period: float | None
    refresh_token_rotation_grace_binding: Literal["user-agent", "none"] | None
    max_sessions_per_user: int | None
    session_limit_action: Literal["oldest", "refuse"] | None
    record_client: Literal["none", "user-agent", "address"] | None
    access_token_blacklisting: bool | None
    revocation: Literal["query", "push"] | None
    revocation_max_lag: float | None
    verified_token_cache: int | None
    access_token_signing_key_dynamic: bool | None
    access_token_signing_key_update_interval: float | None
    access_token_signing_algorithm: Literal["RS256", "ES256"] | None
    encryption_key: str | bytes | Sequence[str | bytes] | None
    encryption_key_file: str | Path | None
    database: str | Path | None
    database_file: str | Path | None
    sqlite_synchronous: Literal["full", "normal"] | None
    database_pool_size: int | None
    database_timeout: float | None
    max_session_data_bytes: int | None
    enable_anti_csrf: bool | None
    anti_csrf: Literal["token", "origin", "none"] | None
    trusted_origins: str | Sequence[str] | None
    renewal: Literal["client", "server"] | None
    renewal_upload_grace: int | None
    login_url: str | None
    api_base_path: str | None
    access_token_path: str | None
    refresh_api_path: str | None
    cookie_domain: str | None
    older_cookie_domain: str | None
    cookie_secure: bool | None
    cookie_same_site: Literal["none", "lax", "strict"] | None
    cookie_prefix: Literal["none", "host"] | None
    session_expired_status_code: int | None
    core_config_version: int | None
    hosts: str | Sequence[str | Mapping[str, object]] | None
    api_key: str | None
    api_key_file: str | Path | None
    core_connect_timeout: float | None
    core_read_timeout: float | None
