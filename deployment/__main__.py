"""generate.py's command line where the package is installed: python -m deployment."""

import sys

from deployment.command_line import main

if __name__ == "__main__":
    sys.exit(main())
