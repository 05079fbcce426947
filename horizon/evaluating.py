"""``horizon evaluate``: how good the labels are, measured on texts whose labels people gave."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import typer

from core.errors import HorizonError
from horizon.classifying import DIGITS, batches, label_texts, load_model, reading, tell
from horizon.terminal import Config, Json, print_json, print_table

if TYPE_CHECKING:
    from classifiers.base import Labeler, LabelScore
    from classifiers.evaluate import Bin, Evaluation, Mistake, Part, Row
    from core.document import Document
    from scanners.lines import Id


def evaluate(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="LABELS",
            help='Lines of {"id", "labels"}, title and abstract with them or in --texts;'
            " - for standard input.",
        ),
    ],
    config: Config,
    texts: Annotated[
        Path | None,
        typer.Option(help="JSON Lines, CSV or Parquet of id, title, abstract.", metavar="FILE"),
    ] = None,
    as_json: Json = False,
) -> None:
    """Measure the labeler on texts whose labels are known: horizon evaluate labels.jsonl.

    Texts that the model was trained on are judged in-sample: their figures are too good.
    """
    import numpy as np

    from classifiers.evaluate import evaluate as measure
    from core.taxonomy import load_taxonomy

    scheme_of = load_taxonomy(config).scheme_of
    with reading(file) as stream:
        examples = list(_examples(stream))
    if unknown := sorted({label for each in examples for label in each.labels} - set(scheme_of)):
        raise HorizonError(
            f"{file}: labels that the taxonomy does not have: {', '.join(unknown)};"
            " correct them or add them to taxonomy.yaml"
        )
    if texts:
        _add_texts(examples, texts)
    judged = [each for each in examples if each.document]
    if not judged:
        raise HorizonError(f"{file}: no labels with a text; say with --texts where the texts are")
    if missing := len(examples) - len(judged):
        typer.echo(f"{missing:,} of {len(examples):,} ids have no text and are left out", err=True)
    _, labeler = load_model(config)
    documents, said = _judge([each.document for each in judged if each.document], labeler)
    found = measure(
        scheme_of,
        [document.language or "unknown" for document in documents],
        np.array([[label in each.labels for label in scheme_of] for each in judged]),
        np.array([[score.score for score in scores] for scores in said]),
        np.array([[score.assigned for score in scores] for scores in said]),
    )

    def tell_mistakes(mistakes: "Sequence[Mistake]") -> list[dict[str, Any]]:
        return [
            {
                "id": judged[i].id,
                "title": documents[i].title,
                "label": said[i][k].label,
                "probability": round(said[i][k].score, DIGITS),
                "reasons": list(said[i][k].reasons),
            }
            for i, k in mistakes
        ]

    wrong = {
        "false_positives": tell_mistakes(found.false_positives),
        "misses": tell_mistakes(found.misses),
    }
    if as_json:
        print_json({"labeler": labeler.name, **_as_json(found, scheme_of), **wrong})
    else:
        _print(found, scheme_of, wrong)


def _judge(
    documents: "Sequence[Document]", labeler: "Labeler"
) -> "tuple[list[Document], list[list[LabelScore]]]":
    """Return the documents with their languages, and what ``labeler`` says of each."""
    from classifiers.language import LanguageDetector
    from flows.progress import progress

    detector = LanguageDetector()
    filled: list[Document] = []
    said: list[list[LabelScore]] = []
    with progress() as bar:
        row = bar.add_task("Label", total=len(documents), note="")
        for batch in batches(documents):
            more, scores = label_texts(batch, labeler, detector)
            filled += more
            said += scores
            bar.advance(row, len(batch))
    return filled, said


@dataclass(slots=True)
class _Example:
    """An id, the labels that people gave it, and its text as soon as it is known."""

    id: "Id"
    labels: frozenset[str]
    document: "Document | None"


def _examples(stream: BinaryIO) -> Iterator[_Example]:
    """Yield what people labelled; tell what is wrong with a line. Of one id the first counts."""
    from scanners.files import Wrong
    from scanners.lines import records, to_document

    seen = set()
    for record in records(stream):
        if isinstance(record, Wrong):
            tell(record.line, f"{record.reason}; skipped")
            continue
        labels = record.fields.get("labels")
        if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
            tell(record.line, "labels is no list of names; skipped")
            continue
        if str(record.id) in seen:
            tell(record.line, f"{record.id!r} comes twice; skipped")
            continue
        seen.add(str(record.id))
        document = None
        if record.fields.get("title") or record.fields.get("abstract"):
            document, problems = to_document(record)
            if problems := record.problems + problems:
                tell(record.line, "; ".join(problems))
        yield _Example(record.id, frozenset(labels), document)


def _add_texts(examples: Sequence[_Example], file: Path) -> None:
    """Give the examples without a text the one that ``file`` has for their id."""
    from core.document import Document
    from scanners.files import read

    waiting = {str(each.id): each for each in examples if not each.document}
    for record in read(file):
        if not isinstance(record, Document):
            tell(record.line, f"{record.reason}; skipped", file)
        elif example := waiting.pop(record.native_id, None):
            example.document = record


def _as_json(found: "Evaluation", scheme_of: Mapping[str, str]) -> dict[str, Any]:
    """Return all that was measured, without the mistakes."""
    from classifiers.evaluate import calibration_error

    def row(measured: "Row | Bin") -> dict[str, float | None]:
        return {name: _rounded(value) for name, value in measured._asdict().items()}

    def part(measured: "Part") -> dict[str, Any]:
        return {
            "documents": measured.documents,
            **{name: row(getattr(measured, name)) for name in ("macro", "micro", "relevance")},
        }

    return {
        **part(found.whole),
        "schemes": {
            scheme: {
                **part(of_scheme),
                "calibration_error": _rounded(calibration_error(found.reliability[scheme])),
                "reliability": [row(each) for each in found.reliability[scheme]],
                "labels": {
                    label: row(measured)
                    for label, measured in found.labels.items()
                    if scheme_of[label] == scheme
                },
            }
            for scheme, of_scheme in found.schemes.items()
        },
        "languages": {language: part(some) for language, some in found.languages.items()},
    }


def _rounded(value: float) -> float | None:
    """Return what JSON can hold of ``value``: NaN is null."""
    return None if isnan(value) else round(value, DIGITS)


def _print(
    found: "Evaluation", scheme_of: Mapping[str, str], wrong: Mapping[str, list[dict[str, Any]]]
) -> None:
    """Print all that was measured, and the mistakes, as tables."""
    from classifiers.evaluate import figure

    _print_scores(found, scheme_of)
    _print_reliability(found)
    if len(found.languages) > 1:
        typer.echo("\nLanguages")
        print_table(
            ["language", "documents", "relevant", "relevance F1", "micro F1", "macro F1"],
            [
                (language, some.documents, some.relevance.positives, *map(figure, f1))
                for language, some in found.languages.items()
                for f1 in [(some.relevance.f1, some.micro.f1, some.macro.f1)]
            ],
        )
    for name, some in wrong.items():
        typer.echo(f"\nThe worst {name.replace('_', ' ')}")
        print_table(
            ["title", "label", "probability", "reasons"],
            [(w["title"], w["label"], figure(w["probability"]), w["reasons"]) for w in some],
        )


def _print_scores(found: "Evaluation", scheme_of: Mapping[str, str]) -> None:
    """Print the measures of each label, and their means by scheme and over all."""
    from classifiers.evaluate import figure

    rows = []
    for scheme, part in found.schemes.items():
        rows += [
            (scheme, label, measured)
            for label, measured in found.labels.items()
            if scheme_of[label] == scheme
        ]
        rows += [(scheme, "macro", part.macro), (scheme, "micro", part.micro)]
    whole = found.whole
    rows += [("all", "macro", whole.macro), ("all", "micro", whole.micro)]
    rows.append(("all", "relevance", whole.relevance))
    typer.echo(f"{whole.documents:,} documents")
    print_table(
        ["scheme", "label", "precision", "recall", "F1", "AP", "positives"],
        [(scheme, name, *map(figure, row[:4]), row.positives) for scheme, name, row in rows],
    )


def _print_reliability(found: "Evaluation") -> None:
    """Print for each range of probabilities how many of the pairs in it are true."""
    from classifiers.evaluate import BINS, calibration_error, figure

    cells = {
        (scheme, round(each.low * BINS)): f"{each.frequency:.2f} of {each.pairs:,}"
        for scheme, bins in found.reliability.items()
        for each in bins
    }
    rows = [
        (f"{k / BINS:.2f}–{(k + 1) / BINS:.2f}", *(cells.get((s, k)) for s in found.reliability))
        for k in range(BINS)
    ]
    errors = [figure(calibration_error(bins)) for bins in found.reliability.values()]
    typer.echo("\nReliability: how many labels are true, by the probability they were given")
    print_table(["probability", *found.reliability], [*rows, ("calibration error", *errors)])
