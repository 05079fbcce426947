"""OAI-PMH: paging by token, and records in both formats; and the parsing that scanners share."""

from datetime import date
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from core.document import Document, Kind
from core.settings import HttpSettings
from core.sources import Source
from scanners import oai_pmh, parse
from scanners.access import Access
from scanners.base import Page, Skip, Watermark
from scanners.errors import SourceError
from scanners.http import Http
from scanners.oai_pmh import Answer, OaiError

URL = "https://repo.example/oai"
SOURCE = Source(id="repo", kind="oai_pmh", name="Repository", url=URL, country="FR", language="fr")
WINDOW = date(2026, 11, 9), date(2026, 11, 15)


def oai(inside: str) -> str:
    return f"""<?xml version="1.0" encoding="UTF-8"?>
        <OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/">
        <responseDate>2026-11-16T00:00:00Z</responseDate><request>{URL}</request>{inside}
        </OAI-PMH>"""


def record(number: int | str, fields: str) -> str:
    return f"""<record><header><identifier>oai:repo:{number}</identifier>
        <datestamp>2026-11-10</datestamp><setSpec>sec</setSpec></header>
        <metadata>{fields}</metadata></record>"""


def dc(fields: str) -> str:
    return f"""<oai_dc:dc xmlns:oai_dc="http://www.openarchives.org/OAI/2.0/oai_dc/"
        xmlns:dc="http://purl.org/dc/elements/1.1/">{fields}</oai_dc:dc>"""


def titled(*numbers: int, token: str = "") -> str:
    """Return an answer with a record for each number, and perhaps a token."""
    records = "".join(record(n, dc(f"<dc:title>Work {n}</dc:title>")) for n in numbers)
    return oai(f"<ListRecords>{records}{token}</ListRecords>")


def token(text: str) -> str:
    return f'<resumptionToken completeListSize="9" cursor="0">{text}</resumptionToken>'


def error(code: str, message: str = "") -> str:
    return oai(f'<error code="{code}">{message}</error>')


def read(body: str, source: Source = SOURCE) -> Answer:
    return oai_pmh.parse(body.encode(), source, url=URL)


def only(fields: str, source: Source = SOURCE) -> Document:
    answer = read(oai(f"<ListRecords>{record(1, fields)}</ListRecords>"), source)
    assert answer.skipped == ()
    (document,) = answer.documents
    return document


# Dublin Core


def test_oai_dc() -> None:
    document = only(
        dc("""
        <dc:title xml:lang="en">Flood &amp;amp; fire</dc:title>
        <dc:title xml:lang="fre">Crue et feu</dc:title>
        <dc:creator>Roy, Léa</dc:creator><dc:creator>Berg, Ada, 1970-</dc:creator>
        <dc:description>Court.</dc:description>
        <dc:description>&lt;p&gt;Si a &amp;lt; b, &lt;b&gt;alors&lt;/b&gt;
            plus.&lt;/p&gt;</dc:description>
        <dc:identifier>hal-1</dc:identifier>
        <dc:identifier>https://hal.example/hal-1/document</dc:identifier>
        <dc:identifier>https://hal.example/hal-1</dc:identifier>
        <dc:identifier>DOI: 10.1234/AB</dc:identifier>
        <dc:relation>https://doi.org/10.9999/another.work</dc:relation>
        <dc:source>https://hal.example/hal-1</dc:source><dc:source>Actes du colloque</dc:source>
        <dc:publisher>CCSD</dc:publisher>
        <dc:language>fre</dc:language><dc:subject>crue</dc:subject>
        <dc:type>info:eu-repo/semantics/conferenceObject</dc:type><dc:type>text</dc:type>
        <dc:date>0000-00-00</dc:date><dc:date>2026-10-02</dc:date><dc:date>2026</dc:date>
        <dc:date>2027-01-01</dc:date>""")
    )
    assert document.title == "Crue et feu"
    assert document.authors == ("Roy, Léa", "Berg, Ada")
    assert document.abstract == "Si a < b, alors plus."
    assert document.url == "https://hal.example/hal-1"
    assert document.doi == "10.1234/ab"
    assert document.venue == "Actes du colloque"
    assert document.language == "fr"
    assert document.kind == Kind.PROCEEDINGS
    assert (document.published, document.precision) == (date(2026, 10, 2), "day")
    assert document.native_id == "oai:repo:1"
    assert document.countries == ("FR",)
    assert document.raw["subjects"] == ["crue"]
    assert document.raw["sets"] == ["sec"]


