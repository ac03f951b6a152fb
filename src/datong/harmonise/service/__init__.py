"""The verbs of harmonise, by subject; other rooms say `from datong.harmonise import service as harmonise`.

folders    install, sweep: the node's folder
library    the data elements
building   check, build
drafting   texts for a table nobody has described yet
matching   match, confirm, synonyms, withdraw_synonym
showing    builds, what was quarantined and why
suspicions what the first rows of a source make one suspect
rows       what other rooms may have of a build

Must never know: policies, prices, who will use the data. Contract: tests/harmonise/.
"""

from datong.harmonise.service.building import build, check, mappings
from datong.harmonise.service.drafting import draft
from datong.harmonise.service.folders import install, sweep
from datong.harmonise.service.library import library
from datong.harmonise.service.matching import confirm, match, propose, synonyms, target_of, withdraw_synonym
from datong.harmonise.service.rows import current, is_built, own_rows, quarantined_rows
from datong.harmonise.service.showing import build_of, builds, quarantine_summary
from datong.harmonise.service.suspicions import suspicions

__all__ = [
    "build",
    "build_of",
    "builds",
    "check",
    "confirm",
    "current",
    "draft",
    "install",
    "is_built",
    "library",
    "mappings",
    "match",
    "own_rows",
    "propose",
    "quarantine_summary",
    "quarantined_rows",
    "suspicions",
    "sweep",
    "synonyms",
    "target_of",
    "withdraw_synonym",
]
