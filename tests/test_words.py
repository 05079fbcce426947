"""Texts as counted words: written texts, and what no one would write."""

import time

import numpy as np
import pytest

from classifiers.features import word_hashes
from classifiers.words import WORD, Words, fold

LATEX = r"We bound $\int_0^1 \frac{x}{y}\,dx$ by \emph{Hölder}"


def words_of(text: str) -> list[str]:
    """The folded words of one text, in their order."""
    words = Words.of([text])
    return [words.vocabulary[k] for k in words.indices]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Drones over Malmö", ["drones", "over", "malmo"]),
        ("DÉTECTION d’explosifs", ["detection", "d", "explosifs"]),
        ("Straße, STRASSE, ﬁn", ["strasse", "strasse", "fin"]),
        ("zero-day 802.11 CO2", ["zero", "day", "802", "11", "co2"]),
        ("폭발물 탐지", ["폭발물", "탐지"]),
        ("爆発物検知、空港で", ["爆発物検知", "空港で"]),
        ("גילוי חומרי נפץ", ["גילוי", "חומרי", "נפץ"]),
        ("שָׁלוֹם", ["שלום"]),
        ("İstanbul", ["istanbul"]),
        ("<p class='x'></p>", ["p", "class", "x", "p"]),
        (LATEX, ["we", "bound", "int_0", "1", "frac", "x", "y", "dx", "by", "emph", "holder"]),
        ("a\x00b\ud800c", ["a", "b", "c"]),
        ("\x00\ud800\U000e0001", []),
        ("?! … — 「」", []),
        ("", []),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    assert words_of(text) == expected


@pytest.mark.parametrize("text", ["Grüße ÅNGSTRÖM", "ﬁn ½ Ⅻ", "폭발물", "ﾄﾞﾛｰﾝ", "שָׁלוֹם", "\ud800"])
def test_folding_again_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@pytest.mark.parametrize("text", ["Grüße ÅNGSTRÖM", "La cybersécurité", "폭발물 탐지"])
def test_capitals_make_no_other_word(text: str) -> None:
    assert words_of(text.upper()) == words_of(text.lower())


def test_offsets_and_counts_keep_texts_apart() -> None:
    texts = ["drone swarm, drone", "", "<br/>", "swarm"]
    words = Words.of(texts)
    assert words.vocabulary == ["drone", "swarm", "br"]
    assert words.offsets.tolist() == [0, 3, 3, 4, 5]
    assert words.rows.tolist() == [0, 0, 0, 2, 3]
    assert words.counts().toarray().tolist() == [[2, 1, 0], [0, 0, 0], [0, 0, 1], [0, 1, 0]]
    assert words.counts().dtype == np.float32


def test_no_texts_and_texts_without_words() -> None:
    assert Words.of([]).counts().shape == (0, 0)
    nothing = Words.of(["", "\ud800", "…"])
    assert nothing.counts().shape == (3, 0)
    assert word_hashes(nothing.vocabulary).shape == (0,)


def test_a_word_counts_by_its_beginning_only() -> None:
    [cut] = Words.of(["x" * 10_000]).vocabulary
    assert len(cut) < 100


def test_hashes_tell_words_apart() -> None:
    vocabulary = ["drone", "drones", "enord", "dron", "e", "無人機", "機人無", "הברחות"]
    hashes = word_hashes(vocabulary)
    assert len(set(hashes.tolist())) == len(vocabulary)
    assert (word_hashes(vocabulary[::-1])[::-1] == hashes).all()


@pytest.mark.parametrize(
    "text",
    ["explosive detection " * 50_000, "é" * 1_000_000, "漢字" * 500_000, "<b>" * 333_333],
    ids=["words", "one word", "no spaces", "markup"],
)
def test_a_text_of_1_mb_takes_less_than_a_second(text: str) -> None:
    start = time.monotonic()
    words = Words.of([text])
    assert time.monotonic() - start < 1
    assert len(words.indices) == len(WORD.findall(text))
