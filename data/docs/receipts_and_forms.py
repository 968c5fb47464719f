"""Receipts and forms: what was bought, what was filled in."""
from __future__ import annotations

import random
from dataclasses import dataclass

from data.docs.products import FORMS, SHOPS, STREETS, kept
from data.docs.canvas import COLORS, Ink, clamp, widest, width_of
from data.docs.topics import MONTHS, NAMES, TOWNS, Persona
from data.docs.wordings import Ask

EDGE, TITLE = 18, 18        # pixels: around everything, font of the title
NOTES = (500, 1000, 2000, 5000, 10000)   # cents: what people pay with


def money(cents: int) -> str:
    """Cents as they are printed and answered.

    >>> money(1250)
    '12.50'
    """
    return f"{cents // 100}.{cents % 100:02d}"


def a_date(rng: random.Random) -> str:
    """A day of a year: "14 Mar 2025"."""
    return f"{rng.randint(1, 28)} {rng.choice(MONTHS)} {rng.randint(2019, 2026)}"


@dataclass(frozen=True)
class Receipt:
    """What somebody bought: (name, number of pieces, cents for one) each. `paid` is in cents."""
    shop: str
    street: str
    date: str
    number: int
    lines: tuple[tuple[str, int, int], ...]
    paid: int
    by_card: bool
    theme: str
    room: float
    family = "other"

    @property
    def data(self) -> tuple:
        """What it tells, whatever it looks like: this decides the split."""
        return self.shop, self.date, self.number, self.lines, self.paid

    @property
    def total(self) -> int:
        """Cents for everything."""
        return sum(pieces * cents for _, pieces, cents in self.lines)


def draw_receipt(receipt: Receipt) -> Ink:
    """The page with everything on it."""
    step = round(20 * receipt.room)
    feet = [("Total", money(receipt.total)), ("Card" if receipt.by_card else "Cash", money(receipt.paid)),
            ("Change", money(receipt.paid - receipt.total))][:2 if receipt.by_card else 3]
    names = [f"{pieces} x {name}" for name, pieces, _ in receipt.lines]
    wide = max(224, widest(names) + 150, width_of(receipt.shop, TITLE) + 50) + round(40 * (receipt.room - 1))
    ink = Ink(clamp(wide), max(224, 92 + step * (len(names) + len(feet)) + 48), receipt.theme)
    right, middle = ink.width - EDGE, ink.width / 2
    ink.write(receipt.shop, middle, 24, TITLE, anchor="mm", bold=True)
    ink.write(receipt.street, middle, 45, color=ink.theme.faint, anchor="mm")
    ink.write(receipt.date, EDGE, 66, color=ink.theme.faint)
    ink.write(f"No {receipt.number}", right, 66, color=ink.theme.faint, anchor="rm")
    ink.box(EDGE, 78, right, 79, ink.theme.faint)
    y = 80 + step / 2
    for name, (_, pieces, cents) in zip(names, receipt.lines):
        ink.write(name, EDGE, y)
        ink.write(money(pieces * cents), right, y, anchor="rm")
        y += step
    ink.box(EDGE, y - step / 2 + 3, right, y - step / 2 + 4, ink.theme.faint)
    for place, (words, cents) in enumerate(feet):
        ink.write(words, EDGE, y + 8, bold=place == 0)
        ink.write(cents, right, y + 8, anchor="rm", bold=place == 0)
        y += step
    ink.write("Thank you!", middle, ink.height - 18, color=ink.theme.faint, anchor="mm")
    return ink


