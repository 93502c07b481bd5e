"""An invented register of dead people, each of whom is recorded about ten times, with many errors.

Its sizes, gaps and collisions are those published about a well-known register of historical
persons, so that the rules can be tried on dirty data without phone numbers. Its people never lived.
"""

import random
from collections.abc import Iterator
from datetime import date, timedelta
from importlib.resources import files
from itertools import product

import polars as pl

MOST_RECORDS = 19
COMMON = (
    "william john thomas george henry james charles robert edward richard arthur frederick joseph "
    "francis samuel mary david alexander walter hugh peter elizabeth edmund philip anne frank "
    "albert herbert ernest harold margaret sarah andrew benjamin alfred jane daniel percy florence"
).split()
HEADS = (
    "al am an ar as ba be bi bo bra bu ca ce cla co cro cu da de do dra du ed el em fa fe fi fo ga "
    "ge gla go gra ha he ho hu in ja je jo ka ke la le li lo ma me mo mu na ne no o pa pe pi po "
    "pra ra re ro ru sa se sha so sta ta te tho tra va ve wa we whi wi wo wy ya"
).split()
MIDDLES = "b ck d ff ld ll m mb n nd ng ns p r rd rl rn rt sk ss st t th tt v x".split()
TAILS = (
    "age am an by den dale don ell er ers ery es ey field ford ham ings land ley low man ner on or "
    "sley son ton ward well wick wood worth"
).split()
TITLES = "sir lord lady rev dr".split()
KEYS = "qwertyuiop asdfghjkl zxcvbnm".split()


def draw_register(people: int, seed: int = 1) -> pl.DataFrame:
    """Draws records with source_system, source_id, the compared columns and the true person_id."""
    rows = [row for number in range(people) for row in _Person(number, seed).records()]
    names = [
        "source_system",
        "source_id",
        "first_name",
        "last_name",
        "date_of_birth",
        "city",
        "zip_code",
        "person_id",
    ]
    return pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row").sample(
        fraction=1, shuffle=True, seed=seed
    )


def _make_words(count: int, seed: int) -> list[str]:
    every = [a + b + c for a, b, c in product(HEADS, MIDDLES, TAILS)]
    return random.Random(seed).sample(every, count)


SURNAMES, TOWNS, RARE = _make_words(4000, 1), _make_words(3000, 2), _make_words(900, 3)


def _read_nicknames() -> dict[str, list[str]]:
    text = files("c360_dagster.identity").joinpath("nicknames.csv").read_text("utf-8")
    short: dict[str, list[str]] = {}
    for line in text.splitlines()[1:]:
        nickname, name = line.split(",")
        short.setdefault(name, []).append(nickname)
    return short


NICKNAMES = _read_nicknames()


def _pick(draw: random.Random, words: list[str], slope: float) -> str:
    """Picks a word, early ones more often than late ones, and more so if the slope is greater."""
    return words[int(len(words) * draw.random() ** slope)]


