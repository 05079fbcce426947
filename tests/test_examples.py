"""What the heads learn from: the texts that ship, and what must never be among the examples."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from conftest import SHARED
from trained import document, few_examples, taxonomy

from classifiers import examples as data
from classifiers.base import ModelError
from classifiers.examples import (
    EXEMPLARS,
    MIN_EXAMPLES,
    Example,
    gather,
    gold,
    is_held_out,
    written,
)
from core.document import Kind
from core.text import title_key

LANGUAGES = ("de", "es", "fr", "he", "ja", "ko", "nl", "sv")
NEWS = ("en", *LANGUAGES)


def records(name: str) -> list[dict[str, Any]]:
    lines = (EXEMPLARS / name).read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def everything() -> list[dict[str, Any]]:
    return [record for file in sorted(EXEMPLARS.glob("*-*.jsonl")) for record in records(file.name)]


# --- the written texts ---------------------------------------------------------------------------


@pytest.mark.parametrize("language", NEWS)
def test_written_news_are_many_and_for_every_label(language: str) -> None:
    items = records(f"news-{language}.jsonl")
    assert len(items) >= (250 if language == "en" else 60)
    assert {item["language"] for item in items} == {language}
    assert {label for item in items for label in item["labels"]} == set(taxonomy().labels)


@pytest.mark.parametrize("language", NEWS)
def test_near_misses_are_two_in_five_to_one_in_two(language: str) -> None:
    items = records(f"news-{language}.jsonl")
    assert 0.4 <= sum(not item["labels"] for item in items) / len(items) <= 0.5


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_foreign_text_has_its_translation(language: str) -> None:
    for item in records(f"news-{language}.jsonl"):
        assert item["title_en"].strip()
        assert item["text_en"].strip()
        assert item["text_en"] != item["text"]


def test_every_label_of_a_written_text_is_in_the_taxonomy() -> None:
    for item in everything() + records("annotations.jsonl"):
        assert set(item["labels"]) <= set(taxonomy().labels), item["id"]
        assert len(set(item["labels"])) == len(item["labels"]), item["id"]


def test_no_id_and_no_title_occurs_twice() -> None:
    items = everything()
    titles = [item["title"] for item in items]
    titles += [item["title_en"] for item in items if "title_en" in item]
    for names in ([item["id"] for item in items], [title_key(title) for title in titles]):
        assert [name for name, times in Counter(names).items() if times > 1] == []


def test_held_out_texts_and_their_translations_are_not_trained_on() -> None:
    learnt = written()
    groups = {example.group for example in learnt}
    texts = {part for e in learnt for part in (e.document.title, e.document.abstract)}
    unseen = [item for item in everything() if is_held_out(item["id"])]
    assert len(unseen) > 0.15 * len(everything())
    for item in unseen:
        own = {item.get(key) for key in ("title", "text", "title_en", "text_en")} - {None}
        assert item["id"] not in groups
        assert not own & texts
    held_out = written(held_out=True)
    assert {example.group for example in held_out} == {item["id"] for item in unseen}
    assert len(held_out) == len(unseen)  # no translations


def test_written_texts_and_translations_share_a_group_and_labels() -> None:
    by_group: dict[str, list[Example]] = {}
    for example in written():
        by_group.setdefault(example.group, []).append(example)
    pairs = [group for group in by_group.values() if len(group) > 1]
    assert len(pairs) > 60 * len(LANGUAGES)
    for one, other in pairs:
        assert one.labels == other.labels
        assert one.document.language in LANGUAGES
        assert other.document.language == "en"
    kinds = Counter(example.document.kind for example in written())
    assert kinds[Kind.NEWS] > kinds[Kind.PREPRINT] > 100


# --- gathering -----------------------------------------------------------------------------------


def example(title: str, *labels: str) -> Example:
    return Example(document(title), frozenset(labels), title_key(title))


def test_gathered_examples_are_arrays_in_the_taxonomys_order() -> None:
    unsure = replace(example("Unsure"), unknown=frozenset({"cybersecurity"}), measured=False)
    many = [example(f"Text {k}", "cybersecurity", "biosecurity") for k in range(MIN_EXAMPLES)]
    found = gather([unsure, *many, example("Rare", "border_security")], taxonomy())
    assert found.labels == ("biosecurity", "cybersecurity")  # of the third there are too few
    assert found.truth.tolist() == [[False] * 2] + [[True] * 2] * MIN_EXAMPLES + [[False] * 2]
    assert found.weights.tolist() == [[1, 0]] + [[1, 1]] * (MIN_EXAMPLES + 1)
    assert found.measured.tolist() == [False] + [True] * (MIN_EXAMPLES + 1)
    assert found.groups[0] == "unsure"


def test_the_data_hash_is_of_texts_and_labels_in_any_order() -> None:
    few = few_examples()[::4]
    first = gather(few, taxonomy()).data_hash
    assert gather(few[::-1], taxonomy()).data_hash == first
    one = few[0]
    labels = one.labels ^ {"cybersecurity"}
    for changed in (
        [replace(one, labels=labels), *few[1:]],
        [replace(one, document=replace(one.document, abstract="Otherwise.")), *few[1:]],
        few[1:],
    ):
        assert gather(changed, taxonomy()).data_hash != first


def test_labels_without_enough_examples_or_unknown_are_refused() -> None:
    with pytest.raises(ModelError, match="does not have: astrology"):
        gather([example("Stars", "astrology")], taxonomy())
    with pytest.raises(ModelError, match=f"no label has {MIN_EXAMPLES} examples"):
        gather([example("Malware", "cybersecurity")], taxonomy())


# --- gold and annotations ------------------------------------------------------------------------


def folder_of(folder: Path, texts: dict[str, str], lines: list[dict[str, object]]) -> Path:
    """Write a folder of labelled texts; ``texts``: id → title."""
    rows = [{"id": i, "title": title, "abstract": "Text"} for i, title in texts.items()]
    folder.mkdir(exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), folder / "documents.parquet")
    (folder / "labels-train.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    return folder


def test_texts_without_labels_are_never_examples_by_id_or_by_title(tmp_path: Path) -> None:
    texts = {"a": "Drones", "b": "Floods", "b2": "FLOODS!", "kept": "Kept for acceptance"}
    lines: list[dict[str, object]] = [{"id": "a", "labels": []}, {"id": "b", "labels": []}]
    folder = folder_of(tmp_path, texts, lines)
    assert data.acceptance(folder) == {"b2", "kept", "floods", "kept for acceptance"}
    assert [e.document.native_id for e in gold(folder)] == ["a"]


def test_annotated_texts_are_not_those_kept_for_acceptance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = folder_of(
        tmp_path / "gold", {"kept": "Floods", "a": "Dams"}, [{"id": "a", "labels": []}]
    )
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    titles = {"kept": "Another", "same": "FLOODS", "new": "Drones over Malmö", "other": "Left"}
    rows = [{"id": i, "title": title, "abstract": None} for i, title in titles.items()]
    pq.write_table(pa.Table.from_pylist(rows), corpus / "papers.parquet")
    lines = [{"id": i, "labels": ["cybersecurity"]} for i in ("kept", "same", "new", "nowhere")]
    (tmp_path / "annotations.jsonl").write_text("\n".join(map(json.dumps, lines)))
    monkeypatch.setattr(data, "EXEMPLARS", tmp_path)
    [found] = data.annotated(corpus, folder)
    assert (found.document.native_id, found.document.abstract) == ("new", "")
    assert (found.labels, found.measured) == ({"cybersecurity"}, False)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([{"id": "t0"}], "'t0' has no labels: it must not be trained on"),
        ([{"id": "t0", "labels": None}], "'t0' has no labels"),
        ([{"id": "zz", "labels": []}], "'zz' has no text"),
        ([{"id": "t0", "labels": []}] * 2, "'t0' is labelled twice"),
    ],
)
def test_unfit_labels_are_one_sentence(
    tmp_path: Path, lines: list[dict[str, object]], message: str
) -> None:
    with pytest.raises(ModelError, match=message) as error:
        gold(folder_of(tmp_path, {"t0": "Title"}, lines))
    assert "\n" not in str(error.value)


def test_files_that_cannot_be_read_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"labels cannot be read .* check the folder"):
        gold(tmp_path)
    folder = folder_of(tmp_path, {"t0": "Title"}, [{"id": "t0", "labels": []}])
    (folder / "documents.parquet").write_bytes(b"no table")
    with pytest.raises(ModelError, match=r"texts cannot be read .* check the folder"):
        gold(folder)
    (folder / "labels-train.jsonl").write_text('{"id": "t0", "labels": [', encoding="utf-8")
    with pytest.raises(ModelError, match=r"labels-train\.jsonl, line 1"):
        gold(folder)


# --- the line that must not be crossed -----------------------------------------------------------


@pytest.fixture(scope="module")
def kept_for_acceptance() -> tuple[set[str], set[str]]:
    """Ids and title keys of the texts without labels, read here without the code under test."""
    table = pq.read_table(SHARED / "gold" / "documents.parquet", columns=["id", "title"])
    lines = (SHARED / "gold" / "labels-train.jsonl").read_text(encoding="utf-8").splitlines()
    labelled = {json.loads(line)["id"] for line in lines}
    kept = [row for row in table.to_pylist() if row["id"] not in labelled]
    assert len(kept) > 1000
    return {row["id"] for row in kept}, {title_key(row["title"]) for row in kept}


@pytest.mark.realdata
def test_no_acceptance_text_is_among_the_gold_examples(
    shared: Path, kept_for_acceptance: tuple[set[str], set[str]]
) -> None:
    ids, titles = kept_for_acceptance
    found = gold(shared / "gold")
    assert len(found) > 2500
    assert not {e.document.native_id for e in found} & ids
    assert not {title_key(e.document.title) for e in found} & titles


@pytest.mark.realdata
def test_no_acceptance_text_is_among_the_annotated_or_written_ones(
    shared: Path, kept_for_acceptance: tuple[set[str], set[str]]
) -> None:
    ids, titles = kept_for_acceptance
    annotations = {item["id"] for item in records("annotations.jsonl")}
    assert len(annotations) >= 2000
    assert not annotations & ids
    found = data.annotated(shared / "corpus", shared / "gold")
    assert len(found) > 0.99 * len(annotations)
    assert not {e.document.native_id for e in found} & ids
    assert not {title_key(e.document.title) for e in [*found, *written()]} & titles
    assert not np.any([e.measured for e in found])


@pytest.mark.realdata
def test_no_annotated_title_is_that_of_an_acceptance_text(
    shared: Path, kept_for_acceptance: tuple[set[str], set[str]]
) -> None:
    _, titles = kept_for_acceptance
    annotations = {item["id"] for item in records("annotations.jsonl")}
    for file in (shared / "corpus").glob("*.parquet"):
        table = pq.read_table(file, columns=["id", "title"])
        chosen = table.filter(pc.is_in(table["id"], pa.array(sorted(annotations))))
        assert not {title_key(title) for title in chosen["title"].to_pylist()} & titles
