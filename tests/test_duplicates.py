"""Versions of a work become one document; parts, years, answers and sequels stay apart."""

import subprocess
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

import duckdb
import pytest
from conftest import ROOT
from test_store import PARTNERS, WEEK, content

from core.document import Document, Kind
from core.likeness import Traits, same_work
from store import documents
from store.blocking import bands
from store.database import Connection, open_writer

ABSTRACT = (
    "Small drones near airports are hard to see by radar because they fly low and reflect little. "
    "We place microphone arrays along the fence and learn the sound of propellers from recordings "
    "of forty flights in wind, rain and traffic. A network of two stages first detects and then "
    "locates each drone, and warns the tower within three seconds. In a field trial the arrays "
    "found nine of ten drones at a distance of half a kilometre with one false alarm a day."
)
REWRITTEN = (
    "Listening may find what radar misses. This paper studies propeller noise that is picked up by "
    "arrays along an airport fence. A detector trained on recordings made in wind, rain and "
    "traffic raises alarms quickly; we report a field trial with few false alarms, and discuss "
    "where the approach fails: gliders, crowds, and jets that take off."
)
OTHER_ABSTRACT = (
    "Flood warnings come late where gauges are few. We combine gauges with satellite images and a "
    "model of the catchment to forecast water levels for villages that have no gauge, and test the "
    "forecasts on twelve storms. Villagers were warned six hours earlier than by the old system."
)
TITLE = "Acoustic sensing of small drones near regional airports"
PREPRINT = Document(
    kind=Kind.PREPRINT,
    title=TITLE,
    abstract=ABSTRACT,
    source="arxiv",
    native_id="p1",
    published=date(2025, 11, 3),
    authors=("Min-jae Seo", "Ada Lind", "José Müller"),
)
PAPER = replace(
    PREPRINT,
    kind=Kind.PROCEEDINGS,
    source="conference",
    native_id="c1",
    venue="Quiet Skies",
    published=date(2026, 1, 1),
    precision="year",
)
RECORD = replace(PAPER, source="repository", native_id="r1", kind=Kind.PUBLICATION, venue="")


def titled(*titles: str, **changes: object) -> tuple[Document, Document]:
    """Return a preprint and a paper of these titles."""
    return replace(PREPRINT, title=titles[0], **changes), replace(PAPER, title=titles[1], **changes)


def are_one(one: Document, other: Document) -> bool:
    answers = {same_work(Traits(one), Traits(other)), same_work(Traits(other), Traits(one))}
    assert len(answers) == 1, "the order must not count"
    return answers.pop()


SAME = {
    "equal but for case": titled(TITLE, TITLE.upper()),
    "a changed word": titled(TITLE, TITLE.replace("sensing", "monitoring")),
    "another title, the same text": titled(TITLE, "Hearing what radar misses at the fence"),
    "a dropped subtitle": titled(TITLE + ": lessons from forty flights", TITLE),
    "a dropped subtitle, rewritten text": (
        replace(PREPRINT, title=TITLE + ": lessons from forty flights", abstract=""), PAPER,
    ),
    "a full version": titled(TITLE + " (extended version)", TITLE),
    "a typo and no text": titled(TITLE, TITLE.replace("regional", "regionl"), abstract=""),
    "a plural and no text": titled(TITLE, TITLE.replace("airports", "airport"), abstract=""),
    "hyphens": titled("Multi-stage micro-drone detection", "Multistage microdrone detection"),
    "LaTeX": titled(r"P\'olya trees for {\it small} drones", "Pólya trees for small drones"),
    "LaTeX in mathematics": titled("The $\\ell_1$ norm of propellers", "The ℓ1 norm of propellers"),
    "equal titles, rewritten text": (PREPRINT, replace(PAPER, abstract=REWRITTEN)),
    "equal titles, one without text": (PREPRINT, replace(PAPER, abstract="")),
    "late, in the same words": (PREPRINT, replace(PAPER, published=date(2031, 1, 1))),
    "initials": (PREPRINT, replace(PAPER, authors=("M. Seo", "A. Lind", "J. Müller"))),
    "family names first": (PREPRINT, replace(PAPER, authors=("Seo, Min-jae", "Lind, Ada"))),
    "one author fewer": (PREPRINT, replace(PAPER, authors=("Ada Lind", "José Müller"))),
    "a year in the subtitle only": titled(TITLE + ", a trial of 2024", TITLE),
    "number in words": titled(TITLE + " in 2 stages", TITLE + " in two stages"),
    "a part in two scripts": titled("Part II: " + TITLE, "Part 2: " + TITLE),
    "no authors, another source": (replace(PREPRINT, authors=()), replace(PAPER, authors=())),
}  # fmt: skip

