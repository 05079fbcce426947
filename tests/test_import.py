"""Records of a file into the store: kept, merged, labelled; what is wrong is told by line."""

import csv
import json
import subprocess
from collections import Counter
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from test_store import PARTNERS, WEEK, content

from core.document import Document, Kind
from flows import importing
from scanners.files import FileError, Wrong, read
from store import documents
from store.database import open_writer

Run = Callable[..., subprocess.CompletedProcess[str]]
PREPRINT = {
    "id": "p1",
    "source": "mine",
    "title": "Acoustic sensing of small drones near regional airports",
    "abstract": "We detect small drones by microphone arrays around airports and warn operators.",
    "published": "2026-10-03",
    "authors": ["Min-jae Seo", "Ada Lind"],
    "affiliations": ["Institute of Waves, Uppsala, Sweden"],
    "arxiv_id": "2610.00001",
}
PAPER = PREPRINT | {
    "id": "c1",
    "source": "theirs",
    "arxiv_id": None,
    "doi": "10.5555/drones",
    "kind": "proceedings",
    "published": 2026,
    "session": "B2",
}
OTHER = {"id": "o1", "title": "Galaxies that turn the other way", "published": "2026-05"}


def write(path: Path, records: list[object]) -> Path:
    lines = [r if isinstance(r, str) else json.dumps(r, ensure_ascii=False) for r in records]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def read_one(path: Path, record: object) -> Document:
    [document] = read(write(path / "one.jsonl", [record]))
    assert isinstance(document, Document)
    return document


class TestRecords:
    def test_fields_are_named_as_in_a_document(self, tmp_path: Path) -> None:
        document = read_one(tmp_path, PREPRINT)
        assert (document.kind, document.source, document.native_id) == (
            *(Kind.PREPRINT, "mine", "p1"),
        )
        assert (document.published, document.precision) == (date(2026, 10, 3), "day")
        assert document.authors == ("Min-jae Seo", "Ada Lind")
        assert document.countries == ("SE",)

    def test_what_is_not_told_and_what_is_unknown(self, tmp_path: Path) -> None:
        paper = read_one(tmp_path, PAPER)
        assert (paper.kind, paper.precision) == (Kind.PROCEEDINGS, "year")
        assert paper.raw == {"session": "B2"}
        other = read_one(tmp_path, OTHER | {"language": None, "venue": ""})
        assert (other.kind, other.source, other.precision) == (
            *(Kind.PUBLICATION, "import", "month"),
        )

    def test_forms_that_people_write(self, tmp_path: Path) -> None:
        document = read_one(
            tmp_path,
            OTHER
            | {
                "id": 17,
                "authors": "Seo, Min-jae; Lind, Ada",
                "countries": ["South Korea", "se"],
                "language": "eng",
                "abstract": "<p>Warm &amp; dry.</p>",
                "event": {"starts": "2027-03-01", "place": "Busan"},
            },
        )
        assert document.native_id == "17"
        assert document.authors == ("Seo, Min-jae", "Lind, Ada")
        assert document.countries == ("KR", "SE")
        assert document.language == "en"
        assert document.abstract == "Warm & dry."
        assert document.event
        assert document.event.starts == date(2027, 3, 1)

    @pytest.mark.parametrize(
        ("text", "names"),
        [
            ("Ada Lind, M. Seo", ("Ada Lind", "M. Seo")),
            ("Lind, Ada", ("Lind, Ada",)),
            ("Lind, Ada; Seo, M.", ("Lind, Ada", "Seo, M.")),
        ],
    )
    def test_authors_in_one_text(self, tmp_path: Path, text: str, names: tuple[str, ...]) -> None:
        assert read_one(tmp_path, OTHER | {"authors": text}).authors == names

    @pytest.mark.parametrize(
        ("line", "reason"),
        [
            ("{not json", "not JSON"),
            ("[1, 2]", "not an object"),
            ('{"id": "1"}', "no title"),
            ('{"id": "1", "title": null}', "no title"),
            ('{"title": "A title"}', "no identifier"),
            ('{"id": "1", "title": ["x"]}', "title: "),
            ('{"id": "1", "title": "A", "authors": [{"name": "B"}]}', "authors.0: "),
            ('{"id": "1", "title": "A", "kind": "poem"}', "kind: "),
            ('{"id": "1", "title": "A", "published": "soon"}', "published: 'soon' is no date"),
            ('{"id": "1", "title": "A", "published": true}', "published: "),
            ('{"id": "1", "title": "A", "event": 3}', "event: "),
            ("[" * 100_000, "not JSON that can be read"),
        ],
    )
    def test_a_wrong_line_is_told_and_the_rest_goes_on(
        self, tmp_path: Path, line: str, reason: str
    ) -> None:
        wrong, document = read(write(tmp_path / "a.jsonl", [line, "", OTHER]))
        assert isinstance(wrong, Wrong)
        assert wrong.line == 1
        assert wrong.reason.startswith(reason)
        assert isinstance(document, Document)

    def test_bytes_that_are_no_text(self, tmp_path: Path) -> None:
        path = tmp_path / "a.jsonl"
        path.write_bytes(b'\xef\xbb\xbf{"id": "1", "title": "A"}\n{"id": "2", "title": "\xff"}\n')
        document, wrong = read(path)
        assert isinstance(document, Document)
        assert wrong == Wrong(2, "not UTF-8")


