"""Posters and timetables: what happens when and where, what leaves when."""
from __future__ import annotations

import random
from dataclasses import dataclass

from data.docs.products import EVENTS, LINES, PLACES, kept
from data.docs.canvas import COLORS, Ink, clamp, on, widest, width_of
from data.docs.topics import DAYS, MONTHS, TOWNS, Persona
from data.docs.wordings import Ask

EDGE, TITLE, LARGE = 18, 18, 28    # pixels: around everything, fonts of a title and of a poster's


def clock(minutes: int) -> str:
    """Minutes after midnight as they are printed.

    >>> clock(545)
    '9:05'
    """
    return f"{minutes // 60}:{minutes % 60:02d}"


@dataclass(frozen=True)
class Poster:
    """An event. `acts` are (minutes after midnight, what happens), in order; the price is in euros."""
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
        """What it tells, whatever it looks like: this decides the split."""
        return self.title, self.day, self.place, self.price, self.acts

    @property
    def cost(self) -> str:
        """The price as it is printed."""
        return f"Tickets: {self.price} euros" if self.price else "Free entry"


def draw_poster(poster: Poster) -> Ink:
    """The page with everything on it."""
    step, size = round(25 * poster.room), 16
    wide = max(width_of(poster.title, LARGE) + 2 * EDGE + 4, widest(name for _, name in poster.acts) + 150)
    ink = Ink(clamp(wide * poster.room), clamp(150 + step * len(poster.acts) + 40), poster.theme)
    middle = ink.width / 2
    ink.banner(poster.title, 72, poster.color, middle, LARGE, "mm")
    ink.write(poster.day, middle, 92, size, anchor="mm", bold=True)
    ink.write(poster.place, middle, 115, size, anchor="mm")
    left = middle - (widest((name for _, name in poster.acts), 14) + 60) / 2
    y = 130 + step / 2 + 6
    for minutes, name in poster.acts:
        ink.write(clock(minutes), left + 42, y, 14, anchor="rm")
        ink.write(name, left + 56, y, 14)
        y += step
    ink.box(0, ink.height - 36, ink.width, ink.height, ink.theme.panel)
    ink.write(poster.cost, middle, ink.height - 18, anchor="mm")
    return ink


def make_poster(persona: Persona, novel: bool, rng: random.Random) -> Poster:
    """A poster for an event that is novel or not."""
    title = rng.choice(kept(EVENTS, novel))
    acts = rng.sample(EVENTS[title], rng.randint(2, 4))
    times = sorted(rng.sample(range(9 * 4, 22 * 4), len(acts)))
    day = f"{rng.choice(DAYS)} {rng.randint(1, 28)} {rng.choice(MONTHS)}"
    return Poster(title, day, rng.choice(PLACES), rng.choice((0, rng.randint(1, 30))),
                  tuple((15 * time, act) for time, act in zip(times, acts)), rng.choice(list(COLORS)),
                  rng.choice(persona.themes), round(rng.uniform(1, 1.5), 2))


def ask_poster(poster: Poster, rng: random.Random) -> list[Ask]:
    """Every question that the poster can answer."""
    names = [name for _, name in poster.acts]
    asks = [Ask("text", {"it": "title"}, poster.title), Ask("field", {"it": "date"}, poster.day),
            Ask("field", {"it": "place"}, poster.place),
            Ask("how_many", {"things": "events with a time"}, str(len(names))),
            Ask("field", {"it": "first event"}, names[0]), Ask("field", {"it": "last event"}, names[-1])]
    if poster.price:
        asks += [Ask("field", {"it": "price of a ticket in euros"}, str(poster.price)),
                 Ask("field", {"it": "price of 2 tickets in euros"}, str(2 * poster.price))]
    for minutes, name in poster.acts:
        asks += [Ask("retrieve", {"it": f"time of {name}"}, clock(minutes)),
                 Ask("lookup", {"axis": "event", "noun": "time", "value": clock(minutes)}, name)]
    for one, two in zip(names, names[1:]):
        answer = rng.choice(("yes", "no"))
        a, b = (one, two) if answer == "yes" else (two, one)
        asks += [Ask("order", {"it": one, "side": "after", "thing": "event"}, two),
                 Ask("order", {"it": two, "side": "before", "thing": "event"}, one),
                 Ask("check", {"claim": f"{a} begins before {b}"}, answer)]
    return asks


