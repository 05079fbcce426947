"""The demonstration's web: its answers hold every record, paged and guarded as services do."""

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from io import BytesIO

import feedparser
import pytest
import requests
from lxml import etree

from horizon.demo import answers, feeds
from horizon.demo.answers import OaiRequest
from horizon.demo.feeds import Channel
from horizon.demo.records import Author, Record
from horizon.demo.server import Answer, Web
from horizon.demo.services import (
    OAI_PAGE,
    RSS_TYPE,
    Shelf,
    arxiv_api,
    arxiv_rss,
    feed,
    oai_pmh,
    openalex_works,
)

SUNDAY = date(2026, 11, 15)
NOW = datetime(2026, 11, 16, tzinfo=UTC)
NS = {
    "atom": "http://www.w3.org/2005/Atom",
    "arxiv": "http://arxiv.org/schemas/atom",
    "opensearch": "http://a9.com/-/spec/opensearch/1.1/",
    "oai": "http://www.openarchives.org/OAI/2.0/",
    "oai_arxiv": "http://arxiv.org/OAI/arXiv/",
    "dc": "http://purl.org/dc/elements/1.1/",
}
CHANNEL = Channel(title='News & "views" <of> the lab', url="https://lab.example/")
AWKWARD = (
    """Fish & chips: 3 < 4, 5 > 2, "quoted", 'single' &amp; </title> ]]>""",
    "גילוי רחפנים בשדה תעופה: שיטה חדשה",
    "드론 탐지 & 대응 — 여덟 번의 시험",
    "Überwachung der Grenze – çà et là, naïve Ångström",
)


def record(number: int, **fields: object) -> Record:
    defaults: dict[str, object] = {
        "id": f"W{9000 + number}",
        "title": AWKWARD[number % len(AWKWARD)],
        "day": SUNDAY - timedelta(days=number % 14),
        "url": f"https://lab.example/{number}?a=1&b=2",
        "abstract": f"{AWKWARD[(number + 1) % len(AWKWARD)]} ({number}). The end, the end.",
        "authors": (
            Author("Yael Ben-Ari", "Negev Institute", "IL"),
            Author("이서연", "Hanbit & Sons <Labs>, Korea", "KR"),
        ),
        "doi": f"10.5555/x&y<{number}>",
        "arxiv_id": f"2611.{number:05}",
        "venue": "Journal of A & B",
        "categories": ("cs.CR", "hep-ex") if number % 3 == 0 else ("cs.AI",),
    }
    return Record(**{**defaults, **fields})  # type: ignore[arg-type]


RECORDS = [record(number) for number in range(140)]
TITLES = [r.title for r in RECORDS]


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    shelf = Shelf.of(RECORDS)
    routes = {
        "/feed": feed(CHANNEL, shelf, feeds.rss2, RSS_TYPE),
        "/api/query": arxiv_api(shelf),
        "/oai": oai_pmh(shelf),
        "/rss/": arxiv_rss(shelf, SUNDAY),
        "/works": openalex_works(shelf),
        "/broken": lambda _: Answer(b"no", "text/plain", 500),
    }
    with Web(routes) as web:
        yield web


# The answers, without a server


@pytest.mark.parametrize("write", [feeds.rss2, feeds.rss1, feeds.atom])
def test_feeds_hold_every_record(write):
    body = write(CHANNEL, RECORDS)
    etree.fromstring(body)
    parsed = feedparser.parse(BytesIO(body), sanitize_html=False)
    assert not parsed.bozo
    assert parsed.feed.title == CHANNEL.title
    assert [entry.title for entry in parsed.entries] == TITLES
    assert [entry.link for entry in parsed.entries] == [r.url for r in RECORDS]
    assert [entry.dc_identifier for entry in parsed.entries] == [f"doi:{r.doi}" for r in RECORDS]
    days = [(entry.get("published_parsed") or entry.updated_parsed)[:3] for entry in parsed.entries]
    assert days == [r.day.timetuple()[:3] for r in RECORDS]
    names = [author["name"] for author in parsed.entries[0].authors]
    assert names == ["Yael Ben-Ari", "이서연"]


@pytest.mark.parametrize("write", [feeds.rss2, feeds.rss1, feeds.atom])
def test_feed_abstracts_are_html_that_says_what_the_record_says(write):
    body = write(CHANNEL, [record(3), record(4, abstract="<p>Marked <b>up</b></p>")])
    first, second = feedparser.parse(BytesIO(body), sanitize_html=False).entries
    text = "".join(etree.HTML(first.summary).itertext())
    assert text == RECORDS[3].abstract
    assert second.summary == "<p>Marked <b>up</b></p>"


