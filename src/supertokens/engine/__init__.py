# SPDX-License-Identifier: Apache-2.0
"""The rules: pure functions and values. No I/O; time (integer milliseconds) and randomness are parameters."""
