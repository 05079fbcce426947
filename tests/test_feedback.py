"""Analysts' verdicts: kept as a history, followed by every reader, given at the terminal.

All texts are written for these tests.
"""

import getpass
import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pytest
import typer
from conftest import ROOT
from test_store import NEWS, PAPER, PARTNERS, PREPRINT, WEEK
from typer.testing import CliRunner, Result

from core.document import Document
from horizon import learning
from horizon.cli import app
from store import documents, feedback, labels, vectors, week
from store.database import Connection, StoreError, _migrations, open_reader, open_writer
from store.search import search

LABEL = "border_security"


def row(document: Document, score: float, *, label: str = LABEL) -> labels.LabelRow:
    reasons = ["flood"] if document.title == NEWS.title else ["drones"]
    return labels.LabelRow(document.id, "five_rd", label, score, score > 0.5, "model", reasons)


def fill(con: Connection, *scored: tuple[Document, float]) -> None:
    """Store documents, labelled with these probabilities."""
    documents.add(con, [document for document, _ in scored], week=WEEK)
    rows = [row(document, score) for document, score in scored]
    labels.save(con, "one", [row.document_id for row in rows], rows)


def shown(con: Connection) -> list[tuple[object, ...]]:
    return con.execute(
        "SELECT document_id, scheme, label, score, assigned, origin FROM labels ORDER BY ALL"
    ).fetchall()


class TestHistory:
    def test_the_latest_word_counts_and_all_are_kept(self, con: Connection) -> None:
        documents.add(con, [PREPRINT, NEWS], week=WEEK)
        feedback.add(con, PREPRINT.id, LABEL, True, "ada", "")
        feedback.add(con, NEWS.id, LABEL, True, "ada", "")
        feedback.add(con, PREPRINT.id, LABEL, False, "bo", "airports,\nnot borders")
        said = feedback.latest(con)
        assert [(v.document_id, v.label, v.verdict, v.who, v.why) for v in said] == [
            (NEWS.id, LABEL, True, "ada", ""),
            (PREPRINT.id, LABEL, False, "bo", "airports, not borders"),
        ]
        assert said[1].document.text == PREPRINT.text
        assert said[0].said_at < said[1].said_at
        assert con.execute("SELECT count(*) FROM base.feedback").fetchall() == [(3,)]

    def test_what_is_taken_back_does_not_count(self, con: Connection) -> None:
        fill(con, (NEWS, 0.4))
        before = shown(con)
        feedback.add(con, NEWS.id, LABEL, True, "ada", "")
        assert shown(con) != before
        feedback.add(con, NEWS.id, LABEL, None, "ada", "")
        assert feedback.latest(con) == []
        assert shown(con) == before

    def test_relabelling_keeps_verdicts(self, con: Connection) -> None:
        fill(con, (NEWS, 0.4))
        feedback.add(con, NEWS.id, LABEL, True, "ada", "")
        labels.save(con, "two", [NEWS.id], [row(NEWS, 0.1)])
        assert shown(con) == [(NEWS.id, "five_rd", LABEL, 1.0, True, "analyst")]

    def test_documents_that_become_one_share_their_history(self, con: Connection) -> None:
        other = replace(PAPER, title="Listening for small aircraft in the rain")
        documents.add(con, [PREPRINT, other], week=WEEK)
        first, absorbed = sorted((PREPRINT.id, other.id))  # seen at once: the lesser id stays
        for document_id, verdict in ((absorbed, True), (first, True), (absorbed, False)):
            feedback.add(con, document_id, LABEL, verdict, "ada", "")
        joining = replace(PAPER, source="hal", native_id="h1", arxiv_id="2611.00001")
        documents.add(con, [joining], week=WEEK)
        said = [(v.document_id, v.verdict) for v in feedback.latest(con)]
        assert said == [(first, False)]
        assert con.execute("SELECT count(*) FROM base.feedback").fetchall() == [(3,)]