def test_jsonfeed_holds_every_record():
    feed = json.loads(feeds.jsonfeed(CHANNEL, RECORDS))
    assert feed["version"] == "https://jsonfeed.org/version/1.1"
    assert [item["title"] for item in feed["items"]] == TITLES
    assert feed["items"][0]["date_published"] == "2026-11-15T00:00:00Z"
    assert len({item["id"] for item in feed["items"]}) == len(RECORDS)


def test_arxiv_rss_has_the_services_shape():
    body = feeds.arxiv_rss(["cs.CR"], SUNDAY, [record(0), record(1)])
    new, cross = feedparser.parse(BytesIO(body), sanitize_html=False).entries
    assert new.id == "oai:arXiv.org:2611.00000v1"
    assert new.link == "https://arxiv.org/abs/2611.00000"
    lead, abstract = new.summary.split("\n", 1)
    assert lead.rstrip() == "arXiv:2611.00000v1 Announce Type: new"
    assert abstract == f"Abstract: {RECORDS[0].abstract}"
    assert [tag.term for tag in new.tags] == ["cs.CR", "hep-ex"]
    assert (new.arxiv_announce_type, cross.arxiv_announce_type) == ("new", "cross")
    assert new.author == "Yael Ben-Ari, 이서연"


def test_arxiv_atom_carries_affiliations_and_doi_of_every_record():
    body = answers.arxiv_atom(RECORDS, query="cat:cs.CR", start=7, size=140, total=900, now=NOW)
    root = etree.fromstring(body)
    entries = root.findall("atom:entry", NS)
    assert [entry.findtext("atom:title", None, NS) for entry in entries] == TITLES
    assert [e.findtext("atom:summary", None, NS) for e in entries] == [r.abstract for r in RECORDS]
    assert [entry.findtext("arxiv:doi", None, NS) for entry in entries] == [r.doi for r in RECORDS]
    affiliations = [e.text for e in entries[0].findall("atom:author/arxiv:affiliation", NS)]
    assert affiliations == ["Negev Institute, Israel", "Hanbit & Sons <Labs>, Korea"]
    assert root.findtext("opensearch:totalResults", None, NS) == "900"
    assert root.findtext("opensearch:startIndex", None, NS) == "7"
    assert not feedparser.parse(BytesIO(body)).bozo


def test_openalex_abstract_can_be_put_together_again():
    (work,) = json.loads(answers.openalex([record(5)], total=1, size=25, next_cursor=None))[
        "results"
    ]
    index = work["abstract_inverted_index"]
    placed = sorted((place, word) for word, places in index.items() for place in places)
    assert " ".join(word for _, word in placed) == RECORDS[5].abstract
    assert index["end,"] == [placed[-3][0]]
    assert work["doi"] == f"https://doi.org/{RECORDS[5].doi}"
    assert [a["institutions"][0]["country_code"] for a in work["authorships"]] == ["IL", "KR"]


@pytest.mark.parametrize(
    ("prefix", "title"), [("oai_dc", ".//dc:title"), ("arXiv", ".//oai_arxiv:title")]
)
def test_oai_records_hold_every_record(prefix, title):
    request = OaiRequest("https://x.example/oai?a=1&b", {"verb": "ListRecords"}, NOW)
    body = answers.oai_records(RECORDS, request, prefix=prefix, total=140, cursor=0, token="")
    root = etree.fromstring(body)
    assert [element.text for element in root.findall(title, NS)] == TITLES
    stamps = [element.text for element in root.findall(".//oai:datestamp", NS)]
    assert stamps == [r.day.isoformat() for r in RECORDS]
    assert root.find(".//oai:resumptionToken", NS) is None


def test_set_specs_are_arxivs():
    specs = {"cs.CR": "cs:cs:CR", "hep-ex": "physics:hep-ex", "astro-ph.CO": "physics:astro-ph:CO"}
    for category, spec in specs.items():
        assert answers.set_spec(category) == spec
        assert answers.category_of(spec) == category
    assert answers.category_of("cs") == "cs"


# The services, over HTTP


def xml(web: Web, path: str, **params: object) -> etree._Element:
    return etree.fromstring(requests.get(web.url + path, params=params, timeout=5).content)


def arxiv_ids(web: Web, **params: object) -> list[str]:
    root = xml(web, "/api/query", **{"max_results": 500, **params})
    ids = [element.text for element in root.findall("atom:entry/atom:id", NS)]
    return [text.removeprefix("http://arxiv.org/abs/").removesuffix("v1") for text in ids]


