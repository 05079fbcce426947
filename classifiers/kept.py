"""The model of this office: what ``horizon train`` keeps beside the store goes before what ships.

In its folder lie the heads in use and, if those were adapted, in ``base`` the ones they were
adapted from: each adaptation starts there, so that no verdict counts twice and one that was taken
back counts no more.
"""

from pathlib import Path
from shutil import rmtree

from classifiers.heads import Heads
from classifiers.labeling import MODEL


def present_model(kept: Path) -> Path:
    """Return the folder of the model in use: ``kept``, or else the one before it, or what ships.

    The one before it is in use only if a replacement was broken off half-way.
    """
    for folder in (kept, _beside(kept, "previous")):
        if (folder / "heads.json").exists():
            return folder
    return MODEL


def load_base(model: Path) -> Heads:
    """Load the heads to adapt: those from which ``model`` was adapted, or its own.

    Raises:
        ModelError: they cannot be read.
    """
    base = model / "base"
    return Heads.load(base if base.is_dir() else model)


def write_candidate(kept: Path, heads: Heads, base: Heads | None) -> Path:
    """Write a model that may come in place of ``kept``; return its folder."""
    folder = _beside(kept, "new")
    rmtree(folder, ignore_errors=True)  # of a training that was broken off
    heads.save(folder)
    if base:
        base.save(folder / "base")
    return folder


def replace_model(kept: Path) -> None:
    """Put the candidate in place of ``kept``, which stays as the one before it."""
    previous = _beside(kept, "previous")
    if kept.exists():
        rmtree(previous, ignore_errors=True)
        kept.rename(previous)
    _beside(kept, "new").rename(kept)


def drop_candidate(kept: Path) -> None:
    """Remove the candidate, if there still is one."""
    rmtree(_beside(kept, "new"), ignore_errors=True)


def _beside(kept: Path, which: str) -> Path:
    return kept.with_name(f"{kept.name}-{which}")
