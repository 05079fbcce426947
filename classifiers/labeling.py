"""The labeler the office uses: trained heads and the taxonomy's phrases together.

Head and phrases are two pieces of evidence, joined as phrases are among themselves (noisy-or). A
label is assigned where the joint probability reaches the phrases' threshold, and in what the heads
know, English abstracts, also where its head says so. Measured: docs/classification.md.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from classifiers.base import Embedder, Labeler, LabelScore
from classifiers.heads import HeadLabeler, Heads
from classifiers.phrases import MAX_REASONS, THRESHOLD, PhraseLabeler
from core.document import Document, Kind
from core.taxonomy import Taxonomy

MODEL = Path(__file__).parent / "model"


class CombinedLabeler:
    """Heads and phrases; every label of the taxonomy gets a score."""

    def __init__(self, heads: HeadLabeler, phrases: PhraseLabeler) -> None:
        self._heads = heads
        self._phrases = phrases
        self.name = f"{heads.name}+{phrases.name}"

    def label(self, documents: Sequence[Document]) -> list[list[LabelScore]]:
        """Return per document one score for each label, in the taxonomy's order."""
        by_heads = self._heads.label(documents)
        by_phrases = self._phrases.label(documents)
        return [
            _join(heads, phrases, trust_heads=_like_the_training_data(document))
            for document, heads, phrases in zip(documents, by_heads, by_phrases, strict=True)
        ]


def load_labeler(
    taxonomy: Taxonomy, model_dir: Path = MODEL, embedder: Embedder | None = None
) -> Labeler:
    """Load the heads of ``model_dir`` and join them with the phrases of ``taxonomy``.

    Raises:
        ModelError: there is no usable model, or it was trained with another embedder.
    """
    heads = HeadLabeler(Heads.load(model_dir), taxonomy, embedder)
    return CombinedLabeler(heads, PhraseLabeler(taxonomy))


def _like_the_training_data(document: Document) -> bool:
    return document.language == "en" and document.kind not in (Kind.NEWS, Kind.CALL_FOR_PAPERS)


def _join(
    heads: list[LabelScore], phrases: list[LabelScore], *, trust_heads: bool
) -> list[LabelScore]:
    head_of = {score.label: score for score in heads}
    return [
        _noisy_or(head, phrase, trust_heads) if (head := head_of.get(phrase.label)) else phrase
        for phrase in phrases
    ]


def _noisy_or(head: LabelScore, phrase: LabelScore, trust_head: bool) -> LabelScore:
    score = 1 - (1 - head.score) * (1 - phrase.score)
    return replace(
        head if head.score >= phrase.score else phrase,
        score=score,
        assigned=score >= THRESHOLD or (trust_head and head.assigned),
        reasons=tuple(dict.fromkeys(phrase.reasons + head.reasons))[:MAX_REASONS],
    )
