"""A small model, trained once for all tests that need heads but not those that ship."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

import numpy as np
import scipy.optimize  # noqa: F401 (its threads can be limited only once it is there)
from joblib import parallel_config
from threadpoolctl import threadpool_limits

from classifiers import train
from classifiers.embedding import own_embedder
from classifiers.evaluate import Scores
from classifiers.examples import Example, Examples, gather, written
from classifiers.heads import Heads
from core.document import Document, Kind
from core.taxonomy import Taxonomy, load_taxonomy

CONFIG = Path(__file__).parent.parent / "config"
LABELS = ("biosecurity", "cybersecurity", "unmanned_aerial_systems")
LANGUAGES = ("en", "ko", "de")
FOLDS = 3


class Trained(NamedTuple):
    heads: Heads
    scores: dict[str, Scores]


def document(
    title: str,
    abstract: str = "",
    *,
    kind: Kind = Kind.PREPRINT,
    language: str | None = "en",
    venue: str = "",
) -> Document:
    return Document(
        kind=kind,
        title=title,
        abstract=abstract,
        language=language,
        venue=venue,
        source="test",
        native_id=title,
    )


@cache
def taxonomy() -> Taxonomy:
    return load_taxonomy(CONFIG)


def few_examples() -> list[Example]:
    """Some hundred of the written texts, with three of the labels."""
    return [
        replace(example, labels=example.labels & set(LABELS))
        for k, example in enumerate(written())
        if example.document.language != "en" or k % 3 == 0
        if example.document.language in LANGUAGES
    ]


@cache
def examples() -> Examples:
    return gather(few_examples(), taxonomy())


@contextmanager
def quick_training() -> Iterator[None]:
    """Fewer folds, in this process and thread: for so little, others cost more than they save."""
    with (
        patch.object(train, "FOLDS", FOLDS),
        parallel_config(backend="sequential"),
        threadpool_limits(1),
    ):
        yield


@cache
def small() -> Trained:
    with quick_training():
        return Trained(*train.train(examples(), own_embedder()))


def save_tiny_embedding(folder: Path, words: set[str]) -> Path:
    """Save a real sentence-transformers model: one random vector per word; return its folder."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace

    vocabulary = {word: k for k, word in enumerate(["[UNK]", *sorted(words)])}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    weights = np.random.default_rng(0).normal(size=(len(vocabulary), 32)).astype(np.float32)
    model = SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_weights=weights)])
    model.save(str(folder))
    return folder
