"""The CORDIS scanner: both layouts, paging, and archives that are broken, hostile or changed."""

import io
import json
import zipfile
from datetime import date
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from core.document import Document, Kind
from core.settings import HttpSettings
from core.sources import Source
from scanners import cordis
from scanners.access import Access
from scanners.base import Page, Watermark
from scanners.errors import Changed, SourceError
from scanners.http import Http

WINDOW = Watermark().aim(date(2026, 11, 9), date(2026, 11, 15))
NEXT = date(2026, 11, 16), date(2026, 11, 22)
BORDER = "HORIZON-CL3-2024-BM-01-02"
ROCKS = "HORIZON-CL5-2024-D1-01-01"


def project(number: int, topic: str = BORDER, **fields: Any) -> dict[str, Any]:
    return {
        "id": str(101000000 + number),
        "acronym": "SENTRY",
        "title": "Sensors for long borders",
        "objective": "We watch <b>rivers</b> &amp; coasts.",
        "topics": topic,
        "frameworkProgramme": "HORIZON",
        "legalBasis": "HORIZON.2.3",
        "ecSignatureDate": "2026-10-05",
        "startDate": "2027-01-01",
        "endDate": "2029-12-31",
        "grantDoi": f"10.3030/{101000000 + number}",
        "keywords": "borders, radar",
        "status": "SIGNED",
        "rcn": 250000 + number,
        **fields,
    }


def partner(number: int, name: str, country: str, role: str, order: int) -> dict[str, Any]:
    return {
        "projectID": str(101000000 + number),
        "name": name,
        "city": "Town",
        "country": country,
        "role": role,
        "order": order,
    }


PARTNERS = [
    partner(1, "Second partner", "UK", "participant", 3),
    partner(1, "First partner", "EL", "participant", 2),
    partner(1, "The lead", "FI", "coordinator", 4),
    partner(2, "Not asked for", "SE", "coordinator", 1),
]


def member(fields: dict[str, Any]) -> str:
    return f"project-rcn-{fields['rcn']}_en.json"


def new_form(number: int, associations: Any, **fields: Any) -> dict[str, Any]:
    old = project(number, **fields)
    return {
        key: old[key] for key in old if key not in ("topics", "frameworkProgramme", "grantDoi")
    } | {
        "identifiers": {"grantDoi": old["grantDoi"]},
        "relations": {"associations": associations},
    }


