"""Receipts and filled-in forms, with questions about them."""
from __future__ import annotations

import random
from dataclasses import dataclass

from data.docs.canvas import COLORS, Canvas, clamp_side, max_text_width, text_width
from data.docs.products import FORMS, SHOPS, STREETS, items_for_split
from data.docs.topics import MONTHS, NAMES, TOWNS, Persona
from data.docs.wordings import DocsQuestion

MARGIN, TITLE_SIZE = 18, 18        # margin in pixels; font size
BANK_NOTES = (500, 1000, 2000, 5000, 10000)   # cents


def format_price(cents: int) -> str:
    """Cents as a printed price.

    >>> format_price(1250)
    '12.50'
    """
    return f"{cents // 100}.{cents % 100:02d}"


def random_date(rng: random.Random) -> str:
    """A random day of a year: "14 Mar 2025"."""
    return f"{rng.randint(1, 28)} {rng.choice(MONTHS)} {rng.randint(2019, 2026)}"


@dataclass(frozen=True)
class Receipt:
    """A purchase: each line is (product, number of pieces, cents for one). `paid` is in cents."""
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
        """The facts without the appearance. They decide the split."""
        return self.shop, self.date, self.number, self.lines, self.paid

    @property
    def total(self) -> int:
        """The sum of all lines in cents."""
        return sum(pieces * cents for _, pieces, cents in self.lines)


def draw_receipt(receipt: Receipt) -> Canvas:
    """Draw the receipt."""
    line_height = round(20 * receipt.room)
    footer_lines = [("Total", format_price(receipt.total)),
                    ("Card" if receipt.by_card else "Cash", format_price(receipt.paid)),
                    ("Change", format_price(receipt.paid - receipt.total))][:2 if receipt.by_card else 3]
    names = [f"{pieces} x {name}" for name, pieces, _ in receipt.lines]
    width = max(224, max_text_width(names) + 150,
                text_width(receipt.shop, TITLE_SIZE) + 50) + round(40 * (receipt.room - 1))
    canvas = Canvas(clamp_side(width), max(224, 92 + line_height * (len(names) + len(footer_lines)) + 48),
                    receipt.theme)
    right, center = canvas.width - MARGIN, canvas.width / 2
    canvas.text(receipt.shop, center, 24, TITLE_SIZE, anchor="mm", bold=True)
    canvas.text(receipt.street, center, 45, color=canvas.theme.faint, anchor="mm")
    canvas.text(receipt.date, MARGIN, 66, color=canvas.theme.faint)
    canvas.text(f"No {receipt.number}", right, 66, color=canvas.theme.faint, anchor="rm")
    canvas.box(MARGIN, 78, right, 79, canvas.theme.faint)
    y = 80 + line_height / 2
    for name, (_, pieces, cents) in zip(names, receipt.lines):
        canvas.text(name, MARGIN, y)
        canvas.text(format_price(pieces * cents), right, y, anchor="rm")
        y += line_height
    canvas.box(MARGIN, y - line_height / 2 + 3, right, y - line_height / 2 + 4, canvas.theme.faint)
    for index, (label, cents) in enumerate(footer_lines):
        canvas.text(label, MARGIN, y + 8, bold=index == 0)
        canvas.text(cents, right, y + 8, anchor="rm", bold=index == 0)
        y += line_height
    canvas.text("Thank you!", center, canvas.height - 18, color=canvas.theme.faint, anchor="mm")
    return canvas