def test_what_dublin_core_leaves_out() -> None:
    source = SOURCE.model_copy(update={"country": "multi", "yields": Kind.REPORT})
    document = only(
        dc("""<dc:title xml:lang="de">Erster</dc:title><dc:title xml:lang="en">Second</dc:title>
        <dc:relation>info:eu-repo/semantics/altIdentifier/doi/10.1234/x</dc:relation>
        <dc:source>ISSN: 1234-5678</dc:source><dc:publisher>Amt</dc:publisher>
        <dc:type>text</dc:type><dc:language>und</dc:language>"""),
        source,
    )
    assert document.title == "Erster"
    assert document.url == "https://doi.org/10.1234/x"
    assert document.venue == "Amt"
    assert document.kind == Kind.REPORT
    assert document.language == "fr"
    assert document.countries == ()
    assert document.published is None


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("Conference papers", Kind.PROCEEDINGS),
        ("Preprints, Working Papers, ...", Kind.PREPRINT),
        ("info:eu-repo/semantics/workingPaper", Kind.PREPRINT),
        ("Technical report", Kind.REPORT),
        ("info:eu-repo/semantics/doctoralThesis", Kind.PUBLICATION),
        ("Journal articles", Kind.PUBLICATION),
    ],
)
def test_kinds(said: str, kind: Kind) -> None:
    source = SOURCE.model_copy(update={"yields": Kind.NEWS})
    assert only(dc(f"<dc:title>T</dc:title><dc:type>{said}</dc:type>"), source).kind == kind


@pytest.mark.parametrize(
    "identifier",
    ["https://arxiv.org/abs/2401.01234v2", "oai:arXiv.org:2401.01234", "arXiv:2401.01234"],
)
def test_an_arxiv_id_in_dublin_core(identifier: str) -> None:
    fields = f"<dc:title>T</dc:title><dc:identifier>{identifier}</dc:identifier>"
    assert only(dc(fields)).arxiv_id == "2401.01234"


# arXiv's own format

ARXIV = """<arXiv xmlns="http://arxiv.org/OAI/arXiv/"><id>{id}</id><created>2024-01-02</created>
    <updated>2026-11-10</updated><authors>
    <author><keyname>Able</keyname><forenames>Ann</forenames><suffix>Jr</suffix>
    <affiliation>KAIST</affiliation><affiliation>ETRI</affiliation></author>
    <author><keyname>The Team</keyname></author></authors>
    <title>Drones in $p&lt;q$
      space</title><categories>cs.CR cs.RO</categories><comments>9 pages</comments>{more}
    <abstract>  If $a&lt;b$ then drones.  </abstract></arXiv>"""


def test_arxiv() -> None:
    source = SOURCE.model_copy(update={"country": "multi", "language": "en"})
    document = only(ARXIV.format(id="2401.01234", more="<doi>10.1/no 10.1234/X</doi>"), source)
    assert document.title == "Drones in $p<q$ space"
    assert document.abstract == "If $a<b$ then drones."
    assert document.authors == ("Ann Able Jr", "The Team")
    assert document.affiliations == ("KAIST", "ETRI")
    assert document.arxiv_id == "2401.01234"
    assert document.doi == "10.1234/x"
    assert document.url == "https://arxiv.org/abs/2401.01234"
    assert document.published == date(2024, 1, 2)
    assert document.venue == "arXiv"
    assert document.kind == Kind.PREPRINT
    assert document.raw["categories"] == "cs.CR cs.RO"
    published = only(ARXIV.format(id="hep-th/9901001", more="<journal-ref>J. X 1</journal-ref>"))
    assert published.venue == "J. X 1"
    assert published.url == "https://arxiv.org/abs/hep-th/9901001"


# Records that are none


def test_records_that_cannot_become_documents_are_counted() -> None:
    answer = read(
        oai(f"""<ListRecords>
            <record><header status="deleted"><identifier>oai:repo:1</identifier></header></record>
            <record><header><identifier>oai:repo:2</identifier></header></record>
            {record(3, dc("<dc:creator>Nobody</dc:creator>"))}
            {record(4, "<mods xmlns='http://www.loc.gov/mods/v3'/>")}
            {record(5, dc("<dc:title>Good</dc:title>"))}</ListRecords>""")
    )
    assert [d.title for d in answer.documents] == ["Good"]
    assert answer.skipped == (
        Skip("deleted at source", "oai:repo:1"),
        Skip("no metadata", "oai:repo:2"),
        Skip("no title", "oai:repo:3"),
        Skip("unknown format mods", "oai:repo:4"),
    )


