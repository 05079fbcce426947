"""The digest, from a store filled with written documents to the bytes that are mailed."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from email import message_from_bytes, policy
from itertools import pairwise
from pathlib import Path
from typing import Any

import html5lib
import pytest
from rich.cells import cell_len

from core.document import Document, Kind
from core.partners import Partner, Partners
from core.settings import DigestSettings
from core.subscribers import Subscriber
from core.taxonomy import Label, Scheme, Taxonomy
from reports import words
from reports.deliver import message, to_outbox, write_digest
from reports.digest import Digest, Entry, Section, SourceLine
from reports.extract import extract
from reports.gather import gather
from reports.render import DARK, LIGHT, Palette, to_html, to_text
from reports.summary import warnings
from reports.words import OUTCOMES
from store import documents, labels, runs
from store.database import Connection, open_writer

WEEK = "2026-W46"
SUNDAY = date(2026, 11, 15)
PARTNERS = Partners(
    home="US",
    partners=(
        Partner(country="DE", name="Germany"),
        Partner(country="IL", name="Israel"),
        Partner(country="KR", name="Republic of Korea"),
    ),
)
XHTML = "{http://www.w3.org/1999/xhtml}"


def scheme(scheme_id: str, layout: Any, *names: str) -> Scheme:
    made = tuple(
        Label(id=name.lower(), name=name, definition=f"What the office watches: {name}.")
        for name in names
    )
    return Scheme(id=scheme_id, name=scheme_id.title(), layout=layout, labels=made)


TAXONOMY = Taxonomy(
    version="1",
    schemes=(
        scheme("goals", "sections", "Screening", "Cyber"),
        scheme("topics", "table", "Aviation", "Border"),
    ),
)
WHERE = {label.id: each.id for each, label in TAXONOMY}


class Shelf:
    """A store that tests fill one document at a time."""

    def __init__(self, con: Connection) -> None:
        self.con = con
        self.count = 0

    def put(
        self,
        title: str,
        scores: dict[str, float],
        *,
        schemes: dict[str, str] = WHERE,
        reasons: Sequence[str] = (),
        **fields: Any,
    ) -> str:
        self.count += 1
        given: dict[str, Any] = {
            "kind": Kind.NEWS,
            "source": "news",
            "native_id": f"n{self.count}",
            "url": f"https://example.org/{self.count}",
            "published": SUNDAY - timedelta(days=2),
            "countries": ("DE",),
            "language": "en",
        }
        document = Document(title=title, **(given | fields))
        documents.add(self.con, [document], week=WEEK)
        rows = [
            labels.LabelRow(document.id, schemes[i], i, score, True, "test", list(reasons))
            for i, score in scores.items()
        ]
        labels.save(self.con, "test", [document.id], rows)
        return document.id

    def digest(self, *, items: int = 8, taxonomy: Taxonomy = TAXONOMY) -> Digest:
        return gather(
            self.con,
            WEEK,
            taxonomy=taxonomy,
            partners=PARTNERS,
            settings=DigestSettings(items=items),
            source_names={"news": "The News", "works": "An Index of Works"},
        )


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    with open_writer(tmp_path / "store.duckdb", PARTNERS) as con:
        yield Shelf(con)


@pytest.fixture
def full(shelf: Shelf) -> Shelf:
    """A week in four scripts, with every kind of source behind it."""
    shelf.put(
        "Millimetre waves find knives in a crowd",
        {"screening": 0.97, "aviation": 0.6},
        reasons=["hidden knives", "millimetre wave"],
        abstract="A trial in Bristol. " * 15 + "Panels find hidden knives. It rained. "
        "A millimetre wave passes coats. Nothing else happened.",
        countries=("GB", "US"),
        kind=Kind.PUBLICATION,
        venue="Journal of Portals",
        affiliations=("Institute of Waves, Bristol",),
        published=date(2026, 11, 1),
        precision="month",
    )
    shelf.put(
        "מערכת חדשה לגילוי רחפנים", {"screening": 0.7}, countries=("IL",), language="he",
        abstract="הרשות הציגה תוצאות ניסוי.", reasons=["גילוי רחפנים"],
    )  # fmt: skip
    shelf.put(
        "공항 주변 불법 드론 탐지", {"aviation": 0.9}, countries=("KR",), language="ko",
        abstract="레이더와 열영상 카메라의 신호를 융합해 새와 드론을 구별한다. " * 20,
    )  # fmt: skip
    shelf.put("Angriff auf ein Stadtwerk", {"cyber": 0.5}, language="de", kind=Kind.CALL_FOR_PAPERS)
    shelf.put("A lock of unknown origin", {"cyber": 0.3}, countries=(), published=None)
    run = runs.start(shelf.con, WEEK)
    for source, status, message_ in (
        ("news", "ok", ""),
        ("works", "stale", ""),
        ("atom", "failing", "https://example.org/feed: 500 after 4 tries"),
    ):
        runs.record_health(
            shelf.con,
            run,
            runs.Health(
                source=source, status=status, new=3, skipped={"no title": 2}, message=message_
            ),
        )
    return shelf


def sections(digest: Digest) -> dict[str, Section]:
    return {s.label.id: s for chapter in digest.chapters for s in chapter.sections}


def titles(entries: Sequence[Entry]) -> list[str]:
    return [entry.title for entry in entries]


def parse(html: str) -> Any:
    return html5lib.HTMLParser(strict=True).parse(html)


def every(tree: Any, tag: str) -> list[Any]:
    return list(tree.iter(f"{XHTML}{tag}"))


# What is told, and where


def test_document_is_told_once_under_its_best_label_and_referred_to_in_the_others(
    shelf: Shelf,
) -> None:
    shelf.put("Both", {"screening": 0.8, "cyber": 0.9, "aviation": 0.99})
    shelf.put("Screening only", {"screening": 0.6})
    told = sections(shelf.digest())
    assert titles(told["cyber"].entries) == ["Both"]
    assert [mark.name for mark in told["cyber"].entries[0].others] == ["Aviation", "Screening"]
    assert titles(told["screening"].entries) == ["Screening only"]
    (reference,) = told["screening"].elsewhere
    assert (reference.title, reference.told_under.name) == ("Both", "Cyber")
    assert told["aviation"].entries == ()  # a section has told it


def test_document_crowded_out_of_its_best_label_goes_to_the_next(shelf: Shelf) -> None:
    shelf.put("First", {"screening": 0.9})
    shelf.put("Second", {"screening": 0.8, "cyber": 0.7})
    shelf.put("Third", {"screening": 0.75})
    shelf.put("Only beyond", {"screening": 0.7, "border": 0.6})
    told = sections(shelf.digest(items=1))
    assert titles(told["screening"].entries) == ["First"]
    assert titles(told["cyber"].entries) == ["Second"]
    assert titles(told["border"].entries) == ["Only beyond"]
    assert told["screening"].documents == 4


def test_partner_goes_before_a_near_equal_but_not_before_a_surer_one(shelf: Shelf) -> None:
    shelf.put("Elsewhere", {"cyber": 0.81}, countries=("JP",))
    shelf.put("Partner", {"cyber": 0.80}, countries=("KR",))
    shelf.put("Surest", {"cyber": 0.90}, countries=("JP",))
    assert titles(sections(shelf.digest())["cyber"].entries) == ["Surest", "Partner", "Elsewhere"]


def test_top_five_holds_the_first_of_each_section_then_the_next_best(shelf: Shelf) -> None:
    for i in range(6):
        shelf.put(f"Cyber {i}", {"cyber": 0.9 - i / 100})
    shelf.put("Screening", {"screening": 0.4})
    assert titles(shelf.digest().top) == ["Cyber 0", "Cyber 1", "Cyber 2", "Cyber 3", "Screening"]


def test_domestic_documents_are_counted_and_not_told(shelf: Shelf) -> None:
    shelf.put("Made at home", {"cyber": 0.9}, countries=("US",))
    shelf.put("Made together", {"cyber": 0.9}, countries=("US", "JP"))
    shelf.put("Made somewhere", {"cyber": 0.9}, countries=())
    digest = shelf.digest()
    assert set(titles(sections(digest)["cyber"].entries)) == {"Made together", "Made somewhere"}
    coverage = digest.coverage
    assert (coverage.foreign, coverage.home, coverage.unknown) == (1, 1, 1)
    page, text = to_html(digest), to_text(digest)
    assert "Made at home" not in page + text
    assert "1 purely domestic (United States)" in page


def test_old_documents_are_counted_and_not_told(shelf: Shelf) -> None:
    shelf.put("Old", {"cyber": 0.9}, published=SUNDAY - timedelta(days=91))
    shelf.put("Young", {"cyber": 0.9}, published=SUNDAY - timedelta(days=90))
    shelf.put("Some day of 2026", {"cyber": 0.9}, published=date(2026, 1, 1), precision="year")
    shelf.put("Undated", {"cyber": 0.9}, published=None)
    digest = shelf.digest()
    entries = sections(digest)["cyber"].entries
    assert {e.title: e.date for e in entries} == {
        "Young": "17 August 2026",
        "Some day of 2026": "2026",
        "Undated": "undated",
    }
    assert (digest.coverage.older, digest.coverage.relevant) == (1, 3)
    assert "One older document was" in to_html(digest)


def test_table_counts_a_document_under_each_country_and_once_in_all(shelf: Shelf) -> None:
    shelf.put("Three countries", {"aviation": 0.9, "border": 0.9}, countries=("DE", "KR", "JP"))
    shelf.put("With home", {"aviation": 0.9}, countries=("DE", "US"))
    shelf.put("Nowhere", {"border": 0.9}, countries=())
    _, chapter = shelf.digest().chapters
    table = chapter.table
    assert table is not None
    assert [column.code for column in table.columns] == ["DE", "KR"]
    assert table.absent == ("Israel",)
    assert {row.name: (*row.cells, row.total) for row in (*table.rows, table.totals)} == {
        "Aviation": (2, 1, 1, 0, 2),
        "Border": (1, 1, 1, 1, 2),
        "All": (2, 1, 1, 1, 3),
    }


def test_further_scheme_reaches_the_digest_as_data(shelf: Shelf) -> None:
    fourth = scheme("agreements", "sections", "Maritime")
    taxonomy = Taxonomy(version="2", schemes=(*TAXONOMY.schemes, fourth))
    shelf.put("Ships", {"maritime": 0.9}, schemes={"maritime": "agreements"})
    digest = shelf.digest(taxonomy=taxonomy)
    assert titles(sections(digest)["maritime"].entries) == ["Ships"]
    assert "Agreements" in to_html(digest)
    assert "AGREEMENTS" in to_text(digest)
    # And a label that the taxonomy has lost is no reason to fall over.
    assert "Ships" not in to_html(shelf.digest())


def test_entry_says_what_a_reader_asks(full: Shelf) -> None:
    documents.add(
        full.con,
        [
            Document(
                kind=Kind.PREPRINT,
                title="Millimetre waves find knives in a crowd",
                source="works",
                native_id="w1",
                url="https://example.org/w1",
                published=date(2026, 11, 1),
                precision="month",
            )
        ],
        week=WEEK,
    )
    entry = sections(full.digest())["screening"].entries[0]
    assert entry.kind == "Article"
    assert (entry.place, entry.date) == ("Journal of Portals", "November 2026")
    assert [(c.name, c.is_partner) for c in entry.countries] == [
        ("United Kingdom", False),
        ("United States", False),
    ]
    assert entry.institution == "Institute of Waves, Bristol"
    assert entry.extract == "Panels find hidden knives. … A millimetre wave passes coats."
    assert entry.chance == "almost certain"
    assert entry.probability == pytest.approx(0.97)
    assert entry.also == (("An Index of Works", "https://example.org/w1"),)


def test_coverage_names_every_source_and_its_trouble(full: Shelf) -> None:
    digest = full.digest()
    assert [(s.name, s.status) for s in digest.coverage.sources] == [
        ("atom", "failing"),
        ("An Index of Works", "stale"),
        ("The News", "ok"),
    ]
    assert len(digest.warnings) == 2
    for form in (to_html(digest), " ".join(to_text(digest).split())):
        assert "500 after 4 tries" in form
        assert "not reached" in form
        assert "2 × no title" in form


def test_empty_week_says_so(shelf: Shelf) -> None:
    digest = shelf.digest()
    for form in (to_html(digest), to_text(digest)):
        assert "Nothing new arrived this week." in form
        assert "No source was asked in this week." in form
        assert "Screening" not in form
    parse(to_html(digest))


def test_week_without_anything_of_interest_says_so(shelf: Shelf) -> None:
    shelf.put("Great tits sing higher near trams", {})
    assert "none from abroad bears on what the office watches" in to_text(shelf.digest())


def test_summary_is_written_from_the_counts(full: Shelf) -> None:
    assert full.digest().summary == (
        "Five new documents arrived; 5 from abroad bear on what the office watches, 3 of them with "
        "a partner country and 1 of unknown country.",
        "Goals: Screening (2) and Cyber (2).",
        "Among partners, Germany (1) leads, then Israel (1) and Republic of Korea (1).",
        "Aviation (2) leads the Topics.",
        "Among them is one call.",
    )


def test_wrong_week_is_refused(shelf: Shelf) -> None:
    with pytest.raises(ValueError, match="2026-46"):
        gather(
            shelf.con,
            "2026-46",
            taxonomy=TAXONOMY,
            partners=PARTNERS,
            settings=DigestSettings(),
            source_names={},
        )


# Words and extracts


@pytest.mark.parametrize(
    ("probability", "said"),
    [(0.0, "almost no chance"), (0.5, "roughly even chance"), (0.55, "likely"),
     (0.8, "very likely"), (0.949, "very likely"), (0.95, "almost certain"),
     (1.0, "almost certain")],
)  # fmt: skip
def test_probability_in_words(probability: float, said: str) -> None:
    assert words.chance(probability) == said


@pytest.mark.parametrize(
    ("first", "said"),
    [
        (date(2026, 11, 9), "9–15 November 2026"),
        (date(2026, 11, 30), "30 November – 6 December 2026"),
        (date(2026, 12, 28), "28 December 2026 – 3 January 2027"),
    ],
)
def test_days_of_a_week(first: date, said: str) -> None:
    assert words.days(first, first + timedelta(days=6)) == said


@pytest.mark.parametrize(
    ("code", "name"),
    [("KR", "South Korea"), ("CD", "The Democratic Republic of the Congo"),
     ("EU", "European Union"), ("JP", "Japan"), ("XX", "XX")],
)  # fmt: skip
def test_country_names(code: str, name: str) -> None:
    assert words.country(code) == name


def test_extract_holds_most_reasons_in_the_order_of_the_text() -> None:
    filler = "The weather was fair and the trains were on time throughout the whole campaign. " * 4
    text = f"Réseaux are old. {filler}We study ransomware. {filler}Power grids fail."
    assert extract("T", text, ["power grid", "Reseaux"]) == "Réseaux are old. … Power grids fail."


def test_extract_without_reasons_is_what_is_nearest_to_the_whole() -> None:
    text = (
        "Thanks go to the sponsors of the autumn meeting held in a lovely old castle by the lake. "
        "Flood warnings reach mayors late. We forecast floods from rain so that mayors warn early. "
        "Flood forecasts and flood warnings from rain reached mayors early in all trials we made. "
        "Funding: grant 12 of the fund for the advancement of science, art and good company."
    )
    found = extract("Flood warnings for mayors", text, [])
    assert "Flood forecasts and flood warnings" in found
    assert "castle" not in found
    assert "Funding" not in found


def test_extract_keeps_a_short_text_whole_and_shortens_a_long_one() -> None:
    assert extract("T", "One. Two. Three.", ["Three"]) == "One. Two. Three."
    assert extract("T", "", []) == ""
    for endless in ("word " * 500, "無人航空機" * 500):
        shortened = extract("T", endless, [])
        assert shortened.endswith(" …")
        assert cell_len(shortened) <= 450


# Forms


def test_same_store_gives_the_same_bytes(full: Shelf, tmp_path: Path) -> None:
    once = [path.read_bytes() for path in write_digest(full.digest(), tmp_path / "a")]
    again = [path.read_bytes() for path in write_digest(full.digest(), tmp_path / "b")]
    assert once == again
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == [
        "2026-W46.html",
        "2026-W46.txt",
    ]


def test_html_is_valid_and_stands_alone(full: Shelf) -> None:
    page = to_html(full.digest())
    tree = parse(page)
    for tag in ("script", "link", "img", "iframe", "object", "base", "form"):
        assert every(tree, tag) == []
    assert not re.search(r"url\(|@import|src=|@font-face", page)
    hrefs = [a.get("href") for a in every(tree, "a")]
    assert hrefs
    assert all(href.startswith(("https://", "http://")) for href in hrefs)


def test_headings_are_in_order(full: Shelf) -> None:
    tree = parse(to_html(full.digest()))
    levels = [int(e.tag[-1]) for e in tree.iter() if re.fullmatch(rf"{XHTML}h[1-6]", str(e.tag))]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert {4} <= set(levels)
    assert all(b - a <= 1 for a, b in pairwise(levels))


def test_languages_and_directions_are_marked(full: Shelf) -> None:
    tree = parse(to_html(full.digest()))
    headings = {"".join(h.itertext()): h for h in every(tree, "h4")}
    hebrew = headings["מערכת חדשה לגילוי רחפנים"]
    assert (hebrew.get("lang"), hebrew.get("dir")) == ("he", "auto")
    assert headings["공항 주변 불법 드론 탐지"].get("lang") == "ko"
    english = headings["Millimetre waves find knives in a crowd"]
    assert (english.get("lang"), english.get("dir")) == (None, None)
    isolated = {"".join(b.itertext()) for b in every(tree, "bdi")}
    assert {"מערכת חדשה לגילוי רחפנים", "“גילוי רחפנים”"} <= isolated


def test_styles_are_in_the_elements_and_dark_mode_is_kept(full: Shelf) -> None:
    page = to_html(full.digest())
    tree = parse(page)
    assert all(h.get("style") for h in every(tree, "h4"))
    (style,) = every(tree, "style")
    assert "prefers-color-scheme:dark" in style.text
    assert style.text.count("{") == style.text.count("}")
    coloured = {
        element.get("class")
        for element in tree.iter()
        if re.search(r"(?<![-\w])(color|background):", element.get("style") or "")
    }
    dark = style.text.partition("prefers-color-scheme:dark")[2]
    undarkened = {
        names for names in coloured if not any(f".{name}" in dark for name in names.split())
    }
    assert undarkened == {"mast", "brand", "when", "strap"}  # the masthead is dark already


def luminance(colour: str) -> float:
    """Relative luminance of WCAG 2.2."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(a: str, b: str) -> float:
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_contrast_is_enough_to_read(palette: Palette) -> None:
    pairs = [(hue.text, hue.back) for hue in (*palette.hues, palette.plain, palette.alarm)]
    pairs += [(palette.ink, shade) for shade in palette.heat]
    pairs += [
        (colour, back)
        for colour in (palette.ink, palette.muted, palette.link)
        for back in (palette.card, palette.tint)
    ]
    pairs += [(palette.alarm.text, palette.card)]
    assert {pair: round(contrast(*pair), 2) for pair in pairs if contrast(*pair) < 4.5} == {}


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "'; }</style><svg onload=alert(1)>",
        "{{ 7 * 7 }}{% raw %}",
        "&lt;b&gt; &amp;",
    ],
)
def test_hostile_text_is_shown_as_text(shelf: Shelf, hostile: str) -> None:
    shelf.put(
        f"Title {hostile}",
        {"cyber": 0.9, "aviation": 0.9},
        reasons=[hostile],
        abstract=f"Abstract {hostile}.",
        venue=f"Venue {hostile}",
        affiliations=(f"Lab {hostile}",),
        language='en" onclick="alert(1)',
    )
    run = runs.start(shelf.con, WEEK)
    runs.record_health(
        shelf.con,
        run,
        runs.Health(source=hostile, status="failing", skipped={hostile: 1}, message=hostile),
    )
    digest = shelf.digest()
    tree = parse(to_html(digest))
    for tag in ("script", "img", "svg"):
        assert every(tree, tag) == []
    assert not [name for e in tree.iter() for name in e.attrib if str(name).startswith("on")]
    assert "".join(every(tree, "h4")[0].itertext()) == f"Title {hostile}"
    assert hostile in " ".join(to_text(digest).split())


