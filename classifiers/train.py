"""Fitting the label heads: ``python -m classifiers.train --gold FOLDER --corpus FOLDER``.

Every figure in the model card is out of fold: neither the heads nor the stack, threshold or kind
that judged a text had seen it. (Which columns there are, and their IDF, is learnt without labels
from all texts.)
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classifiers import examples as data
from classifiers.base import Embedder, ModelError, Vectors
from classifiers.card import model_card
from classifiers.embedding import load_embedder, own_embedder
from classifiers.evaluate import Scores
from classifiers.examples import Example, Examples
from classifiers.features import Features
from classifiers.heads import KINDS, Heads, head_text, join
from classifiers.labeling import MODEL
from classifiers.words import Words
from core.config import ConfigError
from core.document import Kind
from core.taxonomy import load_taxonomy

STRENGTH = 10.0  # C of the words' heads; 3 and 30 differ by less than 0.005 in macro-F1
VECTOR_STRENGTH = 30.0  # C of the vector's
ADAPT_STRENGTH = 1.0  # C of an adaptation; at 10 texts unlike the new ones change too
ITERATIONS = 60  # of L-BFGS
FOLDS = 5
SEED = 0

Floats = NDArray[np.float64]


def fit_linear(
    matrix: Any,
    truth: NDArray[np.bool_],
    weights: NDArray[np.float32],
    strength: float,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Fit logistic regressions, H at once; yes and no of each weigh the same.

    Args:
        matrix: (n, features), sparse or dense.
        truth: (n, H).
        weights: (n, H), of what is said of each; 0 for nothing.
        strength: inverse of the regularisation (C).

    Returns:
        coefficients (features, H) and intercepts (H,), float32.
    """
    from scipy.optimize import minimize

    target = truth.astype(np.float32)
    yes, no = weights * target, weights * (1 - target)
    half = weights.sum(0) / 2
    importance = yes * (half / np.maximum(yes.sum(0), 1e-9)) + no * (
        half / np.maximum(no.sum(0), 1e-9)
    )
    transposed = matrix.T.tocsr() if hasattr(matrix, "tocsr") else matrix.T
    features, heads = matrix.shape[1], truth.shape[1]
    start = np.zeros((features + 1, heads), np.float32)

    def loss(flat: Floats) -> tuple[float, Floats]:
        w = flat.astype(np.float32).reshape(start.shape)
        z = matrix @ w[:-1] + w[-1]
        away = w[:-1]
        value = float(np.sum(importance * (np.logaddexp(0, z) - target * z), dtype=np.float64))
        value += float(np.sum(away**2, dtype=np.float64)) / 2 / strength
        residual = importance * (1 / (1 + np.exp(-z)) - target)
        gradient = np.vstack([transposed @ residual + away / strength, residual.sum(0)[None]])
        return value, gradient.astype(np.float64).ravel()

    found = minimize(
        loss,
        start.astype(np.float64).ravel(),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": ITERATIONS, "maxcor": 5},
    )
    w = found.x.astype(np.float32).reshape(start.shape)
    return w[:-1], w[-1]


@dataclass(frozen=True)
class Prepared:
    """Examples as the heads see them: ``kinds`` (n,) are indices into ``KINDS``."""

    examples: Examples
    matrix: Any
    vectors: Vectors
    kinds: NDArray[np.intp]
    folds: NDArray[np.intp]


def prepare(
    examples: Examples, embedder: Embedder, features: Features | None = None
) -> tuple[Prepared, Features]:
    """Turn examples into numbers; ``features`` are learnt from them if not given."""
    words = Words.of([head_text(document) for document in examples.documents])
    pieces = own_embedder().pieces(words.vocabulary)
    features = features or Features.learn(words, pieces)
    kinds = [2 if d.language != "en" else int(d.kind is Kind.NEWS) for d in examples.documents]
    return Prepared(
        examples,
        features.transform(words, pieces).matrix,
        embedder.encode([document.text for document in examples.documents]),
        np.array(kinds),
        _folds(examples),
    ), features


