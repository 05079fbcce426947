"""The store: one document of many sightings, one writer, honest refusals."""

import subprocess
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

import duckdb
import pytest
from conftest import ROOT

from core.document import Document, Event, Kind
from core.partners import load_partners
from store import documents, labels, runs, week
from store.database import (
    Connection,
    StoreBusyError,
    StoreError,
    _migrations,
    open_reader,
    open_writer,
    transaction,
)
from store.search import search

PARTNERS = load_partners(ROOT / "config")
WEEK = "2026-W46"
TITLE = "Acoustic sensing of small drones near regional airports"
PREPRINT = Document(
    kind=Kind.PREPRINT,
    title=TITLE,
    abstract="We listen for drones.",
    source="arxiv",
    native_id="2611.00001",
    arxiv_id="2611.00001",
    published=date(2026, 11, 3),
    authors=("Min-jae Seo", "Ada Lind"),
    url="https://arxiv.org/abs/2611.00001",
)
PAPER = replace(
    PREPRINT,
    kind=Kind.PROCEEDINGS,
    source="openalex",
    native_id="W1",
    openalex_id="W1",
    arxiv_id=None,
    doi="10.5555/drones",
    abstract="We listen for drones. It works in rain.",
    venue="Conference on Quiet Skies",
    published=date(2026, 1, 1),
    precision="year",
    countries=("KR", "SE"),
    url="https://doi.org/10.5555/drones",
)
NEWS = Document(
    kind=Kind.NEWS,
    title="Ministry opens a centre for flood warning research",
    source="ministry",
    native_id="n1",
    published=date(2026, 11, 10),
    countries=("GB",),
)


def count(con: Connection, table: str) -> int:
    return int(con.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0])


def content(con: Connection) -> list[object]:
    """All that is told of the documents, without when it was first seen."""
    return con.execute(
        "SELECT * EXCLUDE (first_seen, labelled_by) FROM base.documents ORDER BY id"
    ).fetchall()


class TestMerging:
    @pytest.mark.parametrize("second", [
        pytest.param(replace(PREPRINT, source="b", native_id="x", title="Another"), id="arxiv"),
        pytest.param(replace(PAPER, arxiv_id="2611.00001"), id="arxiv and doi"),
        pytest.param(replace(PAPER, title=TITLE.upper() + "."), id="title"),
        pytest.param(
            replace(PAPER, title="Another", doi="10.48550/arXiv.2611.00001"), id="arxiv's doi"
        ),
    ])  # fmt: skip
    def test_sightings_of_one_work_become_one_document(
        self, con: Connection, second: Document
    ) -> None:
        assert documents.add(con, [PREPRINT], week=WEEK) == documents.Added(new=1, known=0)
        assert documents.add(con, [second], week=WEEK) == documents.Added(new=0, known=1)
        assert count(con, "documents") == 1
        assert count(con, "sightings") == 2

    def test_within_one_batch_as_across_batches(self, tmp_path: Path) -> None:
        contents = []
        for name, batches in (("a", [[PREPRINT, PAPER]]), ("b", [[PREPRINT], [PAPER]])):
            with open_writer(tmp_path / f"{name}.duckdb", PARTNERS) as con:
                for batch in batches:
                    documents.add(con, batch, week=WEEK)
                contents.append(content(con))
        assert contents[0] == contents[1]
        assert len(contents[0]) == 1

    def test_the_richest_is_shown_and_the_first_id_stays(self, con: Connection) -> None:
        documents.add(con, [PREPRINT], week=WEEK)
        documents.add(con, [PAPER], week="2026-W47")
        row = con.execute(
            "SELECT id, kind, abstract, doi, arxiv_id, venue, published, countries, source "
            "FROM documents"
        ).fetchall()[0]
        assert row == (
            *(PREPRINT.id, "proceedings", PAPER.abstract, "10.5555/drones", "2611.00001"),
            *("Conference on Quiet Skies", date(2026, 11, 3), ["KR", "SE"], "arxiv"),
        )

    def test_a_record_that_joins_two_documents_makes_them_one(self, con: Connection) -> None:
        other = replace(PAPER, title="Listening for small aircraft in the rain")
        documents.add(con, [PREPRINT, other], week=WEEK)
        assert count(con, "documents") == 2
        joining = replace(PAPER, source="hal", native_id="h1", arxiv_id="2611.00001")
        documents.add(con, [joining], week=WEEK)
        assert count(con, "documents") == 1
        assert count(con, "sightings") == 3
        ids = con.execute("SELECT DISTINCT document_id FROM sightings").fetchall()
        assert ids == [(min(PREPRINT.id, other.id),)]

    @pytest.mark.parametrize("second", [
        pytest.param(replace(PAPER, authors=("Someone Else",)), id="other authors"),
        pytest.param(replace(PAPER, published=date(2019, 1, 1)), id="years apart"),
        pytest.param(replace(NEWS, title=TITLE), id="news of it"),
        pytest.param(replace(PAPER, title=TITLE + ", part II"), id="part two"),
    ])  # fmt: skip
    def test_a_title_alone_is_not_a_work(self, con: Connection, second: Document) -> None:
        documents.add(con, [PREPRINT, second], week=WEEK)
        assert count(con, "documents") == 2

    def test_short_titles_are_shared_by_many_works(self, con: Connection) -> None:
        editorials = [
            replace(PAPER, title="Editorial", doi=None, openalex_id=None, native_id=str(i))
            for i in range(3)
        ]
        assert documents.add(con, editorials, week=WEEK).new == 3

    def test_a_bulletin_of_one_title_is_new_each_time(self, con: Connection) -> None:
        again = replace(NEWS, native_id="n2", published=date(2026, 11, 12))
        assert documents.add(con, [NEWS, again], week=WEEK).new == 2

    def test_a_press_release_in_two_outlets_is_one(self, con: Connection) -> None:
        elsewhere = replace(NEWS, source="agency", native_id="a7", published=date(2026, 11, 12))
        assert documents.add(con, [NEWS, elsewhere], week=WEEK).new == 1

    def test_the_same_again_changes_nothing(self, con: Connection) -> None:
        batch = [PREPRINT, PAPER, NEWS]
        documents.add(con, batch, week=WEEK)
        before = [
            con.execute(f"FROM base.{t}").fetchall() for t in ("documents", "sightings", "keys")
        ]
        assert documents.add(con, batch, week="2026-W47").new == 0
        after = [
            con.execute(f"FROM base.{t}").fetchall() for t in ("documents", "sightings", "keys")
        ]
        assert after == before


