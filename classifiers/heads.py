"""Label heads: one logistic regression per label over words, characters and, if given, vectors.

What was learnt is kept as numbers (``heads.npz``) and words (``heads.json``): loading a model
runs nothing. ``train.py`` makes it.
"""

import json
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from classifiers.base import Embedder, LabelScore, ModelError, Vectors
from core.document import Document
from core.taxonomy import Taxonomy

FORMAT = 1
MAX_REASONS = 5
MAX_CHARACTERS = 20_000  # of one text; the longest abstract known has 6,000

# Character n-grams besides words: measured 5-fold on the gold labels, +0.02 macro-F1 and +0.02 mean
# average precision for 1 MB of weights; lengths 4 to 5 did as well as 3 to 5 and are faster.
SETTINGS: dict[str, dict[str, Any]] = {
    "words": {"ngram_range": (1, 2), "stop_words": "english", "min_df": 3},
    "characters": {
        "analyzer": "char_wb",
        "ngram_range": (4, 5),
        "min_df": 8,
        "max_features": 20_000,
    },
}


def vectorizer(block: str, **learnt: Any) -> Any:
    """Return the scikit-learn vectorizer of one block of features, with what it has learnt."""
    from sklearn.feature_extraction.text import TfidfVectorizer  # 1 s

    settings = SETTINGS[block] | learnt
    return TfidfVectorizer(sublinear_tf=True, dtype=np.float32, **settings)


def head_text(document: Document) -> str:
    """Return what the heads read: the title twice, for it says what the work is about."""
    return f"{document.title}. {document.title}. {document.abstract}"[:MAX_CHARACTERS]


