"""Reads a file of audiences field by field, and reports the first mistake in each audience.

audiences.yml itself explains its structure and what each field means.
"""

import re
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final

import yaml

from c360_dagster.audiences.addresses import check_address

NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")
MOST_HELD_OUT = 0.9
DEFAULT_WEBHOOK: Final = "default"
CONTACTS: Mapping[str, tuple[str, ...]] = {
    "email": ("email",),
    "sms": ("phone",),
    "phone": ("phone",),
    "post": ("first_name", "last_name", "address_line1", "city", "state", "zip_code", "country"),
    "app": (),
    "web": (),
}
"""The channels, each with the columns of dim_customers that hold a person's address for it."""


class AudienceError(ValueError):
    """Raised for an audience that cannot be used. The message names file, audience and field."""


@dataclass(frozen=True)
class Purpose:
    """Why members are written to. `because` is the reason if no consent is needed."""

    name: str
    needs_consent: bool
    because: str = ""


@dataclass(frozen=True)
class Audience:
    name: str
    description: str
    condition: str
    purpose: Purpose
    channel: str
    holdout: float
    contact: bool = False
    columns: tuple[str, ...] = ()
    webhook: str | None = None

    @property
    def consents(self) -> tuple[str, ...]:
        """The consents that decide about it: the channel's own and the one for all channels."""
        if not self.purpose.needs_consent:
            return ()
        return (f"{self.purpose.name}_{self.channel}", self.purpose.name)

    @property
    def contact_columns(self) -> tuple[str, ...]:
        return CONTACTS[self.channel] if self.contact else ()

    def describe(self) -> dict[str, object]:
        """Returns the definition for the manifest, without the webhook's address, a secret."""
        return {
            "description": self.description,
            "condition": self.condition,
            "purpose": self.purpose.name,
            "consents": list(self.consents),
            "channel": self.channel,
            "holdout": self.holdout,
            "contact": self.contact,
            "columns": list(self.columns),
        }


@dataclass(frozen=True)
class Declared:
    """The usable audiences of a file, in its order, and what is wrong with the others."""

    audiences: tuple[Audience, ...]
    problems: tuple[AudienceError, ...] = ()

    def require_all(self) -> tuple[Audience, ...]:
        """Returns the audiences, or raises the first problem."""
        if self.problems:
            raise self.problems[0]
        return self.audiences


def read_audiences(text: str, file: str) -> Declared:
    """Reads the audiences of a YAML file, which messages call `file`.

    A mistake in one audience does not affect the others. One in what they share stops them all.
    """
    content = _Part(file, "", _load(text, file))
    purposes = {
        name: _read_purpose(content, name, value)
        for name, value in content.mapping("purposes").items()
    }
    audiences: dict[str, Audience] = {}
    problems = []
    for number, entry in enumerate(content.entries("audiences"), 1):
        try:
            audience = _read_audience(file, number, entry, purposes)
        except AudienceError as problem:
            problems.append(problem)
            continue
        if audience.name in audiences:
            raise AudienceError(
                f"{file}: two audiences are called '{audience.name}'; give one another name."
            )
        audiences[audience.name] = audience
    content.refuse_unknown()
    return Declared(tuple(audiences.values()), tuple(problems))


def suggest(name: str, known: Iterable[str]) -> str:
    """Returns the end of a sentence with the name that was probably meant, or just a full stop."""
    found = get_close_matches(name.lower(), list(known), n=1)
    return f"; did you mean {found[0]}?" if found else "."


def _read_purpose(content: "_Part", name: str, value: object) -> Purpose:
    part = _Part(content.file, f"purpose '{name}'", value)
    part.check_name(name)
    needs_consent = part.choice("consent", ("required", "not_needed")) == "required"
    because = part.text("because", "" if needs_consent else None)
    part.refuse_unknown()
    return Purpose(name, needs_consent, because)


def _read_audience(
    file: str, number: int, entry: object, purposes: Mapping[str, Purpose]
) -> Audience:
    part = _Part(file, f"audience {number}", entry)
    name = part.text("name")
    part.check_name(name)
    part.name = f"audience '{name}'"
    audience = Audience(
        name=name,
        description=part.text("description"),
        condition=part.text("condition"),
        purpose=purposes[part.choice("purpose", purposes)],
        channel=part.choice("channel", CONTACTS),
        holdout=part.share("holdout"),
        contact=part.switch("contact"),
        columns=part.words("columns"),
        webhook=part.webhook("webhook"),
    )
    part.refuse_unknown()
    if audience.contact and not audience.contact_columns:
        reachable = ", ".join(channel for channel, columns in CONTACTS.items() if columns)
        raise part.wrong(
            "contact",
            f"nobody has an address for {audience.channel}; channels with one: {reachable}.",
        )
    return audience


