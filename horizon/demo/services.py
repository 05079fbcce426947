"""The services that Horizon reads, as routes over a shelf of records.

What differs between the demo and a benchmark, where the records come from, is the ``Shelf``; how
a query is read and its answer paged is the same for both.
"""

import binascii
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from http import HTTPStatus
from itertools import count
from urllib.parse import parse_qsl, urlencode

from horizon.demo import answers, feeds
from horizon.demo.answers import OaiRequest
from horizon.demo.records import Record
from horizon.demo.server import Answer, Request, Route

ATOM_TYPE = "application/atom+xml; charset=utf-8"
JSON_TYPE = "application/json; charset=utf-8"
RSS_TYPE = "application/rss+xml; charset=utf-8"
XML_TYPE = "text/xml; charset=utf-8"


class Shelf:
    """Records in order of their day, found by window and category without a scan.

    Args:
        days: the day of each record, ascending.
        categories: the categories of each record, in the same order.
        fetch: returns the records at the given positions.
    """

    def __init__(
        self,
        days: Sequence[date],
        categories: Iterable[Iterable[str]],
        fetch: Callable[[Sequence[int]], list[Record]],
    ) -> None:
        self.days, self.fetch = days, fetch
        self._index: dict[str, list[int]] = {}
        for position, names in enumerate(categories):
            # a category is found by its archive too: cs.CR by cs
            for name in {*names, *(name.partition(".")[0] for name in names)}:
                self._index.setdefault(name, []).append(position)

    @classmethod
    def of(cls, records: Iterable[Record]) -> "Shelf":
        """Return a shelf of records held in memory."""
        ordered = sorted(records, key=lambda record: record.day)
        return cls(
            [record.day for record in ordered],
            [record.categories for record in ordered],
            lambda positions: [ordered[position] for position in positions],
        )

    def find(
        self, first: date | None, last: date | None, categories: Iterable[str] = ()
    ) -> Sequence[int]:
        """Return the positions of the days ``first`` to ``last`` in any of ``categories``."""
        low = 0 if first is None else bisect_left(self.days, first)
        high = len(self.days) if last is None else bisect_right(self.days, last)
        wanted = [self._index.get(category, []) for category in categories]
        if not wanted:
            return range(low, max(low, high))
        slices = [found[bisect_left(found, low) : bisect_left(found, high)] for found in wanted]
        return slices[0] if len(slices) == 1 else sorted(set().union(*slices))


Write = Callable[[feeds.Channel, Sequence[Record]], bytes]


def feed(channel: feeds.Channel, shelf: Shelf, write: Write, media_type: str) -> Route:
    """Answer with everything on ``shelf``, newest first."""
    records = shelf.fetch(shelf.find(None, None)[::-1])
    body = write(channel, records)
    return lambda _: Answer(body, media_type, modified=shelf.days[-1] if shelf.days else None)


def arxiv_rss(shelf: Shelf, day: date) -> Route:
    """Answer ``…/cs.CR`` or ``…/cs.CR+cs.AI`` with the batch of ``day``, as rss.arxiv.org does."""

    def answer(request: Request) -> Answer:
        categories = request.name.split("+")
        records = shelf.fetch(shelf.find(day, day, categories))
        return Answer(feeds.arxiv_rss(categories, day, records), RSS_TYPE, modified=day)

    return answer


class _BadRequestError(ValueError):
    """The query is wrong; the message is the service's own."""


# submittedDate:[YYYYMMDDTTTT TO YYYYMMDDTTTT], user's manual, 5.1; records here have whole days
_WINDOW = re.compile(r"submittedDate:\[(\d{8})(?:\d{4}){0,2} TO (\d{8})(?:\d{4}){0,2}\]")
_CATEGORY = re.compile(r"\bcat:([a-z-]+(?:\.[A-Za-z-]+)?)(?:\.\*)?(?=[\s)]|$)")