def a_zip(members: dict[str, Any], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """An archive of members, bytes as they are and anything else as JSON."""
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", method) as archive:
        for name, content in members.items():
            data = content if isinstance(content, bytes) else json.dumps(content).encode()
            archive.writestr(name, data)
    return body.getvalue()


def arrays(*projects: dict[str, Any], **others: Any) -> dict[str, Any]:
    return {"project.json": list(projects), "organization.json": PARTNERS} | {
        f"{name}.json": content for name, content in others.items()
    }


class Site:
    """CORDIS with one archive."""

    def __init__(self, server: HTTPServer) -> None:
        self.body = b""
        self.headers = {"ETag": '"october"'}
        self.asked: list[str | None] = []
        server.expect_request("/data/projects.zip").respond_with_handler(self.answer)
        self.source = Source(
            id="cordis",
            kind="cordis",
            name="CORDIS",
            url=server.url_for("/data/projects.zip"),
            params={"topics": "HORIZON-CL3-|HORIZON-EUSPA-"},
            country="EU",
            language="en",
            allow_private=True,
        )

    def answer(self, request: Request) -> Response:
        self.asked.append(request.headers.get("If-None-Match"))
        if "ETag" in self.headers and self.asked[-1] == self.headers["ETag"]:
            return Response(status=304)
        return Response(self.body, headers=self.headers)

    def pages(self, members: dict[str, Any] | bytes, mark: Watermark = WINDOW) -> list[Page]:
        self.body = members if isinstance(members, bytes) else a_zip(members)
        with Http(HttpSettings(interval=0, backoff=0, retries=0)) as http:
            return list(cordis.pages(self.source, Access(http, self.source), mark))

    def documents(self, members: dict[str, Any] | bytes) -> list[Document]:
        pages = self.pages(members)
        assert [page.skipped for page in pages] == [()] * len(pages)
        return [document for page in pages for document in page.documents]


@pytest.fixture
def site(httpserver: HTTPServer) -> Site:
    return Site(httpserver)


def test_the_old_layout(site: Site) -> None:
    members = arrays(project(1), project(2, ROCKS))
    members["project.json"] = b"\xef\xbb\xbf" + json.dumps(members["project.json"]).encode()
    (document,) = site.documents(members)
    assert (document.kind, document.native_id, document.source) == (
        Kind.PROJECT,
        "101000001",
        "cordis",
    )
    assert document.title == "SENTRY: Sensors for long borders"
    assert document.abstract == "We watch rivers & coasts."
    assert document.url == "https://cordis.europa.eu/project/id/101000001"
    assert document.doi == "10.3030/101000001"
    assert (document.published, document.precision) == (date(2026, 10, 5), "day")
    assert document.venue == f"Horizon Europe, {BORDER}"
    assert document.countries == ("FI", "GB", "GR")
    assert document.affiliations == (
        "The lead, Town, Finland",
        "First partner, Town, Greece",
        "Second partner, Town, United Kingdom",
    )
    assert document.language == "en"
    assert document.raw["topics"] == [BORDER]
    assert (document.raw["rcn"], document.raw["legalBasis"]) == ("250001", "HORIZON.2.3")


def test_topics_are_found_in_their_own_member_too(site: Site) -> None:
    topics = [
        {"projectID": "101000001", "topic": "HORIZON-CL3-2024-DRS-01-03", "title": "Floods"},
        {"projectID": "101000001", "topic": "HORIZON-CL3-2024-DRS-01-03"},
        {"projectID": "101000002", "topic": ROCKS},
    ]
    (document,) = site.documents(arrays(project(1, ""), project(2, ""), topics=topics))
    assert document.raw["topics"] == ["HORIZON-CL3-2024-DRS-01-03"]
    assert document.venue == "Horizon Europe, HORIZON-CL3-2024-DRS-01-03"


def test_without_topics_asked_for_all_projects_come(site: Site) -> None:
    site.source = site.source.model_copy(update={"params": {}})
    found = site.documents(arrays(project(1), project(2, ROCKS)))
    assert [document.native_id for document in found] == ["101000001", "101000002"]


ORGANISATIONS = [
    {"contenttype": "organization", "legalName": "The lead", "@type": "coordinator",
     "address": {"city": "Town", "country": "FI"}},
    {"contenttype": "organization", "legalName": "First partner", "@type": "participant",
     "address": {"city": "Town", "country": "EL"}},
]  # fmt: skip
CALLS = [
    {"contenttype": "programme", "code": "HORIZON.2.3"},
    {"contenttype": "call", "code": "HORIZON-CL3-2024-BM-01"},
    {"contenttype": "programme", "code": BORDER},
]


@pytest.mark.parametrize(
    "associations",
    [
        ORGANISATIONS + CALLS,
        {
            "organization": ORGANISATIONS,
            "programme": [{"@type": "relatedTopic", "title": BORDER}, {"code": "HORIZON.2.3"}],
            "call": {"title": "HORIZON-CL3-2024-BM-01"},
        },
        {"organization": ORGANISATIONS, "topic": {"identifier": BORDER}},
    ],
)
def test_the_new_layout(site: Site, associations: Any) -> None:
    wanted = new_form(1, associations)
    other = new_form(2, [{"contenttype": "topic", "code": ROCKS}])
    (document,) = site.documents({member(wanted): {"project": wanted}, member(other): other})
    assert document.title == "SENTRY: Sensors for long borders"
    assert (document.native_id, document.doi) == ("101000001", "10.3030/101000001")
    assert document.raw["topics"] == [BORDER]
    assert document.venue == f"Horizon Europe, {BORDER}"
    assert document.countries == ("FI", "GR")
    assert document.affiliations == ("The lead, Town, Finland", "First partner, Town, Greece")


@pytest.mark.parametrize(
    ("fields", "published"),
    [
        ({"ecSignatureDate": ""}, date(2027, 1, 1)),
        ({"ecSignatureDate": "soon", "startDate": ""}, None),
    ],
)
def test_dates(site: Site, fields: dict[str, str], published: date | None) -> None:
    (document,) = site.documents(arrays(project(1, **fields)))
    assert document.published == published


def test_without_partners_the_country_is_the_union(site: Site) -> None:
    (document,) = site.documents(arrays(project(9, acronym="")))
    assert (document.countries, document.affiliations) == (("EU",), ())
    assert document.title == "Sensors for long borders"


def test_an_earlier_programme_is_named(site: Site) -> None:
    fields = {"frameworkProgramme": "H2020", "id": 700001}
    (document,) = site.documents(arrays(project(1, f"{BORDER};SU-BES02-2018", **fields)))
    assert document.native_id == "700001"
    assert document.venue == f"Horizon 2020, {BORDER}, SU-BES02-2018"


def test_projects_come_in_pages_of_500(site: Site) -> None:
    pages = site.pages(arrays(*(project(number) for number in range(1001))))
    assert [len(page.documents) for page in pages] == [500, 500, 1]
    assert [page.mark.cursor for page in pages] == ['500 "october"', '1000 "october"', ""]
    assert [page.mark.etag for page in pages] == ["", "", '"october"']
    assert pages[-1].mark.until == date(2026, 11, 15)


def test_a_harvest_goes_on_where_it_was_broken_off(site: Site) -> None:
    members = arrays(*(project(number) for number in range(700)))
    first, last = site.pages(members)
    (rest,) = site.pages(members, first.mark.aim(*NEXT))
    assert rest.documents == last.documents


def test_in_another_archive_the_count_begins_anew(site: Site) -> None:
    members = arrays(*(project(number) for number in range(700)))
    first, _ = site.pages(members)
    site.headers = {"ETag": '"november"'}
    assert len(site.pages(members, first.mark.aim(*NEXT))) == 2
    site.headers = {}
    first, _ = site.pages(members)
    assert len(site.pages(members, first.mark.aim(*NEXT))) == 2


def test_an_unchanged_archive_is_not_fetched_again(site: Site) -> None:
    (page,) = site.pages(arrays(project(1)))
    (again,) = site.pages(b"", page.mark.aim(*NEXT))
    assert site.asked == [None, '"october"']
    assert (again.documents, again.skipped) == ((), ())
    assert again.mark.until == date(2026, 11, 22)


@pytest.mark.parametrize(
    "members",
    [
        {"readme.txt": b"moved"},
        arrays(),
        arrays(project(1, "")),
        arrays(project(1, ""), topics=[]),
        {"project-rcn-1_en.json": new_form(1, [])},
        {"project-rcn-1_en.json": new_form(1, CALLS[:2])},
        {"projects.json": [project(1)]},
    ],
)
def test_an_archive_without_topics_has_changed(site: Site, members: dict[str, Any]) -> None:
    with pytest.raises(Changed, match="archive has changed"):
        site.pages(members)


def test_an_archive_broken_throughout_has_not_changed(site: Site) -> None:
    with pytest.raises(SourceError, match=r"broken: project\.json") as caught:
        site.pages({"project.json": b"[", "topics.json": [{"projectID": "1", "topic": BORDER}]})
    assert not isinstance(caught.value, Changed)


def test_an_archive_of_other_topics_has_not_changed(site: Site) -> None:
    (page,) = site.pages(arrays(project(1, ROCKS)))
    assert page.documents == ()
    assert page.mark.etag == '"october"'


def test_a_project_without_number_or_title_costs_itself(site: Site) -> None:
    (page,) = site.pages(arrays(project(1, id=""), project(2, title=""), project(3)))
    assert [document.native_id for document in page.documents] == ["101000003"]
    assert [(skip.reason, skip.entry) for skip in page.skipped] == [
        ("no number of the grant", "250001"),
        ("no title", "250002"),
    ]


@pytest.mark.parametrize(
    "content",
    [
        b"{}",
        b"",
        b'[{"a": 1}, ',
        b'[{"a": 1} {"b" 2}]',
        b"[1, 2]",
        b"[" * 100_000,
        b'[{"name": "' + b"x" * 3_000_000 + b'"}]',
    ],
)
def test_a_broken_array_costs_what_is_in_it(site: Site, content: bytes) -> None:
    (page,) = site.pages(arrays(project(1)) | {"organization.json": content})
    assert [document.affiliations for document in page.documents] == [()]
    (skip,) = page.skipped
    assert skip.reason == "unreadable member"
    assert skip.entry.startswith("organization.json: ")


def test_what_comes_before_a_break_is_kept(site: Site) -> None:
    whole = json.dumps([project(1), project(2)]).encode()
    (page,) = site.pages({"project.json": whole[:-30]})
    assert [document.native_id for document in page.documents] == ["101000001"]
    assert len(page.skipped) == 1  # though the member is read twice


def test_an_object_across_chunks_and_a_wrong_byte(site: Site) -> None:
    long = project(2, objective="river " * 15_000)
    content = json.dumps([project(1, title="Caf#"), long, project(3)], indent=1).encode()
    found = site.documents({"project.json": content.replace(b"#", b"\xe9")})
    assert [document.native_id[-1] for document in found] == ["1", "2", "3"]
    assert found[0].title == "SENTRY: Caf\ufffd"
    assert len(found[1].abstract) == len("river " * 15_000) - 1


def encrypted(body: bytes, name: str) -> bytes:
    """Return the archive with the bit set that says that ``name`` is encrypted."""
    changed = bytearray(body)
    at = body.rindex(b"PK\x01\x02", 0, body.rindex(name.encode()))
    changed[at + 8] |= 1
    return bytes(changed)


def damaged(body: bytes, name: str) -> bytes:
    """Return the archive with a byte of ``name`` changed, so that its checksum is wrong."""
    at = body.index(name.encode()) + len(name) + 20
    return body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]


