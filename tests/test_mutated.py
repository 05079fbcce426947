"""Damaged answers: no crash, nothing unstorable, and no good entry lost with a bad one."""

from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from mutate import damage, damage_json
from specimens import (
    COUNT,
    Specimen,
    kind_of_recording,
    must_be_storable,
    read,
    recordings,
    specimens,
)

from core.document import Document
from scanners.errors import SourceError

SPECIMENS = specimens()
# A browser's rules decide what a page with open tags means: there damage may reach the neighbours.
LISTS = {name: specimen for name, specimen in SPECIMENS.items() if name != "html_listing"}


def damaged(specimen: Specimen, place: int, random: Random) -> bytes:
    """Return ``specimen`` with its entry at ``place`` damaged."""
    change = damage_json if specimen.is_json else damage
    entries = list(specimen.entries)
    entries[place] = change(entries[place], random)
    if specimen.kind == "ics":  # a line begins where the last one ends
        entries[place] += b"\r\n"
    return specimen.body(entries)


def own(found: Any) -> Any:
    """Return what an entry itself tells: a stray ``<title>`` is taken for the feed's."""
    return replace(found, venue="") if isinstance(found, Document) else found


@pytest.mark.parametrize("name", LISTS)
def test_a_bad_entry_costs_no_good_one(name: str) -> None:
    specimen = LISTS[name]
    whole = read(specimen.kind, specimen.body())
    for seed in range(200):
        random = Random(f"{name} {seed}")
        place = random.choice((0, 1, COUNT // 2, COUNT - 1))
        found = read(specimen.kind, damaged(specimen, place, random))
        for at, (key, good) in enumerate(whole.items()):
            arrived = at == place or own(found.get(key)) == own(good)
            assert arrived, f"seed {seed}: the damage to entry {place} reached entry {at}"


@pytest.mark.parametrize("name", SPECIMENS)
def test_damage_anywhere_is_an_error_of_the_source_at_most(name: str) -> None:
    specimen, read_some = SPECIMENS[name], 0
    for seed in range(150):
        try:
            found = read(specimen.kind, damage(specimen.body(), Random(f"{name} {seed}")))
        except SourceError:
            continue
        read_some += 1
        for document in found.values():
            if isinstance(document, Document):
                must_be_storable(document)
    assert read_some


@pytest.mark.realdata
@pytest.mark.parametrize("seed", range(3))
def test_damaged_recordings(shared: Path, seed: int) -> None:
    random = Random(seed)
    read_some = 0
    for file in random.sample(recordings(shared), 200):
        try:
            found = read(kind_of_recording(file), damage(file.read_bytes(), random))
        except SourceError:
            continue
        read_some += 1
        for document in found.values():
            must_be_storable(document)
    assert read_some > 100
