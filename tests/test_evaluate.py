"""Measuring a labeler: against cases reckoned by hand, and ``horizon evaluate``. Written texts."""

import json
from math import isnan
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray
from test_classify import Horizon, in_process, small_office

from classifiers.evaluate import (
    Bin,
    Mistake,
    Row,
    Scores,
    calibration_error,
    evaluate,
    measure,
    relevance,
    reliability,
    worst_mistakes,
)


def bools(*rows: str) -> NDArray[np.bool_]:
    """One row for each text of 0 and 1."""
    return np.array([[digit == "1" for digit in row] for row in rows])


TRUTH = bools("10", "10", "01", "00")
SAID = bools("10", "00", "11", "00")
PROBABILITIES = np.array([[0.9, 0.1], [0.3, 0.2], [0.6, 0.8], [0.1, 0.0]])


def test_scores_reckoned_by_hand() -> None:
    rows = Scores.measure(["a", "b"], TRUTH, PROBABILITIES, SAID).rows
    # a: one hit, one wrong, one missed; by probability: true, false, true.
    assert rows["a"] == pytest.approx((1 / 2, 1 / 2, 1 / 2, (1 + 2 / 3) / 2, 2))
    assert rows["b"] == (1, 1, 1, 1, 1)
    assert rows["macro"] == pytest.approx((3 / 4, 3 / 4, 3 / 4, (5 / 6 + 1) / 2, 3))
    # All together: 0.9 true, 0.8 true, 0.6 false, 0.3 true.
    assert rows["micro"] == pytest.approx((2 / 3, 2 / 3, 2 / 3, (1 + 1 + 3 / 4) / 3, 3))
    assert "| a | 0.500 | 0.500 | 0.500 | 0.833 | 2 |" in Scores(rows).table()


def test_a_label_without_positives_has_no_average_precision_and_is_not_in_the_mean() -> None:
    rows = Scores.measure(["a", "b"], bools("10", "00"), PROBABILITIES[:2], bools("11", "00")).rows
    assert rows["b"][:3] == (0, 0, 0)
    assert isnan(rows["b"].average_precision)
    assert rows["macro"] == (1, 1, 1, 1, 1)
    assert "| b | 0.000 | 0.000 | 0.000 | – | 0 |" in Scores(rows).table()


def test_no_positives_at_all() -> None:
    rows = Scores.measure(["a"], bools("0"), np.array([[0.2]]), bools("0")).rows
    assert all(isnan(value) for value in rows["macro"][:4])
    assert rows["micro"][:3] == (0, 0, 0)


def test_one_label_alone_is_measured_as_among_others() -> None:
    alone = Scores.measure(["a"], TRUTH[:, :1], PROBABILITIES[:, :1], SAID[:, :1]).rows
    assert alone["a"] == alone["macro"] == alone["micro"] == measure(
        TRUTH[:, 0], PROBABILITIES[:, 0], SAID[:, 0]
    )  # fmt: skip


def test_relevance_is_any_label_or_none() -> None:
    # Relevant: the first three; said to be: the first and the third.
    assert relevance(TRUTH, PROBABILITIES, SAID) == pytest.approx((1, 2 / 3, 4 / 5, 1, 3))


def test_reliability_and_calibration_error_reckoned_by_hand() -> None:
    truth = np.array([True, False, False, True, True])
    bins = reliability(truth, np.array([0.0, 0.1, 0.25, 0.75, 1.0]), bins=4)
    assert bins == [
        Bin(0, 0.25, 2, 0.05, 0.5),
        Bin(0.25, 0.5, 1, 0.25, 0),
        Bin(0.75, 1, 2, 0.875, 1),
    ]
    assert calibration_error(bins) == pytest.approx((2 * 0.45 + 0.25 + 2 * 0.125) / 5)


def test_honest_probabilities_have_a_small_error_and_boasts_a_large_one() -> None:
    random = np.random.default_rng(0)
    said = random.random((5_000, 4))
    truth = random.random(said.shape) < said
    assert calibration_error(reliability(truth, said)) < 0.02
    assert calibration_error(reliability(truth, np.sqrt(said))) > 0.1


