# SPDX-License-Identifier: Apache-2.0
"""Names of the original core that are not settings here: second names, keys without effect, names in its images."""

from __future__ import annotations

import math
import re
from typing import Final

from supertokens.config.values import shown

__all__ = [
    "IMAGE_NAMES", "MAX_KEY_INTERVAL_HOURS", "NO_EFFECT", "OTHER_NAMES", "names_a_database", "why_no_effect",
    "within_our_limits",
]  # fmt: skip

MAX_KEY_INTERVAL_HOURS: Final = 720  # docs/protocol/original.md#validation
_LATER_KEY_INTERVAL: Final = "access_token_dynamic_signing_key_update_interval"
# Where the original allows more than there is here: our limit, what is refused all the same, and the unit.
_OUR_LIMITS: Final[dict[str, tuple[int, float, str]]] = {
    _LATER_KEY_INTERVAL: (
        MAX_KEY_INTERVAL_HOURS,
        math.inf,
        "hours",
    ),  # the cores that have this name know no longest one
    "max_server_pool_size": (1024, 2**31, "threads"),  # which are all started with their worker process
}

OTHER_NAMES: Final = {
    _LATER_KEY_INTERVAL: "access_token_signing_key_update_interval",
    "refresh_token_path": "refresh_api_path",
}

NO_EFFECT: Final = {
    "ip_allow_regex": "the service does not filter by address; use a firewall or the proxy in front",
    "ip_deny_regex": "the service does not filter by address; use a firewall or the proxy in front",
    "webserver_https_enabled": "'ssl_certfile' and 'ssl_keyfile' enable https",
}

_FAMILIES: Final = {
    r"(postgresql|mysql|mongodb|sqlite)_.+": "'database' says where sessions are kept",
    r"(passwordless|password|email_verification|argon2|bcrypt|firebase|totp|webauthn|saml|oauth|bulk_migration|otel)_.+"
    r"|disable_telemetry|deadlock_logger_enable": "it is about a part of the original core other than sessions",
    r"supertokens_.+": "every listed version of the core protocol is supported, for one tenant",
}

# The official images translate these into lines of a config.yaml (docs/protocol/original.md#environment). Our own keys
# are not among them: DATABASE or WORKERS in the environment is likely to be meant for something else.
IMAGE_NAMES: Final = {
    name.upper(): name
    for name in (
        "access_token_validity", "access_token_blacklisting", "access_token_path", "access_token_signing_key_dynamic",
        "access_token_signing_key_update_interval", "access_token_dynamic_signing_key_update_interval",
        "enable_anti_csrf", "refresh_token_validity", "refresh_api_path", "refresh_token_rotation_grace_period",
        "info_log_path", "error_log_path", "log_level", "cookie_domain", "cookie_secure", "cookie_same_site",
        "max_server_pool_size", "session_expired_status_code", "api_keys", "api_keys_file", "base_path",
    )
}  # fmt: skip


def within_our_limits(name: str, value: object) -> tuple[object, str]:
    """Return the value to use for the original's `value` of `name`, and a warning if the two differ."""
    most, refused_from, unit = _OUR_LIMITS.get(name, (0, 0, ""))
    if isinstance(value, int | float) and most < value < refused_from:
        return most, f"{shown(value)} {unit} is more than the maximum here; {most} {unit} are used instead"
    return value, ""


def why_no_effect(name: str) -> str:
    """Return why the original's key `name` has no effect here, or an empty string if it is no such key."""
    family = next((why for names, why in _FAMILIES.items() if re.fullmatch(names, name)), "")
    return NO_EFFECT.get(name, family)


def names_a_database(variable: str) -> bool:
    """Return whether `variable` is one by which the official images are told their database."""
    parts = r"CONNECTION_URI|USER|PASSWORD(_FILE)?|HOST|PORT|DATABASE_NAME"
    return bool(re.fullmatch(rf"(POSTGRESQL|MYSQL|MONGODB)_({parts})", variable))
