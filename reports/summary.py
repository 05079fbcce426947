"""What one minute of reading must bring: a few sentences, written from the data by rules."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

from core.document import Kind
from core.partners import Partners
from core.taxonomy import Scheme, Taxonomy
from reports.digest import Coverage, SourceLine
from reports.words import CERTAIN, SCALE, listing, number, sentence
from store.week import Item

METHOD = (
    "● marks a partner country. The figure is the probability that a document belongs to its "
    "label, in the words of US Intelligence Community Directive 203: "
    + ", ".join(f"{words} below {below:.2f}" for below, words in SCALE)
    + f", {CERTAIN} from there on. A document is told once, under the label it fits best. "
    "Extracts are two sentences of the abstract, as written: those in which most of what matched "
    "occurs, else those nearest to the whole."
)
_LASTING = 4  # weeks in a row without anything, from which a source is named first
_NAMED = 3  # sources of one shortcoming that are still named
_SHORTCOMINGS = {
    "failing": "could not be reached",
    "blocked": "did not let us in",
    "changed": "answered in a form that we do not know",
    "budget": "asked for patience; the rest follows next week",
    "stale": "answered but listed nothing new for far longer than usual",
}
_FEW = 3  # absent partners or labels that are still worth naming


def sentences(
    items: Sequence[Item],
    by_label: Mapping[str, Collection[object]],
    taxonomy: Taxonomy,
    partners: Partners,
    coverage: Coverage,
) -> tuple[str, ...]:
    """Return three to five sentences on the documents that the digest chooses from.

    ``by_label`` maps a label id to the documents that carry it.
    """
    opening = _opening(items, coverage)
    if not items:
        return (opening,)
    said = [opening]
    said += [
        spoken
        for scheme in taxonomy.schemes
        if scheme.layout == "sections" and (spoken := _scheme(scheme, by_label))
    ]
    said.append(_partners(items, partners))
    leaders = [
        leader
        for scheme in taxonomy.schemes
        if scheme.layout == "table" and (leader := _leader(scheme, by_label))
    ]
    if leaders:
        said.append(sentence(listing(leaders)))
    if acts := _acts(items):
        said.append(acts)
    return tuple(said)


def warnings(sources: Iterable[SourceLine]) -> tuple[str, ...]:
    """Return what the reader must know of sources that fell short.

    A source that has failed for weeks is named; of the others a few are named and many counted.
    """
    sources = list(sources)
    if not sources:
        return ("No source was asked in this week.",)
    lasting = [s for s in sources if s.weeks_failing >= _LASTING]
    said = [
        f"{s.name} has given nothing for {number(s.weeks_failing, 'week')}: {s.outcome}."
        for s in lasting
    ]
    for status, phrase in _SHORTCOMINGS.items():
        names = [s.name for s in sources if s.status == status and s not in lasting]
        if len(names) > _NAMED:
            said.append(f"{number(len(names), 'source').capitalize()} {phrase} (see Coverage).")
        elif names:
            said.append(f"{listing(names)} {phrase}.")
    return tuple(said)


def account(coverage: Coverage, home: str) -> str:
    """Return what became of everything that arrived; ``home`` is the office's own country."""
    said = [
        f"{number(coverage.documents, 'new document')} arrived: {coverage.foreign:,} from abroad, "
        f"{coverage.unknown:,} of unknown country and {coverage.home:,} purely domestic "
        f"({home}), kept out of this digest",
        f"{number(coverage.duplicates, 'further sighting')} of the same works joined to them",
        f"{number(coverage.relevant, 'document')} from abroad or of unknown country on what the "
        f"office watches, {coverage.told:,} told here",
    ]
    if coverage.older:
        said.append(
            f"{number(coverage.older, 'older document')} "
            f"{'was' if coverage.older == 1 else 'were'} published more than "
            f"{coverage.max_age_days} days before the week's end: stored, not told"
        )
    return " ".join(map(sentence, said))


def _opening(items: Sequence[Item], coverage: Coverage) -> str:
    if not coverage.documents:
        return "Nothing new arrived this week."
    arrived = f"{number(coverage.documents, 'new document')} arrived"
    if not items:
        return sentence(f"{arrived}; none from abroad bears on what the office watches")
    unknown = sum(not item.countries for item in items)
    partner = sum(item.is_partner for item in items)
    bear = "bears" if len(items) == 1 else "bear"
    return sentence(
        f"{arrived}; {len(items):,} from abroad {bear} on what the office watches, "
        f"{partner:,} of them with a partner country"
        + (f" and {unknown:,} of unknown country" if unknown else "")
    )


def _scheme(scheme: Scheme, by_label: Mapping[str, Collection[object]]) -> str:
    counts = {label.name: len(by_label[label.id]) for label in scheme.labels}
    ranked = sorted((name for name in counts if counts[name]), key=lambda name: -counts[name])
    if not ranked:
        return ""
    led = f"{scheme.name}: most fall under " if len(ranked) > 2 else f"{scheme.name}: "
    said = led + listing(f"{name} ({counts[name]:,})" for name in ranked[:2])
    if len(ranked) > 2:
        said += f", fewest under {ranked[-1]} ({counts[ranked[-1]]:,})"
    silent = [name for name in counts if not counts[name]]
    if 0 < len(silent) <= _FEW:
        said += f"; nothing on {listing(silent, 'or')}"
    return sentence(said)


def _leader(scheme: Scheme, by_label: Mapping[str, Collection[object]]) -> str:
    first = max(scheme.labels, key=lambda label: len(by_label[label.id]))
    if not (count := len(by_label[first.id])):
        return ""
    return f"{first.name} ({count:,}) leads the {scheme.name}"


def _partners(items: Sequence[Item], partners: Partners) -> str:
    counts = Counter(code for item in items for code in item.countries if code in partners.names)
    if not counts:
        return "No partner country takes part in any of them."
    ranked = sorted(counts, key=lambda code: (-counts[code], partners.names[code]))
    led = [f"{partners.names[code]} ({counts[code]:,})" for code in ranked[:3]]
    said = f"among partners, {led[0]} leads"
    if led[1:]:
        said += f", then {listing(led[1:])}"
    silent = [name for code, name in partners.names.items() if code not in counts]
    if silent:
        absent = listing(silent) if len(silent) <= _FEW else f"{len(silent)} others"
        said += f"; silent: {absent}"
    return sentence(said)


def _acts(items: Sequence[Item]) -> str:
    """Return what a reader can act upon before the work is done: calls and new projects."""
    kinds = Counter(item.kind for item in items)
    found = [
        number(kinds[kind], noun)
        for kind, noun in (
            (Kind.CALL_FOR_PAPERS, "call"),
            (Kind.PROJECT, "new project grant"),
        )
        if kinds[kind]
    ]
    verb = "is" if sum(kinds[k] for k in (Kind.CALL_FOR_PAPERS, Kind.PROJECT)) == 1 else "are"
    return sentence(f"among them {verb} {listing(found)}") if found else ""
