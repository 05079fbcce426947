"""Sparse features of texts: TF-IDF of words, pairs of words and characters, by feature hashing.

A feature's column is its hash (Weinberger et al. 2009), so no vocabulary is kept, only the columns
that enough training texts had. All is worked out per distinct word and in numpy.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classifiers.words import Words

Hashes = NDArray[np.uint64]

BITS = 21  # of a column's hash: 2 million buckets for some 100,000 features
N_GRAMS = (3, 4, 5)  # characters within a word and the spaces around it
MIN_TEXTS = {"words": 2, "characters": 5}  # what fewer training texts have is dropped
COMMON = 0.2  # a word in a larger share of the training texts is a stop word

_FIRST_IDEOGRAM = 0x2E80  # from here on scripts that write several words without a space
_LONGEST = 64  # characters of a word that count
_POWERS = np.cumprod(np.full(_LONGEST, 0x9E3779B97F4A7C15, dtype=np.uint64))  # wraps around
_MIX = np.uint64(0xD6E8FEB86659FD93)


@dataclass(frozen=True)
class Features:
    """What training learnt of the features.

    Attributes:
        stop: uint64, ascending: hashes of the words to leave out.
        buckets: block → uint32, ascending: the hashes that became columns.
        idf: block → float32, one a column.
    """

    stop: Hashes
    buckets: dict[str, NDArray[np.uint32]]
    idf: dict[str, NDArray[np.float32]]

    @classmethod
    def learn(cls, words: Words) -> "Features":
        """Choose stop words and columns from the training texts."""
        hashes = word_hashes(words.vocabulary)
        counts = words.counts()
        stop = np.sort(hashes[np.bincount(counts.indices) > COMMON * counts.shape[0]])
        buckets, idf = {}, {}
        for block, matrix in _blocks(words, counts, hashes, stop).items():
            texts = np.bincount(matrix.indices, minlength=matrix.shape[1])
            kept = np.flatnonzero(texts >= MIN_TEXTS[block])
            buckets[block] = kept.astype(np.uint32)
            smooth = np.log((1 + counts.shape[0]) / (1 + texts[kept])) + 1
            idf[block] = smooth.astype(np.float32)
        return cls(stop, buckets, idf)

    def transform(self, words: Words) -> Any:
        """Return sparse float32 (texts, columns): each block's rows have length 1, or 0."""
        from scipy import sparse

        hashes = word_hashes(words.vocabulary)
        blocks = _blocks(words, words.counts(), hashes, self.stop)
        parts = [_weigh(found, self.buckets[b], self.idf[b]) for b, found in blocks.items()]
        return sparse.hstack(parts, format="csr")

    def spread(self, vocabulary: Sequence[str], weights: NDArray[np.float32]) -> Any:
        """Return float32 (V, L): what each word adds to each score, for ``weights`` (columns, L).

        The word's own column and its characters' columns, as if each stood once in a text of its
        own; pairs of words are left out.
        """
        raise NotImplementedError


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


def _bucket(hashes: Hashes) -> NDArray[np.int32]:
    return (hashes >> np.uint64(64 - BITS)).astype(np.int32)


def _blocks(words: Words, counts: Any, hashes: Hashes, stop: Hashes) -> dict[str, Any]:
    """Return block → how often each text has each bucket: sparse (texts, 2^BITS)."""
    grams = counts @ _characters(words.vocabulary)
    return {"words": _words_and_pairs(words, hashes, stop), "characters": grams}


def _words_and_pairs(words: Words, hashes: Hashes, stop: Hashes) -> Any:
    telling = ~np.isin(hashes, stop)[words.indices]
    telling &= np.fromiter((len(w) > 1 for w in words.vocabulary), bool)[words.indices]
    rows, found = words.rows[telling], hashes[words.indices[telling]]
    same = rows[1:] == rows[:-1]
    pairs = _mix(found[:-1][same] * _POWERS[0] + found[1:][same])
    return _count(
        np.concatenate([rows, rows[1:][same]]),
        _bucket(np.concatenate([found, pairs])),
        len(words.offsets) - 1,
    )


def _characters(vocabulary: Sequence[str]) -> Any:
    """Return how often each word has each n-gram: sparse (V, 2^BITS)."""
    codes, _, lengths = _letters([f" {word[: _LONGEST - 2]} " for word in vocabulary])
    owner = np.repeat(np.arange(len(lengths)), lengths)
    owners, hashes = [], []
    for n in (2, *N_GRAMS):
        whole = owner[: len(owner) - n + 1] == owner[n - 1 :]
        if n == 2:  # only where letters carry more than in an alphabet
            whole &= (codes[:-1] >= _FIRST_IDEOGRAM) & (codes[1:] >= _FIRST_IDEOGRAM)
        start = np.flatnonzero(whole)
        total = np.zeros(len(start), dtype=np.uint64)
        for k in range(n):
            total += codes[start + k] * _POWERS[k]
        owners.append(owner[start])
        hashes.append(_mix(total + np.uint64(n)))
    return _count(np.concatenate(owners), _bucket(np.concatenate(hashes)), len(lengths))


def _count(rows: NDArray[np.int64], columns: NDArray[np.int32], texts: int) -> Any:
    from scipy import sparse

    ones = np.ones(len(rows), dtype=np.float32)
    return sparse.csr_matrix((ones, (rows, columns)), shape=(texts, 1 << BITS))


def _weigh(found: Any, buckets: NDArray[np.uint32], idf: NDArray[np.float32]) -> Any:
    """Return TF-IDF with logarithmic counts of the columns kept, rows of length 1."""
    from scipy import sparse

    column = np.full(1 << BITS, -1, dtype=np.int32)
    column[buckets] = np.arange(len(buckets), dtype=np.int32)
    columns = column[found.indices]
    kept = columns >= 0
    rows = np.repeat(np.arange(found.shape[0]), np.diff(found.indptr))[kept]
    columns = columns[kept]
    values = (1 + np.log(found.data[kept])) * idf[columns]
    length = np.sqrt(np.bincount(rows, values**2, minlength=found.shape[0]))
    values = (values / length[rows]).astype(np.float32)
    offsets = np.searchsorted(rows, np.arange(found.shape[0] + 1))
    return sparse.csr_matrix((values, columns, offsets), shape=(found.shape[0], len(buckets)))