class TestFormats:
    def test_csv_and_parquet_give_what_json_lines_give(self, tmp_path: Path) -> None:
        records = [{k: v for k, v in PREPRINT.items() if v}, OTHER]
        expected = list(read(write(tmp_path / "a.jsonl", records)))
        with (tmp_path / "a.csv").open("w", newline="", encoding="utf-8") as file:
            rows = csv.DictWriter(file, list(PREPRINT))
            rows.writeheader()
            for record in records:
                told = {k: "; ".join(v) if isinstance(v, list) else v for k, v in record.items()}
                rows.writerow(told)
        pq.write_table(pa.Table.from_pylist(records), tmp_path / "a.parquet")
        assert list(read(tmp_path / "a.csv")) == expected
        assert list(read(tmp_path / "a.parquet")) == expected

    def test_a_wrong_row_of_csv(self, tmp_path: Path) -> None:
        (tmp_path / "a.csv").write_text("id,title\n1,\n2,A title\n")
        wrong, document = read(tmp_path / "a.csv")
        assert wrong == Wrong(2, "no title")
        assert isinstance(document, Document)

    @pytest.mark.parametrize("name", ["none.jsonl", "letter.docx", "letter.parquet"])
    def test_what_cannot_be_read_at_all(self, tmp_path: Path, name: str) -> None:
        for letter in ("letter.docx", "letter.parquet"):
            (tmp_path / letter).write_text("Dear all,")
        with pytest.raises(FileError, match=name):
            list(read(tmp_path / name))


class TestKeeping:
    def test_stopped_and_done_again_it_ends_as_if_undisturbed(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        records = [OTHER | {"id": str(i), "title": f"Galaxy number {i} turns"} for i in range(8)]
        file = write(tmp_path / "a.jsonl", [*records, PREPRINT, PAPER])
        monkeypatch.setattr(importing, "_BATCH", 3)
        with open_writer(tmp_path / "undisturbed.duckdb", PARTNERS) as con:
            counts: Counter[str] = Counter()
            importing.keep(con, read(file), WEEK, counts, [])
            assert counts == {"new": 9, "known": 1, "skipped": 0}
            expected = content(con)
        with open_writer(tmp_path / "stopped.duckdb", PARTNERS) as con:
            add, calls = documents.add, iter(range(3))

            def stop(*args: object, **more: object) -> object:
                if next(calls) == 2:
                    raise KeyboardInterrupt
                return add(*args, **more)

            monkeypatch.setattr(documents, "add", stop)
            with pytest.raises(KeyboardInterrupt):
                importing.keep(con, read(file), WEEK, Counter(), [])
            monkeypatch.setattr(documents, "add", add)
            again: Counter[str] = Counter()
            importing.keep(con, read(file), WEEK, again, [])
            assert again == {"new": 3, "known": 7, "skipped": 0}
            assert content(con) == expected


class TestCommand:
    def test_keeps_merges_and_labels_once(self, run_horizon: Run, tmp_path: Path) -> None:
        store = tmp_path / "store.duckdb"
        file = write(tmp_path / "records.jsonl", [PREPRINT, PAPER, OTHER, "{not json"])

        def sql(query: str) -> list[dict[str, object]]:
            return json.loads(run_horizon("sql", query, "--store", str(store), "--json").stdout)

        done = run_horizon("import", str(file), "--store", str(store))
        assert done.returncode == 0, done.stderr
        assert "line 4: not JSON" in done.stdout
        assert sql("select count(*) as n from documents") == [{"n": 2}]
        seen = (
            "select source, native_id from sightings where document_id in (select document_id "
            "from sightings where native_id = 'p1') order by all"
        )
        assert sql(seen) == [
            {"source": "mine", "native_id": "p1"}, {"source": "theirs", "native_id": "c1"}
        ]  # fmt: skip
        labels = sql("select label from labels where assigned")
        assert {"label": "unmanned_aerial_systems"} in labels
        again = run_horizon("import", str(file), "--store", str(store), "--no-label")
        assert again.returncode == 0, again.stderr
        assert sql("select count(*) as n from sightings") == [{"n": 3}]

    def test_of_nothing_fails_in_a_sentence(self, run_horizon: Run, tmp_path: Path) -> None:
        store = str(tmp_path / "store.duckdb")
        missing = run_horizon("import", str(tmp_path / "none.jsonl"), "--store", store)
        assert missing.returncode == 1
        assert missing.stderr.startswith("horizon: ")
        useless = write(tmp_path / "letter.jsonl", ["Dear all,", "yours"])
        done = run_horizon("import", str(useless), "--store", store)
        assert done.returncode == 1
        assert "no record could be read; line 1: not JSON" in done.stderr
        assert "Traceback" not in done.stderr