class _Part:
    """One mapping of the file. It remembers the fields it was asked for, to refuse all others."""

    def __init__(self, file: str, name: str, content: object) -> None:
        self.file, self.name = file, name
        if not isinstance(content, Mapping):
            raise AudienceError(
                f"{self._where()}: it must hold names and values, such as name: win_back."
            )
        self.content = content
        self.known: list[str] = []

    def mapping(self, field: str) -> dict[str, Any]:
        value = self._get(field)
        if not isinstance(value, Mapping):
            raise self.wrong(field, "it must hold names, each with what belongs to it below.")
        return {str(key): each for key, each in value.items()}

    def entries(self, field: str) -> list[Any]:
        value = self._get(field)
        if not isinstance(value, list):
            raise self.wrong(field, "it must be a list, each entry begun with '- name:'.")
        return value

    def text(self, field: str, default: str | None = None) -> str:
        value = self._get(field, default)
        if value == default and default is not None:
            return default
        if not isinstance(value, str) or not value.strip():
            raise self.wrong(field, f"it is {value!r}; it must be a text.")
        return value.strip()

    def choice(self, field: str, choices: Iterable[str]) -> str:
        value, known = self._get(field), list(choices)
        if value not in known:
            raise self.wrong(field, f"it is {value!r}; it must be {' or '.join(known)}.")
        return str(value)

    def share(self, field: str) -> float:
        value = self._get(field)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not 0 <= value <= MOST_HELD_OUT:
            raise self.wrong(
                field,
                f"it is {value!r}; it must be a share from 0 to {MOST_HELD_OUT}, such as 0.1 for "
                "every tenth.",
            )
        return float(value)

    def switch(self, field: str) -> bool:
        value = self._get(field, default=False)
        if not isinstance(value, bool):
            raise self.wrong(field, f"it is {value!r}; it must be true or false.")
        return value

    def words(self, field: str) -> tuple[str, ...]:
        value = self._get(field, [])
        if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
            raise self.wrong(field, f"it is {value!r}; it must be a list of names.")
        return tuple(dict.fromkeys(value))

    def webhook(self, field: str) -> str | None:
        value = self._get(field, "")
        if not value or value == DEFAULT_WEBHOOK:
            return str(value) or None
        try:
            return check_address(str(value))
        except ValueError as problem:
            # The message does not repeat what was written, because it may be a secret.
            raise self.wrong(field, f"{problem}, or it is '{DEFAULT_WEBHOOK}'.") from None

    def check_name(self, name: str) -> None:
        if not NAME.fullmatch(name):
            raise self.wrong(
                "name",
                f"it is {name!r}; it must be small letters, digits and _, a letter first, at most "
                "60: it becomes the name of a folder.",
            )

    def refuse_unknown(self) -> None:
        for field in self.content:
            if field not in self.known:
                raise AudienceError(
                    f"{self._where()}: there is no field '{field}'{suggest(str(field), self.known)}"
                    f" There are {', '.join(self.known)}."
                )

    def wrong(self, field: str, what: str) -> AudienceError:
        return AudienceError(f"{self._where()}{', ' if self.name else ': '}{field}: {what}")

    def _get(self, field: str, default: Any = None) -> Any:  # noqa: ANN401  as YAML has it
        self.known.append(field)
        value = self.content.get(field)
        if value is None and default is None:
            # A name that is itself a field was not meant to be the missing one.
            own = {*self.known, *Audience.__dataclass_fields__}
            hint = suggest(field, [str(each) for each in self.content if str(each) not in own])
            raise self.wrong(field, f"it is missing{hint}")
        return default if value is None else value

    def _where(self) -> str:
        return f"{self.file}: {self.name}" if self.name else self.file


class _Loader(yaml.SafeLoader):
    """Loads YAML, but refuses a name that is given twice, which YAML would silently overwrite."""

    def construct_mapping(
        self, node: yaml.MappingNode, deep: bool = False  # noqa: FBT001, FBT002  its parent's
    ) -> dict[Hashable, Any]:  # fmt: skip
        names = [key.value for key, _ in node.value]
        for number, (key, _) in enumerate(node.value):
            if key.value in names[:number]:
                raise yaml.MarkedYAMLError(
                    problem=f"'{key.value}' is given twice", problem_mark=key.start_mark
                )
        return super().construct_mapping(node, deep)


def _load(text: str, file: str) -> object:
    try:
        return yaml.load(text, _Loader)  # noqa: S506  it is a SafeLoader
    except yaml.MarkedYAMLError as problem:
        mark = problem.problem_mark
        where = f", line {mark.line + 1}" if mark else ""
        raise AudienceError(
            f"{file}{where}: it cannot be read as YAML: {problem.problem}. Correct that line or "
            "the one before it."
        ) from None
    except yaml.YAMLError as problem:
        raise AudienceError(f"{file}: it cannot be read as YAML: {problem}.") from None
