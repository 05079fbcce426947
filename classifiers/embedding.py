"""Vectors of meaning: our own static model by default, or any sentence-transformers model."""

from collections.abc import Sequence
from functools import cache
from hashlib import blake2b
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classifiers.base import Embedder, ModelError, Vectors
from classifiers.words import Words

MODEL = Path(__file__).parent / "model" / "embedding"
DIMENSIONS = 256  # of our own model
_REMEMBERED = 300_000  # words, some 50 MB
CHARACTERS = 20_000  # of one text; the longest abstract known has 6,000


class StaticEmbedder:
    """A ``StaticEmbedding`` model: a text's vector is the sum of those of its word pieces.

    Pieces are looked up once per distinct word of a batch. That gives the vectors of
    ``StaticModel.encode`` and of sentence-transformers, which walk through every text, up to the
    rounding of sums.
    """

    def __init__(
        self,
        name: str,
        tokenizer: Any,
        numbers: NDArray[np.int8],
        scales: NDArray[np.float32],
    ) -> None:
        self.name = name
        self.dimensions = int(numbers.shape[1])
        self._tokenizer = tokenizer
        self._numbers = numbers  # (pieces, dimensions), a fourth of what float32 would take
        self._scales = scales  # (pieces,)
        self._known: dict[str, list[int]] = {}  # words seen before need not be split again

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return float32 (len(texts), dimensions), rows of length 1."""
        words = Words.of([text[:CHARACTERS] for text in texts])
        return unit(words.counts() @ self.sums(self.pieces(words.vocabulary)))

    def sums(self, pieces: Any) -> Vectors:
        """Return float32 (V, dimensions): the sums of the ``pieces`` (V, pieces) of words."""
        used, places = np.unique(pieces.indices, return_inverse=True)
        vectors = self._numbers[used] * self._scales[used, None]
        parts = (pieces.data, places.astype(np.int32), pieces.indptr)
        narrow = type(pieces)(parts, shape=(pieces.shape[0], len(used)))
        return np.asarray(narrow @ vectors, dtype=np.float32)

    def pieces(self, vocabulary: Sequence[str]) -> Any:
        """Return how often each folded word has each piece: sparse float32 (V, pieces)."""
        from scipy import sparse

        known = self._known
        if unknown := [word for word in vocabulary if word not in known]:
            if len(known) > _REMEMBERED:
                known.clear()
                unknown = list(vocabulary)
            found = self._tokenizer.encode_batch_fast(unknown, add_special_tokens=False)
            known.update((word, pieces.ids) for word, pieces in zip(unknown, found, strict=True))
        ids = [known[word] for word in vocabulary]
        offsets = np.zeros(len(ids) + 1, dtype=np.int64)
        np.cumsum(np.fromiter(map(len, ids), np.int64, len(ids)), out=offsets[1:])
        pieces = np.fromiter(chain.from_iterable(ids), np.int32, int(offsets[-1]))
        ones = np.ones(len(pieces), dtype=np.float32)
        shape = (len(ids), len(self._numbers))
        matrix = sparse.csr_matrix((ones, pieces, offsets), shape=shape)
        matrix.sum_duplicates()
        return matrix


class SentenceTransformerEmbedder:
    """An ``Embedder`` around a loaded ``sentence_transformers.SentenceTransformer``."""

    def __init__(self, name: str, model: Any) -> None:
        self.name = name
        self.dimensions = int(model.get_embedding_dimension())
        self._model = model

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return float32 (len(texts), dimensions), rows of length 1."""
        if not texts:
            return np.zeros((0, self.dimensions), dtype=np.float32)
        vectors = self._model.encode(
            list(texts), normalize_embeddings=True, convert_to_numpy=True, show_progress_bar=False
        )
        return np.asarray(np.nan_to_num(vectors), dtype=np.float32)


def load_embedder(model: str = "") -> Embedder:
    """Load a model by name or folder; '' is the one that ships with Horizon.

    A folder's embedder is named after the folder, not its path: heads trained on one machine are
    found to fit on another.

    Raises:
        ModelError: it is missing, cannot be reached or is no such model.
    """
    return own_embedder() if not model else _sentence_transformer(model)


def unit(vectors: Vectors) -> Vectors:
    """Return ``vectors`` with rows of length 1; rows of zeros stay."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(lengths > 0, lengths, 1), dtype=np.float32)


@cache
def own_embedder() -> StaticEmbedder:
    """Load the model that ships with Horizon, once, without PyTorch. Raises ModelError.

    The folder is model2vec's; its own loader would take twice the memory (160 MB for 77), for
    lists of the vocabulary that nothing here needs.
    """
    from safetensors.numpy import load_file
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(str(MODEL / "tokenizer.json"))
        arrays = load_file(MODEL / "model.safetensors")
        mark = blake2b(arrays["embeddings"].tobytes(), digest_size=4).hexdigest()
        return StaticEmbedder(
            f"horizon-static-{mark}", tokenizer, arrays["embeddings"], arrays["weights"]
        )
    except Exception as error:  # tokenizers raises no narrower one
        raise ModelError(
            f"the embedding model in {MODEL} cannot be read ({_first(error)}); install Horizon anew"
        ) from error


def _sentence_transformer(model: str) -> SentenceTransformerEmbedder:
    from sentence_transformers import SentenceTransformer  # 9 s with torch

    folder = Path(model)
    try:
        loaded = SentenceTransformer(model, device="cpu")
    except Exception as error:  # as above
        raise ModelError(
            f"embedding model {model!r} cannot be loaded ({_first(error)}); give the folder of"
            " a saved sentence-transformers model, or a name that this machine can download,"
            " or leave embedding.model empty for Horizon's own"
        ) from error
    return SentenceTransformerEmbedder(folder.resolve().name if folder.is_dir() else model, loaded)


def _first(error: Exception) -> str:
    text = str(error).strip()
    return (text.splitlines()[0] if text else type(error).__name__).rstrip(".")
