# SPDX-License-Identifier: Apache-2.0
"""A core that is reached over HTTP: the same verbs, of a service somewhere else."""

from supertokens.remote.core import RemoteCore

__all__ = ["RemoteCore"]
