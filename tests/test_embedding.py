"""The embedding model that ships, and any other in its place."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT
from trained import LABELS, few_examples, quick_training, save_tiny_embedding, taxonomy

from classifiers import embedding
from classifiers.base import Embedder, ModelError, Vectors
from classifiers.embedding import DIMENSIONS, MODEL, load_embedder, own_embedder, unit
from classifiers.examples import EXEMPLARS, gather, is_held_out, written
from classifiers.heads import Heads
from classifiers.labeling import load_labeler
from classifiers.train import train

TEXTS = [example.document.text for example in written()[::40]]
ODD = [
    "",
    " \n ",
    "<p></p>",
    r"$\frac{a}{b}$",
    "…?!",
    "nul\x00 and \ud800",
    "\U0001f6f8",
    "폭발물 탐지",
    "גילוי חומרי נפץ",
    "爆発物検知、空港で",
    "drones " * 150_000,
    "字" * 1_000_000,
]


def cosines(one: Vectors, other: Vectors) -> Vectors:
    return np.asarray((unit(one) * unit(other)).sum(axis=1))


# --- the model that ships ------------------------------------------------------------------------


def test_rows_have_length_one() -> None:
    embedder = own_embedder()
    vectors = embedder.encode(TEXTS)
    assert vectors.dtype == np.float32
    assert vectors.shape == (len(TEXTS), DIMENSIONS) == (len(TEXTS), embedder.dimensions)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    assert embedder.encode([]).shape == (0, DIMENSIONS)


def test_odd_texts_have_a_vector_too_and_texts_without_words_are_zero() -> None:
    vectors = own_embedder().encode(ODD)
    assert np.isfinite(vectors).all()
    lengths = np.linalg.norm(vectors, axis=1)
    wordless = [i for i, text in enumerate(ODD) if not any(map(str.isalnum, text))]
    assert (lengths[wordless] == 0).all()
    np.testing.assert_allclose(np.delete(lengths, wordless), 1, rtol=1e-5)


def test_a_text_has_the_same_vector_whatever_its_batch() -> None:
    embedder = own_embedder()
    alone = np.vstack([embedder.encode([text]) for text in TEXTS])
    np.testing.assert_allclose(embedder.encode(TEXTS), alone, atol=1e-6)
    np.testing.assert_allclose(embedder.encode(TEXTS[::-1])[::-1], alone, atol=1e-6)


def test_vectors_are_those_of_model2vec() -> None:
    from model2vec import StaticModel

    theirs = StaticModel.from_pretrained(MODEL).encode(TEXTS, max_length=None)
    assert cosines(own_embedder().encode(TEXTS), theirs).min() > 0.999


def test_vectors_are_those_of_sentence_transformers() -> None:
    vectors = load_embedder(str(MODEL)).encode(TEXTS)
    assert cosines(own_embedder().encode(TEXTS), vectors).min() > 0.999


def test_texts_held_out_are_nearest_to_their_own_translations() -> None:
    """Among the held-out ones of their language, some 25; by chance it would be 1 in 25."""
    embedder = own_embedder()
    found: list[bool] = []
    for file in sorted(EXEMPLARS.glob("news-*.jsonl")):
        lines = file.read_text(encoding="utf-8").splitlines()
        unseen = [item for item in map(json.loads, lines) if is_held_out(item["id"])]
        pairs = [item for item in unseen if "title_en" in item]
        if pairs:
            foreign = embedder.encode([f"{item['title']}. {item['text']}" for item in pairs])
            english = embedder.encode([f"{item['title_en']}. {item['text_en']}" for item in pairs])
            found += ((foreign @ english.T).argmax(axis=1) == np.arange(len(pairs))).tolist()
    assert len(found) > 150
    assert np.mean(found) > 0.45


def test_the_own_model_loads_no_torch() -> None:
    code = (
        "import sys\n"
        "from classifiers import load_embedder\n"
        "assert load_embedder().encode(['drones over an airport']).any()\n"
        "print([name for name in ('torch', 'sentence_transformers') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.strip() == "[]"


def test_the_name_tells_models_apart() -> None:
    assert own_embedder().name.startswith("horizon-static-")
    assert load_embedder() is own_embedder()


@pytest.mark.realdata
@pytest.mark.parametrize(("dimensions", "floor"), [(DIMENSIONS, 0.9), (64, 0.85)])
def test_titles_find_their_abstracts(
    shared: Path, tmp_path: Path, dimensions: int, floor: float
) -> None:
    """Papers that training kept out by the hash of their titles; MRR among themselves."""
    from classifiers.train_embedding import read_corpus

    name = "conferences-2000-2025.parquet"
    (tmp_path / name).symlink_to(shared / "corpus" / name)
    _, unseen = read_corpus(tmp_path, shared / "gold")
    assert len(unseen) > 2000
    titles, abstracts = zip(*unseen, strict=True)
    embedder = own_embedder()
    queries = unit(embedder.encode(titles)[:, :dimensions])
    found = queries @ unit(embedder.encode(abstracts)[:, :dimensions]).T
    ranks = (found >= found.diagonal()[:, None]).sum(axis=1)
    assert (1 / ranks).mean() > floor


# --- models that are missing or damaged ----------------------------------------------------------


def damaged(folder: Path, damage: str) -> Path:
    """Return a copy of the shipped model, damaged."""
    if damage == "missing":
        return folder / "nothing-here"
    shutil.copytree(MODEL, copy := folder / damage)
    if damage == "weights cut short":
        (copy / "model.safetensors").write_bytes((MODEL / "model.safetensors").read_bytes()[:5000])
    elif damage == "no tokenizer":
        (copy / "tokenizer.json").unlink()
    else:
        (copy / "tokenizer.json").write_text("{}", encoding="utf-8")
    return copy


@pytest.mark.parametrize(
    "damage", ["missing", "weights cut short", "no tokenizer", "another tokenizer"]
)
def test_a_missing_or_damaged_model_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    folder = damaged(tmp_path, damage)
    monkeypatch.setattr(embedding, "MODEL", folder)
    with pytest.raises(ModelError, match=r"cannot be read \(.*\); install Horizon anew$") as error:
        own_embedder.__wrapped__()
    assert "\n" not in str(error.value)
    with pytest.raises(ModelError, match=r"cannot be loaded \(.*give the folder") as error:
        load_embedder(str(folder))
    assert "\n" not in str(error.value)


# --- another model -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def other_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real, tiny sentence-transformers model: one random vector per word of the examples."""
    words = {word for e in few_examples() for word in e.document.text.split()}
    return save_tiny_embedding(tmp_path_factory.mktemp("models") / "tiny-static", words)


