# SPDX-License-Identifier: Apache-2.0
"""Configuration: one frozen value, read from several sources (DESIGN, section 9)."""

from supertokens.config.keys import Config, describe
from supertokens.config.values import ConfigError, KeyDescription

__all__ = ["Config", "ConfigError", "KeyDescription", "describe"]
