# SPDX-License-Identifier: Apache-2.0
"""A core that is reached over HTTP: the same methods, on a service elsewhere."""

from supertokens.remote.core import RemoteCore

__all__ = ["RemoteCore"]
