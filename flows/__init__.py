"""Prefect flows: harvest, enrich, digest, and the weekly run of all three."""

import os
from pathlib import Path

from core.errors import HorizonError


def configure_prefect(home: Path) -> None:
    """Say, before Prefect is imported, where it keeps its files and that it tells nobody.

    What the environment already says stays: under a Prefect worker its own settings hold.

    Raises:
        HorizonError: the folder cannot be made.
    """
    try:
        home.mkdir(parents=True, exist_ok=True)  # Prefect makes no parents, and dies without it
    except OSError as error:
        raise HorizonError(f"{home}: {error.strerror}; choose another --store") from error
    for name, value in {
        "PREFECT_HOME": str(home),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        # A source that fails is told in a sentence by whoever runs the flow, not in a traceback.
        "PREFECT_LOGGING_LEVEL": "CRITICAL",
        # The first start on a slow machine migrates a database, which can take a minute.
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    }.items():
        os.environ.setdefault(name, value)