@pytest.mark.parametrize(
    "fault",
    ["<dc:title>A & B <i</dc:title>", "<dc:title>Open", "<dc:title>Caf&eacute; &nbsp;</dc:title>"],
)
def test_ill_formed_xml_loses_no_good_record(fault: str) -> None:
    good = dc("<dc:title>Good</dc:title>")
    answer = read(
        oai(f"<ListRecords>{record(1, dc(fault))}{record(2, good)}{token('T')}</ListRecords>")
    )
    titles = {d.native_id: d.title for d in answer.documents}
    assert titles.keys() == {"oai:repo:1", "oai:repo:2"}
    assert titles["oai:repo:2"] == "Good"
    assert [s.reason for s in answer.skipped] == ["ill-formed XML, mended"]
    assert answer.token == "T"
    assert not answer.cut


def test_undefined_entities_of_html_are_read() -> None:
    body = oai(f"<ListRecords>{record(1, dc('<dc:title>Caf&eacute;</dc:title>'))}</ListRecords>")
    assert read(body).documents[0].title == "Café"


# Paging


def harvest(server: HTTPServer, mark: Watermark | None = None, **params: str) -> list[Page]:
    """Return the pages of the server's repository; a SourceError passes through."""
    source = SOURCE.model_copy(
        update={"url": server.url_for("/oai"), "allow_private": True, "params": params}
    )
    with Http(HttpSettings(interval=0, backoff=0, retries=0)) as http:
        return list(oai_pmh.pages(source, Access(http, source), mark or Watermark(window=WINDOW)))


def answers(server: HTTPServer, *bodies: str) -> None:
    for body in bodies:
        server.expect_ordered_request("/oai").respond_with_data(body, content_type="text/xml")


def queries(server: HTTPServer) -> list[dict[str, str]]:
    server.check()
    return [request.args.to_dict() for request, _ in server.log]


BEGINNING = {
    "verb": "ListRecords",
    "metadataPrefix": "oai_dc",
    "from": "2026-11-09",
    "until": "2026-11-15",
}


def resume(cursor: str) -> dict[str, str]:
    return {"verb": "ListRecords", "resumptionToken": cursor}


@pytest.mark.parametrize("end", ["", token("")])
def test_tokens_lead_to_the_end(httpserver: HTTPServer, end: str) -> None:
    answers(
        httpserver,
        titled(1, 2, token=token("a b/c&amp;d")),
        titled(3, token=token("second")),
        titled(4, token=end),
    )
    pages = harvest(httpserver, metadataPrefix="arXiv", set="cs")
    assert queries(httpserver) == [
        BEGINNING | {"metadataPrefix": "arXiv", "set": "cs"},
        resume("a b/c&d"),
        resume("second"),
    ]
    assert [d.title for p in pages for d in p.documents] == ["Work 1", "Work 2", "Work 3", "Work 4"]
    assert [p.mark for p in pages] == [
        Watermark(window=WINDOW, cursor="a b/c&d"),
        Watermark(window=WINDOW, cursor="second"),
        Watermark(until=WINDOW[1]),
    ]


def test_an_empty_window_is_read_to_its_end(httpserver: HTTPServer) -> None:
    answers(httpserver, error("noRecordsMatch"))
    (page,) = harvest(httpserver)
    assert page.documents == page.skipped == ()
    assert page.mark == Watermark(until=WINDOW[1])


def test_a_stored_cursor_is_taken_up(httpserver: HTTPServer) -> None:
    answers(httpserver, titled(3))
    (page,) = harvest(httpserver, Watermark(window=WINDOW, cursor="kept"))
    assert queries(httpserver) == [resume("kept")]
    assert page.mark == Watermark(until=WINDOW[1])


def test_an_expired_cursor_begins_the_window_again(httpserver: HTTPServer) -> None:
    answers(httpserver, error("badResumptionToken"), titled(1, token=token("kept")), titled(2))
    pages = harvest(httpserver, Watermark(window=WINDOW, cursor="kept"))
    assert queries(httpserver) == [resume("kept"), BEGINNING, resume("kept")]
    assert [d.title for p in pages for d in p.documents] == ["Work 1", "Work 2"]


def test_a_token_refused_again_is_an_error(httpserver: HTTPServer) -> None:
    answers(
        httpserver,
        error("badResumptionToken"),
        titled(1, token=token("new")),
        error("badResumptionToken", "expired"),
    )
    with pytest.raises(OaiError, match="badResumptionToken: expired"):
        harvest(httpserver, Watermark(window=WINDOW, cursor="kept"))
    assert queries(httpserver) == [resume("kept"), BEGINNING, resume("new")]


def test_a_token_that_comes_again_ends_the_harvest(httpserver: HTTPServer) -> None:
    answers(
        httpserver,
        titled(1, token=token("a")),
        titled(2, token=token("b")),
        titled(3, token=token("a")),
    )
    with pytest.raises(SourceError, match="'a' comes a second time"):
        harvest(httpserver)
    assert len(queries(httpserver)) == 3


