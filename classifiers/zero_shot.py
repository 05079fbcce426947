"""Labels that exist only as a definition, phrases and exemplars in the taxonomy.

Two witnesses, phrases found (``phrases.py``) and the cosine of text and label in the embedding
model that ships, joined by a logistic regression that all labels share. It was fitted on the gold
labels; leaving each label out in turn gave a mean F1 of 0.63 and mean average precision of 0.69
there (phrases alone: 0.34 and 0.40), and 0.54 and 0.64 on the held-out written texts.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np

from classifiers.base import LabelScore
from classifiers.embedding import own_embedder, unit
from classifiers.phrases import PhraseLabeler
from core.document import Document
from core.taxonomy import Label, Taxonomy

PHRASES, COSINE, OFFSET = 4.87, 16.46, -5.51
THRESHOLD = 0.3  # highest mean F1


class ZeroShotLabeler:
    """A ``Labeler`` for the labels of ``taxonomy`` but those in ``without``; no training."""

    def __init__(self, taxonomy: Taxonomy, *, without: Collection[str] = ()) -> None:
        self._phrases = PhraseLabeler(taxonomy, without=without)
        self.name = self._phrases.name
        chosen = [label for _, label in taxonomy if label.id not in without]
        if chosen:
            self._embedder = own_embedder()
            self._profiles = np.vstack([self._profile(label) for label in chosen])

    def label(self, documents: Sequence[Document]) -> list[list[LabelScore]]:
        """Return per document one score for each label, in the taxonomy's order."""
        found = self._phrases.label(documents)
        if not documents or not found[0]:
            return found
        vectors = self._embedder.encode([document.text for document in documents])
        near = vectors @ self._profiles.T
        told = np.array([[score.score for score in scores] for scores in found])
        probabilities = 1 / (1 + np.exp(-(PHRASES * told + COSINE * near + OFFSET)))
        probabilities[~vectors.any(axis=1)] = 0  # no word, no label
        return [
            [
                replace(score, score=float(p), assigned=bool(p >= THRESHOLD))
                for score, p in zip(scores, row, strict=True)
            ]
            for scores, row in zip(found, probabilities, strict=True)
        ]

    def _profile(self, label: Label) -> np.ndarray:
        """Return what a text about ``label`` would be near to: (1, dimensions)."""
        said = f"{label.name}. {label.definition} {', '.join(label.phrases.get('en', ()))}"
        return unit(self._embedder.encode([said, *label.exemplars]).sum(axis=0, keepdims=True))