def test_only_web_addresses_become_links(full: Shelf) -> None:
    digest = full.digest()
    (entry, *_) = digest.top
    bad = replace(entry, url="javascript:alert(1)", also=(("Mirror", "data:text/html,x"),))
    page = to_html(replace(digest, top=(bad,), chapters=()))
    assert every(parse(page), "a") == []
    assert "javascript:" not in page + to_text(replace(digest, top=(bad,), chapters=()))


def test_text_stands_on_its_own_in_78_columns(full: Shelf) -> None:
    text = to_text(full.digest())
    wide = [line for line in text.splitlines() if cell_len(line) > 78 and "://" not in line]
    assert wide == []
    for part in ("IN ONE MINUTE", "GOALS", "TOPICS", "COVERAGE", "https://example.org/1"):
        assert part in text
    assert "<" not in text
    assert "\n\n\n\n" not in text


def test_sixty_entries_are_not_clipped(shelf: Shelf) -> None:
    wide = {"goals": [f"Goal{i}" for i in range(5)], "topics": [f"Topic{i}" for i in range(10)]}
    taxonomy = Taxonomy(
        version="1",
        schemes=(
            scheme("goals", "sections", *wide["goals"]),
            scheme("topics", "table", *wide["topics"]),
        ),
    )
    where = {label.id: each.id for each, label in taxonomy}
    abstract = "We measured how the new detector finds threats in crowded stations. " * 3
    for i in range(40 + 20):
        label = f"goal{i % 5}" if i < 40 else f"topic{i % 10}"
        shelf.put(
            f"{i}: A title of the usual length, which says what was found and where",
            {label: 0.9},
            schemes=where,
            reasons=["threat detection", "crowded places"],
            abstract=abstract,
            venue="Journal of Applied Protection",
            affiliations=("Institute for Applied Physics, University of Somewhere, Germany",),
        )
    digest = shelf.digest(taxonomy=taxonomy)
    assert digest.coverage.told == 60
    assert len(to_html(digest).encode()) < 102 * 1024  # where Gmail cuts a message off


