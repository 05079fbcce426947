"""Training the label heads: ``python -m classifiers.train --gold FOLDER --output FOLDER``.

Every figure in the model card is out of fold: the text was not seen by the model that scored it,
nor by the calibration and threshold that judged it.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classifiers.base import Embedder, ModelError, Vectors
from classifiers.card import Scores, model_card
from classifiers.embedding import load_embedder
from classifiers.heads import SETTINGS, Heads, calibrate, head_text, stack, vectorizer
from core.config import ConfigError
from core.document import Document, Kind
from core.taxonomy import Taxonomy, load_taxonomy
from core.text import title_key

# Inverse strength of regularisation. 3, 10 and 30 differ by less than 0.006 in macro-F1.
C = 10.0
MIN_EXAMPLES = 10  # a label with fewer is left to its phrases
FOLDS = 5
SEED = 0

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Examples:
    """Labelled documents; ``truth`` is bool (documents, labels)."""

    documents: tuple[Document, ...]
    labels: tuple[str, ...]
    truth: NDArray[np.bool_]

    @property
    def data_hash(self) -> str:
        """SHA-256 over ids, texts and labels, in the order of the ids."""
        digest = sha256()
        rows = zip(self.documents, self.truth, strict=True)
        for document, row in sorted(rows, key=lambda pair: pair[0].native_id):
            names = [label for label, true in zip(self.labels, row, strict=True) if true]
            record = [document.native_id, document.title, document.abstract, sorted(names)]
            digest.update(json.dumps(record, ensure_ascii=False).encode())
        return digest.hexdigest()


def load_examples(gold: Path, taxonomy: Taxonomy) -> Examples:
    """Read ``labels-train.jsonl`` and the texts it names from ``documents.parquet``.

    Texts without a line in the labels file are for acceptance: they are never read as examples.

    Raises:
        ModelError: a file is missing, an id has no labels or no text or comes twice, or a label is
            not in the taxonomy.
    """
    import pyarrow.parquet as pq

    try:
        lines = (gold / "labels-train.jsonl").read_text(encoding="utf-8").splitlines()
        texts = {row["id"]: row for row in pq.read_table(gold / "documents.parquet").to_pylist()}
    except OSError as error:
        raise ModelError(f"gold labels cannot be read ({error}); check --gold") from error
    labelled: dict[str, list[str]] = {}
    for record in map(json.loads, lines):
        if not isinstance(record.get("labels"), list):
            raise ModelError(f"{record.get('id')!r} has no labels: it must not be trained on")
        if record["id"] in labelled:
            raise ModelError(f"{record['id']!r} is labelled twice; keep one line")
        if record["id"] not in texts:
            raise ModelError(f"{record['id']!r} has no text in documents.parquet")
        labelled[record["id"]] = record["labels"]
    documents = tuple(
        Document(
            kind=Kind.PREPRINT,
            title=texts[i]["title"],
            abstract=texts[i]["abstract"] or "",
            source="gold",
            native_id=i,
        )
        for i in labelled
    )
    return make_examples(documents, list(labelled.values()), taxonomy)


def make_examples(
    documents: Sequence[Document], labels: Sequence[Sequence[str]], taxonomy: Taxonomy
) -> Examples:
    """Return ``documents`` with their labels, as far as a label has ``MIN_EXAMPLES``.

    Raises:
        ModelError: a label is not in the taxonomy, or none has enough examples.
    """
    counts = Counter(label for some in labels for label in set(some))
    if unknown := sorted(set(counts) - set(taxonomy.labels)):
        raise ModelError(f"labels that the taxonomy does not have: {', '.join(unknown)}")
    kept = tuple(label for label in taxonomy.labels if counts[label] >= MIN_EXAMPLES)
    if not kept:
        raise ModelError(f"no label has {MIN_EXAMPLES} examples; label more documents")
    truth = np.array([[label in some for label in kept] for some in labels])
    return Examples(tuple(documents), kept, truth)


def train(
    examples: Examples, embedder: Embedder | None = None, *, folds: int = FOLDS, seed: int = SEED
) -> tuple[Heads, Scores]:
    """Return heads fitted on all examples, and what cross-validation says of them."""
    texts = [head_text(document) for document in examples.documents]
    vectors = embedder.encode([d.text for d in examples.documents]) if embedder else None
    scores, fold_of = out_of_fold(examples, texts, vectors, folds=folds, seed=seed)
    calibration, thresholds = _calibrate_and_cut(scores, examples.truth)
    blocks, model = _fit(texts, vectors, examples.truth, seed)
    heads = Heads(
        labels=examples.labels,
        vocabulary={b: v.get_feature_names_out().tolist() for b, v in blocks.items()},
        idf={b: v.idf_.astype(np.float32) for b, v in blocks.items()},
        coefficients=model.coef_.astype(np.float32),
        intercepts=model.intercept_.astype(np.float32),
        calibration=calibration.astype(np.float32),
        thresholds=thresholds.astype(np.float32),
        embedder=embedder.name if embedder else "",
        data_hash=examples.data_hash,
    )
    probabilities, assigned = judge_out_of_fold(scores, examples.truth, fold_of)
    return heads, Scores.measure(examples.labels, examples.truth, probabilities, assigned)


def out_of_fold(
    examples: Examples,
    texts: Sequence[str],
    vectors: Vectors | None,
    *,
    folds: int = FOLDS,
    seed: int = SEED,
) -> tuple[Floats, NDArray[np.intp]]:
    """Return raw scores (n, L), each by a model that has not seen its text, and the folds (n,).

    Documents of one title stand in one fold: they are one work.
    """
    from sklearn.model_selection import GroupKFold

    groups = [title_key(document.title) for document in examples.documents]
    scores = np.zeros(examples.truth.shape)
    fold_of = np.zeros(len(texts), dtype=np.intp)
    splits = GroupKFold(folds, shuffle=True, random_state=seed).split(texts, groups=groups)
    for fold, (known, unseen) in enumerate(splits):
        old, new = [texts[i] for i in known], [texts[i] for i in unseen]
        old_vectors, new_vectors = (
            None if vectors is None else vectors[rows] for rows in (known, unseen)
        )
        blocks, model = _fit(old, old_vectors, examples.truth[known], seed)
        features = stack([v.transform(new) for v in blocks.values()], new_vectors)
        scores[unseen] = features @ model.coef_.T + model.intercept_
        fold_of[unseen] = fold
    return scores, fold_of


def judge_out_of_fold(
    scores: Floats, truth: NDArray[np.bool_], fold_of: NDArray[np.intp]
) -> tuple[Floats, NDArray[np.bool_]]:
    """Return probabilities and decisions (n, L), calibrated and cut on the other folds' scores."""
    probabilities = np.zeros(scores.shape)
    assigned = np.zeros(scores.shape, dtype=bool)
    for fold in np.unique(fold_of):
        own = fold_of == fold
        calibration, thresholds = _calibrate_and_cut(scores[~own], truth[~own])
        probabilities[own] = calibrate(scores[own], calibration)
        assigned[own] = probabilities[own] >= thresholds
    return probabilities, assigned