class _Person:
    """A person's true data; one in six has the surname and town of the person before."""

    def __init__(self, number: int, seed: int) -> None:
        self.draw = draw = random.Random(seed * 1_000_003 + number)
        self.number = number
        house = random.Random(seed * 1_000_003 + number - number % 6 * (number % 6 == 1))
        self.surname = _pick(house, SURNAMES, 1.6)
        self.town = "london" if house.random() < 0.075 else _pick(house, TOWNS, 1.7)
        self.area = f"{self.town[:2]}{house.randrange(1, 30)}"
        self.year = 1900 - int(330 * draw.random() ** 2.2)
        self.first = self._given_name()
        self.middles = [self._given_name() for _ in range(draw.choice((0, 0, 0, 1, 1, 2)))]
        self.title = draw.choice(TITLES) if draw.random() < 0.08 else None
        born = date(self.year, 1, 1) + timedelta(days=draw.randrange(365))
        self.born = date(self.year, 1, 1) if draw.random() < 0.4 else born
        self.postcode = self._postcode()
        # The last word of a baronet's name is the title.
        is_baronet = self.title == "sir" and draw.random() < 0.6
        self.last = "baronet" if is_baronet else self.surname

    def records(self) -> Iterator[tuple[str | None, ...]]:
        many = self.draw.randint(1, MOST_RECORDS)
        for turn in range(many):
            worse = turn / max(many - 1, 1)
            yield self._record(f"{self.number}-{turn + 1}", worse)

    def _record(self, key: str, worse: float) -> tuple[str | None, ...]:
        """Returns one record; the later it was written (the nearer `worse` is to 1), the worse."""
        first, last = self._name(worse)
        hit, gap = 0.05 + 0.75 * worse, 0.03 + 0.4 * worse
        born = self._damage_date() if self._happens(hit * 0.72) else self.born.isoformat()
        town = self._region() if self._happens(0.2 * worse) else self.town
        postcode = self._postcode() if self._happens(hit * 0.58) else self.postcode
        return (
            "register",
            key,
            first,
            last,
            None if self._happens(gap) else born,
            None if self._happens(gap * 0.6) else town,
            None if self._happens(gap) else postcode,
            str(self.number),
        )

    def _name(self, worse: float) -> tuple[str | None, str | None]:
        """Returns the first and the last word of the name as it was written down."""
        first, last = self.first, self.last
        words = [first, *self.middles, last]
        if self.title:
            words.insert(0, self.title)
        if self._happens(0.08 + 0.62 * worse):
            kind = self.draw.random()
            if kind < 0.4:
                words = [self._other_form(word) for word in words]
            elif kind < 0.6:
                words = [*words[: words.index(first) + 1], last]  # without middle names
                words = words[1:] if self.title and self.draw.random() < 0.5 else words
            elif kind < 0.85:
                words = [self._typo(word) if self.draw.random() < 0.4 else word for word in words]
            else:
                words = (
                    [self._given_name(), last] if self.draw.random() < 0.4 else [first, self.town]
                )
        if self._happens(0.42 * worse):
            words = words[1:] if self.draw.random() < 0.5 and len(words) > 1 else words
            words = words[:-1] if self.draw.random() < 0.5 and len(words) > 1 else words
        return words[0], words[-1] if len(words) > 1 else None

    def _given_name(self) -> str:
        draw = self.draw
        return _pick(draw, COMMON, 1.6) if draw.random() < 0.72 else _pick(draw, RARE, 1.5)

    def _other_form(self, word: str) -> str:
        """Returns a nickname, or the name as in another language, or the same word."""
        if word in NICKNAMES and self.draw.random() < 0.5:
            return self.draw.choice(NICKNAMES[word])
        if self.draw.random() < 0.4:
            return word
        return word[: max(3, len(word) - 2)] + self.draw.choice(("us", "o", "e", "ina", "elm", "y"))

    def _typo(self, word: str) -> str:
        at, kind = self.draw.randrange(len(word)), self.draw.random()
        row = next((row for row in KEYS if word[at] in row), "e")
        near = row[(row.find(word[at]) + 1) % len(row)]
        if kind < 0.6:
            return word[:at] + near + word[at + 1 :]
        return word[:at] + word[at + 1 :] if kind < 0.8 else word[:at] + near + word[at:]

    def _damage_date(self) -> str:
        kind, text = self.draw.random(), self.born.isoformat()
        if kind < 0.45:
            return f"{self.year}-01-01"
        if kind < 0.8:
            return (self.born + timedelta(days=self.draw.randint(-40, 40))).isoformat()
        at = self.draw.choice((2, 3, 5, 6, 8, 9))
        digit = str((int(text[at]) + self.draw.choice((1, 3, 9))) % 10)
        return text[:at] + digit + text[at + 1 :]

    def _region(self) -> str:
        return TOWNS[(self.number // 40) % 60]

    def _postcode(self) -> str:
        letters = "abdefghjln"
        end = f"{self.draw.randrange(1, 10)}{self.draw.choice(letters)}{self.draw.choice(letters)}"
        return f"{self.area} {end}"

    def _happens(self, chance: float) -> bool:
        return self.draw.random() < chance
