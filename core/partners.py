"""Whom the office watches: data in ``config/partners.yaml``."""

from pathlib import Path

from pydantic import Field

from core.config import Strict, load_yaml

Country = Field(pattern=r"^[A-Z]{2}$")


class Partner(Strict):
    """A country (ISO 3166-1 alpha-2, or EU) with which the office has an agreement."""

    country: str = Country
    name: str


class Forum(Strict):
    """A multilateral body; ``members`` are country codes."""

    id: str
    name: str
    members: tuple[str, ...] = ()


class Partners(Strict):
    """The office's own country, its partners and the forums it sits in."""

    home: str = Country
    partners: tuple[Partner, ...]
    forums: tuple[Forum, ...] = ()

    @property
    def names(self) -> dict[str, str]:
        """Country code → name, of the partners, in the file's order."""
        return {partner.country: partner.name for partner in self.partners}


def load_partners(config: Path) -> Partners:
    """Read ``partners.yaml`` in the folder ``config``. Raises ConfigError."""
    return load_yaml(config / "partners.yaml", Partners)
