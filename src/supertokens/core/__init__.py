# SPDX-License-Identifier: Apache-2.0
"""The core: the only place where a rule of the engine meets a store."""

from supertokens.core.embedded import EmbeddedCore, system_clock
from supertokens.core.protocol import Core

__all__ = ["Core", "EmbeddedCore", "system_clock"]
