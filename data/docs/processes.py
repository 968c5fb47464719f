"""The content of diagrams: processes, cycles and hierarchies."""
from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Process:
    """Steps in order, and a decision with the step that follows "no"."""
    title: str
    steps: tuple[str, ...]
    decision: str = ""
    otherwise: str = ""
    novel: bool = False


PROCESSES = (
    Process("Baking bread",
            ("Weigh flour", "Add water", "Knead dough", "Let it rest", "Shape loaf", "Heat oven",
             "Bake loaf", "Cool down"),
            "Risen enough?", "Wait longer"),
    Process("Mending a bike",
            ("Lift bike", "Remove wheel", "Find hole", "Clean tube", "Glue patch", "Pump tire", "Test ride"),
            "Is it tight?", "Change tube"),
    Process("Sending a parcel",
            ("Choose box", "Wrap item", "Fill gaps", "Close box", "Weigh box", "Pay postage", "Drop off"),
            "Under 10 kg?", "Split in two"),
    Process("Lending a book",
            ("Search shelf", "Pick book", "Show card", "Scan book", "Stamp date", "Read it", "Bring back"),
            "Is card valid?", "Renew card"),
    Process("Fixing a bug",
            ("Read report", "Write test", "Find cause", "Change code", "Run tests", "Ask review", "Merge",
             "Release"),
            "Tests pass?", "Debug again"),
    Process("Growing tomatoes",
            ("Fill pot", "Sow seeds", "Water daily", "Move outside", "Tie to stick", "Feed plant",
             "Pick fruit"),
            "Is it warm?", "Cover plants"),
    Process("Catching a flight",
            ("Pack bag", "Take train", "Check in", "Drop bag", "Pass security", "Find gate", "Board plane"),
            "Light enough?", "Buy kilos"),
    Process("Making tea",
            ("Fill kettle", "Boil water", "Warm pot", "Add leaves", "Pour water", "Let steep", "Serve tea"),
            "Strong enough?", "Wait 1 min"),
    Process("Seeing a doctor",
            ("Call clinic", "Get a date", "Fill form", "Wait in hall", "Meet doctor", "Get advice",
             "Go home"),
            "Feeling well?", "See nurse"),
    Process("Painting a wall",
            ("Clear room", "Cover floor", "Sand wall", "Tape edges", "First coat", "Let it dry",
             "Last coat"),
            "Is it even?", "Sand again"),
    Process("Hiring",
            ("Post job", "Read letters", "Make calls", "Invite three", "Talk at length", "Check papers",
             "Sign contract"),
            "Good match?", "Send regrets"),
    Process("Recycling glass",
            ("Collect jars", "Sort colors", "Wash jars", "Crush glass", "Melt glass", "Blow bottles",
             "Fill bottles"),
            "Is it clean?", "Wash again"),
    Process("Sailing out",
            ("Check weather", "Load boat", "Raise sail", "Cast off", "Leave port", "Set course",
             "Watch wind"),
            "Is it calm?", "Stay ashore", novel=True),
    Process("Firing clay",
            ("Wedge clay", "Throw pot", "Trim foot", "Dry slowly", "First fire", "Dip in glaze",
             "Last fire"),
            "Fully dry?", "Wait a day", novel=True),
)

CYCLES = (
    Process("Water cycle", ("Sea", "Vapor", "Cloud", "Rain", "River", "Lake")),
    Process("Life of a frog", ("Eggs", "Tadpole", "Two legs", "Four legs", "Froglet", "Frog")),
    Process("Life of a butterfly", ("Egg", "Larva", "Pupa", "Young", "Adult", "Mating")),
    Process("Seasons of a farm", ("Plow", "Sow", "Weed", "Harvest", "Store", "Rest")),
    Process("Product cycle", ("Plan", "Design", "Build", "Test", "Ship", "Learn")),
    Process("Day of a bakery", ("Mix", "Shape", "Bake", "Sell", "Clean", "Order")),
    Process("Money in a town", ("Wages", "Shopping", "Shops", "Taxes", "Town hall", "Works")),
    Process("Carbon cycle", ("Air", "Leaves", "Cattle", "Soil", "Roots", "Microbes")),
    Process("Moon phases", ("New", "Crescent", "Half", "Gibbous", "Full", "Waning"), novel=True),
)


