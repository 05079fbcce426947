"""Sparse features of texts: TF-IDF of words, pairs of words, and the pieces that words consist of.

The column of a word or pair is its hash (Weinberger et al. 2009), so no vocabulary is kept, only
the columns that enough training texts had; the column of a piece is its number in the tokenizer.
All is worked out per distinct word and in numpy.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from classifiers.words import Words

Hashes = NDArray[np.uint64]

BLOCKS = ("words", "pieces")
BITS = 21  # of a column's hash: 2 million buckets for some 150,000 features
MIN_TEXTS = 3  # what fewer training texts have is dropped
COMMON = 0.2  # a word in a larger share of the training texts is a stop word

_LONGEST = 64  # characters of a word that count
_POWERS = np.cumprod(np.full(_LONGEST, 0x9E3779B97F4A7C15, dtype=np.uint64))  # wraps around
_MIX = np.uint64(0xD6E8FEB86659FD93)


class Sample(NamedTuple):
    """The features of some texts.

    ``matrix``: sparse float32 (texts, columns), each block's rows of length 1 (or 0).
    ``by_word``: sparse float32 (V, columns), what one occurrence of a word adds to an average row;
    pairs of words are left out.
    """

    matrix: Any
    by_word: Any


@dataclass(frozen=True)
class Features:
    """What training learnt of the features.

    Attributes:
        stop: uint64, ascending: hashes of the words to leave out.
        buckets: block → uint32, ascending: the hashes or pieces that became columns.
        idf: block → float32, one a column.
    """

    stop: Hashes
    buckets: dict[str, NDArray[np.uint32]]
    idf: dict[str, NDArray[np.float32]]

    @classmethod
    def learn(cls, words: Words, pieces: Any) -> "Features":
        """Choose stop words and columns from training texts.

        ``pieces``: how often each word has each piece, sparse (V, pieces).
        """
        hashes = word_hashes(words.vocabulary)
        counts = words.counts()
        texts = counts.shape[0]
        stop = np.sort(hashes[np.bincount(counts.indices) > COMMON * texts])
        every = np.arange(1 << BITS, dtype=np.int32)
        found = {
            "words": _words_and_pairs(words, hashes, stop, every),
            "pieces": counts @ pieces,
        }
        buckets, idf = {}, {}
        for block, matrix in found.items():
            frequency = np.bincount(matrix.indices)
            kept = np.flatnonzero(frequency >= MIN_TEXTS)
            buckets[block] = kept.astype(np.uint32)
            idf[block] = (np.log((1 + texts) / (1 + frequency[kept])) + 1).astype(np.float32)
        return cls(stop, buckets, idf)

    def transform(self, words: Words, pieces: Any) -> Sample:
        """Return the features of texts and of their words; ``pieces`` as for ``learn``."""
        from scipy import sparse

        hashes = word_hashes(words.vocabulary)
        kept = pieces[:, self.buckets["pieces"].astype(np.int64)]
        column = np.full(1 << BITS, -1, dtype=np.int32)
        column[self.buckets["words"]] = np.arange(len(self.buckets["words"]), dtype=np.int32)
        numbers = np.arange(len(hashes) + 1)
        alone = Words(words.vocabulary, numbers[:-1].astype(np.int32), numbers)
        found = {
            "words": _words_and_pairs(words, hashes, self.stop, column),
            "pieces": words.counts() @ kept,
        }
        single = {"words": _words_and_pairs(alone, hashes, self.stop, column), "pieces": kept}
        rows, by_word = [], []
        for block in BLOCKS:
            weighted = _weigh(found[block], self.idf[block])
            lengths = np.sqrt(np.asarray(weighted.multiply(weighted).sum(axis=1)).ravel())
            lengths[lengths == 0] = 1
            weighted.data /= np.repeat(lengths, np.diff(weighted.indptr)).astype(np.float32)
            rows.append(weighted)
            by_word.append(_weigh(single[block], self.idf[block]) / np.float32(lengths.mean()))
        return Sample(sparse.hstack(rows, format="csr"), sparse.hstack(by_word, format="csr"))

    @property
    def columns(self) -> int:
        """Number of columns."""
        return sum(map(len, self.buckets.values()))


def word_hashes(vocabulary: Sequence[str]) -> Hashes:
    """Return uint64 (V,)."""
    codes, starts, lengths = _letters(vocabulary)
    if not len(starts):
        return np.zeros(0, dtype=np.uint64)
    place = np.arange(len(codes)) - np.repeat(starts, lengths)
    return _mix(np.add.reduceat(codes * _POWERS[place], starts))


def _letters(vocabulary: Sequence[str]) -> tuple[Hashes, NDArray[np.int64], NDArray[np.int64]]:
    """Return all code points one after another, where each word starts and its length."""
    cut = [word[:_LONGEST] for word in vocabulary]
    codes = np.frombuffer("".join(cut).encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    lengths = np.fromiter(map(len, cut), np.int64, len(cut))
    return codes.astype(np.uint64), np.cumsum(lengths) - lengths, lengths


def _mix(hashes: Hashes) -> Hashes:
    hashes = (hashes ^ (hashes >> np.uint64(32))) * _MIX
    return hashes ^ (hashes >> np.uint64(32))


def _words_and_pairs(words: Words, hashes: Hashes, stop: Hashes, column: NDArray[np.int32]) -> Any:
    """Return how often each text has each column."""
    long = np.fromiter((len(word) > 1 for word in words.vocabulary), bool, len(hashes))
    telling = (long & ~np.isin(hashes, stop))[words.indices]
    rows, found = words.rows[telling], hashes[words.indices[telling]]
    same = rows[1:] == rows[:-1]
    pairs = _mix(found[:-1][same] * _POWERS[0] + found[1:][same])
    return _count(
        np.concatenate([rows, rows[1:][same]]),
        np.concatenate([found, pairs]),
        column,
        len(words.offsets) - 1,
    )


def _count(rows: NDArray[np.int64], hashes: Hashes, column: NDArray[np.int32], height: int) -> Any:
    """Return how often each row has each column: sparse float32 (height, columns)."""
    from scipy import sparse

    columns = column[(hashes >> np.uint64(64 - BITS)).astype(np.int64)]
    kept = columns >= 0
    ones = np.ones(int(kept.sum()), dtype=np.float32)
    width = int(column.max(initial=-1)) + 1
    return sparse.csr_matrix((ones, (rows[kept], columns[kept])), shape=(height, width))


def _weigh(counts: Any, idf: NDArray[np.float32]) -> Any:
    """Return TF-IDF with logarithmic counts."""
    weighted = counts.tocsr(copy=True)
    weighted.data = (1 + np.log(weighted.data)) * idf[weighted.indices]
    return weighted
