#!/usr/bin/env python3
"""Writes, checks and deploys this project's CloudFormation templates; --help lists the commands."""

import sys

from deployment.command_line import main

if __name__ == "__main__":
    sys.exit(main())
