"""Vectors of meaning from any sentence-transformers model."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from classifiers.base import Embedder, ModelError, Vectors


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


def load_embedder(model: str) -> Embedder:
    """Load a sentence-transformers model by name or folder.

    The name of a folder's embedder is the folder's own name, not its path: an artifact trained on
    one machine is found to fit on another.

    Raises:
        ModelError: it is missing, cannot be reached or is no such model.
    """
    from sentence_transformers import SentenceTransformer  # 9 s with torch

    folder = Path(model)
    try:
        loaded = SentenceTransformer(model, device="cpu")
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        cause = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ModelError(
            f"embedding model {model!r} cannot be loaded ({cause.rstrip('.')}); give the folder of"
            " a saved sentence-transformers model, or a name that this machine can download,"
            " or leave it empty to work with words alone"
        ) from error
    return SentenceTransformerEmbedder(folder.resolve().name if folder.is_dir() else model, loaded)