def _folds(examples: Examples) -> NDArray[np.intp]:
    """Return each example's fold, -1 for those that are in every training set."""
    from sklearn.model_selection import GroupKFold

    folds = np.full(len(examples.groups), -1)
    counted = np.flatnonzero(examples.measured)
    groups = [examples.groups[i] for i in counted]
    splits = GroupKFold(FOLDS, shuffle=True, random_state=SEED).split(counted, groups=groups)
    for fold, (_, unseen) in enumerate(splits):
        folds[counted[unseen]] = fold
    # What shares a title with a measured text would give it away.
    measured = set(groups)
    for i in np.flatnonzero(folds < 0):
        if examples.groups[i] in measured:
            folds[i] = FOLDS  # in no training set and not measured
    return folds


@dataclass(frozen=True)
class OutOfFold:
    """Scores of the measured examples by heads that have not seen them: (m, L + 1) and (m, L)."""

    rows: NDArray[np.intp]
    words: Floats
    vectors: Floats


def out_of_fold(prepared: Prepared) -> OutOfFold:
    """Cross-validate the heads."""
    from joblib import Parallel, delayed  # type: ignore[import-untyped]

    parts = Parallel(n_jobs=-1)(delayed(_one_fold)(prepared, fold) for fold in range(FOLDS))
    rows, words, vectors = map(np.concatenate, zip(*parts, strict=True))
    order = np.argsort(rows)
    return OutOfFold(rows[order], words[order], vectors[order])


def _one_fold(prepared: Prepared, fold: int) -> tuple[NDArray[np.intp], Any, Any]:
    known = np.flatnonzero((prepared.folds != fold) & (prepared.folds < FOLDS))
    unseen = np.flatnonzero(prepared.folds == fold)
    sparse, offsets, dense, dense_offsets = _fit(prepared, known)
    return (
        unseen,
        prepared.matrix[unseen] @ sparse + offsets,
        prepared.vectors[unseen] @ dense + dense_offsets,
    )


def _fit(prepared: Prepared, rows: NDArray[np.intp]) -> tuple[NDArray[np.float32], ...]:
    """Return sparse (columns, L + 1) and its offsets, dense (dimensions, L) and its offsets."""
    truth, weights = prepared.examples.truth[rows], prepared.examples.weights[rows]
    news = prepared.kinds[rows] == 1
    english = (prepared.kinds[rows] < 2).astype(np.float32)
    return (
        *fit_linear(
            prepared.matrix[rows],
            np.column_stack([truth, news]),
            np.column_stack([weights, english]),
            STRENGTH,
        ),
        *fit_linear(prepared.vectors[rows], truth, weights, VECTOR_STRENGTH),
    )


def train(examples: Examples, embedder: Embedder) -> tuple[Heads, dict[str, Scores]]:
    """Return heads fitted on all examples and, by kind of text, what cross-validation says."""
    prepared, features = prepare(examples, embedder)
    found = out_of_fold(prepared)
    stack, thresholds = _join_and_cut(prepared, found, np.ones(len(found.rows), bool))
    sparse, offsets, dense, dense_offsets = _fit(prepared, np.arange(len(prepared.kinds)))
    # The offsets of both go into the stack's own.
    stack[..., 2] += stack[..., 0] * offsets[:-1] + stack[..., 1] * dense_offsets
    scores = cross_validated(prepared, found)
    heads = Heads(
        labels=examples.labels,
        features=features,
        sparse=sparse,
        news=-float(offsets[-1]),
        dense=dense,
        stack=stack.astype(np.float32),
        thresholds=thresholds.astype(np.float32),
        embedder=embedder.name,
        data_hash=examples.data_hash,
        scores={kind: means(some) for kind, some in scores.items()},
    )
    return heads, scores


