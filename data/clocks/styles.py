"""The styles and palettes of clocks. The other modules of this folder draw them."""
from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from data.clocks.pen import Color


class Palette(NamedTuple):
    """The colours of a clock. The hands must stand out from the dial."""
    case: Color
    dial: Color
    ink: Color     # numerals and ticks
    hands: Color
    accent: Color  # the second hand and small parts


WALL_BACKGROUNDS = ("plain", "gradient", "plaster", "stripes", "bricks", "photo")
TABLE_BACKGROUNDS = ("wood", "cloth", "gradient", "photo", "plain")
PALE_BACKGROUNDS = ("plain", "plaster", "gradient")

PALETTES = {
    "office": Palette((38, 40, 44), (248, 248, 243), (24, 24, 26), (18, 18, 20), (204, 26, 34)),
    "steel": Palette((176, 182, 188), (244, 246, 248), (36, 40, 48), (22, 26, 34), (214, 60, 28)),
    "cream": Palette((168, 124, 58), (246, 236, 208), (48, 30, 16), (36, 22, 12), (150, 34, 24)),
    "gold": Palette((208, 164, 74), (252, 248, 234), (58, 42, 20), (32, 28, 60), (166, 30, 36)),
    "silver": Palette((196, 200, 206), (226, 230, 236), (40, 46, 60), (24, 40, 104), (24, 40, 104)),
    "ink": Palette((186, 190, 196), (24, 28, 36), (236, 238, 236), (244, 244, 240), (250, 132, 30)),
    "navy": Palette((202, 172, 96), (20, 36, 84), (240, 226, 176), (248, 238, 206), (250, 90, 70)),
    "glow": Palette((58, 62, 64), (18, 24, 24), (146, 238, 150), (182, 252, 176), (250, 110, 50)),
    "sea": Palette((168, 176, 186), (8, 76, 108), (240, 250, 250), (252, 252, 250), (252, 196, 40)),
    "forest": Palette((200, 166, 92), (26, 74, 52), (236, 226, 190), (250, 242, 214), (240, 176, 60)),
    "rose": Palette((212, 152, 130), (252, 236, 230), (110, 56, 58), (96, 34, 48), (214, 70, 90)),
    "mint": Palette((86, 190, 160), (246, 253, 248), (28, 92, 82), (14, 70, 62), (240, 96, 70)),
    "tomato": Palette((214, 54, 44), (255, 250, 240), (54, 40, 38), (60, 30, 28), (230, 150, 20)),
    "lemon": Palette((244, 200, 50), (255, 254, 244), (44, 60, 110), (30, 46, 100), (220, 50, 60)),
    "sky": Palette((62, 132, 210), (238, 247, 255), (20, 60, 118), (14, 44, 96), (236, 86, 40)),
    "walnut": Palette((110, 66, 36), (244, 230, 200), (56, 32, 16), (40, 22, 10), (140, 40, 20)),
    "chalet": Palette((122, 70, 34), (74, 40, 20), (248, 236, 206), (252, 242, 218), (232, 190, 100)),
    "church": Palette((150, 138, 118), (22, 24, 40), (232, 190, 84), (246, 206, 96), (246, 206, 96)),
    "copper": Palette((176, 98, 62), (34, 28, 28), (236, 176, 132), (250, 204, 164), (250, 236, 210)),
    "iron": Palette((52, 50, 52), (236, 232, 224), (30, 28, 30), (20, 18, 22), (150, 20, 26)),
    "toy": Palette((250, 128, 60), (255, 255, 250), (60, 60, 70), (40, 60, 180), (230, 40, 50)),
    "dusk": Palette((60, 52, 84), (58, 40, 110), (252, 220, 200), (255, 238, 224), (255, 170, 90)),
    "lagoon": Palette((220, 226, 228), (20, 130, 140), (240, 252, 250), (252, 254, 252), (255, 214, 80)),
}


@dataclass(frozen=True)
class Style:
    """One style of clock. Lengths are in radii of its dial."""
    palettes: tuple[str, ...]
    hour_marks: str                     # see face.HOUR_MARKS
    hands: tuple[str, ...]         # possible shapes: see hands.HAND_PROFILES
    minute_track: str = "ticks"           # ticks, rails, strokes, dots or nothing
    shape: str = "round"           # dial and case: round, square, octagon
    rim_width: float = 0.12              # width of the case around the dial
    accessory: str = "nothing"        # see accessories.ACCESSORIES
    dial: str = "plain"            # plain, plate, fade, stars; open: no dial
    second_hand_style: str = "needle"  # needle, lollipop, or small with its own dial
    backgrounds: tuple[str, ...] = WALL_BACKGROUNDS
    max_tilt: float = 2.0              # largest tilt in degrees
    extent: float = 1.14            # largest distance from the centre, roughly
    luminous: bool = False             # hands with a bright strip inside


