"""Posters of events and timetables of bus lines, with questions about them."""
from __future__ import annotations

import random
from dataclasses import dataclass

from data.docs.canvas import COLORS, Canvas, clamp_side, max_text_width, text_color_on, text_width
from data.docs.products import EVENT_PLACES, EVENTS, TRANSIT_LINES, items_for_split
from data.docs.topics import DAYS, MONTHS, TOWNS, Persona
from data.docs.wordings import DocsQuestion

MARGIN, TITLE_SIZE, POSTER_TITLE_SIZE = 18, 18, 28  # margin in pixels; font sizes


def format_time(minutes: int) -> str:
    """Minutes after midnight as a printed time.

    >>> format_time(545)
    '9:05'
    """
    return f"{minutes // 60}:{minutes % 60:02d}"


@dataclass(frozen=True)
class Poster:
    """An event. `acts` are (minutes after midnight, title), in order; the price is in euros."""
    title: str
    day: str
    place: str
    price: int
    acts: tuple[tuple[int, str], ...]
    color: str
    theme: str
    room: float
    family = "other"

    @property
    def data(self) -> tuple:
        """The facts without the appearance. They decide the split."""
        return self.title, self.day, self.place, self.price, self.acts

    @property
    def cost(self) -> str:
        """The line with the price."""
        return f"Tickets: {self.price} euros" if self.price else "Free entry"


def draw_poster(poster: Poster) -> Canvas:
    """Draw the poster."""
    line_height, size = round(25 * poster.room), 16
    width = max(
        text_width(poster.title, POSTER_TITLE_SIZE) + 2 * MARGIN + 4,
        max_text_width(name for _, name in poster.acts) + 150)
    canvas = Canvas(clamp_side(width * poster.room), clamp_side(150 + line_height * len(poster.acts) + 40),
                    poster.theme)
    center = canvas.width / 2
    canvas.banner(poster.title, 72, poster.color, center, POSTER_TITLE_SIZE, "mm")
    canvas.text(poster.day, center, 92, size, anchor="mm", bold=True)
    canvas.text(poster.place, center, 115, size, anchor="mm")
    left = center - (max_text_width((name for _, name in poster.acts), 14) + 60) / 2
    y = 130 + line_height / 2 + 6
    for minutes, name in poster.acts:
        canvas.text(format_time(minutes), left + 42, y, 14, anchor="rm")
        canvas.text(name, left + 56, y, 14)
        y += line_height
    canvas.box(0, canvas.height - 36, canvas.width, canvas.height, canvas.theme.panel)
    canvas.text(poster.cost, center, canvas.height - 18, anchor="mm")
    return canvas


def make_poster(persona: Persona, novel: bool, rng: random.Random) -> Poster:
    """A random poster for a held-out or a training event."""
    title = rng.choice(items_for_split(EVENTS, novel))
    acts = rng.sample(EVENTS[title], rng.randint(2, 4))
    times = sorted(rng.sample(range(9 * 4, 22 * 4), len(acts)))
    day = f"{rng.choice(DAYS)} {rng.randint(1, 28)} {rng.choice(MONTHS)}"
    return Poster(title, day, rng.choice(EVENT_PLACES), rng.choice((0, rng.randint(1, 30))),
                  tuple((15 * time, act) for time, act in zip(times, acts)), rng.choice(list(COLORS)),
                  rng.choice(persona.themes), round(rng.uniform(1, 1.5), 2))


def poster_questions(poster: Poster, rng: random.Random) -> list[DocsQuestion]:
    """All questions that the poster can answer."""
    names = [name for _, name in poster.acts]
    questions = [
        DocsQuestion("text", {"it": "title"}, poster.title),
        DocsQuestion("field", {"it": "date"}, poster.day),
        DocsQuestion("field", {"it": "place"}, poster.place),
        DocsQuestion("how_many", {"things": "events with a time"}, str(len(names))),
        DocsQuestion("field", {"it": "first event"}, names[0]),
        DocsQuestion("field", {"it": "last event"}, names[-1])
    ]
    if poster.price:
        questions += [
            DocsQuestion("field", {"it": "price of a ticket in euros"}, str(poster.price)),
            DocsQuestion("field", {"it": "price of 2 tickets in euros"}, str(2 * poster.price))
        ]
    for minutes, name in poster.acts:
        questions += [
            DocsQuestion("retrieve", {"it": f"time of {name}"}, format_time(minutes)),
            DocsQuestion("lookup", {"axis": "event", "noun": "time", "value": format_time(minutes)}, name)
        ]
    for first, second in zip(names, names[1:]):
        answer = rng.choice(("yes", "no"))
        a, b = (first, second) if answer == "yes" else (second, first)
        questions += [
            DocsQuestion("order", {"it": first, "side": "after", "thing": "event"}, second),
            DocsQuestion("order", {"it": second, "side": "before", "thing": "event"}, first),
            DocsQuestion("check", {"claim": f"{a} begins before {b}"}, answer)
        ]
    return questions