def adapt(heads: Heads, examples: Sequence[Example], embedder: Embedder) -> Heads:
    """Return ``heads`` moved towards a few new examples; a label none of them speaks of stays.

    The coefficients are drawn to what they were (Chelba and Acero 2006) and the old logits stay as
    offsets, so one verdict moves what is like it and little else. Features, stack and thresholds
    are kept: a handful of texts says nothing about those. Measured with 5 verdicts a label chosen
    as by ``horizon review``: agreement on verdicts not learnt from rises from 0.65 to 0.73, while
    fitting them together with the written texts left it at 0.65 and took twenty times as long.

    Args:
        heads: made with ``embedder``.
        examples: labels without a head are passed over.
        embedder: as in training.

    Raises:
        ModelError: ``embedder`` is another one.
    """
    if embedder.name != heads.embedder:
        raise ModelError(
            f"the label heads were trained with the embedding model {heads.embedder!r}, not"
            f" {embedder.name!r}: fit them anew with 'horizon train --gold FOLDER'"
        )
    words = Words.of([head_text(example.document) for example in examples])
    matrix = heads.features.transform(words, own_embedder().pieces(words.vocabulary)).matrix
    vectors = embedder.encode([example.document.text for example in examples])
    foreign = np.array([e.document.language not in ("en", None) for e in examples])
    kinds = heads.kinds(matrix @ heads.sparse, foreign)
    sparse, dense = heads.sparse.copy(), heads.dense.copy()
    for k, label in enumerate(heads.labels):
        known = [i for i, example in enumerate(examples) if label not in example.unknown]
        if not known:
            continue
        truth = np.array([label in examples[i].labels for i in known])
        by_words, by_vector, offset = heads.stack[kinds[known], k].T.astype(np.float64)
        parts = [(matrix[known], heads.sparse[:, k], by_words)]
        parts += [(vectors[known], heads.dense[:, k], by_vector)]
        old = np.sum([offset, *((rows @ weights) * s for rows, weights, s in parts)], axis=0)
        alike = np.sum([_products(rows) * np.outer(s, s) for rows, _, s in parts], axis=0)
        shares = _correct(old, alike, truth)
        sparse[:, k] += matrix[known].T @ (shares * by_words)
        dense[:, k] += vectors[known].T @ (shares * by_vector)
    return replace(heads, sparse=sparse, dense=dense)


def _products(rows: Any) -> Floats:
    """Return the inner products of the rows of a sparse or dense matrix (m, columns): (m, m)."""
    products = rows @ rows.T
    return np.asarray(products.toarray() if hasattr(products, "toarray") else products, float)


def _correct(old: Floats, alike: Floats, truth: NDArray[np.bool_]) -> Floats:
    """Return the share (m,) of each example in the change of the coefficients.

    Logistic regression with a fixed offset in its dual form: the change of the logits is
    ``alike @ shares``.
    """
    from scipy.optimize import minimize

    def loss(shares: Floats) -> tuple[float, Floats]:
        pull = alike @ shares
        z = old + pull
        value = np.sum(np.logaddexp(0, z) - truth * z) + shares @ pull / 2 / ADAPT_STRENGTH
        slope = alike @ (1 / (1 + np.exp(-z)) - truth + shares / ADAPT_STRENGTH)
        return float(value), slope

    found = minimize(loss, np.zeros(len(old)), jac=True, method="L-BFGS-B")
    return np.asarray(found.x, dtype=np.float64)


def means(scores: Scores) -> dict[str, float]:
    """Return the measures that ``heads.json`` keeps; none of what there was nothing to measure."""
    macro, micro = scores.rows["macro"], scores.rows["micro"]
    named = {"macro F1": macro.f1, "micro F1": micro.f1, "macro AP": macro.average_precision}
    return {name: round(value, 4) for name, value in named.items() if not np.isnan(value)}


