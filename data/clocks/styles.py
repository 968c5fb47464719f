"""The catalogue: what each clock looks like. `face.py` and its neighbours draw what is named here."""
from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from data.clocks.pen import Color


class Paint(NamedTuple):
    """The colours of one clock: the hands must stand out from the dial."""
    case: Color
    dial: Color
    ink: Color     # numerals and ticks
    hands: Color
    accent: Color  # the second hand and small things


WALL = ("plain", "gradient", "plaster", "stripes", "bricks", "photo")
TABLE = ("wood", "cloth", "gradient", "photo", "plain")
PALE = ("plain", "plaster", "gradient")

PAINTS = {
    "office": Paint((38, 40, 44), (248, 248, 243), (24, 24, 26), (18, 18, 20), (204, 26, 34)),
    "steel": Paint((176, 182, 188), (244, 246, 248), (36, 40, 48), (22, 26, 34), (214, 60, 28)),
    "cream": Paint((168, 124, 58), (246, 236, 208), (48, 30, 16), (36, 22, 12), (150, 34, 24)),
    "gold": Paint((208, 164, 74), (252, 248, 234), (58, 42, 20), (32, 28, 60), (166, 30, 36)),
    "silver": Paint((196, 200, 206), (226, 230, 236), (40, 46, 60), (24, 40, 104), (24, 40, 104)),
    "ink": Paint((186, 190, 196), (24, 28, 36), (236, 238, 236), (244, 244, 240), (250, 132, 30)),
    "navy": Paint((202, 172, 96), (20, 36, 84), (240, 226, 176), (248, 238, 206), (250, 90, 70)),
    "glow": Paint((58, 62, 64), (18, 24, 24), (146, 238, 150), (182, 252, 176), (250, 110, 50)),
    "sea": Paint((168, 176, 186), (8, 76, 108), (240, 250, 250), (252, 252, 250), (252, 196, 40)),
    "forest": Paint((200, 166, 92), (26, 74, 52), (236, 226, 190), (250, 242, 214), (240, 176, 60)),
    "rose": Paint((212, 152, 130), (252, 236, 230), (110, 56, 58), (96, 34, 48), (214, 70, 90)),
    "mint": Paint((86, 190, 160), (246, 253, 248), (28, 92, 82), (14, 70, 62), (240, 96, 70)),
    "tomato": Paint((214, 54, 44), (255, 250, 240), (54, 40, 38), (60, 30, 28), (230, 150, 20)),
    "lemon": Paint((244, 200, 50), (255, 254, 244), (44, 60, 110), (30, 46, 100), (220, 50, 60)),
    "sky": Paint((62, 132, 210), (238, 247, 255), (20, 60, 118), (14, 44, 96), (236, 86, 40)),
    "walnut": Paint((110, 66, 36), (244, 230, 200), (56, 32, 16), (40, 22, 10), (140, 40, 20)),
    "chalet": Paint((122, 70, 34), (74, 40, 20), (248, 236, 206), (252, 242, 218), (232, 190, 100)),
    "church": Paint((150, 138, 118), (22, 24, 40), (232, 190, 84), (246, 206, 96), (246, 206, 96)),
    "copper": Paint((176, 98, 62), (34, 28, 28), (236, 176, 132), (250, 204, 164), (250, 236, 210)),
    "iron": Paint((52, 50, 52), (236, 232, 224), (30, 28, 30), (20, 18, 22), (150, 20, 26)),
    "toy": Paint((250, 128, 60), (255, 255, 250), (60, 60, 70), (40, 60, 180), (230, 40, 50)),
    "dusk": Paint((60, 52, 84), (58, 40, 110), (252, 220, 200), (255, 238, 224), (255, 170, 90)),
    "lagoon": Paint((220, 226, 228), (20, 130, 140), (240, 252, 250), (252, 254, 252), (255, 214, 80)),
}


@dataclass(frozen=True)
class Style:
    """One kind of clock. Lengths are in radii of its dial."""
    paints: tuple[str, ...]
    marks: str                     # what tells the hours: see face.MARKS
    hands: tuple[str, ...]         # shapes that suit it: see hands.HANDS
    track: str = "ticks"           # what tells the minutes: ticks, rails, strokes, dots or nothing
    shape: str = "round"           # of dial and case: round, square, octagon
    rim: float = 0.12              # how wide the case shows around the dial
    around: str = "nothing"        # what belongs to it beside the dial: see around.AROUND
    dial: str = "plain"            # what is on it: plain, plate, fade, stars; open: none
    second: str = "needle"         # the second hand: needle, lollipop, or small with a dial of its own
    grounds: tuple[str, ...] = WALL
    tilt: float = 2.0              # it leans by up to so many degrees
    reach: float = 1.14            # how far it reaches from the centre, roughly
    lume: bool = False             # hands with a bright strip inside


