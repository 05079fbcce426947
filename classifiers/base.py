"""What every classifier speaks: the embedder that turns texts into vectors, the labeler."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from core.document import Document
from core.errors import HorizonError

Vectors = NDArray[np.float32]


class ModelError(HorizonError):
    """A model cannot be used; the message is one sentence that says what to do."""


class Embedder(Protocol):
    """Turns texts into vectors whose cosine tells how near their meanings are."""

    @property
    def name(self) -> str:
        """The model's own name; vectors of two names do not compare."""

    @property
    def dimensions(self) -> int:
        """Length of one vector."""

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return float32 (len(texts), dimensions); each row has length 1 (0 for an empty text)."""


@dataclass(frozen=True, slots=True)
class LabelScore:
    """What a labeler says of one label on one document.

    ``score`` is a probability, ``assigned`` whether it passed the label's own threshold,
    ``reasons`` the words of the text that spoke for it, the strongest first.
    """

    label: str
    scheme: str
    score: float
    assigned: bool
    origin: Literal["model", "phrases"]
    reasons: tuple[str, ...] = ()


class Labeler(Protocol):
    """Judges documents against a taxonomy."""

    @property
    def name(self) -> str:
        """Identifies model and taxonomy: same name, same answer for the same document."""

    def label(self, documents: Sequence[Document]) -> list[list[LabelScore]]:
        """Return per document one score for each label, in the taxonomy's order."""
