"""Personas and topics: a persona decides appearance and preferred questions, a topic gives the data.

Topics with `novel=True` occur in the split `novel` only.
"""
from __future__ import annotations

from dataclasses import dataclass

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
YEARS = tuple(str(year) for year in range(2013, 2027))
QUARTERS = ("Q1", "Q2", "Q3", "Q4")
HOURS = ("6 am", "8 am", "10 am", "noon", "2 pm", "4 pm", "6 pm", "8 pm")
NAMES = ("Ada", "Ben", "Carla", "Dev", "Ella", "Finn", "Gita", "Hugo", "Ines", "Jonas", "Kira", "Leo", "Mina",
         "Noah", "Olga", "Paul", "Rosa", "Sami", "Tara", "Uma", "Vera", "Wim", "Yara", "Zoe")
TOWNS = ("Arden", "Bexley", "Corin", "Dale", "Elmside", "Fairview", "Grafton", "Holt", "Ivy Bay", "Kesten",
         "Larkhill", "Marlow", "Norby", "Oakham")


@dataclass(frozen=True)
class Persona:
    """The author of a page. Questions of the `preferred_types` (see wordings.py) are asked first."""
    job: str
    themes: tuple[str, ...]
    preferred_types: tuple[str, ...]


PERSONAS = (
    Persona("accountant", ("light", "paper"), ("sum", "difference", "average")),
    Persona("teacher", ("mint", "light"), ("compare", "count", "text")),
    Persona("journalist", ("paper", "light"), ("extremum", "trend", "choice")),
    Persona("night guard", ("dark", "slate"), ("retrieve", "text", "count")),
    Persona("scientist", ("light", "slate"), ("trend", "average", "retrieve")),
    Persona("gardener", ("mint", "paper"), ("extremum", "sum", "order")),
    Persona("coach", ("dark", "rose"), ("choice", "extremum", "difference")),
    Persona("nurse", ("mint", "light"), ("retrieve", "trend", "count")),
    Persona("shopkeeper", ("rose", "paper"), ("sum", "retrieve", "extremum")),
    Persona("programmer", ("dark", "slate"), ("count", "difference", "order")),
    Persona("librarian", ("paper", "rose"), ("text", "order", "count")),
    Persona("farmer", ("paper", "mint"), ("extremum", "sum", "trend")),
    Persona("pilot", ("slate", "dark"), ("difference", "order", "retrieve")),
    Persona("student", ("light", "rose"), ("average", "compare", "choice")),
)


@dataclass(frozen=True)
class Topic:
    """A quantity with plausible values. `noun` follows "the"; `at` precedes a row: "in Jan"."""
    title: str
    noun: str
    unit: str              # "" if the noun names it
    axis: str              # what rows are: month, day, fruit
    at: str
    rows: tuple[str, ...]
    groups: tuple[str, ...]  # possible columns
    low: int               # plausible values; in tenths if `decimals` is 1
    high: int
    ordered: bool = False  # rows follow each other in time
    share: bool = False    # rows are parts of a whole, so a pie chart makes sense
    decimals: int = 0
    adds: bool = True      # sums make sense, unlike sums of temperatures
    novel: bool = False


def _time_topic(title, noun, unit, axis, rows, groups, low, high, **options) -> Topic:
    at = {"day": "on", "hour": "at"}.get(axis, "in")
    return Topic(title, noun, unit, axis, at, rows, groups, low, high, ordered=True, **options)


def _category_topic(title, noun, unit, axis, rows, groups, low, high, share=True, **options) -> Topic:
    return Topic(title, noun, unit, axis, "for", rows, groups, low, high, share=share, **options)


