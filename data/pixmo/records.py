"""What flows while fetching: a row becomes an Entry, its picture an Outcome, what fails is a Failed.

    page of rows -> Entry -> (fetch) -> Outcome -> one line of train.jsonl or of failures.jsonl
"""
from __future__ import annotations

from dataclasses import dataclass

from minimolmo.flow import Annotation

NEVER, LATER, SOON = "never", "later", "soon"  # when another try is worth it: later is the next run
# What a row's or a server's nonsense may raise where the code did not foresee it.
UNEXPECTED = (ValueError, TypeError, LookupError, ArithmeticError, AttributeError, RecursionError)


class FetchError(Exception):
    """Something that will not do, a row or a picture.

    cause   one word, counted in the summary: gone, refused, busy, timeout, bad_hash, ...
    again   NEVER, LATER (the next run tries again) or SOON (this one does)
    detail  what exactly, for failures.jsonl
    status  the HTTP status, 0 where there is none
    wait    seconds that the server asked to wait, None if it did not
    """

    def __init__(self, cause: str, again: str, detail: str = "", status: int = 0, wait: float | None = None):
        super().__init__(f"{cause}: {detail}" if detail else cause)
        self.cause, self.again, self.detail, self.status, self.wait = cause, again, detail, status, wait


@dataclass(frozen=True)
class Record:
    """One row: where its picture is, and what was said about it.

    key        names the picture in our records: its URL, or "docs/charts/17" where links expire
    link       where it is fetched now; "" where it is drawn, or where the link has to be asked for again
    sha256     of the picture's bytes; "" where the set does not tell
    in_pixels  the points are pixels of the picture as it was found on the web, not percent
    clock      hour, minute, second (None if not shown): pixmo-clocks has no pictures, so we draw one
    """
    key: str
    annotations: tuple[Annotation, ...]
    image_url: str = ""
    sha256: str = ""
    in_pixels: bool = False
    clock: tuple[int, int, int | None] | None = None


@dataclass(frozen=True)
class ImageOutcome:
    """What became of a picture. An empty cause means it is there.

    size           pixels of the longest side that was asked for
    sha256         of the bytes as they came; its file is called so
    width, height  pixels of the picture as it came, upright
    turned         a camera turned it (EXIF), so nobody knows which way its pixel coordinates run
    stored         bytes of our JPEG
    received       bytes that came over the wire
    """
    key: str
    size: int
    cause: str = ""
    again: str = NEVER
    status: int = 0
    detail: str = ""
    sha256: str = ""
    width: int = 0
    height: int = 0
    turned: bool = False
    stored: int = 0
    received: int = 0
