"""The model that ships: what it is made of, and how well it labels texts it has not learnt from.

The floors are the project's own aims for written texts, a little under what the model reaches.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from trained import document, taxonomy
from written_news import ENGLISH, FOREIGN

from classifiers import Labeler, LabelScore, load_labeler
from classifiers import examples as data
from classifiers.embedding import own_embedder
from classifiers.examples import Example, gather, written
from classifiers.heads import Heads
from classifiers.labeling import MODEL
from core.document import Document, Kind

FOREIGN_LANGUAGES = ("de", "es", "fr", "he", "ja", "ko", "nl", "sv")
NEWS = [e for e in written(held_out=True) if e.document.kind is Kind.NEWS]


class Quality(NamedTuple):
    """F1 of any label or none, and precision and recall of all labels together."""

    relevance: float
    precision: float
    recall: float

    @property
    def micro(self) -> float:
        return 2 * self.precision * self.recall / max(self.precision + self.recall, 1e-9)


def quality(said: Sequence[Sequence[LabelScore]], truth: Sequence[frozenset[str]]) -> Quality:
    pairs = [
        ({score.label for score in scores if score.assigned}, true)
        for scores, true in zip(said, truth, strict=True)
    ]
    hits, got = sum(len(g & t) for g, t in pairs), sum(len(g) for g, _ in pairs)
    relevant = sum(bool(g and t) for g, t in pairs)
    told = sum(bool(g) for g, _ in pairs) + sum(bool(t) for _, t in pairs)
    return Quality(
        2 * relevant / max(told, 1), hits / max(got, 1), hits / sum(len(t) for _, t in pairs)
    )


def of(labeler: Labeler, some: Sequence[Example]) -> Quality:
    return quality(labeler.label([e.document for e in some]), [e.labels for e in some])


def micro_of_card() -> dict[str, float]:
    """Kind of text → micro-F1 in cross-validation, as the model card says."""
    card = (MODEL / "MODEL_CARD.md").read_text(encoding="utf-8")
    pattern = r"^### (\w+)\n(?:.*\n)*?\| micro \| \S+ \| \S+ \| (\S+) \|"
    return {kind: float(f1) for kind, f1 in re.findall(pattern, card, re.MULTILINE)}


@pytest.fixture(scope="module")
def labeler() -> Labeler:
    return load_labeler(taxonomy())


# --- texts it has not learnt from ----------------------------------------------------------------


def test_english_news(labeler: Labeler) -> None:
    found = of(labeler, [e for e in NEWS if e.document.language == "en"])
    assert found.relevance >= 0.85, found
    assert found.micro >= 0.70, found


@pytest.mark.parametrize("language", FOREIGN_LANGUAGES)
def test_news_of_one_language(labeler: Labeler, language: str) -> None:
    """Few texts each. Aimed at: 0.75 and 0.55; docs/classification.md says what is missing."""
    found = of(labeler, [e for e in NEWS if e.document.language == language])
    assert found.relevance >= 0.62, found
    assert found.micro >= 0.40, found


def test_news_of_eight_languages_together(labeler: Labeler) -> None:
    found = of(labeler, [e for e in NEWS if e.document.language != "en"])
    assert found.relevance >= 0.75, found
    assert found.micro >= 0.48, found


def test_abstracts(labeler: Labeler) -> None:
    found = of(labeler, [e for e in written(held_out=True) if e.document.kind is not Kind.NEWS])
    assert found.relevance >= 0.82, found
    assert found.micro >= 0.70, found


def test_short_english_news_written_apart(labeler: Labeler) -> None:
    items = [document(title, text, kind=Kind.NEWS) for title, text, _ in ENGLISH]
    found = quality(labeler.label(items), [frozenset(labels) for _, _, labels in ENGLISH])
    assert found.relevance >= 0.9, found
    assert found.precision >= 0.68, found
    assert found.recall >= 0.85, found


def test_short_news_of_eight_languages_written_apart(labeler: Labeler) -> None:
    items = [
        document(title, text, kind=Kind.NEWS, language=language)
        for language, title, text, _ in FOREIGN
    ]
    found = quality(labeler.label(items), [frozenset(labels) for *_, labels in FOREIGN])
    assert found.relevance >= 0.8, found
    assert found.precision >= 0.6, found
    assert found.recall >= 0.6, found


def test_what_the_card_says_of_news_holds_for_news_held_out(labeler: Labeler) -> None:
    """Else something saw the texts on which the card's figures were made."""
    said = micro_of_card()["news"]
    found = of(labeler, [e for e in NEWS if e.document.language == "en"])
    assert found.micro > said - 0.1, f"card {said}, held out {found.micro:.3f}"