def arxiv_api(shelf: Shelf) -> Route:
    """Answer as ``export.arxiv.org/api/query`` does, for windows and categories.

    A term that would need a search of the words is an error, not an empty or a full answer.
    """

    def answer(request: Request) -> Answer:
        now = datetime.now(UTC)
        try:
            query = request.query.get("search_query", "")
            start = _number(request.query, "start", default=0)
            size = _number(request.query, "max_results", default=10)
            found = _arxiv_search(shelf, query)
        except _BadRequestError as error:
            body = answers.arxiv_error(str(error), now)
            return Answer(body, ATOM_TYPE, HTTPStatus.BAD_REQUEST)
        if request.query.get("sortOrder") == "descending":
            found = found[::-1]
        page = shelf.fetch(found[start : start + size])
        body = answers.arxiv_atom(
            page, query=query, start=start, size=size, total=len(found), now=now
        )
        return Answer(body, ATOM_TYPE)

    return answer


def _arxiv_search(shelf: Shelf, query: str) -> Sequence[int]:
    if re.search(r"cat:\S+ AND \(?cat:", query):
        raise _BadRequestError("categories joined by AND are not supported here")
    window = _WINDOW.search(query)
    rest = _CATEGORY.sub("", _WINDOW.sub("", query))
    if unknown := re.sub(r"\b(AND|OR)\b|[()\s]", "", rest):
        raise _BadRequestError(f"unsupported term in search_query: {unknown}")
    first, last = (_day(text, "%Y%m%d") for text in window.groups()) if window else (None, None)
    return shelf.find(first, last, dict.fromkeys(_CATEGORY.findall(query)))


def _number(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name, str(default))
    if not text.lstrip("-").isdecimal():
        raise _BadRequestError(f"{name} must be an integer")
    if int(text) < 0:
        raise _BadRequestError(f"{name} must be non-negative")
    return int(text)


def _day(text: str, form: str) -> date:
    try:
        return datetime.strptime(text, form).replace(tzinfo=UTC).date()
    except ValueError as error:
        raise _BadRequestError(f"not a date: {text}") from error


OPENALEX_CREDITS = 100_000  # a day, with a free key
_OPENALEX_PARAMETERS = {
    "filter", "per-page", "per_page", "cursor", "select", "sort", "api_key", "mailto",
}  # fmt: skip


def openalex_works(shelf: Shelf) -> Route:
    """Answer as ``api.openalex.org/works`` does: cursor paging, filters by date and country."""
    used = count(1)

    def answer(request: Request) -> Answer:
        headers = {
            "X-RateLimit-Limit": str(OPENALEX_CREDITS),
            "X-RateLimit-Remaining": str(OPENALEX_CREDITS - next(used)),
            "X-RateLimit-Credits-Required": "1",
            "X-RateLimit-Credits-Used": "1",
            "X-RateLimit-Reset": "3600",
        }
        query = request.query
        try:
            if unknown := query.keys() - _OPENALEX_PARAMETERS:
                raise _BadRequestError(f"{min(unknown)} is not a valid parameter")
            size = _number(query, "per-page" if "per-page" in query else "per_page", default=25)
            if not 1 <= size <= 100:
                raise _BadRequestError("per-page parameter must be between 1 and 100")
            start = _position(query.get("cursor", "*"))
            found = _openalex_search(shelf, query.get("filter", ""))
        except _BadRequestError as error:
            body = answers.openalex_error(str(error))
            return Answer(body, JSON_TYPE, HTTPStatus.BAD_REQUEST, headers=headers)
        page = found[start : start + size]
        body = answers.openalex(
            page,
            total=len(found),
            size=size,
            next_cursor=_cursor(start + size) if page else None,  # the end is an empty page
            select=query["select"].split(",") if "select" in query else (),
        )
        return Answer(body, JSON_TYPE, headers=headers)

    return answer


def _openalex_search(shelf: Shelf, filters: str) -> list[Record]:
    first = last = None
    countries: set[str] = set()
    for term in filter(None, filters.split(",")):
        name, _, value = term.partition(":")
        if name == "from_publication_date":
            first = _day(value, "%Y-%m-%d")
        elif name == "to_publication_date":
            last = _day(value, "%Y-%m-%d")
        elif name in ("authorships.institutions.country_code", "institutions.country_code"):
            countries = set(value.upper().split("|"))
        else:
            raise _BadRequestError(f"{name} is not supported as a filter here")
    records = shelf.fetch(shelf.find(first, last))
    return [r for r in records if not countries or countries & {a.country for a in r.authors}]


