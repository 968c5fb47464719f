"""The content of other documents: shops and products, events, forms, transit lines."""
from __future__ import annotations

from collections.abc import Iterable

STREETS = ("Mill Lane", "Station Road", "Harbor Street", "Oak Avenue", "Market Square", "Canal Walk")

# Shop -> product -> price in cents. The last two shops, events, forms and lines are for `novel`.
SHOPS: dict[str, dict[str, int]] = {
    "Corner Bakery": {"Rye bread": 420, "Bagel": 180, "Croissant": 210, "Muffin": 260, "Pretzel": 150,
                      "Baguette": 240, "Plum cake": 390},
    "Green Grocer": {"Apples": 320, "Carrots": 140, "Lemons": 230, "Spinach": 270, "Potatoes": 360,
                     "Onions": 110, "Pumpkin": 480},
    "Paper & Pen": {"Notebook": 450, "Pencil": 90, "Eraser": 120, "Ruler": 160, "Ink": 640, "Stapler": 830,
                    "Envelopes": 290},
    "Cafe Luna": {"Coffee": 280, "Green tea": 250, "Cocoa": 310, "Cheesecake": 460, "Sandwich": 590,
                  "Juice": 340},
    "Tool Barn": {"Hammer": 1490, "Screws": 370, "Tape": 260, "Brush": 430, "Paint": 1850, "Gloves": 690,
                  "Rope": 820},
    "Book Nook": {"Atlas": 2400, "Novel": 1250, "Comic": 780, "Calendar": 950, "Bookmark": 130,
                  "Postcard": 110},
    "City Garden": {"Seeds": 190, "Flower pot": 560, "Soil": 740, "Rake": 1320, "Tulips": 480,
                    "Watering can": 1180},
    "Sport Point": {"Ball": 1690, "Socks": 520, "Bottle": 870, "Towel": 990, "Whistle": 340,
                    "Jump rope": 610},
    "Toy Attic": {"Kite": 1430, "Puzzle": 1190, "Marbles": 280, "Train": 2250, "Doll": 1760, "Yo-yo": 450},
    "Harbor Fish": {"Cod": 990, "Mussels": 720, "Shrimp": 1280, "Herring": 540, "Salmon": 1570,
                    "Crab": 1830},
    "Clay Studio": {"Mug": 1240, "Bowl": 1580, "Plate": 1360, "Vase": 2190, "Tile": 430, "Glaze": 870},
}

EVENTS = {  # event -> program
    "Jazz Night": ("Piano trio", "Big band", "Open stage", "Late set"),
    "Science Fair": ("Robots", "Volcano", "Star dome", "Prizes"),
    "Book Sale": ("Readings", "Auction", "Story hour", "Signing"),
    "Village Run": ("Kids run", "5 km run", "10 km run", "Medals"),
    "Plant Swap": ("Seeds talk", "Swap hour", "Herb walk", "Soup"),
    "Film Week": ("Short films", "Cartoons", "Thriller", "Debate"),
    "Food Market": ("Bread class", "Tasting", "Cook-off", "Dinner"),
    "Chess Open": ("Round one", "Round two", "Blitz", "Final"),
    "Dance Day": ("Warm-up", "Tango", "Salsa", "Ball"),
    "Repair Cafe": ("Bikes", "Radios", "Lamps", "Clothes"),
    "Lantern Fest": ("Crafting", "Parade", "Songs", "Fire show"),
    "Boat Parade": ("Rowing", "Sailing", "Tug race", "Fireworks"),
}
EVENT_PLACES = ("Town Hall", "City Park", "Old Mill", "Main Library", "River Stage", "School Gym",
                "Station Yard")

FORMS = {  # title -> boxes to tick
    "Library card": ("Comics", "Novels", "Maps", "Music", "Films"),
    "Summer camp": ("Swimming", "Hiking", "Archery", "Cooking", "Canoe"),
    "Gym membership": ("Sauna", "Pool", "Yoga", "Boxing", "Squash"),
    "Hotel booking": ("Breakfast", "Parking", "Sea view", "Late arrival", "Crib"),
    "Pet passport": ("Vaccine", "Chip", "Insurance", "Blood test", "Photo"),
    "Lost luggage": ("Suitcase", "Backpack", "Umbrella", "Laptop", "Stroller"),
    "Bike permit": ("Helmet", "Lights", "Trailer", "Lock", "Bell"),
    "Blood donor": ("Fever", "Travel", "Surgery", "Allergy", "Medicine"),
    "Evening class": ("Pottery", "Spanish", "Sewing", "Welding", "Chess"),
    "Boat license": ("Sail", "Motor", "Radio", "Night", "Rescue"),
    "Museum pass": ("Guide", "Audio tour", "Workshop", "Cafe", "Lockers"),
}

TRANSIT_LINES = ("Bus 12", "Bus 7", "Tram 3", "Train R5", "Ferry 2", "Night bus", "Bus 40", "Tram 9",
                 "Train S1", "Cable car", "Water taxi")


def items_for_split(items: Iterable[str], novel: bool) -> list:
    """The last two items for `novel`, the others for train and val."""
    items = list(items)
    return items[-2:] if novel else items[:-2]
