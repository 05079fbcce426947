"""Everything that is configured, read and validated together."""

from dataclasses import dataclass
from pathlib import Path

from core.partners import Partners, load_partners
from core.settings import Settings, load_settings
from core.sources import Source, load_sources
from core.subscribers import Subscriber, load_subscribers
from core.taxonomy import Taxonomy, load_taxonomy


@dataclass(frozen=True, slots=True)
class Office:
    """One installation: its settings and the data of its config folder."""

    settings: Settings
    taxonomy: Taxonomy
    partners: Partners
    sources: tuple[Source, ...]
    subscribers: tuple[Subscriber, ...]


def load_office(config: Path, store: Path | None = None) -> Office:
    """Read the folder ``config``; ``store`` goes before the settings' own. Raises ConfigError."""
    return Office(
        settings=load_settings(config, store),
        taxonomy=load_taxonomy(config),
        partners=load_partners(config),
        sources=load_sources(config),
        subscribers=load_subscribers(config),
    )