@pytest.fixture(scope="module")
def other(other_folder: Path) -> Embedder:
    return load_embedder(str(other_folder))


def test_another_model_is_used_by_its_folder(other: Embedder) -> None:
    assert other.name == "tiny-static"
    vectors = other.encode([*TEXTS[:2], ""])
    assert vectors.shape == (3, other.dimensions) == (3, 32)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors[:2], axis=1), 1, rtol=1e-5)
    assert np.isfinite(vectors).all()
    assert other.encode([]).shape == (0, 32)


def test_heads_are_trained_on_another_model_and_refuse_the_own(
    other: Embedder, tmp_path: Path
) -> None:
    english = [e for e in few_examples() if e.document.language == "en"]
    examples = gather(english, taxonomy())
    with quick_training():
        heads, scores = train(examples, other)
    assert heads.dense.shape == (32, len(LABELS))
    assert scores["news"].rows["micro"].f1 > 0.6
    heads.save(tmp_path)
    assert Heads.load(tmp_path).embedder == "tiny-static"
    said = load_labeler(taxonomy(), tmp_path, other).label(examples.documents)
    right = wrong = 0
    for document, scores_of, truth in zip(examples.documents, said, examples.truth, strict=True):
        of = {score.label: score for score in scores_of}
        for label, true in zip(examples.labels, truth, strict=True):
            right, wrong = (
                right + (of[label].assigned == true),
                wrong + (of[label].assigned != true),
            )
            assert bool(of[label].reasons) or not of[label].assigned
            assert all(reason in document.text for reason in of[label].reasons)
    assert right > 20 * wrong  # it has seen them
    with pytest.raises(ModelError, match=r"'tiny-static' but 'horizon-static-\w+' is set") as error:
        load_labeler(taxonomy(), tmp_path)
    assert "horizon train" in str(error.value)
    assert "\n" not in str(error.value)