@dataclass(frozen=True)
class _Linear:
    coef_: Floats  # (L, features)
    intercept_: Floats  # (L,)


def _fit(
    texts: Sequence[str], vectors: Vectors | None, truth: NDArray[np.bool_], seed: int
) -> tuple[dict[str, Any], _Linear]:
    from sklearn.linear_model import LogisticRegression

    blocks = {block: vectorizer(block) for block in SETTINGS}
    features = stack([v.fit_transform(texts) for v in blocks.values()], vectors)
    models = [
        LogisticRegression(C=C, class_weight="balanced", solver="liblinear", random_state=seed).fit(
            features, column
        )
        for column in truth.T
    ]
    return blocks, _Linear(
        np.vstack([m.coef_[0] for m in models]), np.array([m.intercept_[0] for m in models])
    )


def _calibrate_and_cut(scores: Floats, truth: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Return calibration (L, 2) and thresholds (L,) learnt from out-of-fold scores."""
    from sklearn.linear_model import LogisticRegression

    sigmoids = [
        LogisticRegression(C=1e4).fit(score[:, None], true)  # Platt (1999)
        for score, true in zip(scores.T, truth.T, strict=True)
    ]
    calibration = np.array([[s.coef_[0, 0], s.intercept_[0]] for s in sigmoids])
    probabilities = calibrate(scores, calibration)
    return calibration, np.array([_threshold(column) for column in probabilities.T])


def _threshold(probabilities: Floats) -> float:
    """Return the cut with the highest expected F1 if the probabilities are right: half that F1.

    With few positives it is steadier than the cut that was best on them (Lipton, Elkan and
    Naryanaswamy 2014).
    """
    ordered = np.sort(probabilities)[::-1]
    expected = 2 * np.cumsum(ordered) / (np.arange(1, len(ordered) + 1) + ordered.sum())
    return float(expected.max()) / 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, write artifact and model card, and print the scores."""
    parser = argparse.ArgumentParser(prog="python -m classifiers.train", description=__doc__)
    parser.add_argument("--gold", type=Path, required=True, help="folder of the labelled texts")
    parser.add_argument("--output", type=Path, required=True, help="folder for the model")
    parser.add_argument("--config", type=Path, default=Path("config"), help="has taxonomy.yaml")
    parser.add_argument("--embedding-model", default="", help="name or folder; empty: words alone")
    given = parser.parse_args(arguments)
    try:
        embedder = load_embedder(given.embedding_model) if given.embedding_model else None
        examples = load_examples(given.gold, load_taxonomy(given.config))
        heads, scores = train(examples, embedder)
    except (ModelError, ConfigError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    heads.save(given.output)
    facts = {
        "Date": date.today().isoformat(),
        "Examples": f"{len(examples.documents)}",
        "Data hash (SHA-256)": examples.data_hash,
        "Seed": f"{SEED}",
        "Folds": f"{FOLDS}, documents of one title together",
        "Embedding model": heads.embedder or "none",
        "Versions": ", ".join(f"{p} {version(p)}" for p in ("scikit-learn", "numpy", "scipy")),
    }
    card = model_card(heads, scores, facts)
    (given.output / "MODEL_CARD.md").write_text(card, encoding="utf-8")
    sys.stdout.write(f"{scores.table()}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
