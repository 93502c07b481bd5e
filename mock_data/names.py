"""Invented but plausible words: people, towns, streets, firms and brands.

First names and a few family names are ordinary ones; most others are put together from syllables.
"""

from itertools import product
from typing import NamedTuple

FEMALE = (
    "Olivia Emma Ava Sophia Isabella Mia Charlotte Amelia Harper Evelyn Abigail Emily Ella Grace "
    "Chloe Victoria Lily Hannah Nora Zoe Stella Lucy Anna Maria Elena Clara Ruth Helen Alice Julia "
    "Sarah Laura Linda Susan Karen Nancy Diane Teresa Rosa Carmen Priya Mei Aisha Fatima Ingrid"
).split()
MALE = (
    "Liam Noah Oliver James Elijah William Henry Lucas Benjamin Theodore Mateo Levi Daniel Jack "
    "Owen Samuel David Joseph Carter Luke Michael Robert John Thomas Richard Charles Paul Mark "
    "George Kenneth Steven Brian Kevin Jason Carlos Miguel Diego Wei Arjun Omar Hassan Ivan Lars"
).split()
NEUTRAL = "Alex Jordan Taylor Riley Casey Morgan Robin Jamie".split()

_FAMILY_COMMON = (
    "Smith Johnson Garcia Brown Miller Davis Martinez Wilson Anderson Thomas Moore Lee Walker"
).split()
_FAMILY_HEADS = (
    "Ash Bar Bel Birch Black Brad Bram Cald Carl Clay Cran Dal Del Dun East Elm Fair Farn Fen Gar "
    "Glen Hal Ham Hart Haw Hol Kel Kirk Lang Lin Lock Mar Mel Mor Nor Oak Pem Quin Rad Red Ros "
    "Ruth Sal Sel Shel Stan Thorn Tren Wal Wes Whit Wil Win Wood York"
).split()
_FAMILY_TAILS = "berg bridge brook bury dale den field ford ham hurst land ley man ner ridge sen son ton well wick worth".split()  # noqa: E501
FAMILY = _FAMILY_COMMON + [a + b for a, b in product(_FAMILY_HEADS, _FAMILY_TAILS)]

_TOWN_HEADS = (
    "Alder Amber Bay Briar Cedar Clear Copper Cotton Crest Eagle Ember Falcon Fern Flint Gold "
    "Granite Harbor Haven Hazel Heron Honey Iron Juniper Lark Laurel Maple Meadow Mill Misty Otter "
    "Pebble Quarry Raven River Sable Sage Silver Stone Sumac Tall Willow"
).split()
_TOWN_TAILS = "ford ton ville field burg port mont dale wood haven brook side".split()
TOWNS = [a + b for a, b in product(_TOWN_HEADS, _TOWN_TAILS)]

_STREET_KINDS = "Street Avenue Road Lane Drive Court".split()
_STREET_HEADS = (
    "Acorn Aspen Beacon Birch Bluebell Canal Chapel Cherry Clover Dogwood Elder Foxglove Garden "
    "Gristmill Hawthorn Hickory Ivy Kestrel Lantern Linden Magnolia Market Mulberry Orchard "
    "Pinecone Poplar Quail Rosewood Saddle Spruce Sunrise Thistle Valley Walnut Wren"
).split()
STREETS = [f"{a} {b}" for a, b in product(_STREET_HEADS, _STREET_KINDS)]


class State(NamedTuple):
    name: str
    weight: int
    postal_area: str
    """The first three digits of the state's postal codes."""
    nearest_store: str
    """The code of the state whose store its people visit."""