def test_an_answer_that_breaks_off_does_not_end_the_window(httpserver: HTTPServer) -> None:
    whole = titled(1, 2, token=token("next"))
    answers(httpserver, whole[: whole.index("Work 2")])
    source = SOURCE.model_copy(update={"url": httpserver.url_for("/oai"), "allow_private": True})
    mark = Watermark(window=WINDOW)
    with Http(HttpSettings(interval=0, backoff=0, retries=0)) as http:
        pages = oai_pmh.pages(source, Access(http, source), mark)
        page = next(pages)
        assert [d.title for d in page.documents] == ["Work 1"]
        assert page.mark == mark
        with pytest.raises(SourceError, match="breaks off"):
            next(pages)


@pytest.mark.parametrize("body", [error("badArgument", "no such set"), error("badArgument")])
def test_other_errors_are_the_sources(httpserver: HTTPServer, body: str) -> None:
    answers(httpserver, body)
    with pytest.raises(OaiError, match="badArgument") as caught:
        harvest(httpserver)
    assert caught.value.code == "badArgument"
    assert caught.value.url.startswith(httpserver.url_for("/oai"))


@pytest.mark.parametrize(
    "body",
    ["", "broken", "<html><body>Maintenance<br></body></html>", "<feed/>", oai("<Identify/>")],
)
def test_what_is_no_list_of_records(body: str) -> None:
    with pytest.raises(SourceError):
        read(body)


# What scanners share


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024", (date(2024, 1, 1), "year")),
        ("2024-05", (date(2024, 5, 1), "month")),
        (" 2024-05-06 ", (date(2024, 5, 6), "day")),
        ("20240506", (date(2024, 5, 6), "day")),
        ("2024-05-06T23:59:59+09:00", (date(2024, 5, 6), "day")),
        ("1899-12-31", None),
        ("2999-01-01", None),
        ("0001-01-01T00:00:00", None),
        ("2024-00-00", None),
        ("2024-02-30", None),
        ("202405", None),
        ("yesterday", None),
        ("", None),
        (None, None),
    ],
)
def test_parse_date(text: str | None, expected: tuple[date, str] | None) -> None:
    assert parse.parse_date(text) == expected


@pytest.mark.parametrize(
    ("tag", "code"),
    [
        ("en-GB", "en"),
        ("zh_Hans", "zh"),
        ("kor", "ko"),
        ("ger", "de"),
        ("dut", "nl"),
        ("iw", "he"),
        ("Swedish", "sv"),
        ("und", None),
        ("xx", None),
        ("", None),
    ],
)
def test_parse_language(tag: str, code: str | None) -> None:
    assert parse.parse_language(tag) == code


def test_xml_is_read_without_expanding_or_fetching(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    body = f"""<!DOCTYPE a [<!ENTITY x "xxxx"><!ENTITY f SYSTEM "{secret.as_uri()}">]>
        <a>1&x;2&f;3</a>"""
    root = parse.xml_root(body.encode(), URL)
    assert parse.element_text(root) == "1&x;2&f;3"


def test_half_a_surrogate_pair_does_not_cost_the_text() -> None:
    root = parse.xml_root(b"<a>&#xD83D;&#xDE00; &#44032;&#x1F600;</a>", URL)
    assert parse.element_text(root) == "\ufffd\ufffd 가\U0001f600"


# Recorded answers


@pytest.mark.realdata
def test_recorded_answers(shared: Path) -> None:
    with_records, codes, others = {}, {}, set()
    for file in sorted((shared / "feeds" / "oai_pmh").glob("*.xml")):
        try:
            with_records[file.stem] = oai_pmh.parse(file.read_bytes(), SOURCE, url=URL)
        except OaiError as refusal:
            codes[file.stem] = str(refusal)
        except SourceError:
            others.add(file.stem)
    # The files are named after their codes.
    assert all(message.startswith(code) for code, message in codes.items())
    assert codes.keys() == {
        "badArgument",
        "badResumptionToken",
        "cannotDisseminateFormat",
        "idDoesNotExist",
        "noSetHierarchy",
        "undefinedError",
    }
    assert others == {
        "Identify",
        "ListIdentifiers",
        "ListIdentifiers2",
        "ListMetadataFormats",
        "ListRecordsBroken",
        "ListSets",
    }
    assert with_records.pop("noRecordsMatch") == Answer()
    for name, answer in with_records.items():
        (document,) = answer.documents
        assert document.title == "Sample Title", name
        assert document.precision == "year", name
        deleted = [] if name.startswith("GetRecord") else ["deleted at source"]
        assert [skip.reason for skip in answer.skipped] == deleted, name
    assert with_records["ListRecords"].token == "ListRecords2.xml"
    assert with_records["ListRecords4"].token == ""