# --- what it says of them ------------------------------------------------------------------------


def test_reasons_are_in_the_text_and_assigned_labels_have_some(labeler: Labeler) -> None:
    documents = [example.document for example in written(held_out=True)]
    for item, scores in zip(documents, labeler.label(documents), strict=True):
        assert [(s.label, s.scheme) for s in scores] == list(taxonomy().scheme_of.items())
        for score in scores:
            assert all(reason in item.text for reason in score.reasons)
            assert bool(score.reasons) or not score.assigned, (item.title, score)


def test_a_research_title_is_labelled_with_reasons(labeler: Labeler) -> None:
    item = document(
        "Intrusion detection for industrial control systems",
        "We detect malware and cyber attacks on the power grid and evaluate on real attackers.",
    )
    [scores] = labeler.label([item])
    found = {score.label: score.reasons for score in scores if score.assigned}
    assert {"trusted_cyber_future", "cybersecurity", "critical_infrastructure"} <= set(found)
    assert {"malware", "cyber attacks"} & set(found["cybersecurity"])


def test_a_batch_says_what_single_documents_say(labeler: Labeler) -> None:
    items = [document(title, text) for title, text, _ in ENGLISH[:8]]
    for together, item in zip(labeler.label(items), items, strict=True):
        [alone] = labeler.label([item])
        assert [s.assigned for s in together] == [s.assigned for s in alone]
        np.testing.assert_allclose(
            [s.score for s in together], [s.score for s in alone], rtol=1e-3, atol=1e-6
        )


@pytest.mark.parametrize(
    "item",
    [
        document("-", language=None),
        document("the", "<p></p>"),
        document("-", r"$\int_0^1 \frac{x}{y}$"),
        document("?!…", "…"),
        document("अज्ञात", language="hi"),
        document("-", "é" * 1_000_000, language=None),
    ],
    ids=["dash", "markup", "latex", "punctuation", "another script", "1 MB"],
)
def test_odd_texts_get_no_label(labeler: Labeler, item: Document) -> None:
    [scores] = labeler.label([item])
    assert [score.label for score in scores] == list(taxonomy().labels)
    assert [score.label for score in scores if score.assigned] == []


# --- what it is made of --------------------------------------------------------------------------


def test_the_model_is_small_and_holds_no_code() -> None:
    files = {str(path.relative_to(MODEL)): path for path in MODEL.rglob("*") if path.is_file()}
    assert {"heads.npz", "heads.json", "MODEL_CARD.md"} <= set(files)
    assert {path.suffix for path in files.values()} <= {".npz", ".json", ".md", ".safetensors"}
    assert sum(path.stat().st_size for path in files.values()) <= 25_000_000
    with np.load(files["heads.npz"], allow_pickle=False) as numbers:
        assert all(numbers[name].dtype.kind in "fu" for name in numbers.files)


def test_the_heads_fit_the_embedding_and_the_taxonomy_that_ship() -> None:
    heads = Heads.load(MODEL)
    assert heads.embedder == own_embedder().name
    assert heads.dense.shape[0] == own_embedder().dimensions
    assert heads.labels == tuple(taxonomy().labels)


def test_thresholds_and_weights_are_sane() -> None:
    heads = Heads.load(MODEL)
    # Half an expected F1: a little less than one in two, and never almost anything.
    assert ((heads.thresholds > 0.1) & (heads.thresholds <= 0.5)).all()
    # What the words and the vector say together for a label never speaks against it.
    assert (heads.stack[..., :2].sum(axis=-1) > 0).all()


def test_the_card_is_of_this_model() -> None:
    card = (MODEL / "MODEL_CARD.md").read_text(encoding="utf-8")
    heads = Heads.load(MODEL)
    assert f"Data hash (SHA-256): {heads.data_hash}" in card
    assert f"Embedding model: {heads.embedder}" in card
    for label in taxonomy().labels:
        assert f"| {label} |" in card
    assert set(micro_of_card()) == {"research", "news", "foreign"}
    assert min(micro_of_card().values()) > 0.55


@pytest.mark.realdata
def test_the_model_was_trained_on_what_it_says(shared: Path) -> None:
    found = [
        *data.gold(shared / "gold"),
        *data.annotated(shared / "corpus", shared / "gold"),
        *written(),
    ]
    assert Heads.load(MODEL).data_hash == gather(found, taxonomy()).data_hash