def test_the_most_confident_mistakes_come_first() -> None:
    truth, said = bools("00", "11", "10"), bools("11", "00", "01")
    probabilities = np.array([[0.7, 0.9], [0.3, 0.2], [0.1, 0.8]])
    false_positives, misses = worst_mistakes(truth, probabilities, said)
    assert false_positives == [Mistake(0, 1), Mistake(2, 1), Mistake(0, 0)]
    assert misses == [Mistake(2, 0), Mistake(1, 1), Mistake(1, 0)]
    assert worst_mistakes(truth, probabilities, said, count=1) == ([Mistake(0, 1)], [Mistake(2, 0)])


def test_evaluation_by_scheme_and_language() -> None:
    found = evaluate({"a": "one", "b": "two"}, ["en", "de", "en", "de"], TRUTH, PROBABILITIES, SAID)
    assert found.whole.documents == 4
    assert found.whole.micro.f1 == pytest.approx(2 / 3)
    assert list(found.labels) == ["a", "b"]
    assert found.schemes["one"].micro == found.labels["a"]
    assert found.schemes["two"].macro == Row(1, 1, 1, 1, 1)
    assert sum(each.pairs for each in found.reliability["two"]) == 4
    assert list(found.languages) == ["de", "en"]
    assert (found.languages["en"].documents, found.languages["en"].relevance.f1) == (2, 1)
    assert found.languages["de"].relevance.recall == 0
    assert (found.false_positives, found.misses) == ([Mistake(2, 0)], [Mistake(1, 0)])


# --- the command ---------------------------------------------------------------------------------

LABELLED: list[dict[str, Any]] = [
    {"id": 1, "labels": ["drones"], "title": "A drone", "abstract": "It flies in the wind."},
    {"id": 2, "labels": [], "title": "Die Drohne fliegt über den Wald und sucht nach Menschen"},
    {"id": 3, "labels": ["floods"], "title": "High water came to the old town", "abstract": ""},
    {"id": 4, "labels": [], "title": "Cooking pasta with less salt"},
]


@pytest.fixture
def horizon(
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    capsysbinary: pytest.CaptureFixture[bytes],
) -> Horizon:
    config = tmp_path_factory.mktemp("config")
    small_office(config, monkeypatch)
    return in_process(config, monkeypatch, capsysbinary)


def write(file: Path, rows: list[dict[str, Any]]) -> Path:
    file.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return file


