"""The 37 kinds of object of level full. Each is a list of outlines, filled by palette index.

Kinds with a front face right. The centre of each box lies on the object's body, because points go to the
centre.
"""
from __future__ import annotations

from dataclasses import dataclass

from data.scenes.shapes import (
    BODY,
    DARK,
    GLASS,
    GOLD,
    HOLE,
    INK,
    LEAF,
    LIGHT,
    METAL,
    SHADE,
    TINT,
    WOOD,
    Outline,
    Part,
    arc,
    arch,
    bar,
    box,
    curve,
    heart,
    oval,
    polygon,
    rounded,
    star,
    stroke,
)

PATTERNS = ("plain", "striped", "dotted")
COLORS = {
    "red": (206, 24, 40), "green": (28, 148, 60), "blue": (32, 84, 220),
    "yellow": (244, 218, 40), "purple": (142, 42, 172), "orange": (246, 122, 8),
    "pink": (248, 146, 190), "brown": (122, 74, 36), "white": (246, 246, 244), "black": (30, 30, 34),
}


@dataclass(frozen=True)
class ObjectKind:
    """Shape and wording of one kind of object."""
    aspect: float              # width / height of its box
    plural: str
    backgrounds: tuple[str, ...]  # where objects of this kind may be; () = anywhere
    parts: tuple[Part, ...]    # painted in this order, in a box of side 1


def make_object_kind(plural: str, backgrounds: str, *parts: Part) -> ObjectKind:
    """A kind from outlines of any scale, which are stretched to fill a box of side 1.

    backgrounds  names with spaces between them; "plain" and "noisy" are always allowed; "" = all
    """
    corners = [corner for number, outline in parts if number != HOLE for corner in outline]
    left, top = (min(corner[axis] for corner in corners) for axis in (0, 1))
    width, height = max(x for x, _ in corners) - left, max(y for _, y in corners) - top
    allowed = (*backgrounds.split(), "plain", "noisy") if backgrounds else ()

    def fit(outline: Outline) -> Outline:
        return tuple(((x - left) / width, (y - top) / height) for x, y in outline)

    return ObjectKind(width / height, plural, allowed,
                      tuple((number, fit(outline)) for number, outline in parts))


def _wheel(x: float, y: float, radius: float) -> tuple[Part, ...]:
    return (DARK, oval(x, y, radius)), (LIGHT, oval(x, y, radius * 0.45))


def _spoked_wheel(x: float, y: float, radius: float) -> tuple[Part, ...]:
    across = (METAL, bar(x - radius, y, x + radius, y, 2)), (METAL, bar(x, y - radius, x, y + radius, 2))
    return (DARK, oval(x, y, radius)), (HOLE, oval(x, y, radius - 5)), *across, (METAL, oval(x, y, 3))


def _eye(x: float, y: float, radius: float) -> tuple[Part, ...]:
    return (LIGHT, oval(x, y, radius)), (DARK, oval(x + radius / 4, y, radius * 0.55))


def _petals(x: float, y: float) -> tuple[Part, ...]:
    return tuple((BODY, oval(*centre, 19)) for centre in arc(x, y, 27, 27, 90, 390)[::6][:6])


_SCALLOPS = sum((arc(x, 58, 12.5, 7, 0, -180) for x in (87.5, 62.5, 37.5, 12.5)), ())
_FRINGE = sum((arc(x, 48, 10, 9, 0, 180) for x in (130, 110, 90, 70, 50, 30, 10)), ())
_LENS = curve((4, 96), (0, 0), (100, 0)) + curve((100, 0), (100, 100), (4, 96))
_STRING = curve((50, 94), (64, 112), (50, 122))[:-1] + curve((50, 122), (40, 130), (48, 144))
_TAIL = curve((50, 100), (74, 122), (46, 128))[:-1] + curve((46, 128), (22, 134), (36, 150))

