"""``horizon train`` and the vectors of the store. All texts are written."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from test_store import PARTNERS, WEEK
from trained import LABELS, document, quick_training, save_tiny_embedding, small, taxonomy
from typer.testing import CliRunner, Result

from classifiers import examples
from classifiers.base import ModelError
from classifiers.embedding import own_embedder
from classifiers.examples import Example, written
from classifiers.heads import HeadLabeler, Heads
from classifiers.kept import load_base, present_model, replace_model, write_candidate
from classifiers.labeling import MODEL, load_labeler
from classifiers.train import adapt
from core.document import Document
from flows import enrich as enriching
from horizon import training
from horizon.cli import app
from store import documents, feedback, vectors
from store.database import open_reader, open_writer

CONFIG = Path(__file__).parent.parent / "config"
DRONES = "unmanned_aerial_systems"

# A matter that the model knows nothing of: kites, which these analysts count as unmanned aircraft.
KITES = [
    document(
        f"Kites with cameras over the {place}", f"A tethered kite films the {place} for hours."
    )
    for place in ("harbour", "valley", "stadium", "market", "border fence", "old town")
]
PASTA = [
    document(f"Pasta with {what}", f"Twelve cooks boil pasta and serve it with {what}.")
    for what in ("basil", "lemon", "beans")
]


def judged(document: Document, applies: bool) -> Example:
    return Example(
        document,
        frozenset([DRONES] if applies else []),
        document.title,
        measured=False,
        unknown=frozenset(taxonomy().labels) - {DRONES},
    )


def scores(heads: Heads, texts: Sequence[Document], label: str = DRONES) -> list[float]:
    said = HeadLabeler(heads, taxonomy(), own_embedder()).label(texts)
    return [score.score for each in said for score in each if score.label == label]


class TestAdapting:
    def test_a_few_verdicts_move_what_is_like_them_and_little_else(self) -> None:
        heads = small().heads
        adapted = adapt(heads, [judged(kite, True) for kite in KITES[:4]], own_embedder())
        before, after = scores(heads, KITES[4:]), scores(adapted, KITES[4:])
        assert all(b > a + 0.15 for a, b in zip(before, after, strict=True))
        assert np.abs(np.subtract(scores(heads, PASTA), scores(adapted, PASTA))).max() < 0.05
        unseen = [e.document for e in written(held_out=True) if e.document.language == "en"]
        moved = np.abs(np.subtract(scores(heads, unseen), scores(adapted, unseen)))
        assert moved.mean() < 0.02

    def test_a_label_nobody_judged_stays(self) -> None:
        heads = small().heads
        adapted = adapt(heads, [judged(kite, True) for kite in KITES], own_embedder())
        for label in set(LABELS) - {DRONES}:
            assert scores(heads, KITES, label) == scores(adapted, KITES, label)

    def test_verdicts_that_contradict_each_other_are_survived(self) -> None:
        both = [judged(KITES[0], True), judged(replace(KITES[0], native_id="again"), False)]
        [score] = scores(adapt(small().heads, both, own_embedder()), KITES[:1])
        assert 0.1 < score < 0.9

    def test_another_embedder_is_refused_in_one_sentence(self) -> None:
        other = replace(small().heads, embedder="other")
        with pytest.raises(ModelError, match=r"'other', not 'horizon-static.*--gold"):
            adapt(other, [judged(KITES[0], True)], own_embedder())


class TestKeeping:
    def test_what_ships_is_in_use_until_something_is_kept(self, tmp_path: Path) -> None:
        kept = tmp_path / "model"
        assert present_model(kept) == MODEL
        write_candidate(kept, small().heads, None)
        assert present_model(kept) == MODEL
        replace_model(kept)
        assert present_model(kept) == kept

    def test_broken_off_between_the_renames_the_one_before_is_in_use(self, tmp_path: Path) -> None:
        kept = tmp_path / "model"
        write_candidate(kept, small().heads, None)
        replace_model(kept)
        write_candidate(kept, small().heads, None)
        kept.rename(tmp_path / "model-previous")
        assert Heads.load(present_model(kept)).labels == small().heads.labels

    def test_an_adapted_model_remembers_what_it_was_adapted_from(self, tmp_path: Path) -> None:
        kept, base = tmp_path / "model", small().heads
        write_candidate(kept, adapt(base, [judged(KITES[0], True)], own_embedder()), base)
        replace_model(kept)
        assert (load_base(kept).sparse == base.sparse.astype(np.float16)).all()
        assert (Heads.load(kept).sparse != base.sparse.astype(np.float16)).any()

    def test_scores_of_training_are_kept(self, tmp_path: Path) -> None:
        heads = small().heads
        heads.save(tmp_path)
        said = Heads.load(tmp_path).scores
        assert said == heads.scores
        assert said["news"]["macro F1"] == pytest.approx(
            small().scores["news"].rows["macro"].f1, abs=1e-4
        )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "store.duckdb"


@pytest.fixture
def office(file: Path) -> Path:
    """A store with kites and pasta, labelled by the small model, which is kept beside it."""
    small().heads.save(file.parent / "model")
    labeler = load_labeler(taxonomy(), file.parent / "model")
    with open_writer(file, PARTNERS) as con:
        documents.add(con, [*KITES, *PASTA], week=WEEK)
        while enriching.label_batch.fn(con, labeler):
            pass
    return file


def say(file: Path, texts: Sequence[Document], verdict: bool | None) -> None:
    with open_writer(file, PARTNERS) as con:
        for text in texts:
            feedback.add(con, text.id, DRONES, verdict, "ada", "")


def train(file: Path, *options: str, answer: str = "") -> Result:
    arguments = ["train", "--store", str(file), *options]
    if "--config" not in options:
        arguments += ["--config", str(CONFIG)]
    return CliRunner().invoke(app, arguments, input=answer)


def kept(file: Path) -> Heads:
    return Heads.load(file.parent / "model")


class TestCommand:
    def test_verdicts_change_the_model_and_the_change_is_shown(self, office: Path) -> None:
        before = kept(office)
        say(office, KITES[:5], True)
        say(office, PASTA[:1], False)
        done = train(office, "--yes")
        assert done.exit_code == 0, done.output
        assert re.search(r"Of 6 verdicts the model agrees with \d .* with \d after", done.output)
        assert re.search(r"news\tmacro F1\t0\.\d+\t0\.\d+", done.output)
        assert "9 documents of the last 4 weeks" in done.output
        gained = re.search(rf"{DRONES}\t(\d)\t0", done.output)
        assert gained
        assert done.output.count("  + Kites") == min(int(gained[1]), 5) > 0
        assert all(np.greater(scores(kept(office), KITES), scores(before, KITES)))
        previous = Heads.load(office.parent / "model-previous")
        assert previous.fingerprint == before.fingerprint
        assert not (office.parent / "model-new").exists()

    def test_verdicts_count_once_and_not_when_taken_back(self, office: Path) -> None:
        say(office, KITES[:3], True)
        prints = []
        for _ in range(2):
            assert train(office, "--yes").exit_code == 0
            prints.append(kept(office).fingerprint)
        assert prints[0] == prints[1]
        high = scores(kept(office), KITES[2:3])
        say(office, KITES[1:3], None)
        assert train(office, "--yes").exit_code == 0
        assert scores(kept(office), KITES[2:3]) < high

    def test_it_asks_and_no_is_no(self, office: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(training, "_is_terminal", lambda: True)
        before = kept(office).fingerprint
        say(office, KITES[:3], True)
        done = train(office, answer="n\n")
        assert done.exit_code == 0
        assert "Replace the model? [y/N]" in done.output
        assert kept(office).fingerprint == before
        assert sorted(p.name for p in office.parent.iterdir()) == ["model", "store.duckdb"]
        assert train(office, answer="y\n").exit_code == 0
        assert kept(office).fingerprint != before

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ([], "elsewhere use --yes"),
            (["--yes"], "no verdicts to learn from; judge documents with 'horizon review'"),
            (["--yes", "--gold", "nowhere"], "labels cannot be read"),
        ],
    )
    def test_what_cannot_be_done_is_one_sentence(
        self, office: Path, options: list[str], message: str
    ) -> None:
        before = kept(office).fingerprint
        done = train(office, *options)
        assert message in str(done.exception)
        assert "\n" not in str(done.exception)
        assert kept(office).fingerprint == before

    def test_a_corpus_without_gold_is_wrong_usage(self, office: Path) -> None:
        assert train(office, "--yes", "--corpus", "somewhere").exit_code == 2

    def test_what_has_no_head_is_told(self, office: Path) -> None:
        with open_writer(office, PARTNERS) as con:
            feedback.add(con, KITES[0].id, "aviation_security", True, "ada", "")
            feedback.add(con, KITES[0].id, DRONES, True, "ada", "")
        assert "Not learnt: aviation_security" in train(office, "--yes").output

    def test_of_a_verdict_only_its_label_is_known(self, office: Path) -> None:
        say(office, KITES[:1], True)
        with open_writer(office, PARTNERS) as con:
            feedback.add(con, KITES[0].id, "biosecurity", False, "bo", "")
            feedback.add(con, KITES[0].id, "a_label_of_old", True, "bo", "")
        with open_reader(office) as con:
            [example] = training.as_examples(feedback.latest(con), taxonomy())
        assert example.labels == {DRONES}
        assert set(taxonomy().labels) - example.unknown == {DRONES, "biosecurity"}
        assert not example.measured


# --- another embedding model ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def embedding_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real, tiny sentence-transformers model: one random vector per word of what is written."""
    words = {w for e in written() for w in re.findall(r"\w+", e.document.title)}
    return save_tiny_embedding(tmp_path_factory.mktemp("models") / "tiny-static", words)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """The configuration that ships, and a horizon.toml to be."""
    folder = tmp_path / "config"
    folder.mkdir()
    for file in CONFIG.glob("*.yaml"):
        (folder / file.name).symlink_to(file)
    return folder


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Few exemplars, and tasks without their engine."""
    shipped, few = examples.EXEMPLARS, tmp_path / "exemplars"
    few.mkdir()
    (few / "news-ko.jsonl").symlink_to(shipped / "news-ko.jsonl")
    (few / "annotations.jsonl").write_text('{"id": "c1", "labels": ["biosecurity"]}\n')
    monkeypatch.setattr(examples, "EXEMPLARS", few)
    monkeypatch.setattr(enriching, "embed_batch", enriching.embed_batch.fn)
    monkeypatch.setattr(enriching, "label_batch", enriching.label_batch.fn)
    with quick_training():
        yield


def write_gold(folder: Path) -> Path:
    """Write gold in its formats: written texts with labels, and the last kite for acceptance."""
    folder.mkdir()
    chosen = [e for e in written() if e.document.language == "en"]
    rows = [{"id": f"g{k}", **text_of(e.document)} for k, e in enumerate(chosen)]
    lines = [{"id": f"g{k}", "labels": sorted(e.labels)} for k, e in enumerate(chosen)]
    rows.append({"id": "kept", **text_of(KITES[-1])})
    pq.write_table(pa.Table.from_pylist(rows), folder / "documents.parquet")
    (folder / "labels-train.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    return folder


def write_corpus(folder: Path) -> Path:
    folder.mkdir()
    rows = [{"id": "c1", **text_of(PASTA[0])}, {"id": "c2", **text_of(PASTA[1])}]
    pq.write_table(pa.Table.from_pylist(rows), folder / "texts.parquet")
    return folder


def text_of(document: Document) -> dict[str, str]:
    return {"title": document.title, "abstract": document.abstract}


def models(file: Path) -> list[tuple[object, ...]]:
    with open_reader(file) as con:
        return con.execute(
            "SELECT model, count(*), any_value(len(vector)) FROM base.vectors GROUP BY ALL"
        ).fetchall()


def test_another_embedding_model_embeds_anew_and_gold_fits_the_heads_to_it(
    office: Path, config: Path, embedding_folder: Path, quick: None, tmp_path: Path
) -> None:
    everything, own = len(KITES) + len(PASTA), own_embedder()
    arguments = (str(config), str(office))
    assert enriching.enrich.fn(*arguments) == {"embedded": everything, "labelled": 0}
    assert models(office) == [(own.name, everything, own.dimensions)]
    assert enriching.enrich.fn(*arguments) == {"embedded": 0, "labelled": 0}

    toml = f'[embedding]\nmodel = "{embedding_folder}"\n'
    (config / "horizon.toml").write_text(toml, encoding="utf-8")
    with pytest.raises(ModelError, match="tiny-static"):  # the heads do not fit yet
        enriching.enrich.fn(*arguments)
    assert models(office) == [("tiny-static", everything, 32)]

    say(office, KITES, True)
    done = train(office, "--yes", "--config", str(config))
    assert re.fullmatch(r".*tiny-static.*--gold FOLDER'", str(done.exception))

    gold, corpus = write_gold(tmp_path / "gold"), write_corpus(tmp_path / "corpus")
    training_section = f'[training]\ngold = "{gold}"\ncorpus = "{corpus}"\n'
    (config / "horizon.toml").write_text(toml + training_section, encoding="utf-8")
    done = train(office, "--yes", "--config", str(config))
    assert done.exit_code == 0, done.output
    assert "1 judged documents are kept for acceptance" in done.output
    gold_lines = (gold / "labels-train.jsonl").read_text(encoding="utf-8").splitlines()
    count = len(gold_lines) + 1 + len(written()) + len(KITES) - 1
    assert f"{count} examples, {len(KITES) - 1} of them judged" in done.output
    assert kept(office).embedder == "tiny-static"
    assert enriching.enrich.fn(*arguments) == {"embedded": 0, "labelled": everything}


def test_embedding_goes_on_where_it_was_broken_off(
    office: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(enriching, "_BATCH", 4)
    sizes = []
    for _ in range(4):
        with open_writer(office, PARTNERS) as con:
            sizes.append(enriching.embed_batch.fn(con, own_embedder()))
    assert sizes == [4, 4, 1, 0]
    with open_reader(office) as con:
        assert vectors.count_pending(con, own_embedder().name) == 0


def test_a_missing_embedding_model_is_one_sentence(
    office: Path, config: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    (config / "horizon.toml").write_text(f'[embedding]\nmodel = "{tmp_path}/none"\n')
    say(office, KITES[:1], True)
    done = train(office, "--yes", "--config", str(config))
    with pytest.raises(ModelError) as raised:
        enriching.enrich.fn(str(config), str(office))
    for error in (done.exception, raised.value):
        assert "cannot be loaded" in str(error)
        assert "\n" not in str(error)
