"""What a recoding is asked for and what it gives, values only.

Must never know: files, how nodes are searched. Contract: tests/deidentify/test_recoding_refusals.py.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Method(StrEnum):
    optimal = "optimal"
    mondrian = "mondrian"


class Loss(StrEnum):
    """What the search makes small. n rows, q quasi-identifiers; a suppressed row loses everything.

    ncp: mean over cells of (leaves covered - 1) / (leaves - 1), suppressed cells 1 (ARX: Loss, arithmetic mean).
    aecs: n / (classes kept + 1 if any row is suppressed) (ARX: AECS). dm: sum of squared class sizes + suppressed x n
    (Bayardo and Agrawal 2005). precision: mean over cells of level / height, suppressed cells 1 (Sweeney 2002).
    entropy: bits lost, -sum over cells of log2(share of the value in its label), and for suppressed cells also of
    log2(share of the label in the suppressed rows) (ARX: non-uniform entropy; de Waal and Willenborg 1999).
    """

    ncp = "ncp"
    aecs = "aecs"
    dm = "dm"
    precision = "precision"
    entropy = "entropy"


class Diversity(StrEnum):
    distinct = "distinct"
    entropy = "entropy"
    recursive = "recursive"


class Distance(StrEnum):
    """Ground distance of the earth mover's distance (Li, Li, Venkatasubramanian 2007)."""

    equal = "equal"
    ordered = "ordered"
    hierarchical = "hierarchical"


class Suppressed(StrEnum):
    """What becomes of a suppressed row in the recoded table: `*` in every quasi-identifier, or no row."""

    star = "star"
    drop = "drop"


@dataclass(frozen=True)
class Diverse:
    """l-diversity: at least `l` well-represented sensitive values per class; c: of the recursive kind only."""

    l: float  # noqa: E741 - the field's own name
    kind: Diversity = Diversity.distinct
    c: float = 0.0


@dataclass(frozen=True)
class Close:
    """t-closeness: the sensitive values of each class are within `t` of the table's.

    hierarchy: file of the sensitive values, for the hierarchical distance; order: the values from low to high, for the
    ordered one (default: numbers by size, texts by code point).
    """

    t: float
    distance: Distance = Distance.equal
    hierarchy: str = ""
    order: tuple[str, ...] = ()


@dataclass(frozen=True)
class Present:
    """delta-presence: of each class of the population, a share within these bounds is in the table."""

    least: float
    most: float


@dataclass(frozen=True)
class Models:
    """What must hold of every class that is kept; all of them together."""

    k: int = 0
    diverse: Diverse | None = None
    close: Close | None = None
    k_map: int = 0
    present: Present | None = None

    @property
    def smallest(self) -> int:
        """Fewest rows that a class can have."""
        return max(self.k, int(self.diverse.l) if self.diverse else 0, 1)


@dataclass(frozen=True)
class Spec:
    """One recoding; paths as written. suppression_limit: share of rows, 0 to 1."""

    table: str
    quasi_identifiers: dict[str, str]
    models: Models
    sensitive: tuple[str, ...] = ()
    population: str = ""
    population_count: str = ""
    suppression_limit: float = 0.0
    loss: Loss = Loss.ncp
    method: Method = Method.optimal
    suppressed: Suppressed = Suppressed.star
    keep: tuple[str, ...] = ()
    delimiter: str = ""
    encoding: str = ""
    best_effort: bool = False
    lines: dict[str, int] = field(default_factory=dict, compare=False)