class TestViews:
    def test_foreign_partner_and_unknown(self, con: Connection) -> None:
        for native_id, countries in (
            ("us", ("US",)), ("both", ("US", "KR")), ("far", ("JP",)), ("none", ()), ("eu", ("EU",))
        ):  # fmt: skip
            documents.add(
                con,
                [
                    replace(
                        NEWS, title=f"Title {native_id}", native_id=native_id, countries=countries
                    )
                ],
                week=WEEK,
            )
        rows = con.execute("SELECT title, is_foreign, is_partner FROM documents").fetchall()
        assert {title.split()[1]: flags for title, *flags in rows} == {
            "us": [False, False],
            "both": [True, True],
            "far": [True, False],
            "none": [None, False],
            "eu": [True, True],
        }

    def test_columns_are_as_promised(self, con: Connection) -> None:
        promised = {
            "documents": "id kind title abstract url doi arxiv_id venue language published "
            "first_seen source authors affiliations countries is_foreign is_partner",
            "labels": "document_id scheme label score assigned origin",
            "sightings": "document_id source native_id url seen_at",
            "runs": "run_id started finished status counts",
            "source_health": "source checked status new known message",
            "forums": "document_id name starts ends place country deadline url",
        }
        for view, columns in promised.items():
            description = con.execute(f"FROM {view}").description
            names = [name for name, *_ in description or ()]
            assert names[: len(columns.split())] == columns.split()

    def test_a_deadline_that_is_put_off(self, con: Connection) -> None:
        event = Event(starts=date(2027, 3, 1), deadline=date(2026, 11, 1), place="Busan")
        call = replace(NEWS, kind=Kind.CALL_FOR_PAPERS, title="Quiet Skies 2027", event=event)
        later = replace(call, event=Event(deadline=date(2026, 12, 1)))
        documents.add(con, [call], week=WEEK)
        documents.add(con, [later], week=WEEK)
        assert con.execute("SELECT starts, deadline, place FROM forums").fetchall() == [
            (date(2027, 3, 1), date(2026, 12, 1), "Busan")
        ]

    def test_forums(self, con: Connection) -> None:
        event = Event(starts=date(2027, 3, 1), place="Busan", country="KR")
        call = replace(NEWS, kind=Kind.CALL_FOR_PAPERS, title="Quiet Skies 2027", event=event)
        documents.add(con, [call], week=WEEK)
        assert con.execute("SELECT name, starts, place FROM forums").fetchall() == [
            ("Quiet Skies 2027", date(2027, 3, 1), "Busan")
        ]