STYLES = {
    "classroom": Style(("office", "sky"), "arabic", ("baton", "sword")),
    "railway": Style(("office", "steel"), "bars", ("plank",), "strokes", rim_width=0.08,
                     second_hand_style="lollipop"),
    "kitchen": Style(("tomato", "mint", "lemon", "sky"), "bold", ("pencil", "sword"), "dots", rim_width=0.2,
                     extent=1.2),
    "parlor": Style(("cream", "gold", "iron"), "roman", ("spade", "leaf"), "rails", rim_width=0.15),
    "pocket watch": Style(("gold", "silver", "cream"), "roman", ("spade", "leaf"), "rails", rim_width=0.14,
                          accessory="chain", second_hand_style="small", backgrounds=TABLE_BACKGROUNDS,
                          max_tilt=10, extent=1.5),
    "wrist watch": Style(("steel", "ink", "forest", "sea"), "batons", ("sword", "baton"), rim_width=0.13,
                         accessory="strap", backgrounds=TABLE_BACKGROUNDS, max_tilt=10, extent=1.24,
                         luminous=True),
    "dress watch": Style(("gold", "rose", "cream"), "needles", ("leaf", "dauphine"), "nothing",
                         rim_width=0.08, accessory="strap", backgrounds=TABLE_BACKGROUNDS, max_tilt=10,
                         extent=1.2),
    "small seconds": Style(("silver", "navy", "cream"), "even", ("leaf", "dauphine"), "rails",
                           rim_width=0.12, accessory="strap", second_hand_style="small",
                           backgrounds=TABLE_BACKGROUNDS, max_tilt=10, extent=1.22),
    "diver": Style(("ink", "sea"), "lamps", ("arrow", "sword"), rim_width=0.26, accessory="diver",
                   backgrounds=TABLE_BACKGROUNDS, max_tilt=10, extent=1.32, luminous=True),
    "pilot": Style(("ink", "copper"), "minutes", ("sword", "pencil"), rim_width=0.12, accessory="strap",
                   backgrounds=TABLE_BACKGROUNDS, max_tilt=10, extent=1.22, luminous=True),
    "tank watch": Style(("gold", "silver"), "roman", ("sword", "leaf"), "nothing", "square", rim_width=0.1,
                        accessory="strap", backgrounds=TABLE_BACKGROUNDS, max_tilt=10, extent=1.25),
    "quarters": Style(("rose", "steel", "mint"), "quarters", ("baton", "pencil"), "dots", rim_width=0.06,
                      extent=1.08),
    "dots": Style(("office", "mint", "dusk"), "dots", ("baton", "pencil"), "nothing", rim_width=0.1),
    "ticks": Style(("steel", "ink", "walnut"), "needles", ("baton", "dauphine"), "ticks", rim_width=0.05,
                   extent=1.08),
    "square": Style(("walnut", "office", "tomato"), "arabic", ("sword", "pencil"), "nothing", "square",
                    rim_width=0.14, extent=1.3),
    "octagon": Style(("walnut", "iron", "navy"), "even", ("spade", "sword"), "ticks", "octagon",
                     rim_width=0.18, extent=1.26),
    "moonlight": Style(("navy", "dusk"), "dots", ("leaf", "dauphine"), "nothing", rim_width=0.08,
                       dial="stars"),
    "alarm clock": Style(("glow", "tomato", "lemon", "mint"), "bold", ("arrow", "pencil"), "ticks",
                         rim_width=0.14, accessory="bells", backgrounds=TABLE_BACKGROUNDS, extent=1.4),
    "skeleton": Style(("iron", "walnut"), "roman", ("spade", "sword"), "nothing", rim_width=0.03,
                      dial="open", backgrounds=PALE_BACKGROUNDS, extent=1.06),
    "cuckoo": Style(("chalet",), "roman", ("spade", "leaf"), "nothing", rim_width=0.06, accessory="house",
                    extent=1.75),
    "sunburst": Style(("gold", "copper", "navy"), "needles", ("leaf", "dauphine"), "nothing", rim_width=0.08,
                      accessory="rays", extent=1.6),
    "toy": Style(("toy", "lemon"), "rainbow", ("arrow", "pencil"), "nothing", rim_width=0.18, extent=1.2),
    "gradient": Style(("lagoon", "dusk", "copper"), "twelve", ("baton", "sword"), "dots", rim_width=0.04,
                      dial="fade", extent=1.06),
    "porcelain": Style(("silver", "sky"), "arabic", ("leaf", "spade"), "dots", rim_width=0.1, dial="plate"),
    "tower": Style(("church", "iron"), "roman", ("spade", "arrow"), "rails", rim_width=0.1,
                   accessory="tower", backgrounds=("sky",), max_tilt=0, extent=1.45),
}
NOVEL_STYLE = "tower"  # never in train and val: it tests whether reading transfers to a new style
