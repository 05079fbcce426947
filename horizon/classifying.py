"""``horizon classify``: labels for the texts of a file; the store is neither read nor changed."""

import json
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, TypeVar

import typer

from core.errors import HorizonError
from horizon.terminal import Config, settings

if TYPE_CHECKING:
    from classifiers.base import Labeler, LabelScore
    from classifiers.language import LanguageDetector
    from core.document import Document
    from core.taxonomy import Taxonomy
    from scanners.lines import Id

_BATCH = 1000  # texts labelled at a time
DIGITS = 4
_STANDARD = Path("-")  # standard input or output in place of a file

T = TypeVar("T")


def classify(
    file: Annotated[
        Path, typer.Argument(help='Lines of {"id", "title", "abstract"}; - for standard input.')
    ],
    output: Annotated[Path, typer.Option(help="File to write; - for standard output.")],
    config: Config,
    reasons: Annotated[
        bool, typer.Option("--reasons", help="Also write the phrases that spoke for each label.")
    ] = False,
) -> None:
    """Label the texts of a file, without the store: horizon classify in.jsonl --output out.jsonl.

    Writes a line {"id", "labels", "scores"} for each text, in the same order. Kind, venue, language
    and published are used where a line tells them. What is wrong with a line is said on standard
    error; only a line without an object or an id is skipped.
    """
    from classifiers.language import LanguageDetector
    from flows.progress import progress

    counts: Counter[str] = Counter()
    with reading(file) as stream, _writing(output) as out:
        taxonomy, labeler = load_model(config)
        detector = LanguageDetector()
        unread = dict.fromkeys(taxonomy.labels, 0.0)
        with progress() as bar:
            row = bar.add_task("Label", total=None, note="")
            for batch in batches(_texts(stream, counts)):
                found = [document for _, document in batch if document]
                said = iter(label_texts(found, labeler, detector)[1])
                for id_, document in batch:
                    answer = _answer(id_, next(said) if document else [], unread, reasons)
                    # Half a surrogate pair, which an id may hold, becomes its escape in JSON.
                    line = json.dumps(answer, ensure_ascii=False).encode(errors="backslashreplace")
                    out.write(line + b"\n")
                counts["answered"] += len(batch)
                bar.advance(row, len(batch))
        if not counts["answered"]:
            raise HorizonError(
                f'{file}: no line could be read; give lines of {{"id", "title", "abstract"}}'
            )
    if counts["skipped"] or counts["faulty"]:
        typer.echo(
            f"{counts['answered']:,} lines answered, {counts['faulty']:,} of them with a fault;"
            f" {counts['skipped']:,} skipped",
            err=True,
        )


def load_model(config: Path) -> "tuple[Taxonomy, Labeler]":
    """Return the taxonomy and the labeler of the folder ``config``."""
    from classifiers import load_embedder, load_labeler
    from classifiers.kept import present_model
    from core.taxonomy import load_taxonomy

    office = settings(config, None)
    taxonomy = load_taxonomy(config)
    embedder = load_embedder(office.embedding.model)
    return taxonomy, load_labeler(taxonomy, present_model(office.model), embedder)


def label_texts(
    documents: "Sequence[Document]", labeler: "Labeler", detector: "LanguageDetector"
) -> "tuple[list[Document], list[list[LabelScore]]]":
    """Return the documents with their languages, and what ``labeler`` says of each."""
    filled = detector.fill(documents)
    return filled, labeler.label(filled)


def _answer(
    id_: "Id", scores: "Sequence[LabelScore]", unread: Mapping[str, float], with_reasons: bool
) -> dict[str, Any]:
    """Return what is written of one text; of one that could not be read, ``unread``."""
    answer: dict[str, Any] = {
        "id": id_,
        "labels": [score.label for score in scores if score.assigned],
        "scores": {score.label: round(float(score.score), DIGITS) for score in scores} or unread,
    }
    if with_reasons:
        answer["reasons"] = {score.label: score.reasons for score in scores if score.assigned}
    return answer


def _texts(stream: BinaryIO, counts: Counter[str]) -> "Iterator[tuple[Id, Document | None]]":
    """Yield id and text of each line; tell and count what is wrong."""
    from scanners.files import Wrong
    from scanners.lines import records, to_document

    for record in records(stream):
        if isinstance(record, Wrong):
            counts["skipped"] += 1
            tell(record.line, f"{record.reason}; skipped")
            continue
        document, problems = to_document(record)
        if problems := record.problems + problems:
            counts["faulty"] += 1
            tell(record.line, "; ".join(problems))
        yield record.id, document


def tell(line: int, reason: str, file: Path | None = None) -> None:
    """Say on standard error what is wrong with a line (of another file than the main one)."""
    typer.echo(f"{f'{file}, ' if file else ''}line {line}: {reason}", err=True)


def batches(items: Iterable[T]) -> Iterator[list[T]]:
    """Yield ``items`` in lists of what is labelled at a time."""
    iterator = iter(items)
    while batch := list(islice(iterator, _BATCH)):
        yield batch


@contextmanager
def reading(file: Path) -> Iterator[BinaryIO]:
    """Open a file, or standard input. Raises HorizonError."""
    if file == _STANDARD:
        yield sys.stdin.buffer
        return
    try:
        stream = file.open("rb")
    except OSError as error:
        raise HorizonError(f"{file}: {error.strerror}; give a file of JSON lines") from error
    with stream:
        yield stream


@contextmanager
def _writing(file: Path) -> Iterator[BinaryIO]:
    """Open ``file`` to be replaced when all is written, or standard output. Raises HorizonError."""
    if file == _STANDARD:
        yield sys.stdout.buffer
        return
    if file.is_dir():
        raise HorizonError(f"{file} is a folder; give --output the name of a file")
    file = file.resolve()  # what a link leads to is replaced, not the link
    replaceable = file.is_file() or not file.exists()  # a pipe or /dev/null is not
    partial = file.with_name(f".{file.name}.{os.getpid()}.part") if replaceable else file
    try:
        with partial.open("wb") as stream:
            yield stream
            stream.flush()
            if replaceable:
                os.fsync(stream.fileno())
        if replaceable:
            partial.replace(file)
    except OSError as error:
        raise HorizonError(f"{file}: {error.strerror}; choose another --output") from error
    finally:
        if replaceable:
            with suppress(OSError):  # after a success it is no longer there
                partial.unlink()