TOPICS = (
    _time_topic("Rainfall", "rainfall", "mm", "month", MONTHS, TOWNS, 10, 180),
    _time_topic("Sunny hours", "number of sunny hours", "", "month", MONTHS, TOWNS, 40, 300),
    _time_topic("Snow depth", "snow depth", "cm", "day", DAYS, ("Summit", "Valley", "Cabin", "Lift"), 5, 90,
                adds=False),
    _time_topic("Museum visitors", "number of visitors", "", "day", DAYS, ("Art", "Trains", "Toys", "Ships"),
                20, 400),
    _time_topic("Bakery sales", "number of loaves", "", "day", DAYS, ("Rye", "Wheat", "Spelt", "Oat"), 20,
                160),
    _time_topic("Power used", "power used", "kWh", "month", MONTHS, ("Home", "Office", "School", "Farm"),
                100, 900),
    _time_topic("Solar power", "solar power", "kWh", "month", MONTHS, ("Roof A", "Roof B", "Barn"), 20, 500),
    _time_topic("Water level", "water level", "cm", "hour", HOURS, ("Pier", "Lock", "Bridge"), 20, 240,
                adds=False),
    _time_topic("Room temperature", "temperature", "degrees", "hour", HOURS, ("Kitchen", "Attic", "Cellar"),
                8, 32, adds=False),
    _time_topic("Steps walked", "number of steps", "hundreds", "day", DAYS, NAMES, 20, 150),
    _time_topic("Minutes of sleep", "sleep", "min", "day", DAYS, NAMES, 300, 600),
    _time_topic("Books lent", "number of books", "", "month", MONTHS, ("Novels", "Comics", "Science"), 30,
                480),
    _time_topic("Bike rentals", "number of rentals", "", "month", MONTHS, ("Station", "Park", "Harbor"), 50,
                900),
    _time_topic("Bus riders", "number of riders", "", "year", YEARS,
                ("Line 1", "Line 2", "Line 3", "Line 4"), 100, 990),
    _time_topic("Town budget", "budget", "million", "year", YEARS, ("Roads", "Schools", "Parks"), 10, 95),
    _time_topic("Wheat harvest", "harvest", "tons", "year", YEARS, ("North", "South", "East", "West"), 20,
                300),
    _time_topic("Honey harvest", "honey harvest", "kg", "year", YEARS, ("Hive A", "Hive B", "Hive C"), 10,
                80),
    _time_topic("Club members", "number of members", "", "year", YEARS, ("Chess", "Choir", "Tennis"), 15,
                240, adds=False),
    _time_topic("Price of coffee", "price", "euros", "year", YEARS, ("Small", "Large", "To go"), 12, 58,
                decimals=1, adds=False),
    _time_topic("Rent per room", "rent", "euros", "year", YEARS, TOWNS, 200, 900, adds=False),
    _time_topic("Web traffic", "number of clicks", "", "day", DAYS, ("Phone", "Tablet", "Laptop"), 50, 950),
    _time_topic("Support calls", "number of calls", "", "day", DAYS, ("Mail", "Phone", "Chat"), 5, 120),
    _time_topic("Revenue", "revenue", "k euros", "quarter", QUARTERS, ("Shop", "Online", "Export"), 20, 480),
    _time_topic("Orders shipped", "number of orders", "", "quarter", QUARTERS, ("North", "South", "East"),
                40, 900),
    _category_topic("Fruit sold", "amount sold", "kg", "fruit",
                    ("Apple", "Banana", "Cherry", "Grape", "Lemon", "Mango", "Pear", "Plum"),
                    ("Market", "Store", "Kiosk"), 10, 160),
    _category_topic("Vegetables grown", "harvest", "kg", "vegetable",
                    ("Bean", "Beet", "Carrot", "Leek", "Onion", "Pea", "Potato", "Pumpkin"),
                    ("Bed 1", "Bed 2", "Bed 3"), 4, 90),
    _category_topic("Favorite pets", "number of votes", "", "pet",
                    ("Cat", "Dog", "Fish", "Hamster", "Parrot", "Rabbit", "Turtle"),
                    ("Class 4", "Class 5", "Class 6"), 2, 60),
    _category_topic("Trees in the park", "number of trees", "", "tree",
                    ("Ash", "Beech", "Birch", "Elm", "Maple", "Oak", "Pine", "Willow"),
                    ("Hill", "Lake", "Gate"), 5, 120),
    _category_topic("Birds counted", "number of birds", "", "bird",
                    ("Crow", "Duck", "Finch", "Heron", "Owl", "Robin", "Swan", "Wren"),
                    ("Spring", "Summer", "Autumn"), 3, 95),
    _category_topic("Drinks sold", "number of cups", "", "drink",
                    ("Cocoa", "Coffee", "Cola", "Juice", "Milk", "Tea", "Water"),
                    ("Morning", "Noon", "Evening"), 10, 200),
    _category_topic("Ice cream", "number of scoops", "", "flavor",
                    ("Cherry", "Lemon", "Mango", "Mint", "Nut", "Vanilla"), ("June", "July", "August"), 20,
                    300),
    _category_topic("School clubs", "number of members", "", "club",
                    ("Art", "Chess", "Choir", "Drama", "Film", "Robots", "Yoga"), ("Girls", "Boys"), 4, 50),
    _category_topic("Way to work", "number of people", "", "vehicle",
                    ("Bike", "Bus", "Car", "Ferry", "Train", "Tram"), ("Town", "Village", "Suburb"), 10,
                    300),
    _category_topic("Goals scored", "number of goals", "", "player", NAMES, ("Spring", "Autumn"), 1, 40,
                    share=False),
    _category_topic("Test scores", "score", "points", "student", NAMES, ("Maths", "Music", "Art"), 20, 100,
                    share=False),
    _category_topic("Push-ups", "number of push-ups", "", "athlete", NAMES, ("Week 1", "Week 2", "Week 3"),
                    5, 70, share=False),
    _category_topic("Reading time", "reading time", "hours", "reader", NAMES, ("May", "June", "July"), 10,
                    95, share=False, decimals=1),
    _category_topic("Town areas", "area", "sq km", "town", TOWNS, ("Land", "Water"), 10, 240, share=False),
    _category_topic("Hotel beds", "number of beds", "", "town", TOWNS, ("Hotels", "Hostels"), 30, 800),
    _category_topic("Languages spoken", "number of speakers", "", "language",
                    ("Arabic", "Czech", "Dutch", "Greek", "Hindi", "Polish", "Swedish", "Welsh"),
                    ("Adults", "Children"), 10, 250),
    _category_topic("Coding hours", "number of hours", "", "project",
                    ("Atlas", "Comet", "Delta", "Echo", "Lotus", "Orbit"), ("Design", "Tests", "Review"), 5,
                    90),
    _category_topic("Metal mined", "output", "tons", "metal",
                    ("Copper", "Gold", "Iron", "Lead", "Nickel", "Silver", "Tin", "Zinc"),
                    ("Mine A", "Mine B"), 10, 300),
    _category_topic("Instruments", "number of pupils", "", "instrument",
                    ("Cello", "Drums", "Flute", "Guitar", "Harp", "Piano", "Violin"), ("Year 1", "Year 2"),
                    3, 60),
    _time_topic("Wind speed", "wind speed", "km/h", "hour", HOURS, ("Coast", "Ridge", "Port"), 5, 95,
                novel=True, adds=False),
    _time_topic("Ferry tickets", "number of tickets", "", "month", MONTHS, ("Adult", "Child", "Bike"), 40,
                800, novel=True),
    _category_topic("Cheese tasting", "number of points", "", "cheese",
                    ("Brie", "Cheddar", "Edam", "Feta", "Gouda", "Havarti"), ("Jury A", "Jury B"), 10, 98,
                    novel=True),
    _category_topic("Moons seen", "number of sightings", "", "moon",
                    ("Callisto", "Europa", "Io", "Oberon", "Rhea", "Titan", "Triton"), ("May", "June"), 2,
                    60, novel=True),
)


