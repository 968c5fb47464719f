"""The data of a download: a row becomes a Record, its image an ImageOutcome, a failure a FetchError.

    page of rows -> Record -> (fetch) -> ImageOutcome -> a line of train.jsonl or failures.jsonl
"""
from __future__ import annotations

from dataclasses import dataclass

from minimolmo.flow import Annotation

NEVER, LATER, SOON = "never", "later", "soon"  # when to try again: LATER means in the next run
# What a row's or a server's nonsense may raise where the code did not foresee it.
UNEXPECTED = (ValueError, TypeError, LookupError, ArithmeticError, AttributeError, RecursionError)


class FetchError(Exception):
    """A row or an image that cannot be used.

    cause   one word, counted in the summary: gone, refused, busy, timeout, bad_hash, ...
    again   NEVER, LATER (try again in the next run) or SOON (try again in this run)
    detail  the exact reason, for failures.jsonl
    status  the HTTP status, 0 if there is none
    wait    seconds that the server asked to wait, or None
    """

    def __init__(self, cause: str, again: str, detail: str = "", status: int = 0, wait: float | None = None):
        super().__init__(f"{cause}: {detail}" if detail else cause)
        self.cause, self.again, self.detail, self.status, self.wait = cause, again, detail, status, wait


@dataclass(frozen=True)
class Record:
    """One row: the location of its image, and its annotations.

    key        identifies the image: its URL, or "docs/charts/17" where links expire
    image_url  where to fetch it now; "" if it is drawn, or if a new link is needed
    sha256     of the image's bytes; "" if the dataset does not say
    in_pixels  points are pixels of the original image, not percent
    clock      hour, minute, second (None if not shown); PixMo has no images of clocks, so we draw one
    """
    key: str
    annotations: tuple[Annotation, ...]
    image_url: str = ""
    sha256: str = ""
    in_pixels: bool = False
    clock: tuple[int, int, int | None] | None = None


@dataclass(frozen=True)
class ImageOutcome:
    """The result of fetching an image. An empty cause means success.

    size           requested pixels of the longest side
    sha256         of the original bytes; it is also the name of the file
    width, height  pixels of the original image, upright
    turned         rotated by EXIF, so the direction of pixel coordinates is unknown
    stored         bytes of our JPEG
    received       bytes over the network
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
