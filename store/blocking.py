"""Which documents are worth comparing: those that share a band.

Each document carries a few 64-bit bands: of its title's letters, of the title's first and last
letters (a change spares one end), and MinHash bands of title and abstract (locality-sensitive
hashing: Leskovec, Rajaraman, Ullman, Mining of Massive Datasets, ch. 3; Broder 1997 for MinHash).
Two texts with a share s of shingles in common agree in a band with probability
s^ROWS, in at least one with 1 - (1 - s^ROWS)^BANDS. datasketch does the same, a document at a time.
"""

from collections.abc import Sequence
from hashlib import blake2b
from itertools import chain
from zlib import crc32

import numpy as np
import numpy.typing as npt

from core.document import Document
from core.likeness import text_words, title_letters

_SHINGLE = 4  # words
_BANDS, _ROWS = 6, 2
_END = 32  # letters

_Hashes = npt.NDArray[np.uint64]
_ODD = 0x9E3779B97F4A7C15  # 2^64 / golden ratio
_HIGHEST = 2**64 - 1


def bands(documents: Sequence[Document]) -> list[list[int]]:
    """Return the bands of each document, without order; a short text has few or none."""
    return [
        [*dict.fromkeys([*_title_bands(document.title), *of_text])]
        for document, of_text in zip(documents, _text_bands(documents), strict=True)
    ]


def _title_bands(title: str) -> list[int]:
    letters = title_letters(title)
    if not letters:
        return []
    parts = {f"={letters}", f"<{letters[:_END]}", f">{letters[-_END:]}"}
    return sorted(int.from_bytes(blake2b(p.encode(), digest_size=8).digest(), "big") for p in parts)


def _text_bands(documents: Sequence[Document]) -> list[list[int]]:
    texts = [text_words(document.text) for document in documents]
    long_enough = [i for i, words in enumerate(texts) if len(words) >= _SHINGLE]
    found: list[list[int]] = [[] for _ in texts]
    if not long_enough:
        return found
    lengths = np.array([len(texts[i]) for i in long_enough])
    words = chain.from_iterable(texts[i] for i in long_enough)
    hashes = np.fromiter(map(_Numbers().__getitem__, words), np.uint64, lengths.sum())
    signatures = _signatures(hashes, lengths)
    for i, signature in zip(long_enough, signatures.tolist(), strict=True):
        found[i] = signature
    return found


def _signatures(words: _Hashes, lengths: npt.NDArray[np.int64]) -> _Hashes:
    """Return the MinHash bands, shape (documents, _BANDS), of words laid end to end."""
    shingles = words.copy()
    for distance in range(1, _SHINGLE):
        shingles = _mix(shingles * np.uint64(31) + np.roll(words, -distance))
    ends = np.cumsum(lengths)
    across = (ends[:, None] - np.arange(1, _SHINGLE)).ravel()  # they reach into the next text
    found = np.zeros((len(lengths), _BANDS), np.uint64)
    for number, salt in enumerate(_SALTS):
        permuted = shingles * salt
        permuted[across] = _HIGHEST
        lowest = np.minimum.reduceat(permuted, ends - lengths)
        band = number // _ROWS
        found[:, band] = _mix(found[:, band] * np.uint64(31) + lowest)
    return found


def _mix(values: _Hashes) -> _Hashes:
    """Return well-scrambled ``values`` (the finalizer of MurmurHash3, shortened)."""
    values = (values ^ (values >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
    return values ^ (values >> np.uint64(29))


# Multiplying by an odd number permutes all 64-bit values.
_SALTS = _mix(np.arange(1, _BANDS * _ROWS + 1, dtype=np.uint64) * np.uint64(_ODD)) | np.uint64(1)


class _Numbers(dict[str, int]):
    """Word → a number that is the same in every process."""

    def __missing__(self, word: str) -> int:
        number = self[word] = crc32(word.encode()) * _ODD & _HIGHEST
        return number
