# SPDX-License-Identifier: Apache-2.0
"""Where sessions and keys are kept: one contract (`base`), one module for each kind of database."""