def make_receipt(persona: Persona, novel: bool, rng: random.Random) -> Receipt:
    """A receipt of a shop that is novel or not, from goods at their usual price, give or take."""
    shop = rng.choice(kept(SHOPS, novel))
    names = rng.sample(list(SHOPS[shop]), rng.randint(2, 6))
    lines = tuple((name, rng.choice((1, 1, 1, 2, 2, 3, 4)), SHOPS[shop][name] + 10 * rng.randint(-3, 6))
                  for name in names)
    total, by_card = sum(pieces * cents for _, pieces, cents in lines), rng.random() < 0.5
    note = rng.choice(NOTES)
    paid = total if by_card else -(-total // note) * note
    return Receipt(shop, f"{rng.randint(1, 99)} {rng.choice(STREETS)}", a_date(rng), rng.randint(1000, 9999),
                   lines, paid, by_card, rng.choice(persona.themes), round(rng.uniform(1, 1.3), 2))


def ask_receipt(receipt: Receipt, rng: random.Random) -> list[Ask]:
    """Every question that the receipt can answer."""
    paid = {"card": receipt.by_card, "cash": not receipt.by_card}
    way = rng.choice(list(paid))
    asks = [Ask("field", {"it": "total"}, money(receipt.total)),
            Ask("text", {"it": "name of the shop"}, receipt.shop),
            Ask("field", {"it": "date"}, receipt.date),
            Ask("field", {"it": "receipt number"}, str(receipt.number)),
            Ask("text", {"it": "address"}, receipt.street),
            Ask("how_many", {"things": "lines of goods"}, str(len(receipt.lines))),
            Ask("how_many", {"things": "pieces in all"}, str(sum(pieces for _, pieces, _ in receipt.lines))),
            Ask("check", {"claim": f"{way} was used to pay"}, "yes" if paid[way] else "no")]
    if not receipt.by_card:
        asks.append(Ask("field", {"it": "change"}, money(receipt.paid - receipt.total)))
    sums = {name: pieces * cents for name, pieces, cents in receipt.lines}
    for most, best in (("highest", max(sums.values())), ("lowest", min(sums.values()))):
        if list(sums.values()).count(best) == 1:
            asks.append(Ask("extremum", {"axis": "item", "most": most, "noun": "amount"},
                            next(name for name in sums if sums[name] == best)))
    for name, pieces, cents in receipt.lines:
        asks.append(Ask("retrieve", {"it": f"amount for {name}"}, money(sums[name])))
        if pieces > 1:
            asks.append(Ask("retrieve", {"it": f"price of one {name}"}, money(cents)))
    for (one, _, _), (two, _, _) in zip(receipt.lines, receipt.lines[1:]):
        slots = {"noun": "amount", "a": f"for {one}", "b": f"for {two}", "x": one, "y": two}
        asks += [Ask("sum", slots, money(sums[one] + sums[two])),
                 Ask("difference", slots, money(abs(sums[one] - sums[two])))]
    return asks


@dataclass(frozen=True)
class Form:
    """What was filled in: (name of the field, what stands there) each, and which boxes are ticked."""
    title: str
    fields: tuple[tuple[str, str], ...]
    boxes: tuple[tuple[str, bool], ...]
    color: str
    theme: str
    room: float
    family = "other"

    @property
    def data(self) -> tuple:
        """What it tells, whatever it looks like: this decides the split."""
        return self.title, self.fields, self.boxes


def draw_form(form: Form) -> Ink:
    """The page with everything on it."""
    step, left = round(28 * form.room), EDGE + widest(name for name, _ in form.fields) + 12
    cell = widest(name for name, _ in form.boxes) + 44
    wide = max(left + widest(words for _, words in form.fields) + 40, 2 * EDGE + 2 * cell,
               width_of(form.title, TITLE) + 40)
    rows = -(-len(form.boxes) // 2)
    ink = Ink(clamp(wide * form.room), max(224, 62 + step * (len(form.fields) + rows)), form.theme)
    ink.banner(form.title, 40, form.color, EDGE, TITLE)
    y = 52 + step / 2
    for name, words in form.fields:
        ink.write(name, EDGE, y, color=ink.theme.faint)
        ink.box(left, y - 11, ink.width - EDGE, y + 11, ink.theme.panel, ink.theme.rule, radius=3)
        ink.write(words, left + 8, y)
        y += step
    for place, (name, ticked) in enumerate(form.boxes):
        x, line = EDGE + place % 2 * cell, y + place // 2 * step
        ink.box(x, line - 7, x + 14, line + 7, ink.theme.panel, ink.theme.faint, radius=2, line=1.5)
        if ticked:
            ink.line([(x + 3, line), (x + 6, line + 4), (x + 12, line - 5)], ink.theme.words, 2)
        ink.write(name, x + 22, line)
    return ink


def make_form(persona: Persona, novel: bool, rng: random.Random) -> Form:
    """A form that is novel or not, filled in by somebody."""
    title = rng.choice(kept(FORMS, novel))
    fields = {"First name": rng.choice(NAMES), "Town": rng.choice(TOWNS), "Birthday": a_date(rng),
              "Date": a_date(rng), "Number": str(rng.randint(10_000, 99_999)),
              "Phone": f"{rng.randint(200, 999)} {rng.randint(1000, 9999)}",
              "Job": persona.job, "Street": f"{rng.randint(1, 99)} {rng.choice(STREETS)}"}
    chosen = rng.sample(list(fields.items()), rng.randint(3, 6))
    boxes = tuple((name, rng.random() < 0.5) for name in rng.sample(FORMS[title], rng.randint(3, 5)))
    return Form(title, tuple(chosen), boxes, rng.choice(list(COLORS)), rng.choice(persona.themes),
                round(rng.uniform(1, 1.3), 2))


def ask_form(form: Form, rng: random.Random) -> list[Ask]:
    """Every question that the form can answer."""
    ticked = [name for name, on_it in form.boxes if on_it]
    asks = [Ask("text", {"it": "title"}, form.title),
            Ask("how_many", {"things": "boxes with a tick"}, str(len(ticked))),
            Ask("how_many", {"things": "fields with words in them"}, str(len(form.fields)))]
    asks += [Ask("field", {"it": name.lower()}, words) for name, words in form.fields]
    asks += [Ask("lookup", {"axis": "field", "noun": "entry", "value": f'"{words}"'}, name)
             for name, words in form.fields if [entry for _, entry in form.fields].count(words) == 1]
    if len(ticked) == 1:
        asks.append(Ask("text", {"it": "only box with a tick"}, ticked[0]))
    answer = rng.choice(("yes", "no"))
    fitting = [name for name, on_it in form.boxes if on_it == (answer == "yes")]
    if fitting:
        asks.append(Ask("check", {"claim": f'there is a tick at "{rng.choice(fitting)}"'}, answer))
    return asks