SERIES = {
    "parts": ("Sensing drones. Part I: microphones", "Sensing drones. Part II: microphones"),
    "parts in letters": (TITLE + ", Part A", TITLE + ", Part B"),
    "a part and no part": (TITLE, TITLE + ", Part II"),
    "roman numerals": (TITLE + " III", TITLE + " IV"),
    "the first, not numbered": (TITLE + " I", TITLE + " II"),
    "volumes": ("Proceedings on quiet skies, vol. 3", "Proceedings on quiet skies, vol. 4"),
    "yearly challenge": ("The Quiet Skies Challenge 2024", "The Quiet Skies Challenge 2025"),
    "ordinals": ("The first quiet skies challenge", "The second quiet skies challenge"),
    "digit ordinals": ("The 9th quiet skies challenge", "The 10th quiet skies challenge"),
    "numbered surveys": ("A survey of drone noise: 1", "A survey of drone noise: 2"),
    "versions of data": ("The Propeller Sounds dataset", "The Propeller Sounds dataset, version 2"),
    "releases": ("PropellerNet 2.0: sounds of drones", "PropellerNet 3.0: sounds of drones"),
    "plus plus": ("PropNet: sounds of drones", "PropNet++: sounds of drones"),
    "months": ("Airport noise report, January", "Airport noise report, February"),
    "dimensions": ("Locating drones by sound in 2D", "Locating drones by sound in 3D"),
    "erratum": (TITLE, "Erratum: " + TITLE),
    "erratum in brackets": (TITLE, TITLE + " (Corrigendum)"),
    "correction": (TITLE, "Correction to: " + TITLE),
    "reply": ("Comment on: " + TITLE, "Reply to comment on: " + TITLE),
    "comment": (TITLE, f'Comments on "{TITLE}"'),
    "discussion": (TITLE, f'Discussion of "{TITLE}"'),
    "supplement": (TITLE, "Supplementary material for " + TITLE),
    "rejoinder": (f'Discussion of "{TITLE}"', f"Rejoinder: {TITLE}"),
}

APART = {
    "other authors": (PREPRINT, replace(PAPER, authors=("Ola Berg", "Kim Ito"))),
    "one of many authors": (
        replace(PREPRINT, authors=("Wei Li", "Bo Xu", "Li Na", "Jo Ek")),
        replace(PAPER, authors=("Wei Ek", "An Ma", "Ren Ai", "Yu Ono"), abstract=OTHER_ABSTRACT),
    ),
    "same authors, other work": (
        replace(PREPRINT, title="Microphones for drones"),
        replace(PAPER, title="Cameras for drones", abstract=OTHER_ABSTRACT),
    ),
    "a near title, another text": (
        PREPRINT,
        replace(PAPER, title=TITLE.replace("drones", "planes"), abstract=OTHER_ABSTRACT),
    ),
    "years apart": (PREPRINT, replace(PAPER, published=date(2031, 1, 1), abstract=OTHER_ABSTRACT)),
    "news of it": (PREPRINT, replace(PREPRINT, kind=Kind.NEWS, source="ministry")),
    "no text, a word more": titled(TITLE, TITLE + " and ports", abstract=""),
    "no text, the opposite": titled(
        "A supervised method for drones", "An unsupervised method for drones", abstract=""
    ),
    "no authors, same source": (
        replace(PREPRINT, authors=(), native_id="a"), replace(PREPRINT, authors=(), native_id="b"),
    ),
    "sequels from one group": (
        PREPRINT,
        replace(PREPRINT, native_id="p2", title="Locating drones by sound over open water"),
    ),
    "a yearly report, its year in the text": (
        replace(RECORD, abstract=ABSTRACT + " This is the edition of 2024.",
                published=date(2024, 12, 1)),
        replace(RECORD, abstract=ABSTRACT + " This is the edition of 2025.",
                published=date(2025, 12, 1)),
    ),
}  # fmt: skip


@pytest.mark.parametrize("pair", SAME.values(), ids=SAME)
def test_versions_are_one_work(pair: tuple[Document, Document]) -> None:
    assert are_one(*pair)