# Delivery

READER = Subscriber(id="analysts", name="Анна Müller", address="analysts@example.org")
SENDER = "Horizon <horizon@office.example>"


def test_mail_carries_both_forms_and_the_week(full: Shelf, tmp_path: Path) -> None:
    digest = full.digest()
    page, text = to_html(digest), to_text(digest)
    mail = message(digest, READER, sender=SENDER, html=page, text=text)
    path = to_outbox(mail, tmp_path / "outbox", "2026-W46-analysts.eml")
    assert [p.name for p in path.parent.iterdir()] == ["2026-W46-analysts.eml"]
    content = path.read_bytes()
    content.split(b"\r\n\r\n")[0].decode("ascii")  # headers are encoded
    read = message_from_bytes(content, policy=policy.default)
    assert read["To"].addresses[0].display_name == "Анна Müller"
    assert read["From"].addresses[0].addr_spec == "horizon@office.example"
    assert read["Message-ID"] == "<2026-W46.analysts@office.example>"
    assert read["Date"].datetime == datetime(2026, 11, 15, 12, tzinfo=UTC)
    assert "week 46 of 2026" in read["Subject"]
    assert read.get_content_type() == "multipart/alternative"
    plain, html = read.iter_parts()
    assert plain.get_content().replace("\r\n", "\n") == text
    assert html.get_content().replace("\r\n", "\n").rstrip() == page.rstrip()


