"""What is said about trained heads: the model card."""

from collections.abc import Mapping

from classifiers.evaluate import Scores
from classifiers.heads import KINDS, Heads


def model_card(heads: Heads, scores: Mapping[str, Scores], facts: Mapping[str, str]) -> str:
    """Return the card of ``heads`` as Markdown; ``facts`` come first, in their order."""
    columns = ", ".join(
        f"{len(kept):,} of {block}" for block, kept in heads.features.buckets.items()
    )
    known = "\n".join(f"- {name}: {value}" for name, value in facts.items())
    cuts = "\n".join(
        f"| {label} | {' | '.join(f'{cut:.3f}' for cut in of_kinds)} |"
        for label, of_kinds in zip(heads.labels, heads.thresholds.T, strict=True)
    )
    tables = "\n\n".join(f"### {kind}\n\n{some.table()}" for kind, some in scores.items())
    return f"""# Model card: label heads

One logistic regression per label over TF-IDF features and a vector of title (twice) and abstract.

{known}
- Features: {columns}

## Data

- Gold: English titles and abstracts of research papers (arXiv metadata and conference listings),
  each read in full and labelled against a codebook by language models; two independent readings of
  560 of them agreed at F1 0.97. Chosen by stratified keywords, by retrieval for rare labels and at
  random: labels are more frequent than in life. Texts kept for acceptance were not used.
- Annotations (`classifiers/exemplars/annotations.jsonl`, ids and labels): more papers, chosen by
  active learning and by keywords, read and labelled against the same codebook by language models;
  see docs/classification.md for how that was checked.
- Written texts (`classifiers/exemplars/news-*.jsonl`, `abstracts-en.jsonl`): news, press releases,
  calls, trial reports and abstracts in nine languages, invented for Horizon; one in five is held
  out for the tests.

## Scores

Out of fold: neither the heads, nor the stack, nor the threshold that judged a text had seen it. AP
is average precision; macro AP is the mean over labels. "research" is gold and the written
abstracts, "news" written English news and translations, "foreign" written texts in eight languages;
the embedding has seen translations of those, so what is said of "foreign" is too high:
docs/classification.md has what held-out texts say.

{tables}

## Thresholds

| label | {" | ".join(KINDS)} |
|---|{"--:|" * len(KINDS)}
{cuts}

## Use and limits

For sorting research and news for human readers. Not for decisions about people. Probabilities are
calibrated to how frequent labels are in the training data, about half of the texts; in a raw
stream, where they are rarer, they run high. News and texts in other languages were learnt from
written samples: expect less on real ones. Labels with few positives have uncertain scores.
"""