def test_json_has_all_that_was_measured(horizon: Horizon, tmp_path: Path) -> None:
    file = write(tmp_path / "labels.jsonl", LABELLED)
    code, out, err = horizon("evaluate", file, "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert found["labeler"].startswith("phrases-t-")
    assert found["documents"] == 4
    assert found["micro"]["precision"] == found["micro"]["recall"] == 0.5
    assert found["relevance"]["f1"] == 0.5
    goals = found["schemes"]["goals"]
    assert goals["labels"]["drones"] == {
        "precision": 0.5, "recall": 1, "f1": 0.6667, "average_precision": 0.5, "positives": 1
    }  # fmt: skip
    # Six pairs at 0, one of them true; two at 0.75, one of them true.
    assert goals["calibration_error"] == pytest.approx((6 * (1 / 6) + 2 * 0.25) / 8, abs=1e-4)
    assert [each["pairs"] for each in goals["reliability"]] == [6, 2]
    assert {"de", "en"} <= set(found["languages"])
    assert found["languages"]["de"]["macro"]["f1"] is None
    assert found["false_positives"] == [
        {"id": 2, "title": LABELLED[1]["title"], "label": "drones", "probability": 0.75,
         "reasons": ["Drohne"]}
    ]  # fmt: skip
    assert [(each["id"], each["label"]) for each in found["misses"]] == [(3, "floods")]


def test_tables(horizon: Horizon, tmp_path: Path) -> None:
    code, out, _ = horizon("evaluate", write(tmp_path / "labels.jsonl", LABELLED))
    assert code == 0
    rows = [line.split("\t") for line in out.decode().splitlines()]
    assert ["goals", "drones", "0.500", "1.000", "0.667", "0.500", "1"] in rows
    assert ["all", "relevance", "0.500", "0.500", "0.500", "0.500", "2"] in rows
    assert ["0.73–0.80", "0.50 of 2"] in rows
    assert ["calibration error", "0.188"] in rows
    assert [LABELLED[1]["title"], "drones", "0.750", "Drohne"] in rows
    assert [LABELLED[2]["title"], "floods", "0.000", ""] in rows
    assert ["de", "1", "0", "0.000", "0.000", "–"] in rows


def test_one_language_has_no_table_of_its_own(horizon: Horizon, tmp_path: Path) -> None:
    rows = [{**row, "language": "en"} for row in LABELLED]
    _, out, _ = horizon("evaluate", write(tmp_path / "labels.jsonl", rows))
    assert b"Languages" not in out


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_texts_from_another_file(horizon: Horizon, tmp_path: Path, form: str) -> None:
    ids = {1: "a:1", 2: "a:2", 3: "a:3", 4: "a:4"}
    labels = [{"id": ids[row["id"]], "labels": row["labels"]} for row in LABELLED]
    texts = [
        {"id": ids[row["id"]], "title": row["title"], "abstract": row.get("abstract")}
        for row in LABELLED
    ]
    texts = [*texts[:3], {"id": "other", "title": "Not asked for", "abstract": None}]
    file = tmp_path / f"texts.{form}"
    if form == "jsonl":
        write(file, texts)
    else:
        pq.write_table(pa.Table.from_pylist(texts), file)
    labels[0] |= {"title": "Drone, drone", "abstract": "In its own line."}
    code, out, err = horizon(
        "evaluate", write(tmp_path / "labels.jsonl", labels), "--texts", file, "--json"
    )
    assert code == 0
    assert err == "1 of 4 ids have no text and are left out\n"
    assert json.loads(out)["documents"] == 3
    assert json.loads(out)["misses"][0]["id"] == "a:3"


def test_labels_that_the_taxonomy_lacks(horizon: Horizon, tmp_path: Path) -> None:
    rows = [*LABELLED, {"id": 5, "labels": ["zeppelins", "astrology", "drones"], "title": "x"}]
    code, out, err = horizon("evaluate", write(tmp_path / "labels.jsonl", rows))
    assert (code, out) == (1, b"")
    assert len(err.splitlines()) == 1
    assert "does not have: astrology, zeppelins;" in err


def test_wrong_lines_are_told_and_the_rest_is_measured(horizon: Horizon) -> None:
    bad = [
        *(b"no", b"[]", b'{"labels": []}', b'{"id": 9, "title": "x"}'),
        *(b'{"id": 9, "labels": "drones"}', b'{"id": 9, "labels": [1]}'),
        b'{"id": "1", "labels": []}',
    ]
    good = [json.dumps(row).encode() for row in LABELLED]
    code, out, err = horizon("evaluate", "-", "--json", stdin=b"\n".join([*good, *bad]))
    assert code == 0
    assert json.loads(out)["documents"] == 4
    told = err.splitlines()
    assert [line.split(":")[0] for line in told] == [f"line {k}" for k in range(5, 12)]
    assert "comes twice" in told[-1]
    assert all(line.endswith("; skipped") for line in told)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(b"", "no labels with a text"), (b'{"id": 1, "labels": []}', "say with --texts"),
     (b'{"id": 1, "labels": [], "title": "<p></p>"}', "say with --texts")],
)  # fmt: skip
def test_nothing_to_measure_is_a_failure(horizon: Horizon, content: bytes, sentence: str) -> None:
    code, out, err = horizon("evaluate", "-", stdin=content)
    assert (code, out) == (1, b"")
    assert sentence in err.splitlines()[-1]


def test_files_that_cannot_be_read_are_one_sentence(horizon: Horizon, tmp_path: Path) -> None:
    labels = write(tmp_path / "labels.jsonl", [{"id": 1, "labels": []}])
    broken = tmp_path / "texts.parquet"
    broken.write_bytes(b"no parquet")
    for arguments in (
        [tmp_path / "missing.jsonl"], [tmp_path], [labels, "--texts", tmp_path / "none.parquet"],
        [labels, "--texts", broken], [labels, "--texts", tmp_path / "texts.doc"],
    ):  # fmt: skip
        code, _, err = horizon("evaluate", *arguments)
        assert code == 1
        assert len(err.splitlines()) == 1, err