@dataclass(frozen=True)
class Heads:
    """What training learnt. Features stand in the order words, characters, vector.

    Attributes:
        labels: label ids, length L.
        vocabulary: block → terms, in the order of their columns.
        idf: block → float32 (terms,).
        coefficients: float32 (L, features). intercepts: float32 (L,).
        calibration: float32 (L, 2), slope and offset (Platt 1999) that make a score a probability.
        thresholds: float32 (L,), the probability from which a label is assigned.
        embedder: name of the embedder it was trained with, '' for none.
        data_hash: of the examples it was trained on.
    """

    labels: tuple[str, ...]
    vocabulary: dict[str, list[str]]
    idf: dict[str, NDArray[np.float32]]
    coefficients: NDArray[np.float32]
    intercepts: NDArray[np.float32]
    calibration: NDArray[np.float32]
    thresholds: NDArray[np.float32]
    embedder: str
    data_hash: str

    @cached_property
    def _vectorizers(self) -> dict[str, Any]:
        fitted = {}
        for block, terms in self.vocabulary.items():
            fitted[block] = vectorizer(block, vocabulary=terms)
            fitted[block].idf_ = self.idf[block]
        return fitted

    @property
    def fingerprint(self) -> str:
        """Eight hex digits that change with anything a decision depends on."""
        digest = blake2b(repr((self.labels, self.vocabulary)).encode(), digest_size=4)
        numbers = (self.coefficients, self.intercepts, self.calibration, self.thresholds)
        for array in (*numbers, *self.idf.values()):
            digest.update(array.tobytes())
        return digest.hexdigest()

    def features(self, texts: Sequence[str], vectors: Vectors | None) -> Any:
        """Return a sparse float32 matrix (len(texts), features)."""
        return stack([v.transform(texts) for v in self._vectorizers.values()], vectors)

    def probabilities(self, features: Any) -> NDArray[np.float64]:
        """Return (n, L), how likely each label is."""
        scores = features @ self.coefficients.T + self.intercepts
        return calibrate(scores, self.calibration)

    def reasons(self, row: Any, text: str, label: int) -> tuple[str, ...]:
        """Return the words of ``text`` that weigh most for the label, as the text writes them.

        Args:
            row: the text's features, sparse (1, features).
            text: the title and abstract.
            label: index of the label.
        """
        words = row.indices < len(self.vocabulary["words"])
        columns, values = row.indices[words], row.data[words]
        weights = values * self.coefficients[label, columns]
        found: list[str] = []
        for k in np.argsort(-weights, kind="stable"):
            if weights[k] <= 0 or len(found) == MAX_REASONS:
                break
            # Stop words were dropped before pairs were made: some pairs are not in the text.
            term = self.vocabulary["words"][columns[k]]
            pattern = r"\b" + r"\W{1,3}".join(map(re.escape, term.split())) + r"\b"
            match = re.search(pattern, text, re.IGNORECASE)
            if match and not any(match[0].casefold() in f.casefold() for f in found):
                found.append(match[0])
        return tuple(found)

    def save(self, folder: Path) -> None:
        """Write ``heads.npz`` and ``heads.json`` into ``folder``."""
        folder.mkdir(parents=True, exist_ok=True)
        numbers: dict[str, Any] = {
            "coefficients": self.coefficients,
            "intercepts": self.intercepts,
            "calibration": self.calibration,
            "thresholds": self.thresholds,
            **{f"idf_{block}": values for block, values in self.idf.items()},
        }
        np.savez_compressed(folder / "heads.npz", **numbers)
        words = {
            "format": FORMAT,
            "labels": self.labels,
            "embedder": self.embedder,
            "data_hash": self.data_hash,
            "vocabulary": self.vocabulary,
        }
        text = json.dumps(words, ensure_ascii=False, indent=0)
        (folder / "heads.json").write_text(text + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> "Heads":
        """Read what ``save`` wrote.

        Raises:
            ModelError: it is missing, damaged or of another format.
        """
        remedy = "train one with python -m classifiers.train"
        try:
            words = json.loads((folder / "heads.json").read_text(encoding="utf-8"))
            if words["format"] != FORMAT:
                raise ValueError(f"format {words['format']}, this version reads {FORMAT}")
            with np.load(folder / "heads.npz", allow_pickle=False) as numbers:
                heads = cls(
                    labels=tuple(words["labels"]),
                    vocabulary=words["vocabulary"],
                    idf={block: numbers[f"idf_{block}"] for block in words["vocabulary"]},
                    coefficients=numbers["coefficients"],
                    intercepts=numbers["intercepts"],
                    calibration=numbers["calibration"],
                    thresholds=numbers["thresholds"],
                    embedder=words["embedder"],
                    data_hash=words["data_hash"],
                )
            heads._check()
        except (
            OSError,
            ValueError,
            KeyError,
            TypeError,
            EOFError,
            BadZipFile,
            zlib.error,
        ) as error:
            raise ModelError(f"no usable model in {folder} ({error}); {remedy}") from error
        return heads

    def _check(self) -> None:
        count = len(self.labels)
        terms = sum(map(len, self.vocabulary.values()))
        shapes = {
            "intercepts": (self.intercepts.shape, (count,)),
            "calibration": (self.calibration.shape, (count, 2)),
            "thresholds": (self.thresholds.shape, (count,)),
            "labels": (self.coefficients.shape[:1], (count,)),
            **{f"idf_{b}": (self.idf[b].shape, (len(v),)) for b, v in self.vocabulary.items()},
        }
        for what, (shape, expected) in shapes.items():
            if shape != expected:
                raise ValueError(f"{what} has shape {shape} instead of {expected}")
        if (self.coefficients.shape[1] > terms) != bool(self.embedder):
            raise ValueError("vocabulary and coefficients do not fit together")


class HeadLabeler:
    """A ``Labeler`` for those labels of ``taxonomy`` that have a head.

    Raises:
        ModelError: ``embedder`` is not the one the heads were trained with.
    """

    def __init__(self, heads: Heads, taxonomy: Taxonomy, embedder: Embedder | None = None) -> None:
        given = embedder.name if embedder else ""
        if given != heads.embedder:
            raise ModelError(
                f"the label heads were trained with {_named(heads.embedder)} but"
                f" {_named(given)} is set; set embedding.model to fit, or train anew with"
                " python -m classifiers.train --embedding-model"
            )
        self._heads = heads
        self._embedder = embedder
        index = {label: k for k, label in enumerate(heads.labels)}
        self._targets = [(lb.id, s.id, index[lb.id]) for s, lb in taxonomy if lb.id in index]
        self.name = f"heads-{heads.fingerprint}" + (f"-{given}" if given else "")

    def label(self, documents: Sequence[Document]) -> list[list[LabelScore]]:
        """Return per document one score for each label that has a head; reasons if assigned."""
        if not documents:
            return []
        heads = self._heads
        texts = [head_text(document) for document in documents]
        vectors = self._embedder.encode([d.text for d in documents]) if self._embedder else None
        features = heads.features(texts, vectors)
        probabilities = heads.probabilities(features)
        assigned = probabilities >= heads.thresholds
        return [
            [
                LabelScore(
                    label,
                    scheme,
                    score=float(probabilities[i, k]),
                    assigned=bool(assigned[i, k]),
                    origin="model",
                    reasons=heads.reasons(features[i], texts[i], k) if assigned[i, k] else (),
                )
                for label, scheme, k in self._targets
            ]
            for i in range(len(documents))
        ]


def stack(blocks: Sequence[Any], vectors: Vectors | None) -> Any:
    """Return blocks of features side by side: sparse (n, all features)."""
    from scipy import sparse

    dense = [] if vectors is None else [sparse.csr_matrix(vectors)]
    return sparse.hstack([*blocks, *dense], format="csr")


def calibrate(
    scores: NDArray[np.floating[Any]], calibration: NDArray[np.floating[Any]]
) -> NDArray[np.float64]:
    """Return the probabilities (n, L) that Platt's sigmoid gives ``scores`` (n, L)."""
    logits = scores.astype(np.float64) * calibration[:, 0] + calibration[:, 1]
    return np.asarray(1 / (1 + np.exp(-np.clip(logits, -30, 30))), dtype=np.float64)


def _named(embedder: str) -> str:
    return f"the embedding model {embedder!r}" if embedder else "no embedding model"
