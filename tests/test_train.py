"""Training the heads: on written texts, with a real embedder, and what was trained on the gold."""

import json
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from classifiers.base import Embedder, ModelError
from classifiers.card import Scores
from classifiers.embedding import load_embedder
from classifiers.heads import HeadLabeler, Heads, head_text
from classifiers.labeling import MODEL, load_labeler
from classifiers.train import (
    Examples,
    judge_out_of_fold,
    load_examples,
    main,
    make_examples,
    out_of_fold,
    train,
)
from core.document import Document, Kind
from core.taxonomy import Taxonomy, load_taxonomy

CONFIG = Path(__file__).parent.parent / "config"

# Sentences for written examples: every subject with every setting.
SUBJECTS = {
    "cybersecurity": ["malware in mail servers", "an attacker with stolen passwords"],
    "biosecurity": ["an influenza outbreak on farms", "pathogens in river water"],
    None: ["the spectrum of a graph", "cooking pasta with less salt"],
}
SETTINGS = [
    "We study {} and measure it for a year",
    "A new method for {} is given",
    "Field notes on {} from three towns",
    "On {}: a careful look by two groups",
    "Open questions about {} and how to answer them",
    "Lessons from {} told by those who saw it",
]


@pytest.fixture(scope="module")
def taxonomy() -> Taxonomy:
    return load_taxonomy(CONFIG)


@pytest.fixture(scope="module")
def written(taxonomy: Taxonomy) -> Examples:
    documents, labels = [], []
    for label, subjects in SUBJECTS.items():
        for subject in subjects:
            for setting in SETTINGS:
                title = setting.format(subject)
                documents.append(
                    Document(
                        kind=Kind.PREPRINT,
                        title=title,
                        abstract=f"The work is about {subject}.",
                        source="test",
                        native_id=title,
                        language="en",
                    )
                )
                labels.append([label] if label else [])
    return make_examples(documents, labels, taxonomy)


@pytest.fixture(scope="module")
def embedding_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real, tiny sentence-transformers model: one random vector per word of the examples."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace

    words = {w for s in SUBJECTS.values() for phrase in s for w in phrase.split()}
    words |= {w for s in SETTINGS for w in re.findall(r"\w+", s)}
    vocabulary = {word: k for k, word in enumerate(["[UNK]", *sorted(words)])}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    weights = np.random.default_rng(0).normal(size=(len(vocabulary), 16)).astype(np.float32)
    folder = tmp_path_factory.mktemp("models") / "tiny-static"
    model = SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_weights=weights)])
    model.save(str(folder))
    return folder


@pytest.fixture(scope="module")
def embedder(embedding_folder: Path) -> Embedder:
    return load_embedder(str(embedding_folder))


def test_heads_learn_what_was_written(written: Examples, taxonomy: Taxonomy) -> None:
    heads, scores = train(written, folds=3)
    assert heads.labels == ("biosecurity", "cybersecurity")
    assert scores.rows["macro"][2] > 0.9
    labels = HeadLabeler(heads, taxonomy).label(
        [
            Document(
                kind=Kind.PREPRINT,
                title="Malware and an attacker in our mail servers",
                source="test",
                native_id="new",
            )
        ]
    )[0]
    assert {s.label for s in labels if s.assigned} == {"cybersecurity"}
    reasons = next(s.reasons for s in labels if s.assigned)
    assert "mail servers" in reasons or "Malware" in reasons


def test_training_is_deterministic(written: Examples, tmp_path: Path) -> None:
    for name in ("one", "two"):
        train(written, folds=3)[0].save(tmp_path / name)
    for file in ("heads.npz", "heads.json"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_works_of_one_title_share_a_fold(written: Examples) -> None:
    doubled = Examples(
        written.documents * 2, written.labels, np.vstack([written.truth, written.truth])
    )
    _, fold_of = out_of_fold(doubled, [head_text(d) for d in doubled.documents], None, folds=3)
    half = len(written.documents)
    assert (fold_of[:half] == fold_of[half:]).all()
    assert len(set(fold_of)) == 3


def test_embedder_gives_unit_vectors(embedder: Embedder) -> None:
    assert embedder.name == "tiny-static"
    vectors = embedder.encode(["malware in mail servers", "pathogens in river water", ""])
    assert vectors.shape == (3, embedder.dimensions)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors[:2], axis=1), 1, rtol=1e-5)
    assert np.isfinite(vectors).all()
    assert embedder.encode([]).shape == (0, embedder.dimensions)