class TestLabels:
    def test_pending_until_saved_and_again_for_another_labeler(self, con: Connection) -> None:
        documents.add(con, [PREPRINT, NEWS], week=WEEK)
        waiting = labels.pending(con, "one", 10)
        assert {document.title for _, document in waiting} == {PREPRINT.title, NEWS.title}
        ids = [document_id for document_id, _ in waiting]
        row = labels.LabelRow(ids[0], "goals", "a", 0.9, True, "model", ["drones"])
        labels.save(con, "one", ids, [row])
        assert labels.count_pending(con, "one") == 0
        assert labels.count_pending(con, "two") == 2
        labels.save(con, "two", ids, [])
        assert count(con, "labels") == 0

    def test_new_text_is_labelled_anew(self, con: Connection) -> None:
        documents.add(con, [PREPRINT], week=WEEK)
        labels.save(con, "one", [PREPRINT.id], [])
        documents.add(con, [replace(PREPRINT, native_id="2")], week=WEEK)
        assert labels.count_pending(con, "one") == 0
        documents.add(con, [PAPER], week=WEEK)
        assert labels.count_pending(con, "one") == 1


class TestWeek:
    def test_items_and_counts(self, con: Connection) -> None:
        home = replace(NEWS, title="A purely domestic matter", native_id="us", countries=("US",))
        other_week = replace(NEWS, title="Last week's matter of interest", native_id="old")
        documents.add(con, [other_week], week="2026-W45")
        documents.add(con, [PREPRINT, PAPER, NEWS, home], week=WEEK)
        ids = [document_id for document_id, _ in labels.pending(con, "one", 10)]
        rows = [labels.LabelRow(i, "goals", "a", 0.9, True, "model", ["drones"]) for i in ids]
        rows += [labels.LabelRow(i, "goals", "b", 0.1, False, "model", []) for i in ids]
        labels.save(con, "one", ids, rows)
        found = {item.title: item for item in week.items(con, WEEK)}
        assert set(found) == {TITLE, NEWS.title}
        assert [on.label for on in found[TITLE].labels] == ["a"]
        assert [source for source, _ in found[TITLE].sightings] == ["arxiv", "openalex"]
        counts = week.counts(con, WEEK)
        assert (counts.documents, counts.foreign, counts.home, counts.unknown) == (3, 2, 1, 0)
        assert (counts.duplicates, counts.relevant) == (1, 2)

    def test_the_last_word_on_a_source_counts(self, con: Connection) -> None:
        for status in ("failing", "ok"):
            run_id = runs.start(con, WEEK)
            health = runs.Health(source="a", status=status, skipped={"no title": 2})
            runs.record_health(con, run_id, health)
        states = week.source_states(con, WEEK)
        assert [(s.source, s.status, s.skipped) for s in states] == [("a", "ok", {"no title": 2})]

    def test_weeks_of_failing_are_counted_in_a_row(self, con: Connection) -> None:
        for name, status in (
            ("2026-W42", "failing"), ("2026-W43", "ok"), ("2026-W44", "blocked"),
            ("2026-W45", "failing"), ("2026-W46", "changed"),
        ):  # fmt: skip
            health = runs.Health(source="a", status=status, skipped={})
            runs.record_health(con, runs.start(con, name), health)
        assert [s.weeks_failing for s in week.source_states(con, "2026-W46")] == [3]
        assert [s.weeks_failing for s in week.source_states(con, "2026-W43")] == [0]


class TestRuns:
    def test_a_run_left_open_was_interrupted(self, con: Connection) -> None:
        runs.start(con, WEEK)
        runs.finish(con, runs.start(con, WEEK), "finished", {"new": 3})
        statuses = con.execute("SELECT status FROM runs ORDER BY started").fetchall()
        assert statuses == [("interrupted",), ("finished",)]

    def test_delivered_once(self, con: Connection) -> None:
        entry = {"week": WEEK, "subscriber": "a", "message_id": "<1@x>"}
        runs.record_delivery(con, **entry, status="pending")
        assert not runs.is_sent(con, WEEK, "a")
        runs.record_delivery(con, **entry, status="sent")
        assert runs.is_sent(con, WEEK, "a")
        assert not runs.is_sent(con, WEEK, "b")


class TestSearch:
    def test_every_word_counts_and_titles_come_first(self, con: Connection) -> None:
        in_abstract = replace(
            NEWS, title="Other matters entirely", native_id="o", abstract="Flood warning."
        )
        documents.add(con, [in_abstract, NEWS, PREPRINT], week=WEEK)
        assert [hit.title for hit in search(con, "FLOOD wárning")] == [
            NEWS.title,
            in_abstract.title,
        ]
        assert search(con, "flood drones") == []
        with pytest.raises(ValueError, match="at least one word"):
            search(con, "  ")


