# SPDX-License-Identifier: Apache-2.0
"""`python -m supertokens.cli`: the command, from the very Python that runs."""

from supertokens.cli import main

if __name__ == "__main__":
    main()
