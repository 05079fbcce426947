"""The catalogue of what is harvested: data in ``config/sources.yaml``."""

from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator, model_validator

from core.config import Strict, load_yaml
from core.document import Kind


class Source(Strict):
    """One place to harvest.

    ``kind`` picks the scanner, ``params`` go to it in the provider's own names, ``country`` is
    the issuing body's (None for a source of many countries), ``rhythm_days`` how often something
    new is to be expected, ``overlap_days`` how far each harvest reaches back before the last one
    (providers list late), ``interval`` the least seconds between two requests to its host.
    """

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    kind: Literal["rss", "arxiv", "openalex", "oai_pmh"]
    name: str
    url: str = Field(pattern=r"^https?://")
    params: dict[str, str] = {}
    yields: Kind | None = None
    country: str | None = Field(default=None, pattern=r"^[A-Z]{2}$")
    language: str | None = Field(default=None, pattern=r"^[a-z]{2}$")
    rhythm_days: int = Field(default=7, ge=1)
    overlap_days: int = Field(default=7, ge=0)
    interval: float | None = Field(default=None, ge=0)
    allow_private: bool = False
    enabled: bool = True
    terms: str = ""
    seen_at: str = ""
    verified: bool = False

    @model_validator(mode="after")
    def _has_what_its_kind_needs(self) -> "Source":
        if self.kind == "arxiv" and not self.params.get("search_query"):
            raise ValueError("an arxiv source needs params: {search_query: …}")
        return self


class Catalogue(Strict):
    """All sources."""

    sources: tuple[Source, ...]

    @field_validator("sources")
    @classmethod
    def _unique(cls, sources: tuple[Source, ...]) -> tuple[Source, ...]:
        ids = [source.id for source in sources]
        if repeated := sorted({i for i in ids if ids.count(i) > 1}):
            raise ValueError(f"source ids used twice: {', '.join(repeated)}")
        return sources


def load_sources(config: Path) -> tuple[Source, ...]:
    """Read ``sources.yaml`` in the folder ``config``. Raises ConfigError."""
    return load_yaml(config / "sources.yaml", Catalogue).sources