def cross_validated(prepared: Prepared, found: OutOfFold) -> dict[str, Scores]:
    """Return by kind what heads, stack and thresholds are worth on texts none of them has seen."""
    folds, truth = prepared.folds[found.rows], prepared.examples.truth[found.rows]
    probabilities = np.zeros(truth.shape)
    assigned = np.zeros(truth.shape, dtype=bool)
    english = prepared.kinds[found.rows] < 2
    kinds = np.where(english, (found.words[:, -1] > 0).astype(int), 2)  # as it is told in use
    for fold in range(FOLDS):
        own = folds == fold
        stack, thresholds = _join_and_cut(prepared, found, ~own)
        probabilities[own] = join(found.words[own, :-1], found.vectors[own], stack[kinds[own]])
        assigned[own] = probabilities[own] >= thresholds[kinds[own]]
    true_kinds = prepared.kinds[found.rows]
    return {
        name: Scores.measure(prepared.examples.labels, truth[of], probabilities[of], assigned[of])
        for k, name in enumerate(KINDS)
        if (of := true_kinds == k).any()
    }


def _join_and_cut(
    prepared: Prepared, found: OutOfFold, known: NDArray[np.bool_]
) -> tuple[Floats, Floats]:
    """Return stack (kinds, L, 3) and thresholds (kinds, L) learnt from out-of-fold scores."""
    from sklearn.linear_model import LogisticRegression

    truth = prepared.examples.truth[found.rows]
    kinds = prepared.kinds[found.rows]
    count = truth.shape[1]
    stack, thresholds = np.zeros((len(KINDS), count, 3)), np.ones((len(KINDS), count))
    for kind in range(len(KINDS)):
        of = known & (kinds == kind)
        for label in range(count):
            if not 0 < truth[of, label].sum() < of.sum():
                stack[kind, label, 2] = -30  # nothing to learn from: never
                continue
            both = np.stack([found.words[of, label], found.vectors[of, label]], axis=1)
            model = LogisticRegression(C=1.0).fit(both, truth[of, label])
            stack[kind, label] = [*model.coef_[0], model.intercept_[0]]
            said = join(found.words[of, label], found.vectors[of, label], stack[kind, label])
            thresholds[kind, label] = _threshold(said)
    return stack, thresholds


def _threshold(probabilities: Floats) -> float:
    """Return the cut with the highest expected F1 if the probabilities are right: half that F1.

    With few positives it is steadier than the cut that was best on them (Lipton, Elkan and
    Naryanaswamy 2014).
    """
    ordered = np.sort(probabilities)[::-1]
    expected = 2 * np.cumsum(ordered) / (np.arange(1, len(ordered) + 1) + ordered.sum())
    return float(expected.max()) / 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Train on everything there is, write artifact and model card, and print the scores."""
    parser = argparse.ArgumentParser(prog="python -m classifiers.train", description=__doc__)
    parser.add_argument("--gold", type=Path, required=True, help="folder of the labelled texts")
    parser.add_argument("--corpus", type=Path, required=True, help="texts of the annotated ids")
    parser.add_argument("--output", type=Path, default=MODEL, help="folder for the model")
    parser.add_argument("--config", type=Path, default=Path("config"), help="has taxonomy.yaml")
    given = parser.parse_args(arguments)
    try:
        taxonomy = load_taxonomy(given.config)
        found = [
            *data.gold(given.gold),
            *data.annotated(given.corpus, given.gold),
            *data.written(),
        ]
        examples = data.gather(found, taxonomy)
        heads, scores = train(examples, load_embedder())
    except (ModelError, ConfigError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    heads.save(given.output)
    facts = {
        "Date": date.today().isoformat(),
        "Examples": f"{len(examples.documents):,}",
        "Data hash (SHA-256)": examples.data_hash,
        "Seed": f"{SEED}",
        "Folds": f"{FOLDS}, documents of one title, and a text and its translation, together",
        "Embedding model": heads.embedder,
        "Versions": ", ".join(f"{p} {version(p)}" for p in ("scikit-learn", "numpy", "scipy")),
    }
    card = model_card(heads, scores, facts)
    (given.output / "MODEL_CARD.md").write_text(card, encoding="utf-8")
    for kind, some in scores.items():
        sys.stdout.write(f"{kind}\n{some.table()}\n\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
