# SPDX-License-Identifier: Apache-2.0
"""Sessions for Python web applications: rotating refresh tokens, theft detection, revocation.

An independent implementation of the SuperTokens session protocols, compatible and not affiliated with SuperTokens.
Frameworks have a module each, such as `supertokens.flask`.
"""

from importlib.metadata import version as _version

from supertokens.config import Config, ConfigError
from supertokens.core import Core, EmbeddedCore
from supertokens.errors import (
    SuperTokensCrossOriginError,
    SuperTokensError,
    SuperTokensGeneralError,
    SuperTokensNotFreshError,
    SuperTokensSessionLimitError,
    SuperTokensTokenTheftError,
    SuperTokensTryRefreshTokenError,
    SuperTokensUnauthorisedError,
)

__all__ = [
    "Config",
    "ConfigError",
    "Core",
    "EmbeddedCore",
    "SuperTokensCrossOriginError",
    "SuperTokensError",
    "SuperTokensGeneralError",
    "SuperTokensNotFreshError",
    "SuperTokensSessionLimitError",
    "SuperTokensTokenTheftError",
    "SuperTokensTryRefreshTokenError",
    "SuperTokensUnauthorisedError",
    "__version__",
]

__version__ = _version("supertokens-sessions")