KINDS: dict[str, ObjectKind] = {
    "house": make_object_kind(
        "houses", "field street night sea", (SHADE, box(70, 6, 82, 34)), (BODY, box(10, 36, 90, 100)),
        (SHADE, polygon("0 40  50 0  100 40")), (WOOD, box(58, 64, 76, 100)), (GOLD, oval(62, 83, 2)),
        (LIGHT, box(18, 54, 42, 78)), (GLASS, box(20, 56, 29, 65)), (GLASS, box(31, 56, 40, 65)),
        (GLASS, box(20, 67, 29, 76)), (GLASS, box(31, 67, 40, 76))),
    "tree": make_object_kind(
        "trees", "field street night", (WOOD, polygon("43 60  57 60  60 112  40 112")),
        (BODY, oval(28, 50, 26)), (BODY, oval(72, 50, 26)), (BODY, oval(50, 28, 30)),
        (BODY, oval(50, 58, 24)), (TINT, oval(38, 20, 8, 6)), (TINT, oval(22, 44, 6, 5)),
        (SHADE, oval(78, 60, 9, 6))),
    "car": make_object_kind(
        "cars", "street field night", (BODY, polygon("20 34  38 4  80 4  100 34")),
        (BODY, rounded(0, 28, 122, 60, 9)), (GLASS, polygon("31 28  42 10  57 10  57 28")),
        (GLASS, polygon("63 28  63 10  77 10  89 28")), (GOLD, oval(117, 40, 4, 6)),
        (SHADE, box(2, 54, 120, 60)), (SHADE, rounded(44, 33, 54, 36, 1)), *_wheel(28, 60, 14),
        *_wheel(94, 60, 14)),
    "boat": make_object_kind(
        "boats", "sea night", (WOOD, box(38, 0, 42, 72)), (BODY, polygon("45 4  94 62  45 62")),
        (TINT, polygon("35 16  35 62  8 62")), (BODY, polygon("0 68  100 68  86 98  16 98")),
        (SHADE, polygon("0 68  100 68  97 75  3 75"))),
    "sun": make_object_kind(
        "suns", "field sea street", (SHADE, star(50, 50, 12, 50, 35)), (BODY, oval(50, 50, 34)),
        (INK, oval(39, 42, 3.5, 5)), (INK, oval(61, 42, 3.5, 5)), (INK, arch(50, 52, 19, 3.5, 25, 155))),
    "moon": make_object_kind(
        "moons", "night", (BODY, arc(50, 50, 50, 50, 57, 303) + arc(90, 50, 44, 44, 253, 107)),
        (SHADE, oval(14, 48, 5, 6)), (SHADE, oval(30, 80, 6, 5)), (SHADE, oval(34, 20, 5, 5))),
    "star": make_object_kind("stars", "night", (BODY, star(50, 50, 5, 50, 23))),
    "fish": make_object_kind(
        "fish", "sea", (SHADE, polygon("28 40  2 12  8 40  2 68")),
        (SHADE, polygon("44 18  58 -2  82 2  80 18")), (SHADE, polygon("50 60  52 80  70 64")),
        (BODY, oval(62, 40, 42, 27)), *_eye(88, 33, 7), (INK, arch(102, 44, 10, 3, 95, 175)),
        (SHADE, arch(62, 40, 16, 3, -50, 50))),
    "bird": make_object_kind(
        "birds", "field sea street", (GOLD, bar(44, 66, 40, 92, 4)), (GOLD, bar(54, 66, 56, 92, 4)),
        (SHADE, polygon("26 46  12 4  36 12  62 36")),
        (BODY, polygon("24 42  -8 34  -4 46  -12 54  28 60")), (BODY, oval(48, 50, 34, 23)),
        (BODY, oval(76, 28, 19)), (GOLD, polygon("92 20  112 29  92 36")), *_eye(80, 24, 5)),
    "cat": make_object_kind(
        "cats", "room field street night", (BODY, arch(72, 82, 25, 9, -70, 115)),
        (BODY, oval(48, 76, 27, 33)), (TINT, oval(44, 84, 12, 18)), (BODY, polygon("24 26  24 -6  46 10")),
        (BODY, polygon("50 10  72 -6  72 26")), (BODY, oval(48, 27, 27, 22)), (GOLD, oval(37, 25, 6)),
        (GOLD, oval(59, 25, 6)), (DARK, oval(37, 25, 2, 5)), (DARK, oval(59, 25, 2, 5)),
        (INK, polygon("45 33  51 33  48 37")), (INK, bar(34, 36, 16, 33, 1.5)),
        (INK, bar(34, 39, 17, 41, 1.5)), (INK, bar(62, 36, 80, 33, 1.5)), (INK, bar(62, 39, 79, 41, 1.5)),
        (SHADE, oval(38, 106, 10, 4)), (SHADE, oval(59, 106, 10, 4))),
    "dog": make_object_kind(
        "dogs", "room field street", (SHADE, box(36, 58, 45, 90)), (SHADE, box(62, 58, 71, 90)),
        (BODY, stroke(curve((26, 46), (6, 40), (6, 14)), 8)), (BODY, rounded(18, 38, 86, 68, 13)),
        (BODY, rounded(22, 56, 32, 94, 3)), (BODY, rounded(73, 56, 83, 94, 3)),
        (BODY, polygon("66 44  76 20  100 34  86 60")), (BODY, oval(90, 25, 19, 17)),
        (BODY, rounded(92, 22, 120, 41, 8)), (DARK, oval(117, 26, 5, 4)), (SHADE, oval(78, 28, 8, 17)),
        *_eye(96, 19, 4), (GOLD, bar(70, 44, 88, 52, 4))),
    "flower": make_object_kind(
        "flowers", "field room", (LEAF, box(47, 60, 53, 126)),
        (LEAF, curve((50, 118), (16, 116), (12, 90)) + curve((12, 90), (44, 90), (50, 118))),
        (LEAF, curve((50, 112), (84, 110), (88, 84)) + curve((88, 84), (56, 84), (50, 112))),
        *_petals(50, 40), (WOOD, oval(50, 40, 13)), (GOLD, oval(50, 40, 8))),
    "mushroom": make_object_kind(
        "mushrooms", "field", (LIGHT, polygon("36 50  64 50  71 96  29 96")),
        (BODY, arc(50, 50, 50, 50, 180, 360) + arc(50, 50, 50, 12, 0, 180)), (TINT, oval(27, 24, 9, 7)),
        (SHADE, arch(50, 26, 38, 4, 50, 130))),
    "cup": make_object_kind(
        "cups", "room", (BODY, arch(76, 50, 24, 9, -90, 90)), (BODY, polygon("4 18  80 18  72 92  12 92")),
        (LIGHT, oval(42, 18, 38, 10)), (WOOD, oval(42, 19, 31, 6.5)),
        (TINT, polygon("13 36  19 36  23 82  18 82"))),
    "book": make_object_kind(
        "books", "room", (SHADE, polygon("12 22  74 6  96 90  34 106")),
        (LIGHT, polygon("8 18  71 4  92 86  30 102")), (BODY, polygon("0 14  64 -2  86 82  22 98")),
        (SHADE, polygon("0 14  9 12  31 96  22 98")), (LIGHT, polygon("22 20  57 11  61 25  26 34")),
        (INK, polygon("28 23  53 17  54 20  29 26"))),
    "key": make_object_kind(
        "keys", "room", (BODY, oval(24, 30, 24)), (HOLE, oval(19, 30, 10)), (BODY, box(42, 23, 112, 37)),
        (BODY, box(82, 34, 91, 53)), (BODY, box(98, 34, 110, 49)), (SHADE, box(43, 18, 48, 42))),
    "umbrella": make_object_kind(
        "umbrellas", "street field sea", (METAL, box(47.5, -7, 52.5, 88)),
        (METAL, arch(42, 86, 11, 5, 0, 180)), (BODY, arc(50, 58, 50, 58, 180, 360) + _SCALLOPS),
        (SHADE, stroke(curve((50, 0), (26, 20), (25, 57)), 2.5)),
        (SHADE, stroke(curve((50, 0), (74, 20), (75, 57)), 2.5))),
    "balloon": make_object_kind(
        "balloons", "field street room",
        (METAL, stroke(_STRING, 2.5)),
        (BODY, polygon("43 98  50 86  57 98")), (BODY, oval(50, 46, 38, 46)), (TINT, oval(34, 28, 7, 12))),
    "kite": make_object_kind(
        "kites", "field sea",
        (METAL, stroke(_TAIL, 2.5)),
        (BODY, polygon("51 124  66 112  68 130")), (BODY, polygon("51 124  38 114  36 132")),
        (BODY, polygon("50 0  94 44  50 106  6 44")), (SHADE, polygon("50 0  94 44  50 44")),
        (TINT, polygon("50 4  50 44  10 44"))),
    "bicycle": make_object_kind(
        "bicycles", "street field", *_spoked_wheel(24, 60, 25), *_spoked_wheel(98, 60, 25),
        (BODY, bar(58, 62, 24, 60, 5)), (BODY, bar(42, 28, 24, 60, 5)),
        (BODY, polygon("38 25  86 23  60 66  54 66")), (BODY, bar(82, 20, 98, 60, 6)),
        (METAL, bar(41, 26, 38, 14, 4)), (DARK, rounded(26, 9, 50, 16, 3)), (METAL, bar(83, 24, 79, 6, 4)),
        (DARK, rounded(74, 2, 96, 8, 3)), (METAL, oval(57, 64, 6))),
    "lamp": make_object_kind(
        "lamps", "room", (METAL, box(46, 56, 54, 94)), (METAL, arc(50, 100, 28, 12, 180, 360)),
        (BODY, polygon("28 0  72 0  96 60  4 60")), (GOLD, bar(66, 60, 66, 76, 2)), (GOLD, oval(66, 77, 3)),
        (SHADE, polygon("6 54  94 54  96 60  4 60"))),
    "chair": make_object_kind(
        "chairs", "room", (WOOD, box(24, 60, 31, 92)), (WOOD, box(58, 60, 65, 92)),
        (WOOD, box(11, 60, 19, 100)), (WOOD, box(70, 60, 78, 100)), (BODY, rounded(8, 0, 30, 62, 8)),
        (BODY, rounded(8, 41, 82, 64, 7)), (SHADE, box(32, 57, 78, 61)), (TINT, rounded(13, 6, 17, 34, 2))),
    "table": make_object_kind(
        "tables", "room", (WOOD, box(12, 40, 22, 92)), (WOOD, box(118, 40, 128, 92)),
        (BODY, ((10, 0), (130, 0), (140, 48), *_FRINGE, (0, 48))),
        (TINT, polygon("10 0  130 0  133 14  7 14"))),
    "clock": make_object_kind(
        "clocks", "room", (METAL, bar(26, 84, 16, 106, 8)), (METAL, bar(74, 84, 84, 106, 8)),
        (METAL, box(47, 2, 53, 14)), (SHADE, oval(22, 16, 16)), (SHADE, oval(78, 16, 16)),
        (SHADE, oval(50, 54, 46)), (BODY, oval(50, 54, 39)), (INK, box(48.5, 18, 51.5, 25)),
        (INK, box(48.5, 83, 51.5, 90)), (INK, box(14, 52.5, 21, 55.5)), (INK, box(79, 52.5, 86, 55.5)),
        (INK, bar(50, 54, 50, 29, 4)), (INK, bar(50, 54, 69, 65, 4)), (BODY, oval(50, 54, 8))),
    "sign": make_object_kind(
        "signs", "street field", (WOOD, box(55, 56, 65, 102)), (BODY, rounded(0, 0, 120, 62, 6)),
        (SHADE, oval(5, 56, 2)), (SHADE, oval(115, 56, 2))),
    "hat": make_object_kind(
        "hats", "room street", (BODY, oval(60, 60, 60, 13)),
        (BODY, curve((24, 62), (26, 0), (46, 2)) + curve((74, 2), (94, 0), (96, 62))),
        (INK, curve((25, 46), (60, 56), (95, 46)) + curve((96, 57), (60, 67), (24, 57)))),
    "ball": make_object_kind(
        "balls", "field street room sea", (METAL, oval(58, 98, 54, 8)), (BODY, oval(50, 50, 49)),
        (LIGHT, arch(2, 50, 34, 4, -57, 57)), (LIGHT, arch(98, 50, 34, 4, 123, 237)),
        (TINT, oval(50, 16, 10, 6))),
    "leaf": make_object_kind(
        "leaves", "field", (WOOD, bar(14, 86, -8, 108, 5)), (BODY, _LENS),
        (SHADE, stroke(curve((6, 94), (28, 36), (90, 10)), 3))),
    "apple": make_object_kind(
        "apples", "room field", (WOOD, stroke(curve((50, 28), (50, 12), (58, 2)), 6)),
        (LEAF, curve((54, 18), (62, -4), (92, 2)) + curve((92, 2), (80, 24), (54, 18))),
        (BODY, oval(34, 58, 32, 37)), (BODY, oval(66, 58, 32, 37)), (TINT, oval(20, 44, 6, 10)),
        (SHADE, arch(50, 12, 17, 3, 50, 130))),
    "bottle": make_object_kind(
        "bottles", "room sea", (BODY, rounded(8, 52, 62, 132, 8)), (BODY, box(26, 8, 44, 44)),
        (BODY, curve((8, 62), (10, 46), (26, 36)) + curve((44, 36), (60, 46), (62, 62))),
        (METAL, box(23, 0, 47, 12)), (LIGHT, box(8, 86, 62, 114)), (SHADE, box(18, 94, 52, 98)),
        (SHADE, box(18, 102, 42, 105)), (TINT, rounded(14, 58, 19, 80, 2))),
    "heart": make_object_kind("hearts", "", (BODY, heart())),
    "arrow": make_object_kind(
        "arrows", "street", (BODY, polygon("0 32  60 32  60 0  112 50  60 100  60 68  0 68"))),
    "circle": make_object_kind("circles", "", (BODY, oval(50, 50, 50))),
    "square": make_object_kind("squares", "", (BODY, box(0, 0, 100, 100))),
    "triangle": make_object_kind("triangles", "", (BODY, polygon("50 0  100 88  0 88"))),
    "cross": make_object_kind("crosses", "", (BODY, box(34, 0, 66, 100)), (BODY, box(0, 34, 100, 66))),
    "ring": make_object_kind(
        "rings", "", (BODY, oval(50, 50, 50)), (HOLE, oval(50, 50, 33)), (BODY, oval(50, 50, 16))),
}