@pytest.mark.parametrize("titles", SERIES.values(), ids=SERIES)
@pytest.mark.parametrize("abstract", [ABSTRACT, ""], ids=["same text", "no text"])
def test_siblings_stay_apart_even_in_the_same_words(titles: tuple[str, str], abstract: str) -> None:
    one, other = titled(*titles, abstract=abstract)
    assert not are_one(one, other)
    assert not are_one(replace(one, kind=Kind.REPORT), replace(other, kind=Kind.REPORT))
    assert are_one(one, replace(other, title=one.title)), "without the titles they would be one"


@pytest.mark.parametrize("pair", APART.values(), ids=APART)
def test_other_works_stay_apart(pair: tuple[Document, Document]) -> None:
    assert not are_one(*pair)


class TestNews:
    NEWS = Document(
        kind=Kind.NEWS,
        title="Ministry opens a centre for flood warning research",
        abstract=OTHER_ABSTRACT,
        source="ministry",
        native_id="n1",
        published=date(2026, 11, 10),
    )

    def test_a_press_release_under_a_slightly_other_title(self) -> None:
        elsewhere = replace(
            self.NEWS, source="agency", title=self.NEWS.title.replace("opens a", "opens new")
        )
        assert are_one(self.NEWS, elsewhere)

    def test_not_after_a_month_nor_in_the_same_outlet(self) -> None:
        assert not are_one(
            self.NEWS, replace(self.NEWS, source="agency", published=date(2026, 12, 10))
        )
        assert not are_one(self.NEWS, replace(self.NEWS, native_id="n2"))

    def test_a_project_is_not_its_news(self) -> None:
        assert not are_one(self.NEWS, replace(self.NEWS, kind=Kind.PROJECT, source="cordis"))


