"""The labeler the office uses: trained heads and, where there is none, the taxonomy's own words.

A label that has a head is judged by it; a label that only the taxonomy knows, by its phrases,
definition and exemplars (``zero_shot.py``). A funder's own topic code in the venue, such as
HORIZON-CL3-2024-BM-01, settles it for either.
Measured: docs/classification.md.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from classifiers.base import Embedder, Labeler, LabelScore
from classifiers.embedding import load_embedder
from classifiers.heads import HeadLabeler, Heads
from classifiers.phrases import BY_CODE
from classifiers.zero_shot import ZeroShotLabeler
from core.document import Document
from core.taxonomy import Taxonomy

MODEL = Path(__file__).parent / "model"


class CombinedLabeler:
    """Heads and others; every label of the taxonomy gets a score."""

    def __init__(self, heads: HeadLabeler, others: ZeroShotLabeler, taxonomy: Taxonomy) -> None:
        self._heads = heads
        self._others = others
        self._order = list(taxonomy.labels)
        self._codes = {
            i: [re.compile(code) for code in label.codes] for i, label in taxonomy.labels.items()
        }
        self.name = f"{heads.name}+{others.name}"

    def label(self, documents: Sequence[Document]) -> list[list[LabelScore]]:
        """Return per document one score for each label, in the taxonomy's order."""
        said = zip(self._heads.label(documents), self._others.label(documents), strict=True)
        return [
            [self._by_code(document, score) for score in self._in_order([*heads, *others])]
            for document, (heads, others) in zip(documents, said, strict=True)
        ]

    def _by_code(self, document: Document, said: LabelScore) -> LabelScore:
        for code in self._codes.get(said.label, ()) if document.venue else ():
            if found := code.search(document.venue):
                reasons = tuple(dict.fromkeys((found[0], *said.reasons)))
                return replace(said, score=max(said.score, BY_CODE), assigned=True, reasons=reasons)
        return said

    def _in_order(self, scores: Sequence[LabelScore]) -> list[LabelScore]:
        of = {score.label: score for score in scores}
        return [of[label] for label in self._order]


def load_labeler(
    taxonomy: Taxonomy, model_dir: Path = MODEL, embedder: Embedder | None = None
) -> Labeler:
    """Load the heads of ``model_dir``; the other labels of ``taxonomy`` are judged without.

    Raises:
        ModelError: there is no usable model, or it was trained with another embedder.
    """
    heads = Heads.load(model_dir)
    return CombinedLabeler(
        HeadLabeler(heads, taxonomy, embedder or load_embedder()),
        ZeroShotLabeler(taxonomy, without=heads.labels),
        taxonomy,
    )