class TestAtomicity:
    def test_documents_and_watermark_are_kept_together_or_not_at_all(
        self, con: Connection, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        documents.add(con, [NEWS], week=WEEK, mark=("s", '{"a": 1}'))

        def fail(*args: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(documents, "_insert", fail)
        with pytest.raises(KeyboardInterrupt):
            documents.add(con, [PREPRINT], week=WEEK, mark=("s", '{"a": 2}'))
        assert count(con, "documents") == 1
        assert documents.watermark(con, "s") == '{"a": 1}'
        assert documents.watermark(con, "unknown") is None


class TestOpening:
    def test_a_second_writer_is_told_who_holds_it(self, file: Path) -> None:
        code = (
            "import sys; from pathlib import Path\n"
            "from core.partners import load_partners\n"
            "from store.database import open_writer\n"
            "with open_writer(Path(sys.argv[1]), load_partners(Path('config'))):\n"
            "    print('open', flush=True); sys.stdin.read()\n"
        )
        with subprocess.Popen(
            [sys.executable, "-c", code, str(file)],
            cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        ) as holder:  # fmt: skip
            assert holder.stdout
            assert holder.stdout.readline() == "open\n"
            with (
                pytest.raises(StoreBusyError, match=f"in use by process {holder.pid}"),
                open_writer(file, PARTNERS),
            ):
                pass
            holder.communicate()
        with open_writer(file, PARTNERS) as con:
            assert count(con, "documents") == 0

    def test_readers_cannot_write_nor_look_outside(self, file: Path) -> None:
        with open_writer(file, PARTNERS) as con:
            documents.add(con, [NEWS], week=WEEK)
        with pytest.raises(StoreError, match="read-only"), open_reader(file) as con:
            con.execute("DELETE FROM base.documents")
        for attack in (
            "FROM read_csv('/etc/passwd')", "ATTACH ':memory:' AS m", "COPY documents TO 'x.csv'",
            "SET enable_external_access = true", "INSTALL httpfs", "SET threads = 1",
        ):  # fmt: skip
            with pytest.raises(StoreError), open_reader(file, sandboxed=True) as con:
                con.execute(attack)

    def test_no_store(self, file: Path) -> None:
        with pytest.raises(StoreError, match="there is no store"), open_reader(file):
            pass

    def test_not_a_store(self, file: Path) -> None:
        file.write_bytes(b"This is a letter, not a database. " * 200)
        for opening in (open_reader(file), open_writer(file, PARTNERS)):
            with pytest.raises(StoreError, match="not a store or is damaged"), opening:
                pass
        assert file.read_bytes().startswith(b"This is a letter")

    def test_a_damaged_store_is_refused(self, file: Path) -> None:
        with open_writer(file, PARTNERS) as con:
            documents.add(con, [NEWS], week=WEEK)
        damaged = bytearray(file.read_bytes())
        damaged[8:4096] = bytes(4088)
        file.write_bytes(damaged)
        with pytest.raises(StoreError, match="damaged"), open_reader(file):
            pass

    def test_another_database(self, file: Path) -> None:
        with duckdb.connect(file) as con:
            con.execute("CREATE TABLE mine AS SELECT 1 AS a")
        with pytest.raises(StoreError, match="no Horizon store"), open_writer(file, PARTNERS):
            pass

    def test_a_newer_schema(self, file: Path) -> None:
        with open_writer(file, PARTNERS) as con:
            con.execute("UPDATE base.version SET version = 99")
        for opening in (open_reader(file), open_writer(file, PARTNERS)):
            with pytest.raises(StoreError, match=r"newer Horizon.*update Horizon"), opening:
                pass

    @pytest.mark.parametrize("version", range(1, len(_migrations())))
    def test_an_older_schema_is_brought_forward(self, file: Path, version: int) -> None:
        with duckdb.connect(file) as con:
            con.execute("CREATE SCHEMA base")
            con.execute(f"CREATE TABLE base.version AS SELECT {version} AS version")
            for script in _migrations()[:version]:
                con.execute(script)
            con.execute(
                "INSERT INTO base.source_health (run_id, source, checked, status, new, known, "
                "skipped, message) VALUES ('r', 's', now(), 'failing', 1, 2, '{}', 'why')"
                if version == 1
                else "SELECT 1"
            )
        with pytest.raises(StoreError, match="older Horizon"), open_reader(file):
            pass
        with open_writer(file, PARTNERS) as con:
            documents.add(con, [NEWS], week=WEEK)
            kept = con.execute("SELECT source, status, new, known FROM source_health").fetchall()
        assert kept == ([("s", "failing", 1, 2)] if version == 1 else [])
        with open_reader(file) as con:
            assert count(con, "documents") == 1

    def test_a_folder_that_cannot_be_made(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with (
            pytest.raises(StoreError, match="choose another --store"),
            open_writer(tmp_path / "file" / "store.duckdb", PARTNERS),
        ):
            pass


def test_transaction_rolls_back(con: Connection) -> None:
    with pytest.raises(ZeroDivisionError), transaction(con):  # noqa: PT012
        con.execute("INSERT INTO base.watermarks VALUES ('a', '{}')")
        raise ZeroDivisionError
    assert documents.watermark(con, "a") is None