def expected(first: date, last: date, category: str | None = None) -> set[str]:
    return {
        str(r.arxiv_id)
        for r in RECORDS
        if first <= r.day <= last and (category is None or category in r.categories)
    }


def test_arxiv_window_and_categories(web):
    first, last = date(2026, 11, 9), date(2026, 11, 12)
    window = "submittedDate:[202611090000 TO 202611122359]"
    assert set(arxiv_ids(web, search_query=window)) == expected(first, last)
    only = expected(first, last, "cs.CR")
    assert only
    assert set(arxiv_ids(web, search_query=f"(cat:cs.CR) AND {window}")) == only
    assert set(arxiv_ids(web, search_query=f"(cat:cs.CR OR cat:hep-ex) AND {window}")) == only
    either = arxiv_ids(web, search_query=f"(cat:cs.CR OR cat:cs.AI) AND {window}")
    assert len(either) == len(expected(first, last))
    assert set(arxiv_ids(web, search_query=f"cat:cs.* AND {window}")) == expected(first, last)
    assert arxiv_ids(web, search_query="cat:math.CO") == []


def test_arxiv_pages_give_every_record_once_in_order(web):
    seen: list[str] = []
    for start in range(0, 160, 40):
        seen += arxiv_ids(web, start=start, max_results=40, sortOrder="ascending")
    assert Counter(seen) == Counter(r.arxiv_id for r in RECORDS)
    days = {r.arxiv_id: r.day for r in RECORDS}
    assert [days[name] for name in seen] == sorted(days.values())
    assert arxiv_ids(web, sortOrder="descending") == seen[::-1]


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"start": "-1"}, "start must be non-negative"),
        ({"max_results": "many"}, "max_results must be an integer"),
        (
            {"search_query": "(cat:cs.AI) AND (cat:cs.CR)"},
            "categories joined by AND are not supported here",
        ),
        ({"search_query": "all:drones"}, "unsupported term in search_query: all:drones"),
        ({"search_query": "submittedDate:[20269999 TO 20261112]"}, "not a date: 20269999"),
    ],
)
def test_arxiv_errors_are_an_entry_with_status_400(web, params, message):
    response = requests.get(web.url + "/api/query", params=params, timeout=5)
    assert response.status_code == 400
    root = etree.fromstring(response.content)
    assert root.findtext("atom:entry/atom:summary", None, NS) == message
    assert "/api/errors#" in root.findtext("atom:entry/atom:id", None, NS)


def test_arxiv_rss_gives_the_days_batch_of_its_categories(web):
    batch = expected(SUNDAY, SUNDAY, "cs.CR")
    for name, ids in {"cs.CR": batch, "cs.CR+cs.AI": expected(SUNDAY, SUNDAY)}.items():
        entries = feedparser.parse(requests.get(f"{web.url}/rss/{name}", timeout=5).content).entries
        assert {e.id.removeprefix("oai:arXiv.org:").removesuffix("v1") for e in entries} == ids


def test_oai_tokens_lead_through_every_record_once(web):
    seen: list[str | None] = []
    sizes: list[tuple[str | None, str | None]] = []
    params = {"metadataPrefix": "arXiv", "from": "2026-11-02", "until": "2026-11-15"}
    while params:
        root = xml(web, "/oai", verb="ListRecords", **params)
        seen += [element.text for element in root.findall(".//oai_arxiv:id", NS)]
        token = root.find(".//oai:resumptionToken", NS)
        sizes.append((token.get("completeListSize"), token.get("cursor")))
        params = {"resumptionToken": token.text} if token.text else {}
    assert Counter(seen) == Counter(r.arxiv_id for r in RECORDS)
    assert sizes == [("140", str(cursor)) for cursor in range(0, 140, OAI_PAGE)]


