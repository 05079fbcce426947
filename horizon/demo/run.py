"""The demonstration: the weekly run against the sample web, beside nothing of the user's own."""

import shutil
import tempfile
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from core.weeks import days_of, last_complete_week
from flows import configure_prefect
from horizon.demo.web import demo_sources, demo_web

_CONFIG = Path(__file__).parent.parent.parent / "config"
_SHARED = ("taxonomy.yaml", "partners.yaml", "subscribers.yaml")
# One source of the sample fails for ever: no need to wait for it.
_SETTINGS = "[http]\nbackoff = 0.1\n\n[harvest]\nretry_delay = 0\n"


def run(store: Path | None = None) -> dict[str, Any]:
    """Serve the sample web, run the last complete week against it and return what came of it.

    Everything is written beside ``store``; None: into a new temporary folder, which is kept.
    """
    store = store or Path(tempfile.mkdtemp(prefix="horizon-demo-")) / "demo.duckdb"
    store = store.absolute()
    config = store.parent / "config"
    config.mkdir(parents=True, exist_ok=True)
    for name in _SHARED:
        shutil.copy(_CONFIG / name, config)
    (config / "horizon.toml").write_text(_SETTINGS, encoding="utf-8")
    configure_prefect(store.parent / "prefect")
    from flows.weekly import weekly

    week = last_complete_week(date.today())
    with demo_web(days_of(week)[1]) as web:
        catalogue = {"sources": demo_sources(web)}
        (config / "sources.yaml").write_text(
            yaml.safe_dump(catalogue, allow_unicode=True, sort_keys=False), encoding="utf-8"
        )
        result = weekly(week=week, config=str(config), store=str(store))
    return {k: v for k, v in result.items() if k != "html" and k != "store"} | {
        "digest": result["html"],
        "store": result["store"],
    }