def _cursor(position: int) -> str:
    return urlsafe_b64encode(f"[{position}]".encode()).decode()


def _position(cursor: str) -> int:
    if cursor == "*":
        return 0
    try:
        return int(urlsafe_b64decode(cursor).decode().strip("[]"))
    except (binascii.Error, ValueError) as error:
        raise _BadRequestError(f"{cursor} is not a valid cursor") from error


OAI_PAGE = 50
_OAI_ARGUMENTS = {"metadataPrefix", "set", "from", "until"}
_SET = re.compile(r"[a-z-]+(:[a-z-]+(:[A-Za-z-]+)?)?")


class _OaiError(Exception):
    """An error of the protocol: its code and a sentence."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def oai_pmh(shelf: Shelf) -> Route:
    """Answer ``ListRecords`` as an OAI-PMH repository does, ``OAI_PAGE`` records at a time.

    A token is the query it goes on with, as arXiv's are: nothing is kept between two requests.
    """

    def answer(request: Request) -> Answer:
        asked = OaiRequest(request.url, request.query, datetime.now(UTC))
        try:
            body = _list_records(shelf, asked)
        except _OaiError as error:
            body = answers.oai_error(error.code, str(error), asked)
        return Answer(body, XML_TYPE)

    return answer


def _list_records(shelf: Shelf, asked: OaiRequest) -> bytes:
    arguments, skip = _oai_arguments(asked.arguments)
    found = _oai_search(shelf, arguments)
    if skip and skip >= len(found):
        raise _OaiError("badResumptionToken", "nothing is left behind this resumptionToken")
    if not found:
        raise _OaiError("noRecordsMatch", "nothing in this window")
    following = skip + OAI_PAGE
    return answers.oai_records(
        shelf.fetch(found[skip:following]),
        asked,
        prefix=arguments["metadataPrefix"],
        total=len(found),
        cursor=skip,
        token=urlencode({**arguments, "skip": following}) if following < len(found) else "",
    )


def _oai_arguments(query: Mapping[str, str]) -> tuple[dict[str, str], int]:
    """Return what selects the records, and how many of them an earlier page has given."""
    arguments = dict(query)
    if arguments.pop("verb", None) != "ListRecords":
        raise _OaiError("badVerb", "this repository knows the verb ListRecords")
    token = arguments.pop("resumptionToken", None)
    if token is not None:
        if arguments:
            raise _OaiError("badArgument", "resumptionToken is an exclusive argument")
        arguments = dict(parse_qsl(token))
        skip = arguments.pop("skip", "")
        if "metadataPrefix" not in arguments or not skip.isdecimal():
            raise _OaiError("badResumptionToken", "this resumptionToken is not one of ours")
    if unknown := arguments.keys() - _OAI_ARGUMENTS:
        raise _OaiError("badArgument", f"unknown argument {min(unknown)}")
    return arguments, 0 if token is None else int(skip)


def _oai_search(shelf: Shelf, arguments: Mapping[str, str]) -> Sequence[int]:
    prefix, group = arguments.get("metadataPrefix"), arguments.get("set")
    if not prefix:
        raise _OaiError("badArgument", "metadataPrefix is missing")
    if prefix not in answers.OAI_FORMATS:
        raise _OaiError("cannotDisseminateFormat", f"no records in the format {prefix}")
    if group and not _SET.fullmatch(group):
        raise _OaiError("badArgument", "Set does not exist")
    try:
        first, last = (
            _day(arguments[name], "%Y-%m-%d") if name in arguments else None
            for name in ("from", "until")
        )
    except _BadRequestError as error:
        raise _OaiError("badArgument", str(error)) from error
    if first and last and first > last:
        raise _OaiError("badArgument", "from is later than until")
    return shelf.find(first, last, [answers.category_of(group)] if group else ())
