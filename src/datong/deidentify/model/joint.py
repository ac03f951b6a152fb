"""Joint counts: their recipe, delivery forms, states of a partition, the risk of a release.

A recipe fixes one chain of levels in space and time, further marginals of it, the threshold k, and for each provider
which columns hold the person (or vehicle), the time and the place of an event. Must never know: databases, clocks, who
buys.
Contract: tests/deidentify/test_deidentify_recipe.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cached_property
from typing import Any


class Form(StrEnum):
    """Delivery form (policy.md 5.4): fully public 完全公开, controlled public 受控公开, enclave 领地公开."""

    public = "public"
    controlled = "controlled"
    enclave = "enclave"


class PartState(StrEnum):
    """A provider's side of a partition: answering rounds; agreed (no more rounds; counts allowed); or cancelled by its
    coordinator before that (neither)."""

    asked = "asked"
    agreed = "agreed"
    cancelled = "cancelled"


class Over(StrEnum):
    """What the hours of like days are taken together over: each week from its Monday, or the whole period."""

    week = "week"
    period = "period"


DAY_OR_NIGHT = "day_or_night"


@dataclass(frozen=True)
class Level:
    """One resolution: cells of `km` x `km`, windows of `hours` local time; None = the whole area or all hours.

    hours: a number, or `day_or_night`. over: None = each day by itself (with all hours: the whole period). alike: the
    weekdays together and the Saturday and Sunday together, else all days.
    """

    km: int | None
    hours: int | str | None
    over: Over | None = None
    alike: bool = False

    @property
    def whole(self) -> bool:
        """Whether it has one window: the whole period."""
        return self.hours is None and self.over is None

    @property
    def label(self) -> str:
        return f"{f'{self.km} km' if self.km else 'whole area'} x {self.times}"

    @property
    def times(self) -> str:
        if self.whole:
            return "whole period"
        hours = "day or night" if self.hours == DAY_OR_NIGHT else f"{self.hours} h" if self.hours else ""
        days = "weekdays or weekend" if self.alike else ""
        return " of ".join(part for part in (hours, days, f"a {self.over}" if self.over else "") if part)


@dataclass(frozen=True)
class Marginal:
    """The groups of level `of` once more, all of the area together, by the times of level `by`: numbers of events."""

    of: int
    by: int


@dataclass(frozen=True)
class Measure:
    """One kind of event and whom it is about.

    subject: column of the person or vehicle; time: aware timestamp; lat, lon: WGS 84 degrees.
    events_as: product column of the number of events ("" = not shown); subjects_as: of the distinct subjects.
    """

    name: str
    subject: str
    time: str
    lat: str
    lon: str
    subjects_as: str
    events_as: str = ""


@dataclass(frozen=True)
class Types:
    """Classes of the subjects of one measure: column value -> class; other values fall into `other`.

    other "": the classes name every value there is; a provider whose data have more refuses the recipe.
    """

    column: str
    of: str
    classes: Mapping[str, tuple[str, ...]]
    other: str = "other"

    @property
    def names(self) -> tuple[str, ...]:
        return (*self.classes, *([self.other] if self.other else []))


@dataclass(frozen=True)
class Part:
    """What one provider counts: its resource (code), the standard of that resource, its measures."""

    part: str
    resource: str
    standard: str
    measures: tuple[Measure, ...]
    types: Types | None = None


@dataclass(frozen=True)
class Recipe:
    """A product of joint counts. Period in local dates, `until` excluded; area in degrees; levels finest first."""

    name: str
    zone: str
    since: date
    until: date
    origin: tuple[float, float]
    area: tuple[float, float, float, float]
    """south, west, north, east."""
    levels: tuple[Level, ...]
    k: int
    parts: tuple[Part, ...]
    purposes: tuple[str, ...]
    form: Form
    marginals: tuple[Marginal, ...] = ()
    p: int = 0
    """The p% rule for numbers of events, in per cent (rules.dominance); 0: not asked."""

    @cached_property
    def rounds(self) -> tuple[Level, ...]:
        """What is asked in turn, the levels and then the marginals: what the number at the head of a node id counts."""
        times = (self.levels[marginal.by] for marginal in self.marginals)
        return (*self.levels, *(Level(None, level.hours, level.over, level.alike) for level in times))

    @property
    def patterned(self) -> bool:
        """Whether a group may be other than one stretch of time: what its table then has to say besides."""
        return bool(self.marginals) or any(level.over or level.hours == DAY_OR_NIGHT for level in self.levels)

    def label(self, number: int) -> str:
        """What a round asked, in words."""
        if number < len(self.levels):
            return self.levels[number].label
        marginal = self.marginals[number - len(self.levels)]
        return f"groups of {self.levels[marginal.of].label}, all together by {self.levels[marginal.by].times}"

    def part_of(self, resource: str) -> Part:
        return next(part for part in self.parts if part.resource == resource)


@dataclass(frozen=True)
class Risk:
    """Figures of GB/T 42460-2023 as policy.md 5.5 computes them; f_j = persons behind its smallest figure."""

    form: Form
    k: int
    floor: int
    classes: int
    f_min: int
    over_threshold: float
    """DR_a: share of classes whose 1/f is above tau; must be 0."""
    max_class_risk: float
    """DR_b."""
    average_risk: float
    """DR_c, over classes."""
    marketer_risk: float
    """classes / sum of f, over persons."""
    tau: float
    cr: float
    overall_risk: float
    overall_risk_at_cr_1: float
    level: int
    worst: tuple[tuple[str, int], ...]
    """(class id, f) of the smallest classes."""
    at_threshold: int
    """Classes exactly at tau: a guide's prose once says >= where its formula says >."""
    average_alone: float = 0.0
    """DR_c of this release by itself; `average_risk` is over all that is held. What is held already makes nobody safer,
    so the higher of both counts. 0 in what was kept before there was this figure."""

    def as_json(self) -> dict[str, Any]:
        return {
            "form": self.form.value, "k": self.k, "floor": self.floor, "classes": self.classes, "f_min": self.f_min,
            "over_threshold": self.over_threshold, "max_class_risk": self.max_class_risk,
            "average_risk": self.average_risk, "marketer_risk": self.marketer_risk, "tau": self.tau, "cr": self.cr,
            "overall_risk": self.overall_risk, "overall_risk_at_cr_1": self.overall_risk_at_cr_1,
            "level": self.level, "worst": [[name, size] for name, size in self.worst],
            "at_threshold": self.at_threshold, "average_alone": self.average_alone,
        }  # fmt: skip
