"""The schemes documents are classified against: data in ``config/taxonomy.yaml``, not code."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator, model_validator

from core.config import Strict, load_yaml

Identifier = Field(pattern=r"^[a-z][a-z0-9_]*$")


class Label(Strict):
    """One goal, topic or area.

    ``phrases`` maps a language (ISO 639-1) to terms that, found in a text, speak for the label;
    they carry it where no head was trained for it, together with ``definition`` and ``exemplars``,
    short texts that deserve the label, written for it. ``codes`` are regular expressions for a
    provider's own topic codes, looked for in a document's venue.
    """

    id: str = Identifier
    name: str
    definition: str = Field(min_length=20)
    phrases: dict[str, tuple[str, ...]] = {}
    exemplars: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()

    @field_validator("codes")
    @classmethod
    def _compile(cls, codes: tuple[str, ...]) -> tuple[str, ...]:
        for code in codes:
            try:
                re.compile(code)
            except re.error as error:
                raise ValueError(f"{code!r} is no regular expression: {error}") from error
        return codes


class Scheme(Strict):
    """A set of labels; ``layout`` says whether the digest tells it in sections or as a table."""

    id: str = Identifier
    name: str
    layout: Literal["sections", "table"]
    labels: tuple[Label, ...] = Field(min_length=1)


class Taxonomy(Strict):
    """All schemes. Label ids are unique across them."""

    version: str
    schemes: tuple[Scheme, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _unique(self) -> "Taxonomy":
        ids = [scheme.id for scheme in self.schemes] + [label.id for _, label in self]
        if repeated := sorted({i for i in ids if ids.count(i) > 1}):
            raise ValueError(f"ids used twice: {', '.join(repeated)}")
        return self

    def __iter__(self) -> Iterator[tuple[Scheme, Label]]:  # type: ignore[override]
        return ((scheme, label) for scheme in self.schemes for label in scheme.labels)

    @property
    def labels(self) -> dict[str, Label]:
        """Label id → label, in the file's order."""
        return {label.id: label for _, label in self}

    @property
    def scheme_of(self) -> dict[str, str]:
        """Label id → scheme id."""
        return {label.id: scheme.id for scheme, label in self}


def load_taxonomy(config: Path) -> Taxonomy:
    """Read ``taxonomy.yaml`` in the folder ``config``. Raises ConfigError."""
    return load_yaml(config / "taxonomy.yaml", Taxonomy)