class TestReferences:
    @pytest.mark.parametrize("reference", [
        PAPER.id, "10.5555/drones", "DOI:10.5555/DRONES", "https://doi.org/10.5555/drones",
        "W1", "https://openalex.org/W1", "2611.00001v2", "arXiv:2611.00001",
        "https://arxiv.org/pdf/2611.00001", "10.48550/arXiv.2611.00001",
        "https://example.org/a/2601.00002",
    ])  # fmt: skip
    def test_a_document_may_be_named_in_many_ways(self, con: Connection, reference: str) -> None:
        paper = replace(
            PAPER, arxiv_id="2611.00001", url="https://example.org/a/2601.00002"
        )  # an address that only looks like another arXiv id
        documents.add(con, [paper, NEWS], week=WEEK)
        documents.add(con, [replace(paper, url="https://doi.org/10.5555/drones")], week=WEEK)
        document_id, document = feedback.find(con, reference)
        assert (document_id, document.title) == (paper.id, paper.title)

    @pytest.mark.parametrize("reference", ["", " ", "nothing", "10.5555/other", "caf\udce9"])
    def test_an_unknown_document_is_refused(self, con: Connection, reference: str) -> None:
        documents.add(con, [NEWS], week=WEEK)  # it has no URL: '' must not find it
        with pytest.raises(feedback.UnknownDocumentError, match="give its id"):
            feedback.add(con, reference, LABEL, True, "ada", "")
        assert feedback.latest(con) == []

    def test_an_address_of_several_documents_is_refused(self, con: Connection) -> None:
        url = "https://example.org/news"
        two = [replace(NEWS, url=url), replace(PREPRINT, url=url)]
        documents.add(con, two, week=WEEK)
        with pytest.raises(feedback.UnknownDocumentError, match="by its id") as raised:
            feedback.add(con, url, LABEL, True, "ada", "")
        assert all(document.id in str(raised.value) for document in two)


class TestReaders:
    def test_the_view_follows_the_analyst(self, con: Connection) -> None:
        fill(con, (PREPRINT, 0.9), (NEWS, 0.4))
        feedback.add(con, PREPRINT.id, LABEL, False, "ada", "")
        feedback.add(con, NEWS.id, LABEL, True, "ada", "")
        assert shown(con) == sorted([
            (PREPRINT.id, "five_rd", LABEL, 0.0, False, "analyst"),
            (NEWS.id, "five_rd", LABEL, 1.0, True, "analyst"),
        ])  # fmt: skip

    def test_also_where_the_labeler_said_nothing(self, con: Connection) -> None:
        fill(con, (PREPRINT, 0.9))
        documents.add(con, [NEWS], week=WEEK)
        feedback.add(con, NEWS.id, LABEL, True, "ada", "")
        feedback.add(con, NEWS.id, "never_labelled", True, "ada", "")
        assert [r for r in shown(con) if r[0] == NEWS.id] == [
            (NEWS.id, "", "never_labelled", 1.0, True, "analyst"),
            (NEWS.id, "five_rd", LABEL, 1.0, True, "analyst"),
        ]

    def test_search_and_digest_follow(self, con: Connection) -> None:
        fill(con, (PREPRINT, 0.9), (NEWS, 0.4))
        assert [item.title for item in week.items(con, WEEK)] == [PREPRINT.title]
        feedback.add(con, PREPRINT.id, LABEL, False, "ada", "")
        feedback.add(con, NEWS.id, LABEL, True, "ada", "")
        [item] = week.items(con, WEEK)
        assert item.title == NEWS.title
        assert item.labels == (week.LabelOn("five_rd", LABEL, 1.0, ("flood",)),)
        assert week.counts(con, WEEK).relevant == 1
        assert search(con, "drones", label=LABEL) == []
        assert [hit.labels for hit in search(con, "flood", label=LABEL)] == [(LABEL,)]


class TestUncertain:
    def test_the_nearest_to_one_half_first_then_the_newest(self, con: Connection) -> None:
        def news(name: str, day: int | None) -> Document:
            published = date(2026, 11, day) if day else None
            return replace(NEWS, title=f"Bulletin {name}", native_id=name, published=published)

        fill(
            con,
            *[(news("sure", 1), 0.99), (news("old", 2), 0.6), (news("new", 3), 0.401)],
            *[(news("undated", None), 0.6), (news("even", 4), 0.5), (news("judged", 5), 0.5)],
        )
        judged, _ = feedback.find(con, news("judged", 5).id)
        feedback.add(con, judged, LABEL, False, "ada", "")
        feedback.add(con, news("even", 4).id, "another_label", False, "ada", "")
        offered = feedback.uncertain(con, LABEL, 10)
        names = [candidate.document.title.split()[1] for candidate in offered]
        assert names == ["even", "new", "old", "undated", "sure"]
        assert (offered[2].score, offered[2].reasons) == (pytest.approx(0.6), ("drones",))
        assert len(feedback.uncertain(con, LABEL, 2)) == 2
        assert feedback.uncertain(con, "unknown", 2) == []