@dataclass(frozen=True)
class Timetable:
    """The stops of a line and the times of its trips: minutes after midnight, one tuple for each stop."""
    line: str
    stops: tuple[str, ...]
    times: tuple[tuple[int, ...], ...]
    color: str
    theme: str
    room: float
    family = "other"

    @property
    def data(self) -> tuple:
        """The facts without the appearance. They decide the split."""
        return self.line, self.stops, self.times


def draw_timetable(table: Timetable) -> Canvas:
    """Draw the timetable."""
    line_height, cell_width = round(26 * table.room), round(46 * table.room)
    left = MARGIN + max_text_width(table.stops) + 14
    num_rides = len(table.times[0])
    cell_width = max(cell_width, (224 - left - MARGIN) // num_rides)
    width = max(left + cell_width * num_rides + MARGIN,
                text_width(table.line, TITLE_SIZE) + text_width("Timetable") + 60)
    canvas = Canvas(clamp_side(width), max(224, 56 + line_height * len(table.stops) + MARGIN), table.theme)
    canvas.banner(table.line, 42, table.color, MARGIN, TITLE_SIZE)
    canvas.text("Timetable", canvas.width - MARGIN, 21, color=text_color_on(COLORS[table.color]), anchor="rm")
    for row, (stop, times) in enumerate(zip(table.stops, table.times)):
        y = 52 + line_height * (row + 0.5)
        if row % 2 == 0:
            canvas.box(MARGIN - 8, y - line_height / 2, canvas.width - MARGIN + 8, y + line_height / 2,
                       canvas.theme.panel, radius=4)
        canvas.text(stop, MARGIN, y)
        for ride, minutes in enumerate(times):
            canvas.text(format_time(minutes), left + cell_width * (ride + 1) - 4, y, anchor="rm")
    return canvas


def make_timetable(persona: Persona, novel: bool, rng: random.Random) -> Timetable:
    """A random timetable, of a held-out or a training line. Every trip takes equal time between two stops."""
    stops = tuple(rng.sample(TOWNS, rng.randint(3, 6)))
    starts = [rng.randint(5 * 12, 9 * 12) * 5]
    for _ in range(rng.randint(2, 5)):
        starts.append(starts[-1] + 5 * rng.randint(6, 26))
    leg_minutes = [0, *(rng.randint(3, 25) for _ in stops[1:])]
    times = tuple(
        tuple(start + sum(leg_minutes[:stop + 1]) for start in starts) for stop in range(len(stops)))
    return Timetable(rng.choice(items_for_split(TRANSIT_LINES, novel)), stops, times,
                     rng.choice(list(COLORS)), rng.choice(persona.themes), round(rng.uniform(1, 1.3), 2))


def timetable_questions(table: Timetable, rng: random.Random) -> list[DocsQuestion]:
    """All questions that the timetable can answer."""
    num_rides = len(table.times[0])
    questions = [
        DocsQuestion("text", {"it": "name of the line"}, table.line),
        DocsQuestion("how_many", {"things": "stops"}, str(len(table.stops))),
        DocsQuestion("how_many", {"things": "rides"}, str(num_rides)),
        DocsQuestion("field", {"it": "first stop"}, table.stops[0]),
        DocsQuestion("field", {"it": "last stop"}, table.stops[-1])
    ]
    for stop, times in zip(table.stops, table.times):
        questions += [
            DocsQuestion("retrieve", {"it": f"first time at {stop}"}, format_time(times[0])),
            DocsQuestion("retrieve", {"it": f"last time at {stop}"}, format_time(times[-1]))
        ]
    for stop, times in zip(table.stops[:-1], table.times):  # the last stop has no departures
        ride = rng.randrange(num_rides)
        earlier = times[ride] - rng.randint(1, 12)
        later = next(time for time in times if time > earlier)
        questions.append(
            DocsQuestion("next_after", {"place": stop, "time": format_time(earlier)}, format_time(later)))
    for stop_index, next_index in zip(range(len(table.stops)), range(1, len(table.stops))):
        first, second = table.stops[stop_index], table.stops[next_index]
        questions += [
            DocsQuestion("order", {"it": first, "side": "after", "thing": "stop"}, second),
            DocsQuestion("minutes", {"it": f"ride from {first} to {second}"},
                         str(table.times[next_index][0] - table.times[stop_index][0]))
        ]
        answer = rng.choice(("yes", "no"))
        a, b = (first, second) if answer == "yes" else (second, first)
        questions.append(DocsQuestion("check", {"claim": f"{a} comes before {b}"}, answer))
    return questions
