# SPDX-License-Identifier: Apache-2.0
"""`python -m supertokens.cli`: the command, run by this very Python."""

from supertokens.cli import main

if __name__ == "__main__":
    main()
