"""Sparse features of written texts; the pieces of a word are its first and its last letter."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from classifiers.features import BLOCKS, MIN_TEXTS, Features, Sample
from classifiers.words import Words

LETTERS = "abcdefghijklmnopqrstuvwxyz"
# Every word but "common" stands in few of the texts.
TEXTS = [
    "common drone swarm finds smoke",
    "common drone swarm follows ship",
    "common drone swarm maps flood",
    "common malware reads mail",
    "common malware locks ward",
    "common malware hides twice",
    "common flood wave takes bridge",
    "common flood wave misses town",
    *(f"common filler{letter} other{letter}" for letter in LETTERS[:20]),
]


def pieces_of(vocabulary: Sequence[str]) -> Any:
    """Two pieces a word, no piece shared by a first and a last letter: (V, 52)."""
    matrix = np.zeros((len(vocabulary), 2 * len(LETTERS)), dtype=np.float32)
    for k, word in enumerate(vocabulary):
        for letter, offset in ((word[0], 0), (word[-1], len(LETTERS))):
            if letter in LETTERS:
                matrix[k, offset + LETTERS.index(letter)] = 1
    return sparse.csr_matrix(matrix)


def learn(texts: Sequence[str]) -> Features:
    words = Words.of(texts)
    return Features.learn(words, pieces_of(words.vocabulary))


def transform(features: Features, texts: Sequence[str]) -> Sample:
    words = Words.of(texts)
    return features.transform(words, pieces_of(words.vocabulary))


def row(features: Features, text: str) -> Any:
    return transform(features, [text]).matrix.toarray()[0]


@pytest.fixture(scope="module")
def features() -> Features:
    return learn(TEXTS)


def test_a_text_has_the_same_row_whatever_its_batch(features: Features) -> None:
    together = transform(features, TEXTS).matrix.toarray()
    turned = transform(features, TEXTS[::-1]).matrix.toarray()[::-1]
    alone = np.stack([row(features, text) for text in TEXTS])
    np.testing.assert_allclose(together, alone, rtol=1e-5)
    np.testing.assert_allclose(together, turned, rtol=1e-5)


def test_each_block_has_length_one_or_zero(features: Features) -> None:
    matrix = transform(features, [*TEXTS, "", "…", "unheard qqq"]).matrix.toarray()
    starts = np.cumsum([0, *(len(features.buckets[block]) for block in BLOCKS)])
    assert matrix.shape[1] == starts[-1] == features.columns
    for first, last in pairwise(starts):
        lengths = np.linalg.norm(matrix[:, first:last], axis=1)
        assert (np.isclose(lengths, 1, atol=1e-5) | (lengths == 0)).all()
    assert (matrix[len(TEXTS) : len(TEXTS) + 2] == 0).all()


def test_only_words_and_pairs_of_enough_texts_have_a_column(features: Features) -> None:
    # drone, swarm, malware, flood, and the pair drone swarm; wave stands in two texts.
    assert len(features.buckets["words"]) == 5
    block = len(features.buckets["words"])
    assert row(features, "malware")[:block].any()
    assert not row(features, "wave bridge town")[:block].any()
    assert MIN_TEXTS == 3
    assert np.count_nonzero(row(features, "drone swarm")[:block]) == 3
    assert np.count_nonzero(row(features, "swarm drone")[:block]) == 2


def test_what_most_texts_have_says_nothing(features: Features) -> None:
    assert len(features.stop) == 1
    block = len(features.buckets["words"])
    assert not row(features, "common")[:block].any()
    np.testing.assert_array_equal(
        row(features, "drone common swarm")[:block], row(features, "drone swarm")[:block]
    )


def test_a_rarer_word_weighs_more() -> None:
    features = learn([*TEXTS, "malware again", "malware anew"])
    found = row(features, "drone malware")[: len(features.buckets["words"])]
    drone = row(features, "drone")[: len(features.buckets["words"])].argmax()
    malware = row(features, "malware")[: len(features.buckets["words"])].argmax()
    assert found[drone] > found[malware] > 0


def test_what_a_word_adds_sums_up_to_the_score_of_its_text(features: Features) -> None:
    coefficients = np.random.default_rng(0).normal(size=(features.columns, 4)).astype(np.float32)
    text = "swarm malware flood"  # no pair of these is known, and no piece comes twice
    words = Words.of([text])
    sample = features.transform(words, pieces_of(words.vocabulary))
    assert sample.by_word.shape == (3, features.columns)
    attributed = words.counts() @ (sample.by_word @ coefficients)
    np.testing.assert_allclose(attributed, sample.matrix @ coefficients, rtol=1e-4)


def test_learning_does_not_depend_on_the_order_of_texts(features: Features) -> None:
    again = learn(TEXTS[::-1])
    assert (again.stop == features.stop).all()
    for block in BLOCKS:
        assert (again.buckets[block] == features.buckets[block]).all()
        np.testing.assert_array_equal(again.idf[block], features.idf[block])
