"""Label heads: per label one logistic regression over words, one over the vector of meaning.

A third joins the two (stacking, Wolpert 1992) and gives the probability. It differs by the kind of
text (``KINDS``): research reads differently from news, and in another language the vector is to be
trusted more than the words. What was learnt is kept as numbers (``heads.npz``) and names
(``heads.json``): loading a model runs nothing. ``train.py`` makes it.
"""

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from classifiers.base import Embedder, LabelScore, ModelError, Vectors
from classifiers.embedding import CHARACTERS, StaticEmbedder, own_embedder, unit
from classifiers.features import BLOCKS, Features
from classifiers.words import WORD, Words, fold
from core.document import Document
from core.taxonomy import Taxonomy

FORMAT = 2
KINDS = ("research", "news", "foreign")
MAX_REASONS = 4

_STRONG = 0.3  # of the strongest word's weight: what else is told as a reason

Floats = NDArray[np.float32]


def head_text(document: Document) -> str:
    """Return what the heads read: the title twice, for it says what the work is about."""
    return f"{document.title}. {document.title}. {document.abstract}"[:CHARACTERS]


@dataclass(frozen=True)
class Heads:
    """What training learnt, for L labels.

    Attributes:
        labels: label ids.
        features: the sparse features.
        sparse: (columns, L + 1), coefficients of the sparse features; the last column tells news
            from research.
        news: a text with a score above this in that last column is news.
        dense: (dimensions, L), coefficients of the vector.
        stack: (kinds, L, 3), weight of the words' score, of the vector's and an offset; their sum
            is the logit of the probability.
        thresholds: (kinds, L), the probability from which a label is assigned.
        embedder: name of the embedder that made the vectors.
        data_hash: of the examples.
        scores: kind → measure → what cross-validation said when all was fitted.
    """

    labels: tuple[str, ...]
    features: Features
    sparse: Floats
    news: float
    dense: Floats
    stack: Floats
    thresholds: Floats
    embedder: str
    data_hash: str
    scores: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        """Eight hex digits that change with anything a decision depends on."""
        digest = blake2b(repr((self.labels, self.embedder, self.news)).encode(), digest_size=4)
        for array in self._arrays().values():
            digest.update(array.tobytes())
        return digest.hexdigest()

    def kinds(self, words: NDArray[Any], foreign: NDArray[np.bool_]) -> NDArray[np.intp]:
        """Return (n,) indices into ``KINDS`` from the words' scores (n, L + 1)."""
        return np.where(foreign, 2, np.where(words[:, -1] > self.news, 1, 0))

    def probabilities(
        self, words: NDArray[Any], vectors: NDArray[Any], kinds: NDArray[np.intp]
    ) -> NDArray[np.float64]:
        """Return (n, L), how likely each label is, from both scores (n, L + 1) and (n, L)."""
        return join(words[:, :-1], vectors, self.stack[kinds])

    def save(self, folder: Path) -> None:
        """Write ``heads.npz`` and ``heads.json`` into ``folder``."""
        folder.mkdir(parents=True, exist_ok=True)
        arrays = self._arrays()
        for name in ("sparse", "dense"):  # half the bytes; measured: no decision changes
            arrays[name] = arrays[name].astype(np.float16)
        np.savez_compressed(folder / "heads.npz", **arrays)  # type: ignore[arg-type]
        words = {
            "format": FORMAT,
            "labels": self.labels,
            "embedder": self.embedder,
            "news": self.news,
            "data_hash": self.data_hash,
            "scores": self.scores,
        }
        text = json.dumps(words, ensure_ascii=False, indent=1)
        (folder / "heads.json").write_text(text + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> "Heads":
        """Read what ``save`` wrote.

        Raises:
            ModelError: it is missing, damaged or of another format.
        """
        try:
            words = json.loads((folder / "heads.json").read_text(encoding="utf-8"))
            if words["format"] != FORMAT:
                raise ValueError(f"format {words['format']}, this version reads {FORMAT}")
            with np.load(folder / "heads.npz", allow_pickle=False) as numbers:
                heads = cls(
                    labels=tuple(words["labels"]),
                    features=Features(
                        stop=numbers["stop"],
                        buckets={block: numbers[f"buckets_{block}"] for block in BLOCKS},
                        idf={block: numbers[f"idf_{block}"] for block in BLOCKS},
                    ),
                    sparse=numbers["sparse"].astype(np.float32),
                    dense=numbers["dense"].astype(np.float32),
                    news=float(words["news"]),
                    stack=numbers["stack"],
                    thresholds=numbers["thresholds"],
                    embedder=words["embedder"],
                    data_hash=words["data_hash"],
                    scores=words.get("scores", {}),
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
            raise ModelError(
                f"no usable model in {folder} ({error}); train one with 'horizon train'"
            ) from error
        return heads

    def _arrays(self) -> dict[str, NDArray[Any]]:
        features = self.features
        return {
            "sparse": self.sparse,
            "dense": self.dense,
            "stack": self.stack,
            "thresholds": self.thresholds,
            "stop": features.stop,
            **{f"buckets_{block}": features.buckets[block] for block in BLOCKS},
            **{f"idf_{block}": features.idf[block] for block in BLOCKS},
        }

    def _check(self) -> None:
        count, kinds = len(self.labels), len(KINDS)
        expected: dict[str, tuple[int, ...]] = {
            "sparse": (self.features.columns, count + 1),
            "stack": (kinds, count, 3),
            "thresholds": (kinds, count),
            **{f"idf_{b}": (len(self.features.buckets[b]),) for b in BLOCKS},
        }
        arrays = self._arrays()
        for what, shape in expected.items():
            if arrays[what].shape != shape:
                raise ValueError(f"{what} has shape {arrays[what].shape} instead of {shape}")
        if self.dense.shape[1:] != (count,):
            raise ValueError(f"dense has shape {self.dense.shape}")


class HeadLabeler:
    """A ``Labeler`` for those labels of ``taxonomy`` that have a head.

    Raises:
        ModelError: ``embedder`` is not the one the heads were trained with.
    """

    def __init__(self, heads: Heads, taxonomy: Taxonomy, embedder: Embedder) -> None:
        if embedder.name != heads.embedder:
            raise ModelError(
                f"the label heads were trained with the embedding model {heads.embedder!r} but"
                f" {embedder.name!r} is set; run 'horizon train --gold' to fit them to it, or set"
                " embedding.model back"
            )
        self._heads = heads
        self._embedder = embedder
        self._own = embedder if isinstance(embedder, StaticEmbedder) else own_embedder()
        index = {label: k for k, label in enumerate(heads.labels)}
        self._targets = [(lb.id, s.id, index[lb.id]) for s, lb in taxonomy if lb.id in index]
        self.name = f"heads-{heads.fingerprint}"

    def label(self, documents: Sequence[Document]) -> list[list[LabelScore]]:
        """Return per document one score for each label that has a head; reasons if assigned."""
        if not documents:
            return []
        heads = self._heads
        words = Words.of([head_text(document) for document in documents])
        pieces = self._own.pieces(words.vocabulary)
        sample = heads.features.transform(words, pieces)
        vectors, by_word = self._vectors(documents, words, pieces)
        by_words, by_vector = sample.matrix @ heads.sparse, vectors @ heads.dense
        foreign = np.array([document.language not in ("en", None) for document in documents])
        kinds = heads.kinds(by_words, foreign)
        probabilities = heads.probabilities(by_words, by_vector, kinds)
        probabilities[np.diff(words.offsets) == 0] = 0  # no word, no label
        assigned = probabilities >= heads.thresholds[kinds]
        told = sample.by_word @ heads.sparse[:, :-1]
        meant = 0 if by_word is None else by_word @ heads.dense
        weights = [told * stack[:, 0] + meant * stack[:, 1] for stack in heads.stack]
        index = {word: k for k, word in enumerate(words.vocabulary)}
        chances, yes = probabilities.tolist(), assigned.tolist()
        said = []
        for i, document in enumerate(documents):
            found = _locate(document.text, index) if any(yes[i]) else []
            said.append(
                [
                    LabelScore(
                        label,
                        scheme,
                        score=chances[i][k],
                        assigned=yes[i][k],
                        origin="model",
                        reasons=_reasons(document.text, found, weights[kinds[i]][:, k])
                        if yes[i][k]
                        else (),
                    )
                    for label, scheme, k in self._targets
                ]
            )
        return said

    def _vectors(
        self, documents: Sequence[Document], words: Words, pieces: Any
    ) -> tuple[Vectors, Vectors | None]:
        """Return the documents' vectors and, from our own model, what a word adds to one."""
        if self._embedder is not self._own:
            return self._embedder.encode([document.text for document in documents]), None
        by_word = self._own.sums(pieces)
        sums = words.counts() @ by_word
        return unit(sums), by_word / max(float(np.linalg.norm(sums, axis=1).mean()), 1e-9)


def join(
    words: NDArray[np.floating[Any]],
    vectors: NDArray[np.floating[Any]],
    stack: NDArray[np.floating[Any]],
) -> NDArray[np.float64]:
    """Return probabilities (n, L) from both scores (n, L) and weights (n or 1, L, 3)."""
    logits = words * stack[..., 0] + vectors * stack[..., 1] + stack[..., 2]
    return np.asarray(1 / (1 + np.exp(-np.clip(logits, -30, 30))), dtype=np.float64)


class _Found(NamedTuple):
    """A word of a text: where it stands and its number in the vocabulary."""

    start: int
    end: int
    word: int


def _locate(text: str, index: dict[str, int]) -> list[_Found]:
    folded = fold(text)
    if len(folded) == len(text):  # every place is the same in both
        found = ((match.start(), match.end(), match[0]) for match in WORD.finditer(folded))
    else:
        found = ((match.start(), match.end(), fold(match[0])) for match in WORD.finditer(text))
    return [
        _Found(start, end, number)
        for start, end, word in found
        if (number := index.get(word)) is not None
    ]


def _reasons(text: str, found: Sequence[_Found], weights: Floats) -> tuple[str, ...]:
    """Return the words that speak most for a label, as ``text`` writes them, neighbours together.

    Args:
        text: title and abstract.
        found: its words, in their order.
        weights: (V,), how much each word speaks for the label.
    """
    own = weights[[word for _, _, word in found]] if found else np.zeros(0)
    strong = own > max(float(own.max(initial=0)) * _STRONG, 0)
    runs: dict[str, tuple[float, str]] = {}
    k = 0
    while k < len(found):
        first = k
        while k < len(found) and strong[k] and (k == first or _joined(text, found, k)):
            k += 1
        if k == first:
            k += 1
            continue
        written = text[found[first].start : found[k - 1].end]
        runs.setdefault(fold(written), (float(own[first:k].sum()), written))
    chosen: list[str] = []
    for phrase, (_, written) in sorted(runs.items(), key=lambda run: -run[1][0]):
        if not any(phrase in fold(other) for other in chosen):
            chosen.append(written)
        if len(chosen) == MAX_REASONS:
            break
    return tuple(chosen)


def _joined(text: str, found: Sequence[_Found], k: int) -> bool:
    """Tell whether nothing but a space or hyphen parts word ``k`` from the one before it."""
    return text[found[k - 1].end : found[k].start] in (" ", "-", "\u2010", "\u2011")