STYLES = {
    "classroom": Style(("office", "sky"), "arabic", ("baton", "sword")),
    "railway": Style(("office", "steel"), "bars", ("plank",), "strokes", rim=0.08, second="lollipop"),
    "kitchen": Style(("tomato", "mint", "lemon", "sky"), "bold", ("pencil", "sword"), "dots", rim=0.2,
                     reach=1.2),
    "parlor": Style(("cream", "gold", "iron"), "roman", ("spade", "leaf"), "rails", rim=0.15),
    "pocket watch": Style(("gold", "silver", "cream"), "roman", ("spade", "leaf"), "rails", rim=0.14,
                          around="chain", second="small", grounds=TABLE, tilt=10, reach=1.5),
    "wrist watch": Style(("steel", "ink", "forest", "sea"), "batons", ("sword", "baton"), rim=0.13,
                         around="strap", grounds=TABLE, tilt=10, reach=1.24, lume=True),
    "dress watch": Style(("gold", "rose", "cream"), "needles", ("leaf", "dauphine"), "nothing", rim=0.08,
                         around="strap", grounds=TABLE, tilt=10, reach=1.2),
    "small seconds": Style(("silver", "navy", "cream"), "even", ("leaf", "dauphine"), "rails", rim=0.12,
                           around="strap", second="small", grounds=TABLE, tilt=10, reach=1.22),
    "diver": Style(("ink", "sea"), "lamps", ("arrow", "sword"), rim=0.26, around="diver", grounds=TABLE,
                   tilt=10, reach=1.32, lume=True),
    "pilot": Style(("ink", "copper"), "minutes", ("sword", "pencil"), rim=0.12, around="strap",
                   grounds=TABLE, tilt=10, reach=1.22, lume=True),
    "tank watch": Style(("gold", "silver"), "roman", ("sword", "leaf"), "nothing", "square", rim=0.1,
                        around="strap", grounds=TABLE, tilt=10, reach=1.25),
    "quarters": Style(("rose", "steel", "mint"), "quarters", ("baton", "pencil"), "dots", rim=0.06,
                      reach=1.08),
    "dots": Style(("office", "mint", "dusk"), "dots", ("baton", "pencil"), "nothing", rim=0.1),
    "ticks": Style(("steel", "ink", "walnut"), "needles", ("baton", "dauphine"), "ticks", rim=0.05,
                   reach=1.08),
    "square": Style(("walnut", "office", "tomato"), "arabic", ("sword", "pencil"), "nothing", "square",
                    rim=0.14, reach=1.3),
    "octagon": Style(("walnut", "iron", "navy"), "even", ("spade", "sword"), "ticks", "octagon", rim=0.18,
                     reach=1.26),
    "moonlight": Style(("navy", "dusk"), "dots", ("leaf", "dauphine"), "nothing", rim=0.08, dial="stars"),
    "alarm clock": Style(("glow", "tomato", "lemon", "mint"), "bold", ("arrow", "pencil"), "ticks", rim=0.14,
                         around="bells", grounds=TABLE, reach=1.4),
    "skeleton": Style(("iron", "walnut"), "roman", ("spade", "sword"), "nothing", rim=0.03, dial="open",
                      grounds=PALE, reach=1.06),
    "cuckoo": Style(("chalet",), "roman", ("spade", "leaf"), "nothing", rim=0.06, around="house",
                    reach=1.75),
    "sunburst": Style(("gold", "copper", "navy"), "needles", ("leaf", "dauphine"), "nothing", rim=0.08,
                      around="rays", reach=1.6),
    "toy": Style(("toy", "lemon"), "rainbow", ("arrow", "pencil"), "nothing", rim=0.18, reach=1.2),
    "gradient": Style(("lagoon", "dusk", "copper"), "twelve", ("baton", "sword"), "dots", rim=0.04,
                      dial="fade", reach=1.06),
    "porcelain": Style(("silver", "sky"), "arabic", ("leaf", "spade"), "dots", rim=0.1, dial="plate"),
    "tower": Style(("church", "iron"), "roman", ("spade", "arrow"), "rails", rim=0.1, around="tower",
                   grounds=("sky",), tilt=0, reach=1.45),
}
NOVEL = "tower"  # never in train and val: a clock of this style tests whether reading carries over