def test_mail_is_the_same_twice_and_another_for_another_reader(full: Shelf) -> None:
    digest = full.digest()

    def built(reader: Subscriber) -> bytes:
        return message(digest, reader, sender=SENDER, html="<p>é</p>", text="é").as_bytes()

    other = READER.model_copy(update={"id": "staff"})
    assert built(READER) == built(READER)
    assert b"<2026-W46.staff@office.example>" in built(other)
    assert built(other) != built(READER)


def test_no_header_can_be_smuggled_in(shelf: Shelf) -> None:
    shelf.put("Title\r\nBcc: all@example.org", {"cyber": 0.9})
    digest = shelf.digest()
    reader = READER.model_copy(update={"name": "Anna\r\nBcc: all@example.org\r\n\r\nBody"})
    mail = message(
        digest, reader, sender="Horizon\nBcc: all@example.org <a@example.org>", html="h", text="t"
    )
    read = message_from_bytes(mail.as_bytes(), policy=policy.default)
    assert read["Bcc"] is None
    assert set(read.keys()) == {
        *("Subject", "From", "To", "Date", "Message-ID"),
        *("Auto-Submitted", "MIME-Version", "Content-Type"),
    }


def test_sender_without_an_address_is_refused(shelf: Shelf) -> None:
    with pytest.raises(ValueError, match="no address"):
        message(shelf.digest(), READER, sender="Horizon", html="", text="")


