"""``horizon train``: label heads that have learnt from the analysts, shown before they are used."""

import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from math import nan
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from core.errors import HorizonError
from horizon.classifying import batches
from horizon.terminal import Config, Store, print_table, settings

if TYPE_CHECKING:
    from classifiers.base import Embedder, Labeler
    from classifiers.examples import Example
    from classifiers.heads import Heads
    from core.document import Document
    from core.taxonomy import Taxonomy
    from store.feedback import Verdict

_WEEKS = 4  # of documents on which a change is shown
_TITLES = 5  # of the documents that gain or lose a label, each

Means = Mapping[str, Mapping[str, float]]


def train(
    config: Config,
    store: Store = None,
    gold: Annotated[
        Path | None,
        typer.Option(
            help="Folder of labels-train.jsonl and documents.parquet: all is fitted anew.",
            show_default="as in the settings",
        ),
    ] = None,
    corpus: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the texts, in Parquet, whose labels ship with Horizon.",
            show_default="as in the settings",
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Replace the model without asking.")] = False,
) -> None:
    """Teach the labels what analysts said of them; show what changes and ask: horizon train.

    Without --gold the present model is adapted to their verdicts. The model before it stays in the
    folder model-previous beside the store.
    """
    from classifiers import load_embedder, load_labeler
    from classifiers.kept import drop_candidate, present_model, replace_model, write_candidate
    from core.taxonomy import load_taxonomy

    if not yes and not _is_terminal():
        raise HorizonError(
            "'horizon train' asks on a terminal before it replaces the model; elsewhere use --yes"
        )
    office = settings(config, store)
    gold, corpus = gold or office.training.gold, corpus or office.training.corpus
    if corpus and not gold:
        raise typer.BadParameter("--corpus is of use with --gold only; give both")
    taxonomy = load_taxonomy(config)
    verdicts = _verdicts(office.store, taxonomy)
    embedder = load_embedder(office.embedding.model)
    present = present_model(office.model)
    if gold:
        heads, base = _fit(gold, corpus, verdicts, taxonomy, embedder, present), None
    else:
        heads, base = _adapt(verdicts, taxonomy, embedder, present)
    _tell_waiting(verdicts, heads, taxonomy)
    try:
        candidate = write_candidate(office.model, heads, base)
        _tell_changes(office.store, load_labeler(taxonomy, candidate, embedder), taxonomy)
        if yes or typer.confirm("Replace the model?"):
            replace_model(office.model)
            typer.echo("The model is replaced; the next run labels everything with it.")
        else:
            typer.echo("The model stays as it was.")
    except OSError as error:
        raise HorizonError(
            f"{office.model}: {error.strerror}; the model stays as it was"
        ) from error
    finally:
        drop_candidate(office.model)


def _is_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


def _verdicts(file: Path, taxonomy: "Taxonomy") -> "list[Example]":
    """Return what analysts say, if there is a store."""
    from store import feedback
    from store.database import open_reader

    if not file.exists():
        return []
    with open_reader(file) as con:
        return as_examples(feedback.latest(con), taxonomy)


def as_examples(verdicts: "Iterable[Verdict]", taxonomy: "Taxonomy") -> "list[Example]":
    """Return one example a document; of it is known only what was judged, of today's labels."""
    from classifiers.examples import Example
    from core.text import title_key

    said: dict[str, dict[str, bool]] = defaultdict(dict)
    documents = {}
    for verdict in verdicts:
        if verdict.label in taxonomy.labels:
            said[verdict.document_id][verdict.label] = verdict.verdict
            documents[verdict.document_id] = verdict.document
    return [
        Example(
            # Of a text without a language the labeler, too, takes English for granted.
            replace(documents[i], language=documents[i].language or "en"),
            frozenset(label for label, applies in judged.items() if applies),
            title_key(documents[i].title),
            measured=False,  # judged in part only, and chosen to be hard
            unknown=frozenset(taxonomy.labels) - frozenset(judged),
        )
        for i, judged in said.items()
    ]


def _fit(
    gold: Path,
    corpus: Path | None,
    verdicts: "Sequence[Example]",
    taxonomy: "Taxonomy",
    embedder: "Embedder",
    present: Path,
) -> "Heads":
    """Fit heads anew to all there is, and print the scores before and after."""
    from classifiers import ModelError, examples
    from classifiers.heads import Heads
    from classifiers.train import train as fit

    kept = examples.acceptance(gold)  # never trained on, whoever labels them
    usable = [v for v in verdicts if not {v.group, f"a:{v.document.arxiv_id}"} & kept]
    found = examples.gather(
        [
            *examples.gold(gold),
            *(examples.annotated(corpus, gold) if corpus else ()),
            *examples.written(),
            *usable,
        ],
        taxonomy,
    )
    typer.echo(f"{len(found.documents):,} examples, {len(usable):,} of them judged by analysts")
    if left_out := len(verdicts) - len(usable):
        typer.echo(f"{left_out:,} judged documents are kept for acceptance and left out")
    heads, _ = fit(found, embedder)
    before: Means = {}
    try:
        before = Heads.load(present).scores
    except ModelError as error:  # as after an update of Horizon: no reason not to train
        typer.echo(str(error), err=True)
    typer.echo("\nScores, cross-validated; those before on what was known then")
    _print_scores(before, heads.scores)
    return heads


