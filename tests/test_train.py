"""Fitting the heads: quick trainings on some of the written texts."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from trained import (
    CONFIG,
    FOLDS,
    LABELS,
    document,
    examples,
    few_examples,
    quick_training,
    small,
    taxonomy,
)

from classifiers import examples as data
from classifiers.embedding import own_embedder
from classifiers.examples import Example, gather
from classifiers.heads import KINDS, Heads, join
from classifiers.train import fit_linear, main, prepare, train
from core.text import title_key


def test_out_of_fold_scores_are_sane() -> None:
    scores = small().scores
    assert set(scores) == set(KINDS)
    for some in scores.values():
        assert list(some.rows) == [*LABELS, "macro", "micro"]
    assert scores["news"].rows["micro"].f1 > 0.75
    assert scores["foreign"].rows["micro"].f1 > 0.65
    # What is told is out of fold, so not perfect; and no label is given to everything.
    assert 0.6 < scores["news"].rows["micro"].precision < 0.99
    counted = sum(some.rows["micro"].positives for some in scores.values())
    assert counted == examples().truth.sum()


def test_thresholds_are_half_an_f1_and_every_kind_has_its_own() -> None:
    heads = small().heads
    assert heads.thresholds.shape == (len(KINDS), len(LABELS))
    assert ((heads.thresholds > 0.1) & (heads.thresholds <= 0.5)).all()
    assert not np.allclose(heads.thresholds[1], heads.thresholds[2])


def test_training_is_deterministic(tmp_path: Path) -> None:
    small().heads.save(tmp_path / "one")
    with quick_training():
        heads, scores = train(examples(), own_embedder())
    heads.save(tmp_path / "two")
    assert scores == small().scores
    for file in ("heads.json", "heads.npz"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_what_belongs_together_shares_a_fold_and_folds_are_even() -> None:
    with quick_training():
        prepared, _ = prepare(examples(), own_embedder())
    folds: dict[str, set[int]] = {}
    for group, fold in zip(examples().groups, prepared.folds.tolist(), strict=True):
        folds.setdefault(group, set()).add(fold)
    assert all(len(of_group) == 1 for of_group in folds.values())
    sizes = Counter(prepared.folds.tolist())
    assert set(sizes) == set(range(FOLDS))
    assert max(sizes.values()) < 1.2 * min(sizes.values())


def test_what_is_not_measured_but_shares_a_title_with_what_is_trains_nothing() -> None:
    few = few_examples()[:90]
    twin = replace(few[0], measured=False)
    other = replace(few[1], measured=False, group="a title of its own")
    with quick_training():
        prepared, _ = prepare(gather([*few, twin, other], taxonomy()), own_embedder())
    assert prepared.folds[-2] == FOLDS  # in no training set and in no measured fold
    assert prepared.folds[-1] == -1  # in every training set


def test_kinds_of_text() -> None:
    found = examples()
    with quick_training():
        prepared, _ = prepare(found, own_embedder())
    of = [
        "foreign" if d.language != "en" else "news" if d.kind == "news" else "research"
        for d in found.documents
    ]
    assert [KINDS[k] for k in prepared.kinds] == of
    # In use the kind is told from the words, and mostly rightly.
    heads = small().heads
    told = heads.kinds(prepared.matrix @ heads.sparse, prepared.kinds == 2)
    assert (told == prepared.kinds).mean() > 0.95


def test_a_fit_separates_balances_and_heeds_weights() -> None:
    random = np.random.default_rng(0)
    truth = (np.arange(400) % 10 == 0)[:, None]
    matrix = (random.normal(size=(400, 2)) + truth * [3, 0]).astype(np.float32)
    every = np.ones((400, 1), np.float32)
    coefficients, offset = fit_linear(matrix, truth, every, 10.0)
    assert coefficients.shape == (2, 1)
    scores = matrix @ coefficients + offset
    assert abs(coefficients[0, 0]) > 5 * abs(coefficients[1, 0])
    # One in ten is yes, but both sides weigh the same: the border lies between them.
    assert (scores[truth] > 0).mean() > 0.85
    assert (scores[~truth] < 0).mean() > 0.85
    # What is not known does not count, whatever it says.
    known = every * (np.arange(400) < 200)[:, None]
    lies = truth ^ (known == 0)
    np.testing.assert_allclose(
        fit_linear(matrix, lies, known, 10.0)[0],
        fit_linear(matrix[:200], truth[:200], every[:200], 10.0)[0],
        rtol=0.01,
    )


def test_probabilities_lie_between_0_and_1_and_rise_with_both_scores() -> None:
    stack = np.array([[[1.0, 2.0, -0.5]]])
    scores = np.array([[-1e6], [-1.0], [0.0], [1.0], [1e6]])
    joined = join(scores, np.zeros((5, 1)), stack)[:, 0]
    assert (np.diff(joined) > 0).all()
    assert ((joined > 0) & (joined < 1)).all()
    assert (np.diff(join(np.zeros((5, 1)), scores, stack)[:, 0]) > 0).all()


def test_a_label_without_examples_in_a_kind_is_never_assigned_there() -> None:
    few = [e for e in few_examples() if e.document.language == "en"][:200]
    foreign = [
        Example(document(f"뉴스 {k}", language="ko"), frozenset(), title_key(f"뉴스 {k}"))
        for k in range(9)
    ]
    with quick_training():
        heads, scores = train(gather([*few, *foreign], taxonomy()), own_embedder())
    assert np.isfinite(heads.stack).all()
    scores_of = np.full((1, len(heads.labels)), 5.0)
    kinds = np.array([KINDS.index("foreign")])
    beside = np.zeros((1, 1))
    probabilities = heads.probabilities(np.hstack([scores_of, beside]), scores_of, kinds)
    assert (probabilities < heads.thresholds[kinds]).all()
    assert scores["foreign"].rows["micro"].positives == 0


# --- the command ---------------------------------------------------------------------------------


def folders(folder: Path, lines: list[dict[str, object]]) -> list[str]:
    """Write labelled texts and an empty corpus; return the arguments that name them."""
    rows = [
        {"id": f"t{k}", "title": f"Written title {k}", "abstract": "Written."} for k in range(3)
    ]
    (folder / "gold").mkdir()
    (folder / "corpus").mkdir()
    pq.write_table(pa.Table.from_pylist(rows), folder / "gold" / "documents.parquet")
    (folder / "gold" / "labels-train.jsonl").write_text("\n".join(map(json.dumps, lines)))
    return [
        *("--gold", str(folder / "gold"), "--corpus", str(folder / "corpus")),
        *("--output", str(folder / "model"), "--config", str(CONFIG)),
    ]


def test_the_command_writes_model_and_card(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(data, "written", few_examples)
    arguments = folders(tmp_path, [{"id": "t0", "labels": []}, {"id": "t1", "labels": []}])
    with quick_training():
        assert main(arguments) == 0
    heads = Heads.load(tmp_path / "model")
    assert heads.labels == LABELS
    card = (tmp_path / "model" / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert f"Data hash (SHA-256): {heads.data_hash}" in card
    assert f"Embedding model: {own_embedder().name}" in card
    assert "Seed: 0" in card
    for label in LABELS:
        assert card.count(f"| {label} |") == len(KINDS) + 1  # scores of each kind, thresholds
    assert capsys.readouterr().out.count("| micro |") == len(KINDS)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ({"id": "t0"}, "'t0' has no labels: it must not be trained on"),
        ({"id": "zz", "labels": []}, "'zz' has no text"),
        ({"id": "t0", "labels": ["astrology"]}, "does not have: astrology"),
    ],
)
def test_unfit_labels_end_the_command_with_one_sentence(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    line: dict[str, object],
    message: str,
) -> None:
    assert main(folders(tmp_path, [line])) == 1
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
    assert not (tmp_path / "model").exists()
