"""The levels of difficulty by name: easy, small and full."""
from __future__ import annotations

from data.scenes.easy import EASY, SMALL, EasyLevel
from data.scenes.full import FULL, FullLevel

Level = EasyLevel | FullLevel
LEVELS: dict[str, Level] = {"easy": EASY, "small": SMALL, "full": FULL}


def get_level(name: str) -> Level:
    """The level of this name. Raises ValueError with the list of names if there is none."""
    if name not in LEVELS:
        raise ValueError(f"level {name!r} does not exist, so nothing can be drawn. "
                         f"Try one of: {', '.join(LEVELS)}.")
    return LEVELS[name]
