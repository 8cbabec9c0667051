"""`python -m pypipegraph`: see `ppg_mcp.ask.command`."""

import sys

from ppg_mcp.ask.command import main

if __name__ == "__main__":
    sys.exit(main())