@dataclass(frozen=True)
class Timetable:
    """A line's stops, and when each ride is there: minutes after midnight, one tuple a stop."""
    line: str
    stops: tuple[str, ...]
    times: tuple[tuple[int, ...], ...]
    color: str
    theme: str
    room: float
    family = "other"

    @property
    def data(self) -> tuple:
        """What it tells, whatever it looks like: this decides the split."""
        return self.line, self.stops, self.times


def draw_timetable(table: Timetable) -> Ink:
    """The page with everything on it."""
    step, cell, left = round(26 * table.room), round(46 * table.room), EDGE + widest(table.stops) + 14
    rides = len(table.times[0])
    cell = max(cell, (224 - left - EDGE) // rides)
    wide = max(left + cell * rides + EDGE, width_of(table.line, TITLE) + width_of("Timetable") + 60)
    ink = Ink(clamp(wide), max(224, 56 + step * len(table.stops) + EDGE), table.theme)
    ink.banner(table.line, 42, table.color, EDGE, TITLE)
    ink.write("Timetable", ink.width - EDGE, 21, color=on(COLORS[table.color]), anchor="rm")
    for row, (stop, times) in enumerate(zip(table.stops, table.times)):
        y = 52 + step * (row + 0.5)
        if row % 2 == 0:
            ink.box(EDGE - 8, y - step / 2, ink.width - EDGE + 8, y + step / 2, ink.theme.panel, radius=4)
        ink.write(stop, EDGE, y)
        for ride, minutes in enumerate(times):
            ink.write(clock(minutes), left + cell * (ride + 1) - 4, y, anchor="rm")
    return ink


def make_timetable(persona: Persona, novel: bool, rng: random.Random) -> Timetable:
    """A timetable of a line that is novel or not: each ride takes the same time between two stops."""
    stops = tuple(rng.sample(TOWNS, rng.randint(3, 6)))
    starts = [rng.randint(5 * 12, 9 * 12) * 5]
    for _ in range(rng.randint(2, 5)):
        starts.append(starts[-1] + 5 * rng.randint(6, 26))
    legs = [0, *(rng.randint(3, 25) for _ in stops[1:])]
    times = tuple(tuple(start + sum(legs[:stop + 1]) for start in starts) for stop in range(len(stops)))
    return Timetable(rng.choice(kept(LINES, novel)), stops, times, rng.choice(list(COLORS)),
                     rng.choice(persona.themes), round(rng.uniform(1, 1.3), 2))


def ask_timetable(table: Timetable, rng: random.Random) -> list[Ask]:
    """Every question that the timetable can answer."""
    rides = len(table.times[0])
    asks = [Ask("text", {"it": "name of the line"}, table.line),
            Ask("how_many", {"things": "stops"}, str(len(table.stops))),
            Ask("how_many", {"things": "rides"}, str(rides)),
            Ask("field", {"it": "first stop"}, table.stops[0]),
            Ask("field", {"it": "last stop"}, table.stops[-1])]
    for stop, times in zip(table.stops, table.times):
        asks += [Ask("retrieve", {"it": f"first time at {stop}"}, clock(times[0])),
                 Ask("retrieve", {"it": f"last time at {stop}"}, clock(times[-1]))]
    for stop, times in zip(table.stops[:-1], table.times):  # nobody leaves from the last
        ride = rng.randrange(rides)
        earlier = times[ride] - rng.randint(1, 12)
        later = next(time for time in times if time > earlier)
        asks.append(Ask("next_after", {"place": stop, "time": clock(earlier)}, clock(later)))
    for here, there in zip(range(len(table.stops)), range(1, len(table.stops))):
        one, two = table.stops[here], table.stops[there]
        asks += [Ask("order", {"it": one, "side": "after", "thing": "stop"}, two),
                 Ask("minutes", {"it": f"ride from {one} to {two}"},
                     str(table.times[there][0] - table.times[here][0]))]
        answer = rng.choice(("yes", "no"))
        a, b = (one, two) if answer == "yes" else (two, one)
        asks.append(Ask("check", {"claim": f"{a} comes before {b}"}, answer))
    return asks
