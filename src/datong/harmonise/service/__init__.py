"""The verbs of harmonise, by subject; other rooms say `from datong.harmonise import service as harmonise`.

folders    install, sweep, table_file: the node's folder, files beside it
library    the data elements
checking   check, mappings
building   build, build_on (another engine)
recording  what is recorded of a build
reading    the source of a mapping, for check and build
drafting   texts for a table nobody has described yet
matching   match, confirm, synonyms, withdraw_synonym
showing    builds, what was quarantined and why
suspicions what the first rows of a source make one suspect
rows       what other rooms may have of a build
repairing  repair, import_repairs, export_repairs, withdraw_repair, repairs: what was quarantined, mended
runs       the attempts to build; lineage
contracting  contract, compare
replaying  replay
tables     a file as a table of text; YAML with the lines of its keys
naming     element_words, names_near: names of columns without a standard
measuring  quality_of, quality_history, rows_behind

Must never know: policies, prices, who will use the data. Contract: tests/harmonise/.
"""

from datong.harmonise.service.building import build, build_on
from datong.harmonise.service.checking import check, mappings
from datong.harmonise.service.contracting import compare, contract
from datong.harmonise.service.drafting import draft
from datong.harmonise.service.folders import install, sweep, table_file
from datong.harmonise.service.library import library
from datong.harmonise.service.matching import confirm, match, propose, synonyms, target_of, withdraw_synonym
from datong.harmonise.service.measuring import quality_history, quality_of, rows_behind
from datong.harmonise.service.naming import Near, Words, element_words, names_near
from datong.harmonise.service.repairing import export_repairs, import_repairs, repair, repairs, withdraw_repair
from datong.harmonise.service.replaying import replay
from datong.harmonise.service.rows import (
    current,
    is_built,
    of_one_source,
    own_rows,
    quarantined_rows,
    refused_build,
    refused_last,
)
from datong.harmonise.service.runs import RUNS_MAX, lineage, lineage_runs, on_run
from datong.harmonise.service.showing import build_of, builds, quarantine_summary
from datong.harmonise.service.suspicions import suspicions
from datong.harmonise.service.tables import Unfit, first_rows_at, line_of, read_yaml, table_at
from datong.harmonise.store.texts import read as yaml_of

__all__ = [
    "RUNS_MAX",
    "Near",
    "Unfit",
    "Words",
    "build",
    "build_of",
    "build_on",
    "builds",
    "check",
    "compare",
    "confirm",
    "contract",
    "current",
    "draft",
    "element_words",
    "export_repairs",
    "first_rows_at",
    "import_repairs",
    "install",
    "is_built",
    "library",
    "line_of",
    "lineage",
    "lineage_runs",
    "mappings",
    "match",
    "names_near",
    "of_one_source",
    "on_run",
    "own_rows",
    "propose",
    "quality_history",
    "quality_of",
    "quarantine_summary",
    "quarantined_rows",
    "read_yaml",
    "refused_build",
    "refused_last",
    "repair",
    "repairs",
    "replay",
    "rows_behind",
    "suspicions",
    "sweep",
    "synonyms",
    "table_at",
    "table_file",
    "target_of",
    "withdraw_repair",
    "withdraw_synonym",
    "yaml_of",
]
