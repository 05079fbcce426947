"""What is said about trained heads: their scores, and the model card."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from classifiers.heads import SETTINGS, Heads


@dataclass(frozen=True)
class Scores:
    """Precision, recall, F1 and average precision per label, and their means.

    ``rows`` maps a label, or "macro" (mean over labels) or "micro" (all decisions together), to
    (precision, recall, F1, average precision, positives).
    """

    rows: dict[str, tuple[float, float, float, float, int]]

    @classmethod
    def measure(
        cls,
        labels: Sequence[str],
        truth: NDArray[np.bool_],
        probabilities: NDArray[np.float64],
        assigned: NDArray[np.bool_],
    ) -> "Scores":
        """Compare ``assigned`` and ``probabilities`` with ``truth``, all (n, L)."""
        from sklearn.metrics import average_precision_score, precision_recall_fscore_support

        rows: dict[str, tuple[float, float, float, float, int]] = {}
        p, r, f, n = precision_recall_fscore_support(truth, assigned, zero_division=0)
        ap = np.atleast_1d(average_precision_score(truth, probabilities, average=None))
        for k, label in enumerate(labels):
            rows[label] = (float(p[k]), float(r[k]), float(f[k]), float(ap[k]), int(n[k]))
        for mean in ("macro", "micro"):
            p, r, f, _ = precision_recall_fscore_support(
                truth, assigned, average=mean, zero_division=0
            )
            area = average_precision_score(truth, probabilities, average=mean)
            rows[mean] = (float(p), float(r), float(f), float(area), int(truth.sum()))
        return cls(rows)

    def table(self) -> str:
        """Return the scores as a Markdown table."""
        lines = [
            "| label | precision | recall | F1 | AP | positives |",
            "|---|--:|--:|--:|--:|--:|",
        ]
        lines += [
            f"| {label} | {p:.3f} | {r:.3f} | {f:.3f} | {ap:.3f} | {n} |"
            for label, (p, r, f, ap, n) in self.rows.items()
        ]
        return "\n".join(lines)


def model_card(heads: Heads, scores: Scores, facts: Mapping[str, str]) -> str:
    """Return the card of ``heads`` as Markdown; ``facts`` come first, in their order."""
    terms = ", ".join(f"{len(v):,} {block}" for block, v in heads.vocabulary.items())
    settings = "; ".join(f"{block} {values}" for block, values in SETTINGS.items())
    known = "\n".join(f"- {name}: {value}" for name, value in facts.items())
    cuts = "\n".join(
        f"- {label}: {threshold:.3f}"
        for label, threshold in zip(heads.labels, heads.thresholds, strict=True)
    )
    return f"""# Model card: label heads

One logistic regression per label over TF-IDF features of title (twice) and abstract.

{known}
- Features: {terms} ({settings})

## Data

English titles and abstracts of research papers (arXiv metadata and conference listings), each read
in full and labelled against a codebook by language models; two independent readings of 560 of them
agreed at F1 0.97. Texts were chosen by stratified keywords, by retrieval for rare labels and at
random: labels are more frequent than in life. Texts kept for acceptance were not used.

## Scores

Out of fold: neither the model, nor the calibration, nor the threshold that judged a text had seen
it. AP is average precision; macro AP is the mean over labels.

{scores.table()}

## Thresholds

{cuts}

## Use and limits

For sorting foreign research abstracts in English for human readers. Not for decisions about people.
Probabilities are calibrated to how frequent labels are in the training data; in a raw stream, where
they are rarer, they run high. News, calls for papers and texts in other languages were not in the
data: there the labeler also asks the phrases of the taxonomy. Labels with few positives (see the
table) have uncertain scores.
"""
