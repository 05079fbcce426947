"""What was written for the demonstration is enough of everything, and arrives whole."""

from collections import Counter
from datetime import date

import pytest
import requests

from core.document import normal_arxiv_id
from core.settings import HttpSettings
from core.sources import Catalogue
from horizon.demo.web import demo_sources, demo_web, samples
from scanners import Http, SourceError, Watermark, pages

SUNDAY = date(2026, 11, 15)


def test_sample_is_large_and_varied_enough():
    written = samples()
    items = [(sample.source, item) for sample in written for item in sample.items]
    assert len(written) >= 8
    assert len(items) >= 200
    assert len({item.language or source.language for source, item in items} - {None}) >= 6
    assert {sample.source.serves for sample in written} >= {"arxiv", "openalex", "oai_dc", "rss2"}
    assert any(min(i.days_ago for i in s.items) > s.source.rhythm_days for s in written), (
        "no source is stale"
    )


def test_sample_ids_are_unique():
    written = samples()
    assert max(Counter(sample.source.id for sample in written).values()) == 1
    for sample in written:
        twice = [i for i, n in Counter(item.id for item in sample.items).items() if n > 1]
        assert not twice, f"{sample.source.id}: {twice}"


def test_sample_preprints_are_known_by_their_arxiv_id():
    preprints = [s for s in samples() if s.source.serves in ("arxiv", "oai_arxiv")]
    ids = [item.id for sample in preprints for item in sample.items]
    assert ids
    assert all(normal_arxiv_id(name) == name for name in ids)


def test_some_works_come_from_two_sources():
    seen: dict[str, set[str]] = {}
    for sample in samples():
        for item in sample.items:
            for name in filter(
                None, (item.doi, item.arxiv_id or normal_arxiv_id(item.id), item.title)
            ):
                seen.setdefault(name, set()).add(sample.source.id)
    assert sum(len(places) > 1 for places in seen.values()) >= 5


def test_demo_sources_fit_the_catalogue_and_answer():
    with demo_web(SUNDAY) as web:
        sources = Catalogue.model_validate({"sources": demo_sources(web)}).sources
        statuses = {
            source.id: requests.get(source.url, params=source.params, timeout=5).status_code
            for source in sources
        }
    assert {source.kind for source in sources} == {"rss", "arxiv", "openalex", "oai_pmh"}
    assert all(source.allow_private and source.rate for source in sources)
    assert [name for name, status in statuses.items() if status != 200] == ["demo-news-sg"]
    assert statuses["demo-news-sg"] == 500


def test_every_written_item_comes_through_its_scanner():
    http = Http(HttpSettings(retries=0, interval=0))
    written = {sample.source.id: len(sample.items) for sample in samples()}
    with demo_web(SUNDAY) as web:
        sources = Catalogue.model_validate({"sources": demo_sources(web)}).sources
        mark = Watermark().aim(date(2026, 1, 1), SUNDAY)
        for source in sources:
            if source.id == "demo-news-sg":
                with pytest.raises(SourceError) as failure:
                    list(pages(source, http, mark))
                assert failure.value.status == 500
                continue
            harvest = list(pages(source, http, mark))
            assert [skip for page in harvest for skip in page.skipped] == []
            found = {document.id for page in harvest for document in page.documents}
            assert len(found) == written[source.id], source.id
