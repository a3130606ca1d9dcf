"""Types of payloads, as an application has them."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TypedDict

import msgspec
import pydantic


class Colour(enum.Enum):
    RED = "red"


@dataclass
class Mail:
    to: str
    size: int = 0
    copies: list[str] = field(default_factory=list)
    colour: Colour | None = None


class Report(TypedDict):
    year: int


class Feed(msgspec.Struct, frozen=True):
    url: str


class Order(pydantic.BaseModel):
    number: int


class Named(pydantic.BaseModel):
    """It is written by another name than it has here, and allows nothing else."""

    model_config = pydantic.ConfigDict(extra="forbid")
    name: str = pydantic.Field(alias="Name")
    counts: dict[str, int] = {}
    raw: object = None


class Cat(msgspec.Struct, tag=True): ...


class Dog(msgspec.Struct, tag=True, forbid_unknown_fields=True): ...