def test_oai_window_and_set(web):
    params = {"metadataPrefix": "arXiv", "from": "2026-11-14", "until": "2026-11-14"}
    root = xml(web, "/oai", verb="ListRecords", set="cs:cs:CR", **params)
    ids = {element.text for element in root.findall(".//oai_arxiv:id", NS)}
    assert ids == expected(date(2026, 11, 14), date(2026, 11, 14), "cs.CR") != set()


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"verb": "Nothing"}, "badVerb"),
        ({"verb": "ListRecords"}, "badArgument"),
        ({"metadataPrefix": "arXiv", "from": "yesterday"}, "badArgument"),
        ({"metadataPrefix": "arXiv", "from": "2026-11-09", "until": "2026-11-01"}, "badArgument"),
        ({"metadataPrefix": "arXiv", "set": "cs.CR"}, "badArgument"),
        ({"metadataPrefix": "arXiv", "sets": "cs"}, "badArgument"),
        ({"metadataPrefix": "arXiv", "resumptionToken": "x"}, "badArgument"),
        ({"metadataPrefix": "marc"}, "cannotDisseminateFormat"),
        ({"metadataPrefix": "arXiv", "from": "2027-01-01"}, "noRecordsMatch"),
        ({"metadataPrefix": "arXiv", "set": "math"}, "noRecordsMatch"),
        ({"resumptionToken": ""}, "badResumptionToken"),
        ({"resumptionToken": "nonsense"}, "badResumptionToken"),
        ({"resumptionToken": "metadataPrefix=arXiv&skip=9000"}, "badResumptionToken"),
    ],
)
def test_oai_errors(web, params, code):
    query = "&".join(f"{name}={requests.utils.quote(value)}" for name, value in params.items())
    verb = "" if "verb" in params else "verb=ListRecords&"
    root = etree.fromstring(requests.get(f"{web.url}/oai?{verb}{query}", timeout=5).content)
    assert root.find("oai:error", NS).get("code") == code


def test_openalex_cursor_leads_through_every_record_once(web):
    seen: list[str] = []
    cursor = "*"
    while cursor:
        params = {"cursor": cursor, "per_page": 60, "select": "id,title"}
        page = requests.get(f"{web.url}/works", params=params, timeout=5).json()
        assert page["meta"]["count"] == len(RECORDS)
        assert all(work.keys() == {"id", "title"} for work in page["results"])
        seen += [work["id"] for work in page["results"]]
        cursor = page["meta"]["next_cursor"]
    assert Counter(seen) == Counter(f"https://openalex.org/{r.id}" for r in RECORDS)


def test_openalex_filters_and_budget(web):
    window = "from_publication_date:2026-11-14,to_publication_date:2026-11-15"
    country = "authorships.institutions.country_code:kr|fr"
    params = {"filter": f"{country},{window}", "per-page": "100"}
    first = requests.get(f"{web.url}/works", params=params, timeout=5)
    ids = {work["id"].rpartition("/")[2] for work in first.json()["results"]}
    assert ids == {r.id for r in RECORDS if r.day >= date(2026, 11, 14)}
    params["filter"] = f"authorships.institutions.country_code:se,{window}"
    second = requests.get(f"{web.url}/works", params=params, timeout=5)
    assert second.json()["meta"] | {"db_response_time_ms": 0} == {
        "count": 0,
        "db_response_time_ms": 0,
        "page": None,
        "per_page": 100,
        "next_cursor": None,
        "groups_count": None,
    }
    left = [int(answer.headers["X-RateLimit-Remaining"]) for answer in (first, second)]
    assert left[0] - left[1] == int(first.headers["X-RateLimit-Credits-Required"])


@pytest.mark.parametrize(
    "params",
    [
        {"per-page": "101"},
        {"cursor": "bm9uc2Vuc2U="},
        {"filter": "authorship:me"},
        {"filter": "from_publication_date:soon"},
        {"q": "drones"},
    ],
)
def test_openalex_errors_have_status_400(web, params):
    response = requests.get(f"{web.url}/works", params=params, timeout=5)
    assert response.status_code == 400
    assert response.json()["message"]


def test_unchanged_feed_is_304(web):
    url = f"{web.url}/feed"
    first = requests.get(url, timeout=5)
    assert first.status_code == 200
    assert len(feedparser.parse(first.content).entries) == len(RECORDS)

    def status(**headers: str) -> int:
        answer = requests.get(url, headers=headers, timeout=5)
        assert bool(answer.content) == (answer.status_code == 200)
        return answer.status_code

    tag, modified = first.headers["ETag"], first.headers["Last-Modified"]
    assert modified == "Sun, 15 Nov 2026 00:00:00 GMT"
    assert status(**{"If-None-Match": tag}) == 304
    assert status(**{"If-None-Match": f'"other", {tag}'}) == 304
    assert status(**{"If-None-Match": '"other"', "If-Modified-Since": modified}) == 200
    assert status(**{"If-Modified-Since": modified}) == 304
    assert status(**{"If-Modified-Since": "Sat, 14 Nov 2026 00:00:00 GMT"}) == 200
    assert status(**{"If-Modified-Since": "the other day"}) == 200


def test_other_paths_and_failures(web):
    assert requests.get(f"{web.url}/nothing", timeout=5).status_code == 404
    assert requests.get(f"{web.url}/broken", timeout=5).status_code == 500


def test_server_stops_with_its_context():
    with Web({}) as web:
        assert requests.get(web.url, timeout=5).status_code == 404
    with pytest.raises(requests.ConnectionError):
        requests.get(web.url, timeout=5)
