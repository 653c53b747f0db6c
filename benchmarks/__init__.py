# SPDX-License-Identifier: Apache-2.0
"""How fast sessions are, as ratios measured in one run: `python -m benchmarks` (docs/performance.md)."""
