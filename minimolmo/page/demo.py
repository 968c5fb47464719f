"""The page that asks a model and looks inside it.

    python -m minimolmo.page.demo [--weights=out/nano] [--port=8000] [--no-browser]

The same server has the page of mine.py, at /mine. It makes no folder before that page is used.
"""
from __future__ import annotations

import sys
from pathlib import Path

from minimolmo.answer import default_weights, describe_weights
from minimolmo.command import run_command, say
from minimolmo.options import Parser, count_argument, path_argument
from minimolmo.page.demo_routes import FILES, FOLDER, Demo
from minimolmo.page.maker import OUT, OWN_PHOTOS, Mine
from minimolmo.page.server import serve

__all__ = ["FILES", "FOLDER", "PORT", "Demo"]
PORT = 8000


def add_options(parser: Parser) -> None:
    """The options of the two commands that serve pages."""
    parser.add_argument("--weights", type=path_argument,
                        help="a run's folder or a released Molmo's (default: out/nano if it is trained, else "
                             "the released nano)")
    parser.add_argument("--port", type=count_argument(0, 65_535), default=PORT,
                        help="of 127.0.0.1; one of the next ten if it is in use (default: %(default)s)")
    parser.add_argument("--no-browser", action="store_true", help="print the address, open nothing")


def serve_pages(weights: Path, mine: Mine, port: int, open_browser: bool, page: str = "/") -> None:
    """Load a model, then serve its page and that of `mine` until Ctrl-C. `page` is the one to open."""
    say(f"asking {describe_weights(weights)}", file=sys.stderr)
    routes = Demo(weights, mine=True).routes() + mine.routes()
    serve(routes, FILES, port, open_browser, page)


def main(arguments: list[str]) -> None:
    """The command line: load the model, then serve the page until Ctrl-C."""
    parser = Parser(description="A page to ask a model and to look inside it.")
    add_options(parser)
    given = parser.parse_args(arguments)
    weights = given.weights or default_weights()
    with Mine(OWN_PHOTOS, OUT, model=describe_weights(weights)) as mine:
        serve_pages(weights, mine, given.port, not given.no_browser)


if __name__ == "__main__":
    run_command(main)