def test_heads_with_an_embedder(
    written: Examples, embedder: Embedder, taxonomy: Taxonomy, tmp_path: Path
) -> None:
    heads, _ = train(written, embedder, folds=3)
    heads.save(tmp_path)
    terms = sum(map(len, heads.vocabulary.values()))
    assert heads.coefficients.shape[1] == terms + embedder.dimensions
    labeler = load_labeler(taxonomy, tmp_path, embedder)
    labelled = labeler.label(written.documents)
    for scores, truth in zip(labelled, written.truth, strict=True):
        by_label = {s.label: s.assigned for s in scores}
        assert [by_label[label] for label in written.labels] == truth.tolist()


def test_another_embedder_than_in_training_is_refused(
    written: Examples, embedder: Embedder, taxonomy: Taxonomy, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match=r"no embedding model but .*tiny-static.* train anew"):
        load_labeler(taxonomy, MODEL, embedder)
    train(written, embedder, folds=3)[0].save(tmp_path)
    with pytest.raises(ModelError, match=r"'tiny-static' but no embedding model is set"):
        load_labeler(taxonomy, tmp_path)


def test_a_missing_embedding_model_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ModelError, match="cannot be loaded") as error:
        load_embedder(str(tmp_path / "nothing-here"))
    assert "\n" not in str(error.value)
    assert "give the folder" in str(error.value)


def gold(folder: Path, texts: list[str], lines: list[dict[str, object]]) -> Path:
    rows = [{"id": i, "title": f"Title {i}", "abstract": "Text"} for i in texts]
    pq.write_table(pa.Table.from_pylist(rows), folder / "documents.parquet")
    (folder / "labels-train.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    return folder


def test_texts_without_labels_are_never_trained_on(tmp_path: Path, taxonomy: Taxonomy) -> None:
    ids = [f"t{k}" for k in range(12)]
    lines: list[dict[str, object]] = [{"id": i, "labels": ["biosecurity"]} for i in ids]
    examples = load_examples(gold(tmp_path, [*ids, "acceptance"], lines), taxonomy)
    assert sorted(d.native_id for d in examples.documents) == sorted(ids)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ({"id": "t0"}, "'t0' has no labels: it must not be trained on"),
        ({"id": "t0", "labels": None}, "'t0' has no labels"),
        ({"id": "zz", "labels": []}, "'zz' has no text"),
        ({"id": "t0", "labels": ["astrology"]}, "does not have: astrology"),
        ({"id": "t0", "labels": []}, "no label has 10 examples"),
    ],
)
def test_unfit_labels_are_refused(
    tmp_path: Path,
    taxonomy: Taxonomy,
    line: dict[str, object],
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = gold(tmp_path, ["t0"], [line])
    with pytest.raises(ModelError, match=message):
        load_examples(folder, taxonomy)
    arguments = ["--gold", str(folder), "--output", str(tmp_path / "o"), "--config", str(CONFIG)]
    assert main(arguments) == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "o").exists()


def test_a_repeated_id_is_refused(tmp_path: Path, taxonomy: Taxonomy) -> None:
    with pytest.raises(ModelError, match="labelled twice"):
        load_examples(gold(tmp_path, ["t0"], [{"id": "t0", "labels": []}] * 2), taxonomy)


@pytest.mark.realdata
def test_the_artifact_was_trained_on_the_gold_and_scores_as_its_card_says(
    shared: Path, taxonomy: Taxonomy
) -> None:
    card = (MODEL / "MODEL_CARD.md").read_text(encoding="utf-8")
    examples = load_examples(shared / "gold", taxonomy)
    assert f"Data hash (SHA-256): {examples.data_hash}" in card
    assert Heads.load(MODEL).data_hash == examples.data_hash
    row = re.search(r"^\| macro \| \S+ \| \S+ \| (\S+) \|", card, re.MULTILINE)
    assert row
    texts = [head_text(document) for document in examples.documents]
    scores, fold_of = out_of_fold(examples, texts, None, folds=3, seed=1)
    probabilities, assigned = judge_out_of_fold(scores, examples.truth, fold_of)
    fresh = Scores.measure(examples.labels, examples.truth, probabilities, assigned)
    assert fresh.rows["macro"][2] > float(row[1]) - 0.05
    # The probabilities are honest: of those around p, about p are true.
    for low, high in ((0.0, 0.1), (0.3, 0.7), (0.9, 1.0)):
        chosen = (probabilities >= low) & (probabilities <= high)
        assert abs(probabilities[chosen].mean() - examples.truth[chosen].mean()) < 0.08