class TestBands:
    @pytest.mark.parametrize(
        "other",
        [
            replace(
                PAPER, title="Hearing what radar misses", abstract=ABSTRACT + " Code is online."
            ),
            replace(PAPER, title=TITLE.replace("-", " ").upper(), abstract=""),
            replace(PAPER, title=TITLE + ": a field trial in rain", abstract=REWRITTEN),
            replace(PAPER, title="A note on " + TITLE, abstract=""),
        ],
    )
    def test_what_may_be_one_work_shares_a_band(self, other: Document) -> None:
        one, its = bands([PREPRINT, other])
        assert set(one) & set(its)

    def test_they_depend_on_the_document_alone(self) -> None:
        short = replace(PREPRINT, title="Editorial", abstract="")
        batch = [PAPER, short, replace(PREPRINT, abstract=OTHER_ABSTRACT), PREPRINT]
        assert bands(batch) == [bands([document])[0] for document in batch]
        assert bands([short]) == [[]]
        assert bands([]) == []

    def test_they_are_the_same_in_every_process(self) -> None:
        code = (
            "from test_duplicates import PREPRINT; from store.blocking import bands\n"
            "print(bands([PREPRINT]))"
        )
        found = {
            subprocess.run(
                [sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True,
                env={"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}", "PYTHONHASHSEED": seed},
            ).stdout
            for seed in ("1", "2")
        }  # fmt: skip
        assert found == {f"{bands([PREPRINT])}\n"}


@pytest.fixture
def con(tmp_path: Path):
    with open_writer(tmp_path / "store.duckdb", PARTNERS) as con:
        yield con


def table(con: Connection, name: str) -> list[object]:
    return con.execute(f"FROM base.{name}").fetchall()


class TestStore:
    VERSION = replace(
        PAPER, title="Hearing small drones at airports", abstract=ABSTRACT + " Code is online."
    )

    def test_versions_are_sightings_and_the_richest_text_is_shown(self, con: Connection) -> None:
        documents.add(con, [PREPRINT], week=WEEK)
        assert documents.add(con, [self.VERSION], week=WEEK) == documents.Added(new=0, known=1)
        [row] = con.execute("SELECT id, title, abstract, kind FROM documents").fetchall()
        assert row == (PREPRINT.id, self.VERSION.title, self.VERSION.abstract, "proceedings")
        sightings = con.execute("SELECT source, title FROM base.sightings ORDER BY 1").fetchall()
        assert sightings == [("arxiv", TITLE), ("conference", self.VERSION.title)]

    def test_a_title_under_which_it_was_once_seen_finds_it(self, con: Connection) -> None:
        documents.add(con, [PREPRINT, self.VERSION], week=WEEK)
        bare = replace(RECORD, abstract="")
        assert documents.add(con, [bare], week=WEEK).known == 1

    def test_within_one_batch_as_across_batches(self, tmp_path: Path) -> None:
        contents = []
        batch = [PREPRINT, replace(PREPRINT, native_id="p2", title=TITLE + ", Part II"), PAPER]
        for name, batches in (("a", [batch]), ("b", [[each] for each in batch])):
            with open_writer(tmp_path / f"{name}.duckdb", PARTNERS) as con:
                for each in batches:
                    documents.add(con, each, week=WEEK)
                contents.append((content(con), sorted(map(str, table(con, "bands")))))
        assert contents[0] == contents[1]
        assert len(contents[0][0]) == 2

    def test_the_same_again_changes_nothing(self, con: Connection) -> None:
        batch = [PREPRINT, self.VERSION, RECORD]
        documents.add(con, batch, week=WEEK)
        before = [table(con, name) for name in ("documents", "sightings", "keys", "bands")]
        documents.add(con, batch, week=WEEK)
        assert [table(con, name) for name in ("documents", "sightings", "keys", "bands")] == before

    def test_works_that_turn_out_to_be_one_take_all_with_them(self, con: Connection) -> None:
        other = replace(
            PAPER, title="Listening at the fence", abstract=OTHER_ABSTRACT, doi="10.5555/x"
        )
        documents.add(con, [PREPRINT, other], week=WEEK)
        joining = replace(PREPRINT, source="hal", native_id="h1", doi="10.5555/x")
        documents.add(con, [joining], week=WEEK)
        [(kept,)] = con.execute("SELECT id FROM documents").fetchall()
        for name in ("sightings", "keys", "bands"):
            owners = con.execute(f"SELECT DISTINCT document_id FROM base.{name}").fetchall()
            assert owners == [(kept,)], name

    def test_a_bulletin_of_many_years_does_not_grow_the_work(self, con: Connection) -> None:
        bulletins = [
            replace(TestNews.NEWS, native_id=str(i), published=date(2026, 1, 1)) for i in range(250)
        ]
        for start in range(0, 250, 50):
            assert documents.add(con, bulletins[start : start + 50], week=WEEK).new == 50
        largest = "SELECT max(n) FROM (SELECT count(*) AS n FROM base.bands GROUP BY band)"
        assert con.execute(largest).fetchall() == [(100,)]

    def test_documents_from_before_there_were_bands_are_found(self, con: Connection) -> None:
        documents.add(con, [PREPRINT], week=WEEK)
        con.execute("DELETE FROM base.bands")
        assert documents.add(con, [self.VERSION], week=WEEK).known == 1


@pytest.mark.realdata
def test_real_pairs_are_found_and_kept_from_each_other(shared: Path, con: Connection) -> None:
    """Preprints and their papers, all in one store; bench/duplicates.py adds others around them."""
    corpus = shared / "corpus"
    listed = f"read_csv('{shared}/dedup/pairs-dev.csv', all_varchar=true)"
    fields = "id, title, abstract, authors"
    pairs = duckdb.execute(f"FROM {listed}").fetchall()
    preprints = duckdb.execute(
        f"""FROM (
            SELECT {fields}, published FROM '{corpus}/arxiv-1993-2019.parquet' UNION ALL
            SELECT {fields}, listed FROM '{corpus}/arxiv-daily-2025-2026.parquet'
        ) WHERE id IN (SELECT id_a FROM {listed})"""
    ).fetchall()
    papers = duckdb.execute(
        f"""SELECT {fields}, regexp_extract(venue, '[0-9]+')::INT
        FROM '{corpus}/conferences-2000-2025.parquet' WHERE id IN (SELECT id_b FROM {listed})"""
    ).fetchall()
    batch = [
        Document(
            kind=kind,
            title=title,
            abstract=abstract,
            authors=tuple(authors.replace(";", ",").split(",")),
            published=when if isinstance(when, date) else date(when, 1, 1),
            source=kind,
            native_id=native_id,
        )
        for kind, rows in ((Kind.PREPRINT, preprints), (Kind.PROCEEDINGS, papers))
        for native_id, title, abstract, authors, when in rows
    ]
    documents.add(con, batch, week=WEEK)
    work_of = dict(con.execute("SELECT native_id, document_id FROM sightings").fetchall())
    found = [pair for pair in pairs if work_of[pair[0]] == work_of[pair[1]]]
    merged = con.execute(
        "SELECT a.native_id, b.native_id FROM sightings a JOIN sightings b USING (document_id) "
        "WHERE a.native_id < b.native_id"
    ).fetchall()
    known = set(map(frozenset, pairs))
    wrong = [pair for pair in merged if frozenset(pair) not in known]
    assert len(found) / len(pairs) >= 0.97
    assert len(wrong) / len(merged) <= 0.005, wrong