class TestVectors:
    def test_pending_until_saved_and_again_for_another_model(self, con: Connection) -> None:
        documents.add(con, [PREPRINT, NEWS], week=WEEK)
        assert vectors.count_pending(con, "small") == 2
        [(first, _)] = vectors.pending(con, "small", 1)
        vectors.save(con, "small", [first], np.ones((1, 4), np.float32))
        [(second, document)] = vectors.pending(con, "small", 10)
        assert {first, second} == {PREPRINT.id, NEWS.id}
        assert document.title in {PREPRINT.title, NEWS.title}
        vectors.save(con, "small", [second], np.zeros((1, 4), np.float32))
        assert (vectors.count_pending(con, "small"), vectors.count_pending(con, "big")) == (0, 2)

    def test_a_newer_models_vector_takes_the_place(self, con: Connection) -> None:
        documents.add(con, [PREPRINT, NEWS], week=WEEK)
        ids = [PREPRINT.id, NEWS.id]
        vectors.save(con, "small", ids, np.ones((2, 4), np.float32))
        vectors.save(con, "big", ids[:1], np.full((1, 3), 0.1, np.float32))
        kept = con.execute("SELECT document_id, model, vector FROM base.vectors").fetchall()
        assert sorted(kept) == sorted([
            (ids[0], "big", [np.float32(0.1)] * 3), (ids[1], "small", [1.0] * 4),
        ])  # fmt: skip
        assert vectors.count_pending(con, "small") == 1

    def test_a_document_that_is_gone_has_no_vector(self, con: Connection) -> None:
        other = replace(PAPER, title="Listening for small aircraft in the rain")
        documents.add(con, [PREPRINT, other, NEWS], week=WEEK)
        ids = [PREPRINT.id, other.id]
        vectors.save(con, "small", ids, np.ones((2, 4), np.float32))
        joining = replace(PAPER, source="hal", native_id="h1", arxiv_id="2611.00001")
        documents.add(con, [joining], week=WEEK)  # the two turn out to be one
        vectors.save(con, "small", [NEWS.id, "gone"], np.ones((2, 4), np.float32))
        kept = {i for (i,) in con.execute("SELECT document_id FROM base.vectors").fetchall()}
        assert NEWS.id in kept
        assert kept <= {min(ids), NEWS.id}

    def test_a_new_text_waits_for_a_new_vector(self, con: Connection) -> None:
        documents.add(con, [PREPRINT], week=WEEK)
        vectors.save(con, "small", [PREPRINT.id], np.ones((1, 4), np.float32))
        documents.add(con, [PAPER], week=WEEK)  # the same work, with a longer abstract
        assert vectors.count_pending(con, "small") == 1

    def test_nothing_to_save(self, con: Connection) -> None:
        vectors.save(con, "small", [], np.empty((0, 4), np.float32))
        assert vectors.pending(con, "small", 10) == []


def test_a_store_of_version_3_is_brought_forward(file: Path) -> None:
    with duckdb.connect(file) as con:
        con.execute("CREATE SCHEMA base")
        con.execute("CREATE TABLE base.version AS SELECT 3 AS version")
        for script in _migrations()[:3]:
            con.execute(script)
        con.execute(
            "CREATE VIEW labels AS "
            "SELECT document_id, scheme, label, score, assigned, origin FROM base.labels"
        )
        con.execute("INSERT INTO base.labels VALUES ('d', 's', 'l', 0.75, true, 'model', [])")
    with pytest.raises(StoreError, match="older Horizon"), open_reader(file):
        pass
    with open_writer(file, PARTNERS) as con:
        assert shown(con) == [("d", "s", "l", 0.75, True, "model")]
        documents.add(con, [NEWS], week=WEEK)
        feedback.add(con, NEWS.id, "l", True, "ada", "")
    with open_reader(file, sandboxed=True) as con:
        assert (NEWS.id, "s", "l", 1.0, True, "analyst") in shown(con)


Run = Callable[..., subprocess.CompletedProcess[str]]


class TestLabelCommand:
    @pytest.fixture
    def run(self, file: Path) -> Callable[..., Result]:
        with open_writer(file, PARTNERS) as con:
            fill(con, (PAPER, 0.9))
        arguments = ("--store", str(file), "--config", str(ROOT / "config"))
        return lambda *given: CliRunner().invoke(app, ["label", *given, *arguments])

    def test_it_is_kept_with_who_and_why(self, run: Callable[..., Result], file: Path) -> None:
        done = run("10.5555/drones", LABEL, "no", "--who", "ada", "--why", "airports")
        assert done.exit_code == 0, done.output
        assert "no" in done.output
        assert PAPER.title in done.output
        run("10.5555/drones", "cybersecurity", "yes")
        with open_reader(file) as con:
            said = [(v.label, v.verdict, v.who, v.why) for v in feedback.latest(con)]
        assert said == [
            (LABEL, False, "ada", "airports"), ("cybersecurity", True, getpass.getuser(), ""),
        ]  # fmt: skip

    @pytest.mark.parametrize("given", [
        (PAPER.id, "no_such_label", "yes"), (PAPER.id, LABEL, "perhaps"), (PAPER.id, LABEL),
    ])  # fmt: skip
    def test_wrong_usage(self, run: Callable[..., Result], given: tuple[str, ...]) -> None:
        done = run(*given)
        assert done.exit_code == 2
        if "no_such_label" in given:
            assert "cybersecurity" in done.output  # the labels there are

    def test_failures_are_one_sentence(self, run_horizon: Run, tmp_path: Path, file: Path) -> None:
        missing = tmp_path / "none.duckdb"
        done = run_horizon("label", "x", LABEL, "yes", "--store", str(missing))
        assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
        assert not missing.exists()
        with open_writer(file, PARTNERS):
            pass
        done = run_horizon("label", "x", LABEL, "yes", "--store", str(file))
        assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
        assert "give its id" in done.stderr


