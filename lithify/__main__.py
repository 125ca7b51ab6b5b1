"""`python -m lithify` is the `lithify` command."""

import sys

from lithify.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
