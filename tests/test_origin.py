"""The benchmark's origin gives a real week through every door, each preprint once."""

import importlib.util
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from types import ModuleType

import feedparser
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import requests
from lxml import etree

from horizon.demo.server import Web

FIRST, LAST = date(2026, 6, 15), date(2026, 6, 21)
NS = {
    "atom": "http://www.w3.org/2005/Atom",
    "oai": "http://www.openarchives.org/OAI/2.0/",
    "oai_arxiv": "http://arxiv.org/OAI/arXiv/",
}


@pytest.fixture(scope="module")
def origin() -> ModuleType:
    path = Path(__file__).parent.parent / "bench" / "origin.py"
    spec = importlib.util.spec_from_file_location("origin", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def week(origin) -> dict[str, list[str]]:
    """Return id → categories of what was listed in the week."""
    listed = pc.field("listed")
    table = pq.read_table(origin.CORPUS, filters=(listed >= FIRST) & (listed <= LAST))
    return {row["id"]: row["categories"].split(",") for row in table.to_pylist()}


@pytest.fixture(scope="module")
def web(origin) -> Iterator[Web]:
    with origin.origin(day=date(2026, 6, 16)) as web:
        yield web


@pytest.mark.realdata
def test_api_gives_the_week_exactly_once(web, week):
    seen: list[str] = []
    total = 1
    while len(seen) < total:
        params = {
            "search_query": f"submittedDate:[{FIRST:%Y%m%d}0000 TO {LAST:%Y%m%d}2359]",
            "start": str(len(seen)),
            "max_results": "200",
            "sortBy": "submittedDate",
            "sortOrder": "ascending",
        }
        root = etree.fromstring(requests.get(web.url + "/api/query", params, timeout=30).content)
        total = int(root.findtext("{http://a9.com/-/spec/opensearch/1.1/}totalResults"))
        page = [element.text for element in root.findall("atom:entry/atom:id", NS)]
        assert page
        seen += [name.removeprefix("http://arxiv.org/abs/").removesuffix("v1") for name in page]
    assert len(week) > 1000
    assert Counter(seen) == Counter(week.keys())


@pytest.mark.realdata
@pytest.mark.parametrize("group", [None, "cs:cs:CL"])
def test_oai_gives_the_week_exactly_once(web, week, group):
    params = {"metadataPrefix": "arXiv", "from": FIRST.isoformat(), "until": LAST.isoformat()}
    if group:
        params["set"] = group
    seen: list[str] = []
    while params:
        params["verb"] = "ListRecords"
        root = etree.fromstring(requests.get(web.url + "/oai", params, timeout=30).content)
        seen += [element.text for element in root.findall(".//oai_arxiv:id", NS)]
        token = root.find(".//oai:resumptionToken", NS)
        params = {"resumptionToken": token.text} if token.text else {}
    wanted = [name for name, categories in week.items() if not group or "cs.CL" in categories]
    assert Counter(seen) == Counter(wanted)


@pytest.mark.realdata
def test_rss_gives_the_days_batch(web, origin):
    batch = pq.read_table(origin.CORPUS, filters=pc.field("listed") == date(2026, 6, 16))
    wanted = {row["id"] for row in batch.to_pylist() if "cs.CL" in row["categories"].split(",")}
    entries = feedparser.parse(requests.get(web.url + "/rss/cs.CL", timeout=30).content).entries
    seen = [entry.id.removeprefix("oai:arXiv.org:").removesuffix("v1") for entry in entries]
    assert Counter(seen) == Counter(wanted)


def test_corpus_is_served_in_order_of_listing_with_arxivs_categories_only(origin, tmp_path):
    corpus = tmp_path / "corpus.parquet"
    columns = {
        "id": ["2601.00002", "2601.00001"],
        "title": ["Later", "Earlier"],
        "abstract": ["b", "a"],
        "categories": ["cs.CR,68T50, I.2.7; hep-ex", "cond-mat.mtrl-sci"],
        "listed": [date(2026, 1, 2), date(2026, 1, 1)],
        "authors": ["Ada B. Cee; Dee", "Eve"],
    }
    pq.write_table(pa.table(columns), corpus)
    shelf = origin.corpus_shelf(corpus)
    earlier, later = shelf.fetch(shelf.find(None, None))
    assert (earlier.title, later.title) == ("Earlier", "Later")
    assert earlier.categories == ("cond-mat.mtrl-sci",)
    assert later.categories == ("cs.CR", "hep-ex")
    assert [author.name for author in later.authors] == ["Ada B. Cee", "Dee"]
    assert list(shelf.find(None, None, ["hep-ex"])) == [1]


def test_delay_holds_every_answer_back(origin, tmp_path, monkeypatch):
    corpus = tmp_path / "corpus.parquet"
    row = {"id": "2601.00001", "title": "T", "abstract": "a", "categories": "cs.CR"}
    pq.write_table(pa.Table.from_pylist([{**row, "listed": FIRST, "authors": "A"}]), corpus)
    slept: list[float] = []
    monkeypatch.setattr("horizon.demo.server.time.sleep", slept.append)
    with origin.origin(corpus, delay=2.5) as web:
        requests.get(web.url + "/rss/cs.CR", timeout=5)
        requests.get(web.url + "/oai?verb=ListRecords", timeout=5)
    assert slept == [2.5, 2.5]
