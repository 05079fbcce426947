"""``horizon classify``: every id gets an answer, whatever else its line holds. Written texts."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

import classifiers
from classifiers.base import LabelScore
from classifiers.phrases import PhraseLabeler
from core.document import Document, Kind
from core.taxonomy import Taxonomy, load_taxonomy
from horizon import classifying, cli
from scanners import lines
from scanners.files import Wrong

CONFIG = Path(__file__).parent.parent / "config"
TAXONOMY = """
version: t
schemes:
  - id: goals
    name: Goals
    layout: table
    labels:
      - {id: drones, name: Drones, definition: Flying machines without a pilot.,
         phrases: {en: [drone], de: [Drohne]}}
      - {id: floods, name: Floods, definition: Water where it should not be.,
         phrases: {en: [flood]}}
"""

Horizon = Callable[..., tuple[int, bytes, str]]


class Remembering(PhraseLabeler):
    """The phrases alone, which need no model; remembers what it was asked."""

    def __init__(self, taxonomy: Taxonomy) -> None:
        super().__init__(taxonomy)
        self.batches: list[list[Document]] = []

    def label(self, documents: Sequence[Document]) -> list[list[LabelScore]]:
        self.batches.append(list(documents))
        return super().label(documents)


def small_office(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Remembering:
    """Write a configuration of two labels into ``folder``; return the labeler it will have."""
    (folder / "taxonomy.yaml").write_text(TAXONOMY, encoding="utf-8")
    labeler = Remembering(load_taxonomy(folder))
    monkeypatch.setattr(classifiers, "load_labeler", lambda taxonomy, folder, embedder: labeler)
    return labeler


def in_process(
    config: Path, monkeypatch: pytest.MonkeyPatch, capture: pytest.CaptureFixture[bytes]
) -> Horizon:
    """Return what runs a command here and returns exit code, standard output, standard error."""

    def run(*arguments: object, stdin: bytes = b"") -> tuple[int, bytes, str]:
        monkeypatch.setattr(sys, "argv", ["horizon", *map(str, arguments), "--config", str(config)])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        with pytest.raises(SystemExit) as end:
            cli.main()
        out, err = capture.readouterr()
        return int(end.value.code or 0), out, err.decode()

    return run


@pytest.fixture
def config(tmp_path: Path) -> Path:
    folder = tmp_path / "config"
    folder.mkdir()
    return folder


@pytest.fixture
def labeler(config: Path, monkeypatch: pytest.MonkeyPatch) -> Remembering:
    return small_office(config, monkeypatch)


@pytest.fixture
def horizon(
    config: Path,
    labeler: Remembering,
    monkeypatch: pytest.MonkeyPatch,
    capsysbinary: pytest.CaptureFixture[bytes],
) -> Horizon:
    return in_process(config, monkeypatch, capsysbinary)


@pytest.fixture
def classify(horizon: Horizon) -> Callable[..., tuple[list[dict[str, Any]], str]]:
    """Label lines by way of a pipe; return the answers and what was said on standard error."""

    def run(*content: bytes | dict[str, Any]) -> tuple[list[dict[str, Any]], str]:
        rows = [row if isinstance(row, bytes) else json.dumps(row).encode() for row in content]
        code, out, err = horizon("classify", "-", "--output", "-", stdin=b"\n".join(rows))
        assert code == (0 if out else 1)
        return [json.loads(line) for line in out.splitlines()], err

    return run


Classify = Callable[..., tuple[list[dict[str, Any]], str]]


def test_the_contract(classify: Classify) -> None:
    answers, err = classify(
        {"id": "a", "title": "A drone", "abstract": "It flies over a flood."},
        {"id": "b", "title": "Cooking pasta", "abstract": "With less salt."},
    )
    assert answers == [
        {"id": "a", "labels": ["drones"], "scores": {"drones": 0.75, "floods": 0.5}},
        {"id": "b", "labels": [], "scores": {"drones": 0.0, "floods": 0.0}},
    ]
    assert err == ""


def test_reasons_are_those_of_the_assigned_labels(horizon: Horizon) -> None:
    line = b'{"id": 1, "title": "A drone", "abstract": "flood"}'
    _, out, _ = horizon("classify", "-", "--output", "-", "--reasons", stdin=line)
    assert json.loads(out)["reasons"] == {"drones": ["drone"]}


def test_scores_have_four_digits(
    classify: Classify, labeler: Remembering, monkeypatch: pytest.MonkeyPatch
) -> None:
    score = LabelScore("drones", "goals", 1 / 3, True, "model")
    monkeypatch.setattr(labeler, "label", lambda documents: [[score] for _ in documents])
    assert classify({"id": 1, "title": "x"})[0][0]["scores"] == {"drones": 0.3333}


GOOD = {"id": "good", "title": "A drone"}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{not json", "not JSON"),
        (b'{"id": "a", "title": "cut of', "not JSON"),
        (b'["id", "a"]', "not an object"),
        (b'"text"', "not an object"),
        (b"null", "not an object"),
        (b'{"title": "A drone"}', "no id"),
        (b'{"id": null, "title": "A drone"}', "no id"),
        (b'{"id": "", "title": "A drone"}', "no id"),
        (b'{"id": ["a"], "title": "A drone"}', "id is no text or number"),
        (b'{"id": true, "title": "A drone"}', "id is no text or number"),
        (b'{"id": NaN, "title": "A drone"}', "id is no text or number"),
        (b"[" * 200_000, "not JSON that can be read"),
        (b'{"id": ' + b"9" * 5_000 + b"}", "not JSON that can be read"),
        ('{"id": "a", "title": "A drone"}'.encode("utf-16"), "not JSON"),
        (b'{"id": "a"} {"id": "b"}', "not JSON: Extra data"),
    ],
)
def test_a_line_without_object_or_id_is_skipped(
    classify: Classify, line: bytes, reason: str
) -> None:
    answers, err = classify(GOOD, line, GOOD)
    assert [answer["id"] for answer in answers] == ["good", "good"]
    assert err.splitlines()[0].startswith(f"line 2: {reason}")
    assert err.splitlines()[0].endswith("; skipped")
    assert err.splitlines()[-1] == "2 lines answered, 0 of them with a fault; 1 skipped"


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({}, "no text"),
        ({"title": "", "abstract": " \n"}, "no text"),
        ({"title": None, "abstract": None}, "no text"),
        ({"title": 7, "abstract": ["A drone"]}, "title is not text; abstract is not text; no text"),
        ({"title": "<p><b></b></p>"}, "no text"),
        ({"title": "\x00\u200b\ufeff"}, "no text"),
    ],
)
def test_an_id_without_a_text_is_answered(
    classify: Classify, fields: dict[str, Any], problem: str
) -> None:
    answers, err = classify(GOOD, {"id": "bare", **fields}, GOOD)
    assert answers[1] == {"id": "bare", "labels": [], "scores": {"drones": 0.0, "floods": 0.0}}
    assert answers[0] == answers[2] != answers[1]
    assert err.splitlines()[0] == f"line 2: {problem}"
    assert err.splitlines()[-1] == "3 lines answered, 1 of them with a fault; 0 skipped"


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b'{"id": "x", "title": "A drone", "abstract": null}', None),
        (b'{"id": "x", "title": "A drone", "extra": {"deep": [1]}}', None),
        (b'\xef\xbb\xbf{"id": "x", "title": "A drone"}', None),
        (b'  {"id": "x", "title": "A drone"}\r', None),
        (b'\0\0{"id": "x", "title": "A\0drone"}\0\0', None),
        (b'{"id": "x", "title": "A\tdrone"}', None),
        (b'{"id": "x", "title": "A drone \\ud800"}', None),
        (rb'{"id": "x", "title": "A drone", "abstract": "$\\frac{a}{b}$ $a<b$"}', None),
        (b'{"id": "x", "title": "<p>A <b>drone</b></p>"}', None),
        (b'{"id": "x", "title": "Die Drohne"}', None),
        (b'{"id": "x", "title": "A drone", "language": "Klingon"}', None),
        (b'{"id": "x", "title": "A drone \xff\xfe"}', "not UTF-8"),
        (b'{"id": "x", "abstract": "A drone meets a drone and a Drohne."}', "no title"),
        (b'{"id": "x", "title": "A drone", "abstract": 5}', "abstract is not text"),
        (b'{"id": "x", "title": "A drone", "kind": "blog"}', "kind 'blog' is unknown"),
        (b'{"id": "x", "title": "A drone", "venue": {}}', "venue is not text"),
        (b'{"id": "x", "title": "A drone", "language": 3}', "language is not text"),
        (b'{"id": "x", "title": "A drone", "published": "soon"}', "'soon' is no date"),
    ],
)
def test_what_can_be_read_is_labelled(classify: Classify, line: bytes, problem: str | None) -> None:
    answers, err = classify(line)
    assert [(answer["id"], answer["labels"]) for answer in answers] == [("x", ["drones"])]
    assert (problem in err.splitlines()[0]) if problem else err == ""


def test_ids_come_back_as_they_were(classify: Classify) -> None:
    ids = ["1", 1, 1.5, 0, "a", "a", "ü \u2028 \0", "\ud800", 10**400, "x" * 10_000]
    answers, err = classify(*({"id": i, "title": "A drone"} for i in ids))
    assert [answer["id"] for answer in answers] == ids
    assert err == ""


def test_output_is_utf_8_one_line_each(horizon: Horizon) -> None:
    line = '{"id": "날\\nü", "title": "x"}'.encode()
    _, out, _ = horizon("classify", "-", "--output", "-", stdin=line)
    assert "날\\nü".encode() in out
    assert out.count(b"\n") == 1


def test_a_text_of_a_megabyte(classify: Classify) -> None:
    answers, err = classify(
        {"id": "abstract", "title": "Long", "abstract": "a drone in a flood. " * 50_000},
        {"id": "title", "title": "drone " * 170_000},
        {"id": "word", "title": "Long", "abstract": "ß" * 1_000_000},
    )
    assert [answer["id"] for answer in answers] == ["abstract", "title", "word"]
    assert answers[1]["labels"] == ["drones"]
    assert err == ""


def test_a_line_too_long_is_skipped_and_not_held(
    classify: Classify, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "LONGEST", 100)
    answers, err = classify(GOOD, b"x" * 350, GOOD, {"id": "a", "title": "x" * 100})
    assert [answer["id"] for answer in answers] == ["good", "good"]
    assert err.splitlines()[0] == "line 2: longer than 100 bytes; skipped"
    assert err.splitlines()[1].startswith("line 4: ")


def test_blank_lines_count_as_lines_only(classify: Classify) -> None:
    answers, err = classify(b"", GOOD, b" \t", b"\0\0", b"no", GOOD, b"")
    assert len(answers) == 2
    assert err.startswith("line 5: not JSON")


def test_optional_fields_reach_the_labeler(classify: Classify, labeler: Remembering) -> None:
    told = {"kind": "news", "venue": "Agency", "language": "ko-KR", "published": "2026-11-09"}
    classify(
        {"id": 1, "title": "A title", **told},
        {"id": 2, "title": "Die Feuerwehr sucht Verschüttete mit neuen Sensoren"},
        {"id": 3, "title": "?!", "published": 2025},
    )
    [[first, second, third]] = labeler.batches
    assert (first.kind, first.venue, first.language) == (Kind.NEWS, "Agency", "ko")
    assert str(first.published) == "2026-11-09"
    assert (second.kind, second.language) == (Kind.PUBLICATION, "de")
    assert (third.language, third.precision) == (None, "year")


def test_batches_keep_the_order_and_the_file_is_never_whole_in_memory(
    classify: Classify, labeler: Remembering, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(classifying, "_BATCH", 4)
    texts = ["A drone", "", "A flood", "Pasta", "", "Drone and flood", "A flood"]
    answers, _ = classify(*({"id": k, "title": text} for k, text in enumerate(texts)))
    assert [len(batch) for batch in labeler.batches] == [3, 2]
    assert [answer["id"] for answer in answers] == list(range(7))
    assert [answer["labels"] for answer in answers] == [
        ["drones"], [], ["floods"], [], [], ["drones", "floods"], ["floods"]
    ]  # fmt: skip


# --- files ---------------------------------------------------------------------------------------


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    file = tmp_path / "texts.jsonl"
    file.write_text('{"id": "a", "title": "A drone"}\nwrong\n', encoding="utf-8")
    return file


def test_from_file_to_file(horizon: Horizon, texts: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.jsonl"
    output.write_text("old")
    code, out, err = horizon("classify", texts, "--output", output)
    assert (code, out) == (0, b"")
    assert err.startswith("line 2: not JSON")
    assert json.loads(output.read_text(encoding="utf-8"))["labels"] == ["drones"]
    assert not list(tmp_path.glob(".*"))


def test_a_file_may_be_replaced_by_its_own_labels(horizon: Horizon, texts: Path) -> None:
    assert horizon("classify", texts, "--output", texts)[0] == 0
    assert json.loads(texts.read_text(encoding="utf-8"))["labels"] == ["drones"]


def test_what_a_link_leads_to_is_replaced(horizon: Horizon, texts: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "out.jsonl")
    assert horizon("classify", texts, "--output", tmp_path / "link")[0] == 0
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "out.jsonl").exists()


def test_a_failure_on_the_way_leaves_the_old_output(
    horizon: Horizon,
    texts: Path,
    tmp_path: Path,
    labeler: Remembering,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    output = tmp_path / "out.jsonl"
    output.write_text("old")

    def fail(documents: Sequence[Document]) -> list[list[LabelScore]]:
        [half] = tmp_path.glob(".out.jsonl.*.part")
        assert half.exists()
        raise classifiers.ModelError("the model is gone")

    monkeypatch.setattr(labeler, "label", fail)
    code, _, err = horizon("classify", texts, "--output", output)
    assert (code, err.splitlines()[-1]) == (1, "horizon: the model is gone")
    assert output.read_text() == "old"
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("content", [b"", b"\n \n\0", b"wrong\n[]\n", b'{"title": "x"}'])
def test_nothing_to_read_is_a_failure(horizon: Horizon, tmp_path: Path, content: bytes) -> None:
    output = tmp_path / "out.jsonl"
    code, out, err = horizon("classify", "-", "--output", output, stdin=content)
    assert (code, out) == (1, b"")
    assert "no line could be read" in err.splitlines()[-1]
    assert not output.exists()


@pytest.mark.parametrize("name", ["missing.jsonl", ".", "texts.jsonl/inside"])
def test_a_file_that_cannot_be_read_is_one_sentence(
    horizon: Horizon, texts: Path, tmp_path: Path, name: str
) -> None:
    code, _, err = horizon("classify", tmp_path / name, "--output", tmp_path / "out.jsonl")
    assert code == 1
    assert len(err.splitlines()) == 1
    assert "give a file of JSON lines" in err
    assert not (tmp_path / "out.jsonl").exists()


@pytest.mark.parametrize("name", [".", "nowhere/out.jsonl", "texts.jsonl/out.jsonl"])
def test_an_output_that_cannot_be_written_is_one_sentence(
    horizon: Horizon, texts: Path, tmp_path: Path, name: str
) -> None:
    code, _, err = horizon("classify", texts, "--output", tmp_path / name)
    assert code == 1
    assert len(err.splitlines()) == 1
    assert "--output" in err


def test_a_pipe_is_written_to_and_not_replaced(
    horizon: Horizon, texts: Path, tmp_path: Path
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["cat", pipe], stdout=subprocess.PIPE) as cat:
        assert horizon("classify", texts, "--output", pipe)[0] == 0
        assert json.loads(cat.communicate(timeout=10)[0])["id"] == "a"
    assert pipe.is_fifo()


def test_without_an_output_it_is_wrong_usage(horizon: Horizon, texts: Path) -> None:
    assert horizon("classify", texts)[0] == 2


def test_reading_tells_lines_apart_from_what_is_wrong() -> None:
    found = list(lines.records(io.BytesIO(b'{"id": 1, "a": 2}\n\n{}')))
    assert found == [lines.Record(1, 1, {"id": 1, "a": 2}), Wrong(3, "no id")]


def test_the_installed_program_with_the_shipped_model(
    run_horizon: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    (tmp_path / "in.jsonl").write_text(
        '{"id": 1, "title": "Malware and intrusion detection",'
        ' "abstract": "We detect cyber attacks on computer networks."}\n'
        '{"id": 2, "title": "", "abstract": ""}\n'
    )
    arguments = [str(tmp_path / "in.jsonl"), "--output", str(tmp_path / "out.jsonl"), "--reasons"]
    done = run_horizon("classify", *arguments)
    assert done.returncode == 0, done.stderr
    first, second = map(json.loads, (tmp_path / "out.jsonl").read_text().splitlines())
    assert {"cybersecurity", "trusted_cyber_future"} <= set(first["labels"])
    assert first["reasons"]["cybersecurity"]
    assert list(first["scores"]) == list(second["scores"]) == list(load_taxonomy(CONFIG).labels)