def make_receipt(persona: Persona, novel: bool, rng: random.Random) -> Receipt:
    """A random receipt of a held-out or a training shop, with prices near the usual ones."""
    shop = rng.choice(items_for_split(SHOPS, novel))
    names = rng.sample(list(SHOPS[shop]), rng.randint(2, 6))
    lines = tuple((name, rng.choice((1, 1, 1, 2, 2, 3, 4)), SHOPS[shop][name] + 10 * rng.randint(-3, 6))
                  for name in names)
    total, by_card = sum(pieces * cents for _, pieces, cents in lines), rng.random() < 0.5
    bank_note = rng.choice(BANK_NOTES)
    paid = total if by_card else -(-total // bank_note) * bank_note
    return Receipt(shop, f"{rng.randint(1, 99)} {rng.choice(STREETS)}", random_date(rng),
                   rng.randint(1000, 9999), lines, paid, by_card, rng.choice(persona.themes),
                   round(rng.uniform(1, 1.3), 2))


def receipt_questions(receipt: Receipt, rng: random.Random) -> list[DocsQuestion]:
    """All questions that the receipt can answer."""
    payment_used = {"card": receipt.by_card, "cash": not receipt.by_card}
    payment = rng.choice(list(payment_used))
    questions = [
        DocsQuestion("field", {"it": "total"}, format_price(receipt.total)),
        DocsQuestion("text", {"it": "name of the shop"}, receipt.shop),
        DocsQuestion("field", {"it": "date"}, receipt.date),
        DocsQuestion("field", {"it": "receipt number"}, str(receipt.number)),
        DocsQuestion("text", {"it": "address"}, receipt.street),
        DocsQuestion("how_many", {"things": "lines of goods"}, str(len(receipt.lines))),
        DocsQuestion("how_many", {"things": "pieces in all"},
                     str(sum(pieces for _, pieces, _ in receipt.lines))),
        DocsQuestion("check", {"claim": f"{payment} was used to pay"},
                     "yes" if payment_used[payment] else "no")
    ]
    if not receipt.by_card:
        questions.append(DocsQuestion("field", {"it": "change"}, format_price(receipt.paid - receipt.total)))
    amounts = {name: pieces * cents for name, pieces, cents in receipt.lines}
    for superlative, best in (("highest", max(amounts.values())), ("lowest", min(amounts.values()))):
        if list(amounts.values()).count(best) == 1:
            questions.append(
                DocsQuestion("extremum", {"axis": "item", "most": superlative, "noun": "amount"},
                             next(name for name in amounts if amounts[name] == best)))
    for name, pieces, cents in receipt.lines:
        questions.append(DocsQuestion("retrieve", {"it": f"amount for {name}"}, format_price(amounts[name])))
        if pieces > 1:
            questions.append(DocsQuestion("retrieve", {"it": f"price of one {name}"}, format_price(cents)))
    for (first, _, _), (second, _, _) in zip(receipt.lines, receipt.lines[1:]):
        slots = {"noun": "amount", "a": f"for {first}", "b": f"for {second}", "x": first, "y": second}
        questions += [
            DocsQuestion("sum", slots, format_price(amounts[first] + amounts[second])),
            DocsQuestion("difference", slots, format_price(abs(amounts[first] - amounts[second])))
        ]
    return questions


@dataclass(frozen=True)
class Form:
    """A filled-in form: fields as (name, value), boxes as (name, is ticked)."""
    title: str
    fields: tuple[tuple[str, str], ...]
    boxes: tuple[tuple[str, bool], ...]
    color: str
    theme: str
    room: float
    family = "other"

    @property
    def data(self) -> tuple:
        """The facts without the appearance. They decide the split."""
        return self.title, self.fields, self.boxes


def draw_form(form: Form) -> Canvas:
    """Draw the form."""
    line_height, left = round(28 * form.room), MARGIN + max_text_width(name for name, _ in form.fields) + 12
    cell_width = max_text_width(name for name, _ in form.boxes) + 44
    width = max(left + max_text_width(value for _, value in form.fields) + 40, 2 * MARGIN + 2 * cell_width,
                text_width(form.title, TITLE_SIZE) + 40)
    num_rows = -(-len(form.boxes) // 2)
    canvas = Canvas(clamp_side(width * form.room),
                    max(224, 62 + line_height * (len(form.fields) + num_rows)), form.theme)
    canvas.banner(form.title, 40, form.color, MARGIN, TITLE_SIZE)
    y = 52 + line_height / 2
    for name, value in form.fields:
        canvas.text(name, MARGIN, y, color=canvas.theme.faint)
        canvas.box(left, y - 11, canvas.width - MARGIN, y + 11, canvas.theme.panel, canvas.theme.rule,
                   radius=3)
        canvas.text(value, left + 8, y)
        y += line_height
    for index, (name, ticked) in enumerate(form.boxes):
        x, line_y = MARGIN + index % 2 * cell_width, y + index // 2 * line_height
        canvas.box(x, line_y - 7, x + 14, line_y + 7, canvas.theme.panel, canvas.theme.faint, radius=2,
                   line=1.5)
        if ticked:
            canvas.line([(x + 3, line_y), (x + 6, line_y + 4), (x + 12, line_y - 5)],
                        canvas.theme.text_color, 2)
        canvas.text(name, x + 22, line_y)
    return canvas


def make_form(persona: Persona, novel: bool, rng: random.Random) -> Form:
    """A random form, held-out or for training, with random values."""
    title = rng.choice(items_for_split(FORMS, novel))
    fields = {"First name": rng.choice(NAMES), "Town": rng.choice(TOWNS), "Birthday": random_date(rng),
              "Date": random_date(rng), "Number": str(rng.randint(10_000, 99_999)),
              "Phone": f"{rng.randint(200, 999)} {rng.randint(1000, 9999)}",
              "Job": persona.job, "Street": f"{rng.randint(1, 99)} {rng.choice(STREETS)}"}
    chosen = rng.sample(list(fields.items()), rng.randint(3, 6))
    boxes = tuple((name, rng.random() < 0.5) for name in rng.sample(FORMS[title], rng.randint(3, 5)))
    return Form(title, tuple(chosen), boxes, rng.choice(list(COLORS)), rng.choice(persona.themes),
                round(rng.uniform(1, 1.3), 2))


def form_questions(form: Form, rng: random.Random) -> list[DocsQuestion]:
    """All questions that the form can answer."""
    ticked = [name for name, is_ticked in form.boxes if is_ticked]
    questions = [
        DocsQuestion("text", {"it": "title"}, form.title),
        DocsQuestion("how_many", {"things": "boxes with a tick"}, str(len(ticked))),
        DocsQuestion("how_many", {"things": "fields with words in them"}, str(len(form.fields)))
    ]
    questions += [DocsQuestion("field", {"it": name.lower()}, value) for name, value in form.fields]
    questions += [
        DocsQuestion("lookup", {"axis": "field", "noun": "entry", "value": f'"{value}"'}, name)
        for name, value in form.fields if [entry for _, entry in form.fields].count(value) == 1
    ]
    if len(ticked) == 1:
        questions.append(DocsQuestion("text", {"it": "only box with a tick"}, ticked[0]))
    answer = rng.choice(("yes", "no"))
    candidates = [name for name, is_ticked in form.boxes if is_ticked == (answer == "yes")]
    if candidates:
        questions.append(
            DocsQuestion("check", {"claim": f'there is a tick at "{rng.choice(candidates)}"'}, answer))
    return questions
