"""How good a labeler is, measured against labels that people gave.

Pure functions over arrays of documents × labels: ``truth`` and ``assigned`` bool (n, L),
``probabilities`` float (n, L).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isnan, nan
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

BINS = 15  # as is usual for the calibration error since Guo et al. 2017
WORST = 10  # mistakes of each sort that are told

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]


class Row(NamedTuple):
    """What is measured of one column of decisions.

    Without positives the average precision is NaN, recall and F1 are 0.
    """

    precision: float
    recall: float
    f1: float
    average_precision: float
    positives: int


class Bin(NamedTuple):
    """The pairs of document and label whose probability lies from ``low`` to below ``high``."""

    low: float
    high: float
    pairs: int
    probability: float  # their mean
    frequency: float  # how many of them are true, 0 to 1


class Mistake(NamedTuple):
    """Where a decision is wrong: row of the document, column of the label."""

    document: int
    label: int


@dataclass(frozen=True)
class Scores:
    """Precision, recall, F1 and average precision per label, and their means.

    ``rows`` maps a label, or "macro" (mean over the labels that have positives) or "micro" (all
    decisions together), to its measures.
    """

    rows: dict[str, Row]

    @classmethod
    def measure(
        cls, labels: Sequence[str], truth: Bools, probabilities: Floats, assigned: Bools
    ) -> "Scores":
        """Compare ``assigned`` and ``probabilities`` with ``truth``, all (n, L)."""
        each = [
            measure(*columns) for columns in zip(truth.T, probabilities.T, assigned.T, strict=True)
        ]
        macro = mean([row for row in each if row.positives])
        micro = measure(truth.ravel(), probabilities.ravel(), assigned.ravel())
        return cls({**dict(zip(labels, each, strict=True)), "macro": macro, "micro": micro})

    def table(self) -> str:
        """Return the scores as a Markdown table."""
        lines = [
            "| label | precision | recall | F1 | AP | positives |",
            "|---|--:|--:|--:|--:|--:|",
        ]
        lines += [
            f"| {label} | {' | '.join(map(figure, row[:4]))} | {row.positives} |"
            for label, row in self.rows.items()
        ]
        return "\n".join(lines)


def figure(value: float) -> str:
    """Return ``value`` with three digits; a dash where there was nothing to measure."""
    return "–" if isnan(value) else f"{value:.3f}"


def measure(truth: Bools, probabilities: Floats, assigned: Bools) -> Row:
    """Compare one column of decisions and probabilities with the truth, all (n,)."""
    from sklearn.metrics import average_precision_score, precision_recall_fscore_support

    p, r, f, _ = precision_recall_fscore_support(
        truth, assigned, average="binary", pos_label=True, zero_division=0
    )
    positives = int(truth.sum())
    area = average_precision_score(truth, probabilities) if positives else nan
    return Row(float(p), float(r), float(f), float(area), positives)


def mean(rows: Sequence[Row]) -> Row:
    """Return the means of ``rows`` and the sum of their positives."""
    if not rows:
        return Row(nan, nan, nan, nan, 0)
    p, r, f, area = np.mean([row[:4] for row in rows], axis=0).tolist()
    return Row(p, r, f, area, sum(row.positives for row in rows))


def relevance(truth: Bools, probabilities: Floats, assigned: Bools) -> Row:
    """Measure the decision between any label and none; its probability is the highest one."""
    return measure(truth.max(axis=1), probabilities.max(axis=1), assigned.max(axis=1))


def reliability(truth: Bools, probabilities: Floats, bins: int = BINS) -> list[Bin]:
    """Return what is true of what was said with which probability, in bins of equal width.

    Bins in which there is nothing are left out.
    """
    said, true = probabilities.ravel(), truth.ravel()
    place = np.minimum((said * bins).astype(np.intp), bins - 1)
    pairs = np.bincount(place, minlength=bins)
    sums = np.bincount(place, weights=said, minlength=bins)
    hits = np.bincount(place, weights=true, minlength=bins)
    return [
        Bin(k / bins, (k + 1) / bins, int(n), float(sums[k] / n), float(hits[k] / n))
        for k, n in enumerate(pairs)
        if n
    ]


def calibration_error(bins: Sequence[Bin]) -> float:
    """Return the expected calibration error: mean gap of probability and frequency.

    Naeini, Cooper and Hauskrecht 2015: each bin counts by the pairs in it.
    """
    gaps = sum(each.pairs * abs(each.probability - each.frequency) for each in bins)
    return gaps / sum(each.pairs for each in bins)


def worst_mistakes(
    truth: Bools, probabilities: Floats, assigned: Bools, count: int = WORST
) -> tuple[list[Mistake], list[Mistake]]:
    """Return false positives and misses, ``count`` of each at most, the most confident first."""

    def first(wrong: Bools, confidence: Floats) -> list[Mistake]:
        documents, labels = np.nonzero(wrong)
        order = np.argsort(-confidence[documents, labels], kind="stable")[:count]
        return [Mistake(int(documents[k]), int(labels[k])) for k in order]

    return (
        first(assigned & ~truth, probabilities),
        first(truth & ~assigned, -probabilities),
    )


@dataclass(frozen=True)
class Part:
    """The measures of some documents, or of the labels of one scheme."""

    documents: int
    macro: Row
    micro: Row
    relevance: Row


@dataclass(frozen=True)
class Evaluation:
    """What is measured of a labeler on documents whose labels are known.

    ``schemes`` and ``languages`` map an id to its part, ``reliability`` a scheme to its bins.
    """

    whole: Part
    labels: dict[str, Row]
    schemes: dict[str, Part]
    reliability: dict[str, list[Bin]]
    languages: dict[str, Part]
    false_positives: list[Mistake]
    misses: list[Mistake]


def evaluate(
    scheme_of: Mapping[str, str],
    languages: Sequence[str],
    truth: Bools,
    probabilities: Floats,
    assigned: Bools,
) -> Evaluation:
    """Measure decisions and probabilities, all (n, L).

    Args:
        scheme_of: label → scheme, in the order of the columns.
        languages: of the documents, (n,).
        truth: what people say.
        probabilities: what the labeler says.
        assigned: what it decides.
    """
    labels, schemes = list(scheme_of), list(dict.fromkeys(scheme_of.values()))
    scheme_at, language_at = np.array(list(scheme_of.values())), np.array(languages)

    def part(rows: Bools, columns: Bools) -> Part:
        arrays = (
            truth[rows][:, columns],
            probabilities[rows][:, columns],
            assigned[rows][:, columns],
        )
        scores = Scores.measure([labels[k] for k in np.flatnonzero(columns)], *arrays).rows
        return Part(int(rows.sum()), scores["macro"], scores["micro"], relevance(*arrays))

    everywhere, every_label = np.full(len(truth), True), np.full(len(labels), True)
    rows = Scores.measure(labels, truth, probabilities, assigned).rows
    false_positives, misses = worst_mistakes(truth, probabilities, assigned)
    return Evaluation(
        whole=part(everywhere, every_label),
        labels={label: rows[label] for label in labels},
        schemes={scheme: part(everywhere, scheme_at == scheme) for scheme in schemes},
        reliability={
            scheme: reliability(truth[:, own], probabilities[:, own])
            for scheme in schemes
            for own in [scheme_at == scheme]
        },
        languages={i: part(language_at == i, every_label) for i in sorted(set(languages))},
        false_positives=false_positives,
        misses=misses,
    )
