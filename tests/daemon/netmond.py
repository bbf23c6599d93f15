"""The daemon as its command line starts it: `python netmond.py netmon.yaml`."""

from __future__ import annotations

import sys
from pathlib import Path

from netmon.config.errors import ConfigError
from netmon.daemon.service import run
from netmon.settings import SecretUnavailableError
from netmon.store.errors import StoreError

if __name__ == "__main__":
    try:
        sys.exit(run(Path(sys.argv[1])))
    except (ConfigError, SecretUnavailableError, StoreError) as error:
        sys.exit(f"netmon: {error}")