@dataclass(frozen=True)
class Hierarchy:
    """A root, its branches and the leaves of each. All names differ."""
    root: str
    branches: tuple[tuple[str, tuple[str, ...]], ...]
    novel: bool = False


HIERARCHIES = (
    Hierarchy("Animals", (("Mammals", ("Cat", "Whale", "Bat", "Horse")), ("Birds", ("Owl", "Swan", "Robin")),
                          ("Fish", ("Trout", "Shark", "Eel")), ("Insects", ("Bee", "Ant", "Moth", "Fly")))),
    Hierarchy("Company",
              (("Sales", ("Export", "Shops", "Online")), ("Research", ("Lab", "Patents", "Design")),
               ("Finance", ("Taxes", "Payroll", "Audit")), ("Factory", ("Press", "Paint", "Store")))),
    Hierarchy("Hospital",
              (("Surgery", ("Heart", "Bones", "Skin")), ("Children", ("Babies", "School", "Play")),
               ("Service", ("Kitchen", "Laundry", "Security")))),
    Hierarchy("School",
              (("Science", ("Physics", "Biology", "Maths")), ("Arts", ("Music", "Drama", "Film")),
               ("Sports", ("Judo", "Tennis", "Rowing")), ("Office", ("Grades", "Rooms", "Buses")))),
    Hierarchy("Website", (("Shop", ("Cart", "Offers", "Gifts")), ("Help", ("Contact", "Returns", "Guide")),
                          ("About", ("Team", "Press", "Jobs")), ("Blog", ("News", "Tips", "Photos")))),
    Hierarchy("Food", (("Fruit", ("Apple", "Plum", "Fig")), ("Grain", ("Rice", "Oats", "Rye")),
                       ("Dairy", ("Milk", "Cream", "Butter")), ("Nuts", ("Almond", "Pecan", "Cashew")))),
    Hierarchy("Orchestra",
              (("Strings", ("Violin", "Viola", "Cello")), ("Brass", ("Horn", "Tuba", "Trumpet")),
               ("Winds", ("Flute", "Oboe", "Clarinet")), ("Drums", ("Snare", "Timpani", "Gong")))),
    Hierarchy("Vehicles", (("Road", ("Car", "Bus", "Truck")), ("Rail", ("Train", "Tram", "Metro")),
                           ("Water", ("Ferry", "Canoe", "Tug")), ("Air", ("Plane", "Glider", "Balloon")))),
    Hierarchy("Project",
              (("Plan", ("Goals", "Budget", "Dates")), ("Build", ("Parts", "Frame", "Wiring")),
               ("Check", ("Safety", "Quality", "Speed")), ("Launch", ("Party", "Press kit", "Website")))),
    Hierarchy("My files", (("Photos", ("Beach", "Family", "Dogs")), ("Work", ("Letters", "Bills", "Plans")),
                           ("Music", ("Jazz", "Rock", "Folk")), ("Games", ("Chess", "Racing", "Puzzle")))),
    Hierarchy("Theater",
              (("Stage", ("Lights", "Sound", "Props")), ("Cast", ("Singers", "Dancers", "Actors")),
               ("House", ("Tickets", "Cloaks", "Bar"))),
              novel=True),
    Hierarchy("Minerals", (("Gems", ("Ruby", "Opal", "Topaz")), ("Ores", ("Galena", "Bauxite", "Pyrite")),
                           ("Salts", ("Halite", "Gypsum", "Borax"))),
              novel=True),
)
