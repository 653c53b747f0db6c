# SPDX-License-Identifier: Apache-2.0
"""Configuration: one frozen value, read from several sources (docs/configuration.md)."""

from supertokens.config.loading import Config, Explained, describe
from supertokens.config.options import Options
from supertokens.config.secrets import parse_api_keys, read_api_keys
from supertokens.config.values import ConfigError, KeyDescription

__all__ = [
    "Config",
    "ConfigError",
    "Explained",
    "KeyDescription",
    "Options",
    "describe",
    "parse_api_keys",
    "read_api_keys",
]