def test_broken_write_leaves_the_old_file(
    full: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page, _ = write_digest(full.digest(), tmp_path)
    before = page.read_bytes()

    def fail(*_: object) -> None:
        raise OSError("disk full")

    full.put("One more", {"cyber": 0.99})
    with monkeypatch.context() as patch:
        patch.setattr("reports.deliver.os.fsync", fail)
        with pytest.raises(OSError, match="disk full"):
            write_digest(full.digest(), tmp_path)
    assert page.read_bytes() == before
    assert not list(tmp_path.glob(".*.part"))


@pytest.mark.parametrize(
    ("states", "said"),
    [
        ([("A", "failing", 1)], ("A could not be reached.",)),
        (
            [("A", "failing", 4), ("B", "blocked", 1)],
            ("A has given nothing for four weeks: not reached.", "B did not let us in."),
        ),
        (
            [(name, "failing", 1) for name in "ABCDE"],
            ("Five sources could not be reached (see Coverage).",),
        ),
    ],
)
def test_the_first_screen_names_what_has_failed_for_four_weeks(
    states: list[tuple[str, str, int]], said: tuple[str, ...]
) -> None:
    lines = [
        SourceLine(name, status, OUTCOMES[status], 0, 0, (), "", weeks)
        for name, status, weeks in states
    ]
    assert warnings(lines) == said