STATES = {
    "CA": State("California", 39, "900", "CA"),
    "TX": State("Texas", 30, "750", "TX"),
    "FL": State("Florida", 22, "320", "FL"),
    "NY": State("New York", 19, "100", "NY"),
    "PA": State("Pennsylvania", 13, "150", "PA"),
    "IL": State("Illinois", 12, "600", "IL"),
    "OH": State("Ohio", 12, "430", "OH"),
    "GA": State("Georgia", 11, "300", "GA"),
    "NC": State("North Carolina", 11, "270", "NC"),
    "MI": State("Michigan", 10, "480", "MI"),
    "NJ": State("New Jersey", 9, "070", "NJ"),
    "VA": State("Virginia", 9, "220", "VA"),
    "WA": State("Washington", 8, "980", "CA"),
    "AZ": State("Arizona", 7, "850", "CA"),
    "MA": State("Massachusetts", 7, "010", "NY"),
    "TN": State("Tennessee", 7, "370", "GA"),
    "IN": State("Indiana", 7, "460", "OH"),
    "MO": State("Missouri", 6, "630", "IL"),
    "WI": State("Wisconsin", 6, "530", "IL"),
    "CO": State("Colorado", 6, "800", "TX"),
    "MN": State("Minnesota", 6, "550", "IL"),
    "OR": State("Oregon", 4, "970", "CA"),
    "CT": State("Connecticut", 4, "060", "NY"),
    "NV": State("Nevada", 3, "890", "CA"),
}
STATE_CODES = list(STATES)
TOWNS_IN_A_STATE = 20
MAIL_HOSTS = [
    f"{head}{top}"
    for head in ("", "mail.", "post.", "home.")
    for top in ("example.com", "example.org", "example.net")
]
# Area codes N9X are reserved for expanding the numbering plan, so none of these numbers exists.
AREA_CODES = [f"{a}9{b}" for a in range(2, 10) for b in range(10)]

FIRM_HEADS = (
    "Nordvik Palmera Tessaly Brightloom Quillon Marrow Ostrava Kestrelin Velmora Dunmore Ardent "
    "Cobaltine Ferrous Lumenor Halcyon Verdance Pellmont Sundara Briony Calloway Zephyra Orrin "
    "Thalassa Wendell Yarrow Juno Sorrel Mistral"
).split()
FIRM_TAILS = ("Trading", "Supply", "Works", "Mills", "Goods")
BRANDS = (
    "Aurelo Bryndle Castora Duneva Elmira Fjordal Galvera Hestia Ivorel Jorvik Kalmara Lumio "
    "Mirrel Noveli Orsina Pellar Quenby Rivella Solenne Tavora Umbra Vescot Wyndle Yorrin"
).split()
COLORS = "Black White Navy Sand Olive Rust Teal Grey Cream Plum".split()
COUNTRIES = "US Mexico Canada Portugal Vietnam India Germany Italy".split()

# category: (median price in cents, {family: subcategories}, two nouns for each subcategory)
CATEGORIES: dict[str, tuple[int, dict[str, tuple[str, ...]], tuple[str, ...]]] = {
    "Apparel": (3900, {"Clothing": ("Shirts", "Dresses", "Knitwear")},
                ("Shirt", "Blouse", "Dress", "Tunic", "Sweater", "Cardigan")),
    "Footwear": (5200, {"Shoes": ("Sneakers", "Sandals", "Boots")},
                 ("Sneaker", "Trainer", "Sandal", "Slide", "Boot", "Brogue")),
    "Home": (3400, {"Living": ("Bedding", "Lighting", "Decor")},
             ("Throw", "Quilt", "Lamp", "Lantern", "Vase", "Mirror")),
    "Kitchen": (2900, {"Living": ("Cookware", "Tableware", "Storage")},
                ("Pan", "Kettle", "Bowl", "Mug", "Jar", "Canister")),
    "Beauty": (2600, {"Care": ("Skincare", "Fragrance", "Bath")},
               ("Balm", "Serum", "Mist", "Perfume", "Soap", "Oil")),
    "Electronics": (5900, {"Devices": ("Audio", "Wearables", "Accessories")},
                    ("Speaker", "Headphones", "Watch", "Tracker", "Charger", "Stand")),
    "Sports": (4300, {"Outdoor": ("Fitness", "Camping", "Cycling")},
               ("Mat", "Band", "Tent", "Pack", "Helmet", "Bottle")),
    "Grocery": (2400, {"Food": ("Coffee", "Snacks", "Pantry")},
                ("Espresso", "Coffee", "Granola", "Chocolate", "Honey", "Pasta")),
}  # fmt: skip