def _adapt(
    verdicts: "Sequence[Example]", taxonomy: "Taxonomy", embedder: "Embedder", present: Path
) -> "tuple[Heads, Heads]":
    """Return adapted heads and those they were adapted from; print what either is worth."""
    from classifiers.examples import written
    from classifiers.heads import HeadLabeler, Heads
    from classifiers.kept import load_base
    from classifiers.train import FOLDS, adapt

    if not verdicts:
        raise HorizonError(
            "no verdicts to learn from; judge documents with 'horizon review' or 'horizon label',"
            " or give labelled texts with --gold"
        )
    base = load_base(present)
    heads = adapt(base, verdicts, embedder)

    def right(heads: "Heads", judged: "Sequence[Example]") -> int:
        said = HeadLabeler(heads, taxonomy, embedder).label([each.document for each in judged])
        return sum(
            score.assigned == (score.label in each.labels)
            for each, scores in zip(judged, said, strict=True)
            for score in scores
            if score.label not in each.unknown
        )

    after = 0  # on each fifth of the verdicts by heads adapted to the others
    for fold in range(FOLDS):
        known = [each for i, each in enumerate(verdicts) if i % FOLDS != fold]
        after += right(adapt(base, known, embedder) if known else base, verdicts[fold::FOLDS])
    with_head = sum(len(set(heads.labels) - each.unknown) for each in verdicts)
    typer.echo(
        f"Of {with_head:,} verdicts the model agrees with {right(base, verdicts):,} before it has"
        f" seen any of them, with {after:,} after it has learnt from others (cross-validated)"
    )
    typer.echo("\nScores on written texts that are never trained on")
    unseen = written(held_out=True)
    _print_scores(
        _means(HeadLabeler(Heads.load(present), taxonomy, embedder), unseen),
        _means(HeadLabeler(heads, taxonomy, embedder), unseen),
    )
    return heads, base


def _means(labeler: "Labeler", examples: "Sequence[Example]") -> Means:
    """Return the scores of ``labeler`` by kind of text."""
    import numpy as np

    from classifiers.evaluate import Scores
    from classifiers.heads import KINDS
    from classifiers.train import means
    from core.document import Kind

    said = labeler.label([each.document for each in examples])
    labels = [score.label for score in said[0]]
    truth = np.array([[label in each.labels for label in labels] for each in examples])
    probabilities = np.array([[score.score for score in scores] for scores in said])
    assigned = np.array([[score.assigned for score in scores] for scores in said])
    kinds = np.array(
        [
            2 if d.language != "en" else int(d.kind is Kind.NEWS)
            for d in (e.document for e in examples)
        ]
    )
    return {
        kind: means(Scores.measure(labels, truth[of], probabilities[of], assigned[of]))
        for k, kind in enumerate(KINDS)
        if (of := kinds == k).any()
    }


def _print_scores(before: Means, after: Means) -> None:
    from classifiers.evaluate import figure

    print_table(
        ["texts", "measure", "before", "after"],
        [
            (kind, measure, figure(before.get(kind, {}).get(measure, nan)), figure(value))
            for kind, measures in after.items()
            for measure, value in measures.items()
        ],
    )


def _tell_waiting(verdicts: "Sequence[Example]", heads: "Heads", taxonomy: "Taxonomy") -> None:
    """Say of which labels the verdicts cannot be learnt yet."""
    from classifiers.examples import MIN_EXAMPLES

    judged = {label for each in verdicts for label in taxonomy.labels if label not in each.unknown}
    if waiting := sorted(judged - set(heads.labels)):
        typer.echo(
            f"\nNot learnt: {', '.join(waiting)}; a head needs {MIN_EXAMPLES} documents that have"
            " the label, and --gold"
        )


@dataclass(slots=True)
class _Change:
    """The titles of the documents that gain or lose a label."""

    gained: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)


def changes(
    documents: "Iterable[tuple[Document, frozenset[str]]]", labeler: "Labeler"
) -> tuple[int, dict[str, _Change]]:
    """Return how many documents there are and, by label, which gain or lose it by ``labeler``."""
    count = 0
    changed: dict[str, _Change] = defaultdict(_Change)
    for batch in batches(documents):
        count += len(batch)
        said = labeler.label([document for document, _ in batch])
        for (document, assigned), scores in zip(batch, said, strict=True):
            now = {score.label for score in scores if score.assigned}
            for label in now - assigned:
                changed[label].gained.append(document.title)
            for label in assigned - now:
                changed[label].lost.append(document.title)
    return count, changed


def _tell_changes(file: Path, labeler: "Labeler", taxonomy: "Taxonomy") -> None:
    """Print which documents of the last weeks gain or lose a label."""
    from store.database import open_reader
    from store.recent import labelled_since

    if not file.exists():
        return
    since = datetime.now(UTC).replace(tzinfo=None) - timedelta(weeks=_WEEKS)
    with open_reader(file) as con:
        count, changed = changes(labelled_since(con, since), labeler)
    typer.echo(f"\nLabels of the {count:,} documents of the last {_WEEKS} weeks")
    if not changed:
        typer.echo("None changes.")
        return
    rows = [(label, changed[label]) for label in taxonomy.labels if label in changed]
    print_table(["label", "gained", "lost"], [(i, len(c.gained), len(c.lost)) for i, c in rows])
    for label, change in rows:
        typer.echo(f"\n{taxonomy.labels[label].name}")
        for sign, titles in (("+", change.gained), ("−", change.lost)):
            for title in titles[:_TITLES]:
                typer.echo(f"  {sign} {title}")