@dataclass(frozen=True)
class ScatterTopic:
    """Two quantities for a scatter plot, with their units and grid steps."""
    title: str
    nouns: tuple[str, str]   # along x, along y
    units: tuple[str, str]
    steps: tuple[int, int]
    novel: bool = False


SCATTER_TOPICS = (
    ScatterTopic("Study and score", ("study time", "score"), ("hours", "points"), (1, 10)),
    ScatterTopic("Size and price", ("size", "price"), ("sq m", "k euros"), (20, 50)),
    ScatterTopic("Age and height", ("age", "height"), ("years", "cm"), (2, 20)),
    ScatterTopic("Distance and fare", ("distance", "fare"), ("km", "euros"), (5, 2)),
    ScatterTopic("Weight and speed", ("weight", "speed"), ("kg", "km/h"), (10, 5)),
    ScatterTopic("Water and growth", ("water", "growth"), ("liters", "cm"), (2, 5)),
    ScatterTopic("Practice and wins", ("practice time", "number of wins"), ("hours", ""), (5, 2)),
    ScatterTopic("Ads and sales", ("number of ads", "sales"), ("", "k euros"), (4, 25)),
    ScatterTopic("Depth and catch", ("depth", "catch"), ("m", "kg"), (10, 20), novel=True),
)