@pytest.mark.parametrize("harm", [encrypted, damaged])
def test_a_member_that_cannot_be_unpacked_costs_itself(site: Site, harm: Any) -> None:
    records = [new_form(number, ORGANISATIONS + CALLS) for number in (1, 2, 3)]
    names = [member(record) for record in records]
    body = a_zip(dict(zip(names, records, strict=True)), zipfile.ZIP_STORED)
    (page,) = site.pages(harm(body, names[1]))
    assert [document.native_id[-1] for document in page.documents] == ["1", "3"]
    (skip,) = page.skipped
    assert (skip.reason, skip.entry.split(":")[0]) == ("unreadable member", names[1])


def test_a_member_that_unpacks_to_too_much_is_left(site: Site) -> None:
    good, bomb = new_form(1, CALLS), "project-rcn-7_en.json"
    (page,) = site.pages({bomb: b" " * 20_000_000, member(good): good})
    assert len(page.documents) == 1
    assert [skip.entry for skip in page.skipped] == [
        f"{bomb}: 20,000,000 bytes unpacked are too many"
    ]


def test_all_members_together_have_a_cap(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    records = [new_form(number, CALLS) for number in range(20)]
    monkeypatch.setattr(cordis, "_MAX_UNPACKED", 10 * len(json.dumps(records[0])))
    (page,) = site.pages({member(record): record for record in records})
    assert len(page.documents) in (9, 10)
    assert len(page.documents) + len(page.skipped) == 20


def test_compression_without_bounds_is_not_undone(site: Site) -> None:
    good = new_form(1, CALLS)
    body = io.BytesIO(a_zip({member(good): good}))
    with zipfile.ZipFile(body, "a") as archive:
        archive.writestr("project-rcn-7_en.json", b" " * 1000, zipfile.ZIP_BZIP2)
    (page,) = site.pages(body.getvalue())
    assert len(page.documents) == 1
    assert "unusual" in page.skipped[0].entry


@pytest.mark.parametrize("body", [b"", b"<html>busy</html>", a_zip(arrays(project(1)))[:-40]])
def test_what_is_no_archive_is_refused(site: Site, body: bytes) -> None:
    with pytest.raises(SourceError, match="not a zip archive") as caught:
        site.pages(body)
    assert caught.value.url == site.source.url


def test_an_error_tells_the_status(site: Site, httpserver: HTTPServer) -> None:
    site.source = site.source.model_copy(update={"url": httpserver.url_for("/gone.zip")})
    httpserver.expect_request("/gone.zip").respond_with_data("gone", status=404)
    with pytest.raises(SourceError) as caught:
        site.pages(b"")
    assert caught.value.status == 404
