"""Who receives the digest: data in ``config/subscribers.yaml``."""

from pathlib import Path

from pydantic import Field

from core.config import Strict, load_yaml


class Subscriber(Strict):
    """One reader of the digest."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    name: str
    address: str = Field(pattern=r"^[^@\s<>,;\"]+@[^@\s<>,;\"]+$")


class Subscribers(Strict):
    """All readers."""

    subscribers: tuple[Subscriber, ...]


def load_subscribers(config: Path) -> tuple[Subscriber, ...]:
    """Read ``subscribers.yaml`` in the folder ``config``. Raises ConfigError."""
    return load_yaml(config / "subscribers.yaml", Subscribers).subscribers