class TestReviewCommand:
    @pytest.fixture
    def review(self, file: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Result]:
        """Run ``horizon review`` as on a terminal on which these keys are pressed."""
        flood = replace(NEWS, title="Flood gauges on every bridge", native_id="n2")
        with open_writer(file, PARTNERS) as con:
            fill(con, (NEWS, 0.5), (flood, 0.6), (PREPRINT, 0.9))
        monkeypatch.setattr(learning, "_is_terminal", lambda: True)
        command = ["review", "--label", LABEL, "--store", str(file)]

        def run(keys: str) -> Result:
            pressed = iter(keys)
            monkeypatch.setattr(typer, "getchar", lambda: next(pressed))
            done = CliRunner().invoke(app, [*command, "--config", str(ROOT / "config")])
            assert done.exit_code == 0, done.output
            assert next(pressed, None) is None, "keys that nobody read"
            return done

        return run

    @staticmethod
    def verdicts(file: Path) -> dict[str, bool]:
        with open_reader(file) as con:
            return {v.document.title.split()[0]: v.verdict for v in feedback.latest(con)}

    def test_keys(self, review: Callable[[str], Result], file: Path) -> None:
        done = review("xYsn")
        assert self.verdicts(file) == {"Ministry": True, "Acoustic": False}
        assert "2 judged" in done.output

    def test_it_goes_on_where_it_stopped(self, review: Callable[[str], Result], file: Path) -> None:
        assert "1 of 3" in review("yq").output
        again = review("nn").output
        assert "1 of 2" in again
        assert NEWS.title not in again
        assert self.verdicts(file) == {"Ministry": True, "Flood": False, "Acoustic": False}
        assert "nothing to review" in review("").output

    def test_undo(self, review: Callable[[str], Result], file: Path) -> None:
        review("uyuq")  # nothing to undo before the first
        assert self.verdicts(file) == {}
        review("ysuunyq")  # a skip is undone without a trace, then the yes
        assert self.verdicts(file) == {"Ministry": False, "Flood": True}

    def test_each_key_is_kept_at_once(
        self, review: Callable[[str], Result], file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        seen = []
        keys = iter("ynq")

        def look() -> str:
            seen.append(self.verdicts(file))  # as another process: the store is not held
            return next(keys)

        monkeypatch.setattr(learning.typer, "getchar", look)
        command = ["review", "--label", LABEL, "--store", str(file)]
        CliRunner().invoke(app, [*command, "--config", str(ROOT / "config")])
        assert seen == [{}, {"Ministry": True}, {"Ministry": True, "Flood": False}]

    def test_what_is_shown(self, review: Callable[[str], Result]) -> None:
        shown = review("q").output
        for part in (
            "Border security", NEWS.title, "News", "10 November 2026", "United Kingdom",
            "roughly even chance (0.50)", "“flood”", "1 of 3", "no abstract", "undo",
        ):  # fmt: skip
            assert part.lower() in shown.lower()

    def test_in_a_pipe(self, run_horizon: Run, file: Path) -> None:
        done = run_horizon("review", "--label", LABEL, "--store", str(file))
        assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
        assert "terminal" in done.stderr


@pytest.mark.parametrize(("text", "reason", "marked"), [
    ("Drones and drone swarms", "drone", ["drone"]),
    ("UAS over Texas", "UAS", ["UAS"]),
    ("C++ (mostly)", "C++", ["C++"]),
    ("국경보안검색대에서", "보안검색", ["보안검색"]),
])  # fmt: skip
def test_reasons_are_marked_as_words(text: str, reason: str, marked: list[str]) -> None:
    spans = learning._marked(text, [reason]).spans
    assert [text[span.start : span.end] for span in spans] == marked


def test_search_as_json_shows_the_id_that_label_takes(run_horizon: Run, file: Path) -> None:
    with open_writer(file, PARTNERS) as con:
        documents.add(con, [NEWS], week=WEEK)
    hits = json.loads(run_horizon("search", "flood", "--json", "--store", str(file)).stdout)
    assert run_horizon("label", hits[0]["id"], LABEL, "yes", "--store", str(file)).returncode == 0
