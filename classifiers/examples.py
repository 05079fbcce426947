"""What the heads learn from: labelled research, texts written for it, analysts' verdicts.

``exemplars/`` ships with Horizon: news and abstracts written for it (no real text), with labels,
and ids of real documents annotated against the codebook. The texts of those lie elsewhere.
"""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b, sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classifiers.base import ModelError
from core.document import Document, Kind
from core.taxonomy import Taxonomy
from core.text import title_key

EXEMPLARS = Path(__file__).parent / "exemplars"
MIN_EXAMPLES = 10  # a label with fewer is left to its phrases
HELD_OUT = 56  # of 256 written texts are never trained on: they are the tests' own


@dataclass(frozen=True)
class Examples:
    """Labelled documents, n of them; L labels.

    Attributes:
        documents: news has ``Kind.NEWS``.
        labels: those with enough examples.
        truth: bool (n, L).
        weights: float32 (n, L); 0 where the label of a document is not known.
        measured: bool (n,); whether cross-validation counts this one.
        groups: what must stand in one fold: the same title, or one text and its translation.
    """

    documents: tuple[Document, ...]
    labels: tuple[str, ...]
    truth: NDArray[np.bool_]
    weights: NDArray[np.float32]
    measured: NDArray[np.bool_]
    groups: tuple[str, ...]

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


@dataclass(frozen=True)
class Example:
    """One labelled document; ``unknown``: labels of which nothing is said."""

    document: Document
    labels: frozenset[str]
    group: str
    measured: bool = True
    unknown: frozenset[str] = frozenset()


def written(*, held_out: bool = False) -> list[Example]:
    """Return the written texts and their translations: those to train on, or those held out."""
    examples = []
    for file in sorted(EXEMPLARS.glob("*-*.jsonl")):
        for record in map(json.loads, file.read_text(encoding="utf-8").splitlines()):
            if is_held_out(record["id"]) != held_out:
                continue
            examples.append(_written(record, record["title"], record["text"], record["language"]))
            if "title_en" in record and not held_out:
                examples.append(_written(record, record["title_en"], record["text_en"], "en"))
    return examples


def gold(folder: Path) -> list[Example]:
    """Return the texts of ``documents.parquet`` that ``labels-train.jsonl`` labels.

    The other texts are for acceptance: they are never read as examples, nor is one of their titles.

    Raises:
        ModelError: a file is missing, an id has no labels or no text, or comes twice.
    """
    labelled = _labels(folder / "labels-train.jsonl")
    texts = _texts([folder / "documents.parquet"], labelled)
    if missing := sorted(set(labelled) - set(texts)):
        raise ModelError(f"{missing[0]!r} has no text in documents.parquet")
    kept = acceptance(folder)  # one work may be here under two ids
    return [
        Example(_research(i, *texts[i]), labels, key)
        for i, labels in labelled.items()
        if (key := title_key(texts[i][0])) not in kept
    ]


def annotated(corpus: Path, gold_folder: Path) -> list[Example]:
    """Return the annotated documents of ``exemplars/annotations.jsonl``, texts from ``corpus``.

    They help to learn but are not measured: they were chosen to be hard. No text kept for
    acceptance in ``gold_folder`` is among them, by id or by title.

    Raises:
        ModelError: a folder cannot be read.
    """
    labelled = _labels(EXEMPLARS / "annotations.jsonl")
    texts = _texts(sorted(corpus.glob("*.parquet")), labelled)
    kept = acceptance(gold_folder)
    return [
        Example(_research(i, *texts[i]), labels, key, measured=False)
        for i, labels in labelled.items()
        if i in texts and i not in kept and (key := title_key(texts[i][0])) not in kept
    ]


def acceptance(folder: Path) -> frozenset[str]:
    """Return ids and title keys of the texts that are kept for acceptance."""
    labelled = _labels(folder / "labels-train.jsonl")
    everything = _texts([folder / "documents.parquet"], None)
    kept = {i: title for i, (title, _) in everything.items() if i not in labelled}
    return frozenset(kept) | {title_key(title) for title in kept.values()}


def is_held_out(record_id: str) -> bool:
    """Tell, by its id alone, whether a written text is one of the tests' own."""
    return blake2b(record_id.encode(), digest_size=2).digest()[0] < HELD_OUT


def gather(examples: Sequence[Example], taxonomy: Taxonomy) -> Examples:
    """Return ``examples`` as arrays, for the labels of which there are ``MIN_EXAMPLES``.

    Raises:
        ModelError: a label is not in the taxonomy, or none has enough examples.
    """
    counts = Counter(label for example in examples for label in example.labels)
    if unknown := sorted(set(counts) - set(taxonomy.labels)):
        raise ModelError(f"labels that the taxonomy does not have: {', '.join(unknown)}")
    labels = tuple(label for label in taxonomy.labels if counts[label] >= MIN_EXAMPLES)
    if not labels:
        raise ModelError(f"no label has {MIN_EXAMPLES} examples; label more documents")
    return Examples(
        documents=tuple(example.document for example in examples),
        labels=labels,
        truth=np.array([[lb in example.labels for lb in labels] for example in examples]),
        weights=np.array(
            [[lb not in example.unknown for lb in labels] for example in examples], np.float32
        ),
        measured=np.array([example.measured for example in examples]),
        groups=tuple(example.group for example in examples),
    )


def _written(record: dict[str, Any], title: str, text: str, language: str) -> Example:
    document = Document(
        kind=Kind.PREPRINT if record["kind"] == "abstract" else Kind.NEWS,
        title=title,
        abstract=text,
        language=language,
        source="written",
        native_id=f"{record['id']}-{language}",
    )
    return Example(document, frozenset(record["labels"]), record["id"])


def _research(native_id: str, title: str, abstract: str) -> Document:
    return Document(
        kind=Kind.PREPRINT,
        title=title,
        abstract=abstract,
        language="en",
        source="gold",
        native_id=native_id,
    )


def _labels(file: Path) -> dict[str, frozenset[str]]:
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise ModelError(f"labels cannot be read ({error}); check the folder") from error
    labelled: dict[str, frozenset[str]] = {}
    for number, line in enumerate(lines, 1):
        try:
            record = json.loads(line)
        except ValueError as error:
            raise ModelError(f"{file.name}, line {number}: no JSON ({error}); mend it") from error
        if not isinstance(record.get("labels"), list):
            raise ModelError(f"{record.get('id')!r} has no labels: it must not be trained on")
        if record["id"] in labelled:
            raise ModelError(f"{record['id']!r} is labelled twice; keep one line")
        labelled[record["id"]] = frozenset(record["labels"])
    return labelled


def _texts(files: Iterable[Path], wanted: Iterable[str] | None) -> dict[str, tuple[str, str]]:
    """Return id → (title, abstract) of the ``wanted`` ids, None for all."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    texts: dict[str, tuple[str, str]] = {}
    for file in files:
        try:
            table = pq.read_table(file, columns=["id", "title", "abstract"])
        except (OSError, pa.ArrowException) as error:
            raise ModelError(f"texts cannot be read ({error}); check the folder") from error
        if wanted is not None:
            table = table.filter(pc.is_in(table["id"], pa.array(list(wanted), pa.string())))
        for row in table.to_pylist():
            texts[row["id"]] = (row["title"], row["abstract"] or "")
    return texts
