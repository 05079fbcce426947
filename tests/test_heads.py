"""Label heads: what they say, why they say so, and how they are kept. A small model, trained here.

Its three labels were learnt from some of the written texts; those held out are judged.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from trained import LABELS, LANGUAGES, document, small, taxonomy

from classifiers.base import LabelScore, ModelError
from classifiers.embedding import own_embedder
from classifiers.examples import written
from classifiers.heads import KINDS, MAX_REASONS, HeadLabeler, Heads
from core.document import Document

UNSEEN = [e for e in written(held_out=True) if e.document.language in LANGUAGES]
DOCUMENTS = [e.document for e in UNSEEN]


def labeler_of(heads: Heads) -> HeadLabeler:
    return HeadLabeler(heads, taxonomy(), own_embedder())


@pytest.fixture(scope="module")
def labeler() -> HeadLabeler:
    return labeler_of(small().heads)


@pytest.fixture(scope="module")
def said(labeler: HeadLabeler) -> list[list[LabelScore]]:
    return labeler.label(DOCUMENTS)


def decisions(said: list[list[LabelScore]]) -> list[list[bool]]:
    return [[score.assigned for score in scores] for scores in said]


# --- what they say -------------------------------------------------------------------------------


def test_unseen_texts_are_told_apart(said: list[list[LabelScore]]) -> None:
    hits = wrong = missed = 0
    for example, scores in zip(UNSEEN, said, strict=True):
        got, true = {s.label for s in scores if s.assigned}, example.labels & set(LABELS)
        hits, wrong, missed = (
            hits + len(got & true),
            wrong + len(got - true),
            missed + len(true - got),
        )
    assert 2 * hits / (2 * hits + wrong + missed) > 0.5


def test_each_score_is_a_probability_and_a_label_of_the_taxonomy(
    said: list[list[LabelScore]],
) -> None:
    order = [(label, scheme) for label, scheme in taxonomy().scheme_of.items() if label in LABELS]
    for scores in said:
        assert [(score.label, score.scheme) for score in scores] == order
        assert all(0 <= score.score <= 1 and score.origin == "model" for score in scores)


def test_a_batch_says_what_single_documents_say(
    labeler: HeadLabeler, said: list[list[LabelScore]]
) -> None:
    for item, together in zip(DOCUMENTS[::9], said[::9], strict=True):
        [alone] = labeler.label([item])
        assert [s.assigned for s in alone] == [s.assigned for s in together]
        np.testing.assert_allclose(
            [s.score for s in alone], [s.score for s in together], rtol=1e-3, atol=1e-6
        )
    assert labeler.label([]) == []


def test_the_same_batch_is_judged_the_same_again(
    labeler: HeadLabeler, said: list[list[LabelScore]]
) -> None:
    assert labeler.label(DOCUMENTS) == said


@pytest.mark.parametrize(
    "title",
    ["-", "?!…", "the", "zzqqy", "\U0001f6f8", r"$\frac{x}{y}$", "<p></p>", "x" * 900, "वायु"],
)
def test_a_title_of_no_known_word_has_scores_too(labeler: HeadLabeler, title: str) -> None:
    [scores] = labeler.label([document(title, language=None)])
    assert len(scores) == len(LABELS)
    assert all(0 <= score.score <= 1 for score in scores)
    if not any(map(str.isalnum, title)):
        assert all(score.score == 0 and not score.assigned for score in scores)


def test_a_text_of_1_mb_is_judged_by_its_beginning(labeler: HeadLabeler) -> None:
    beginning = "Malware and ransomware: an attacker locks the mail servers. " * 500
    long = document("Malware", beginning + "avian influenza " * 60_000)
    [scores] = labeler.label([long])
    assert {s.label for s in scores if s.assigned} == {"cybersecurity"}


# --- why -----------------------------------------------------------------------------------------


def test_assigned_labels_have_reasons_that_the_text_writes_so(
    said: list[list[LabelScore]],
) -> None:
    reasons = 0
    for item, scores in zip(DOCUMENTS, said, strict=True):
        for score in scores:
            assert bool(score.reasons) == score.assigned
            assert len(score.reasons) <= MAX_REASONS
            assert len({reason.casefold() for reason in score.reasons}) == len(score.reasons)
            assert all(reason in item.text for reason in score.reasons)
            reasons += len(score.reasons)
    assert reasons > 50


@pytest.mark.parametrize(
    ("item", "label", "word"),
    [
        (
            document(
                "RANSOMWARE locks a Hospital's servers",
                "Hackers broke in by Phishing; the malware is being studied by the cyber centre.",
            ),
            "cybersecurity",
            "RANSOMWARE",
        ),
        (
            document(
                "Drohnenschwarm über der Messe: Behörde erprobt Drohnenabwehr",
                "Die Drohnen fliegen autonom; unbemannte Luftfahrzeuge werden per Radar erfasst.",
                language="de",
            ),
            "unmanned_aerial_systems",
            "Drohne",
        ),
        (
            document(
                "병원 전산망 랜섬웨어 공격",
                "사이버 공격으로 서버가 암호화되었고 해커가 악성코드를 퍼뜨렸다.",
                language="ko",
            ),
            "cybersecurity",
            "랜섬웨어",
        ),
    ],
)
def test_the_telling_word_is_among_the_reasons(
    labeler: HeadLabeler, item: Document, label: str, word: str
) -> None:
    [scores] = labeler.label([item])
    [score] = [score for score in scores if score.label == label]
    assert score.assigned
    assert any(word in reason for reason in score.reasons)


# --- how they are kept ---------------------------------------------------------------------------


def test_saved_heads_decide_the_same(tmp_path: Path, said: list[list[LabelScore]]) -> None:
    small().heads.save(tmp_path)
    loaded = Heads.load(tmp_path)
    again = labeler_of(loaded).label(DOCUMENTS)
    assert decisions(again) == decisions(said)
    for before, after in zip(said, again, strict=True):
        np.testing.assert_allclose(
            [s.score for s in before], [s.score for s in after], atol=0.005
        )  # coefficients are kept with half the digits
    loaded.save(tmp_path / "twice")
    twice = Heads.load(tmp_path / "twice")
    assert twice.fingerprint == loaded.fingerprint
    assert (twice.labels, twice.embedder) == (loaded.labels, loaded.embedder)
    assert twice.data_hash == small().heads.data_hash


def test_the_fingerprint_changes_with_what_decides() -> None:
    from dataclasses import replace

    heads = small().heads
    others = [
        replace(heads, thresholds=heads.thresholds + np.float32(0.01)),
        replace(heads, dense=heads.dense * np.float32(1.1)),
        replace(heads, labels=heads.labels[::-1]),
        replace(heads, embedder="another"),
        replace(heads, news=heads.news + 0.5),
    ]
    fingerprints = {each.fingerprint for each in [heads, *others]}
    assert len(fingerprints) == len(others) + 1


def words(**changes: object) -> Callable[[Path], None]:
    """What changes entries of heads.json."""

    def change(folder: Path) -> None:
        file = folder / "heads.json"
        content = json.loads(file.read_text(encoding="utf-8"))
        file.write_text(json.dumps(content | changes), encoding="utf-8")

    return change


def numbers(**changes: Any) -> Callable[[Path], None]:
    """What changes arrays of heads.npz; None leaves one out."""

    def change(folder: Path) -> None:
        with np.load(folder / "heads.npz") as file:
            arrays = dict(file) | changes
        np.savez(folder / "heads.npz", **{k: v for k, v in arrays.items() if v is not None})

    return change


DAMAGE: dict[str, Callable[[Path], object]] = {
    "no words": lambda folder: (folder / "heads.json").unlink(),
    "no numbers": lambda folder: (folder / "heads.npz").unlink(),
    "words are no JSON": lambda folder: (folder / "heads.json").write_text("{"),
    "words are a list": lambda folder: (folder / "heads.json").write_text("[]"),
    "words are no UTF-8": lambda folder: (folder / "heads.json").write_bytes(b'{"a": "\xff"}'),
    "numbers are empty": lambda folder: (folder / "heads.npz").write_bytes(b""),
    "numbers are cut short": lambda folder: (folder / "heads.npz").write_bytes(
        (folder / "heads.npz").read_bytes()[:1000]
    ),
    "numbers are one array": lambda folder: np.save((folder / "heads.npz").open("wb"), np.zeros(3)),
    "the old format": words(format=1),
    "a later format": words(format=99),
    "no format": lambda folder: (folder / "heads.json").write_text('{"labels": []}'),
    "a label too few": words(labels=LABELS[1:]),
    "labels are a number": words(labels=5),
    "news is no number": words(news="often"),
    "an array is missing": numbers(stack=None),
    "a stack of other kinds": numbers(stack=np.zeros((len(KINDS) + 1, len(LABELS), 3))),
    "thresholds of other labels": numbers(thresholds=np.zeros((len(KINDS), 2))),
    "vector heads of other labels": numbers(dense=np.zeros((256, 2))),
    "IDF of other columns": numbers(idf_words=np.ones(3)),
    "an array holds objects": numbers(thresholds=np.array([{"run": "me"}], dtype=object)),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_or_old_heads_are_one_sentence(tmp_path: Path, damage: str) -> None:
    small().heads.save(tmp_path)
    DAMAGE[damage](tmp_path)
    with pytest.raises(ModelError, match=r"no usable model in .*; train one with") as error:
        Heads.load(tmp_path)
    assert "\n" not in str(error.value)
    assert "horizon train" in str(error.value)


def test_another_format_is_named(tmp_path: Path) -> None:
    small().heads.save(tmp_path)
    words(format=1)(tmp_path)
    with pytest.raises(ModelError, match=r"format 1, this version reads \d"):
        Heads.load(tmp_path)


def test_another_embedder_is_one_sentence() -> None:
    from dataclasses import replace

    heads = replace(small().heads, embedder="multilingual-elsewhere")
    with pytest.raises(ModelError, match="'multilingual-elsewhere' but 'horizon-static") as error:
        labeler_of(heads)
    assert "horizon train" in str(error.value)
    assert "\n" not in str(error.value)
