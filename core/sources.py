"""The catalogue of what is harvested: data in ``config/sources.yaml``."""

from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator, model_validator

from core.config import Strict, load_yaml
from core.document import Kind

# What a kind cannot do without, among the params.
_NEEDS = {
    "arxiv": "search_query",
    "dblp": "q",
    "gtr": "q",
    "html_listing": "item",
    "wikicfp": "cat",
}
_MULTI = "multi"


class Source(Strict):
    """One place to harvest.

    Attributes:
        kind: picks the scanner.
        params: for the scanner, in the provider's own names where it has some.
        yields: the kind of document, where the source itself does not say.
        country: the issuing body's (ISO 3166-1 alpha-2, or EU); ``multi``: of many countries.
        partner: the partner that the source stands for in the catalogue, by country.
        forum: the multilateral forum that it stands for, by id.
        rhythm_days: how often something new is to be expected, until its history tells.
        overlap_days: how far each harvest reaches back before the last one (providers list late).
        rate: requests a minute to its host, at most; None: as in the settings.
        max_items: items of one harvest, at most; the rest is left.
        budget: requests of one harvest, at most; the next one goes on.
        seen_at: where the address was confirmed.
        verified: a live check has passed.
    """

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    kind: Literal[
        "arxiv",
        "cordis",
        "crossref",
        "dblp",
        "gtr",
        "html_listing",
        "ics",
        "oai_pmh",
        "openalex",
        "rss",
        "sitemap",
        "wikicfp",
    ]
    name: str
    url: str = Field(pattern=r"^https?://")
    params: dict[str, str] = {}
    yields: Kind | None = None
    country: str = Field(default=_MULTI, pattern=rf"^([A-Z]{{2}}|{_MULTI})$")
    partner: str | None = Field(default=None, pattern=r"^[A-Z]{2}$")
    forum: str | None = None
    language: str | None = Field(default=None, pattern=r"^[a-z]{2}$")
    rhythm_days: int = Field(default=7, ge=1)
    overlap_days: int = Field(default=7, ge=0)
    rate: float | None = Field(default=None, gt=0)
    max_items: int | None = Field(default=None, ge=1)
    budget: int | None = Field(default=None, ge=1)
    allow_private: bool = False
    enabled: bool = True
    terms: str = ""
    seen_at: str = ""
    verified: bool = False

    @property
    def countries(self) -> tuple[str, ...]:
        """The issuing body's country, if it is one."""
        return () if self.country == _MULTI else (self.country,)

    @model_validator(mode="after")
    def _has_what_its_kind_needs(self) -> "Source":
        if (needed := _NEEDS.get(self.kind)) and not self.params.get(needed):
            raise ValueError(f"a source of kind {self.kind} needs params: {{{needed}: …}}")
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
