"""Write the reference pages that are made from the code: settings, refusals, verbs, routes, roles,
words of policies, the plan language, the data elements, the figures of the five domains; and what the
command line knows of the verbs.

    .venv/bin/python tools/make_reference.py [--check]

`--check` writes nothing and exits 1 when a file differs; tests/docs runs it that way.
"""

from __future__ import annotations

import inspect
import json
import sys
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

import yaml
from starlette.routing import BaseRoute, Mount

import datong.app.running
import datong.cli.commands
import datong.cli.rooms
import datong.cli.workspace
import datong.deidentify.model.recoding_refusals  # of a command that no room's service imports
import datong.web.console
from datong.catalogue.service import templates as policy_templates
from datong.engine.model import FUNCTION_GROUPS
from datong.engine.spark_forms import LACKS
from datong.ground.config import SETTINGS
from datong.ground.refusal import ALL
from datong.harmonise.model.elements import CodeTable, DataElement, Level
from datong.harmonise.model.mappings import Type
from datong.harmonise.model.notes import NOTES
from datong.harmonise.rules.changes import KINDS
from datong.harmonise.rules.elements import CHECKS, WAYS, WRITES, format_of
from datong.harmonise.service import library
from datong.terms.policy import vocabulary
from datong.terms.roles import Role
from datong.terms.verbs import VERBS

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "docs" / "reference"
MADE = "<!-- made by tools/make_reference.py; do not edit -->\n"


def settings() -> str:
    lines = ["# Settings", "", MADE, "`datong.toml` in the node's folder. A setting without a default is required.", ""]
    lines += ["| Setting | Type | Default | What it is |", "|---|---|---|---|"]
    for setting in SETTINGS:
        default = "required" if setting.default is None else f"`{setting.default!r}`"
        lines.append(f"| `{setting.name}` | {setting.kind.__name__} | {default} | {setting.doc} |")
    return "\n".join(lines) + "\n"


def refusals() -> str:
    lines = ["# Refusals", "", MADE, "Every refusal says what, why and the next step, in Chinese and English.", ""]
    lines.append("The command line exits with 2 (invalid), 3 (denied), 4 (unknown), 5 (conflict), 6 (unavailable).")
    for code, reason in sorted(ALL.items()):
        rule = f" · {reason.rule} {reason.article}".rstrip() if reason.rule else ""
        lines += ["", f"## {code}", "", f"`{reason.kind}`{rule}", ""]
        lines += [f"- {reason.what.en} {reason.why.en} *{reason.fix.en}*", ""]
        lines += [f"- {reason.what.zh}{reason.why.zh}*{reason.fix.zh}*"]
    return "\n".join(lines) + "\n"


def verbs() -> str:
    lines = [
        "# Verbs",
        "",
        MADE,
        "What a person can do. Each verb is a command, an API call and a form of the console:",
        "",
    ]
    lines += ["    datong ROOM VERB --argument ...", "    POST /api/ROOM/VERB   (a view: GET)", "    /do/ROOM/VERB", ""]
    room = ""
    for name, verb in sorted(VERBS.items()):
        if verb.room != room:
            room = verb.room
            lines += [f"## {room}", ""]
        roles = ", ".join(sorted(verb.roles)) if verb.changes else "reads"
        lines += [f"### {name}", "", (inspect.getdoc(verb.call) or "").strip(), "", f"Roles: {roles}.", ""]
        for argument, parameter in list(inspect.signature(verb.call).parameters.items())[1:]:
            default = "" if parameter.default is inspect.Parameter.empty else f" = {parameter.default!r}"
            lines.append(f"- `{argument}: {parameter.annotation}{default}`")
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def commands() -> str:
    """What datong.cli.rooms makes its commands of: one verb a line."""
    lines = []
    for _, verb in sorted(VERBS.items()):
        hints = get_type_hints(inspect.unwrap(verb.call))
        takes: list[dict[str, Any]] = []
        for argument, parameter in list(inspect.signature(verb.call).parameters.items())[1:]:
            may_lack = parameter.default is not inspect.Parameter.empty
            default = {"default": parameter.default} if may_lack else {}
            takes.append({"name": argument, "kind": _kind(hints[argument]), **default})
        told = {
            "room": verb.room, "name": verb.name, "title": verb.title, "text": inspect.getdoc(verb.call) or "",
            "roles": sorted(verb.roles), "changes": verb.changes, "takes": takes,
        }  # fmt: skip
        lines.append(json.dumps(told, ensure_ascii=False))
    return "\n".join(lines) + "\n"


KINDS_OF_OPTIONS = {bool: "yes_or_no", int: "whole_number", float: "number", str: "text"}


def _kind(hint: Any) -> str:
    if isinstance(hint, UnionType):
        hint = next(part for part in get_args(hint) if part is not type(None))
    if get_origin(hint) is list and get_args(hint) == (str,):
        return "texts"
    return KINDS_OF_OPTIONS.get(hint, "structured")


def routes() -> str:
    lines = ["# Routes", "", MADE, "| Path | Methods |", "|---|---|"]
    for path, methods in sorted(_flat(datong.app.all_routes(), "")):
        lines.append(f"| `{path}` | {methods} |")
    return "\n".join(lines) + "\n"


def _flat(found: list[BaseRoute], prefix: str) -> set[tuple[str, str]]:
    paths: set[tuple[str, str]] = set()
    for route in found:
        if isinstance(route, Mount) and route.routes:
            paths |= _flat(list(route.routes), prefix + route.path)
        else:
            methods = sorted(set(getattr(route, "methods", None) or {"GET"}) - {"HEAD", "OPTIONS"})
            paths.add((prefix + str(getattr(route, "path", "")), ", ".join(methods)))
    return paths


def roles() -> str:
    text = inspect.getsource(Role)
    lines = ["# Roles", "", MADE, "| Role | Who |", "|---|---|"]
    name = ""
    for line in text.splitlines():
        stripped = line.strip()
        if " = " in stripped and stripped.endswith('"'):
            name = stripped.split(" = ")[0]
        elif stripped.startswith('"""') and name:
            lines.append(f"| `{name}` | {stripped.strip(chr(34))} |")
            name = ""
    return "\n".join(lines) + "\n"


def plan_language() -> str:
    lines = ["# Plan language", "", MADE, "What the row checks of a mapping and the steps of a plan may say.", ""]
    lines += [
        "A plan is a list of named SELECT statements in DuckDB SQL over its declared inputs. It may call these functions",
        "and no other; none reads files, settings, the clock, chance or the network.",
        "",
    ]
    for group, names in FUNCTION_GROUPS.items():
        lines += [f"**{group}**: " + ", ".join(f"`{name}`" for name in names.split()), ""]
    lines += [
        "On DuckDB 1.5, on DuckDB 2 and on Spark each gives the same values (golden tests). On Spark these are refused",
        "by name before anything runs; constructs besides functions are in",
        "[two engines](../explanation/two-engines.md): "
        + "; ".join(f"`{n}` ({why})" for n, why in LACKS.items())
        + ".",
        "",
        "## Reasons and repairs",
        "",
        "Why a row is quarantined, and what was merely repaired. A look-up adds `no_<table>` and `ambiguous_<table>`; the",
        "checks of a mapping add their own.",
        "",
        "| Name | 中文 | English |",
        "|---|---|---|",
    ]
    lines += [f"| `{name}` | {text.zh} | {text.en} |" for name, text in NOTES.items()]
    return "\n".join(lines) + "\n"


def policies() -> str:
    lines = [
        "# Words of policies",
        "",
        MADE,
        "A policy is permissions, prohibitions and obligations: an action under constraints, all of which must hold.",
        "[Write one](../how-to/write-a-policy.md), [how it decides](../explanation/decisions.md), [in ODRL](odrl.md).",
        "",
        "## Members",
        "",
        "The JSON form is stored, signed and hashed; a file may use the Chinese names, and the words and signs below.",
        "A member there is none of is refused.",
        "",
        "| Of | Member | Value | 中文 in a file |",
        "|---|---|---|---|",
        "| policy | `id` | text | 编号 |",
        "| | `permissions`, `prohibitions`, `obligations` | lists of rules | 允许, 禁止, 义务 |",
        "| | `inherit` | true or false: intermediate and result data stay under it | 策略继承 |",
        "| rule | `action` | one of the actions | 操作 |",
        "| | `constraints` | list of constraints | 约束 |",
        "| | `duties` | list of rules; in a file by kind: `prerequisites`, `remedies`, `liabilities` "
        "| 前置义务, 补救措施, 违约责任 |",
        "| | `target`, `assignee` | code of a product; of a party, its node, or the DID of that; absent: whichever it is agreed for | 标的, 使用方 |",
        "| constraint | `left`, `op`, `right` | operand, operator, text or list of texts; in a file also one line "
        "`count <= 100` | 约束名称, 运算符, 取值 |",
        "| | `and`, `or`, `xone`, `andSequence` | list of constraints | 且, 或, 恰有其一, 依次 |",
        "",
        "In a file, of `time`, a date is the Beijing midnight that begins it, a code and a purpose may be written by name,",
        "and `=`, `!=`, `<`, `<=`, `>`, `>=` stand for their operators. Numbers are written with the digits 0-9.",
        "Fourteen digits (`20270302080000`) are an instant in UTC, and kept as `2027-03-02T08:00:00Z`.",
        "A region is a code of GB/T 2260 (or finer) of 2, 4, 6, 9 or 12 digits; `520100` is the same as `5201`.",
        "One of no province is refused, `100000` for the whole country too: no region would lie in it.",
        "",
    ]
    lines += ["## Actions", "", "| Action | 中文 | English |", "|---|---|---|"]
    lines += [f"| `{name}` | {text.zh} | {text.en} |" for name, text in vocabulary.ACTIONS.items()]
    lines += ["", "## Constraints", "", "| Left operand | 中文 | English | Values |", "|---|---|---|---|"]
    lines += [
        f"| `{name}` | {left.zh} | {left.en} | {_values(left)} |" for name, left in vocabulary.CONSTRAINTS.items()
    ]
    lines += ["", "## Operators", "", "| Operator | Code | 中文 | English |", "|---|---|---|---|"]
    lines += [f"| `{name}` | {op.code} | {op.zh} | {op.en} |" for name, op in vocabulary.OPERATORS.items()]
    lines += ["", "## Purposes", "", "| Purpose | 中文 | English |", "|---|---|---|"]
    lines += [f"| `{name}` | {text.zh} | {text.en} |" for name, text in vocabulary.PURPOSES.items()]
    lines += ["", "## Templates", "", "| Name | 中文 | English | Parameters |", "|---|---|---|---|"]
    for one in policy_templates.all_told(None):
        names = ", ".join(f"`{parameter['name']}`" for parameter in one["parameters"])
        lines.append(f"| `{one['name']}` | {one['zh']} | {one['en']} | {names} |")
    return "\n".join(lines) + "\n"


def _values(left: vocabulary.Left) -> str:
    return ", ".join(f"{code} {en} {zh}" for code, zh, en in left.codes) or str(left.family)


def elements() -> str:
    shipped = library()
    lines = [
        "# Data elements",
        "",
        MADE,
        "What a column means, whatever it is called: the library of data elements (数据元) that ships with Datong, in the",
        "manner of GA/T 543. A standard uses an element's *name*; a source's column is matched by any of its words: name,",
        "Chinese and English name, pinyin, initials, synonyms, each without regard to case, full width, separators and",
        "camelCase. [Write your own pack](../how-to/write-an-element-pack.md) in the same form.",
        "",
        "*own* as the source means: our own wording. *Name only*: the Chinese name is the standard's, as far as known; format",
        "and codes are ours. Numbers of GA/T 543 (DE00001) stand only where they are known.",
        "",
        "## Ways of writing",
        "",
        "| Format | 中文 | English | Types |",
        "|---|---|---|---|",
    ]
    for way, text in WAYS.items():
        types = set(WRITES.get(way) or WRITES[way[0]])
        types -= {Type.integer} if (shape := format_of(way)) and shape.decimals else set()
        lines.append(f"| `{way}` | {text.zh} | {text.en} | {', '.join(sorted(types))} |")
    lines += ["", f"**Checks** an element may name: {', '.join(f'`{check}`' for check in CHECKS)}.", ""]
    lines += [
        "**Units** are UCUM codes, with ISO 4217 codes for money. **Sensitivity** is public, business, personal or",
        "sensitive (PIPL art. 28); a letter P or S marks the last two.",
        "",
    ]
    for pack in shipped.packs:
        lines += [f"## {pack.title.en}", "", f"{pack.title.zh}, pack `{pack.name}` {pack.version}. {pack.note}", ""]
        lines += ["| Id | Name | 中文 | English | Initials | Format | Check, codes | Unit | | Synonyms | Source |"]
        lines += ["|---|---|---|---|---|---|---|---|---|---|---|"]
        lines += [_element(element) for element in pack.elements] + [""]
    lines += [
        "## Code tables",
        "",
        "Confidence: how sure we are that the codes are those of the source. A system is named only; its content is not",
        "copied. Codes may have days from and until which they are valid, and successors.",
        "",
    ]
    lines += ["| Table | 中文 | English | Codes | Source | Confidence |", "|---|---|---|---|---|---|"]
    lines += [_table(table) for _, table in sorted(shipped.tables.items())]
    lines += [
        "",
        "## Changes between two versions",
        "",
        "A version whose number hides a breaking change is refused (STD-441).",
        "",
    ]
    lines += ["| Change | Moves | 中文 | English |", "|---|---|---|---|"]
    parts = {Level.major: "major (breaking)", Level.minor: "minor", Level.patch: "patch"}
    lines += [f"| `{what}` | {parts[level]} | {text.zh} | {text.en} |" for what, (level, text) in KINDS.items()]
    return "\n".join(lines) + "\n"


def _element(e: DataElement) -> str:
    limits = ", ".join(f"`{name}`" for name in (e.check, e.codes) if name)
    mark = {"personal": "P", "sensitive": "S"}.get(e.sensitivity.value, "")
    unit = f"`{e.unit}`" if e.unit else ""
    words = "、".join(e.synonyms)
    cells = (e.id, f"`{e.name}`", e.zh, e.en, e.initials, f"{e.type} `{e.format}`", limits, unit, mark, words, e.source)
    return "| " + " | ".join(cells) + " |"


def _table(table: CodeTable) -> str:
    count = f"{len(table.entries)}{', partial' if table.partial else ''}" if table.entries else f"system {table.system}"
    cells = (f"`{table.name}`", table.title.zh, table.title.en, count, table.source, table.confidence)
    return "| " + " | ".join(cells) + " |"


DOMAINS = FOLDER.parents[1] / "bench" / "results" / "domains.json"
RECIPES = FOLDER.parents[1] / "examples" / "domains"


def domains() -> str:
    """The figures of the five domains as `make domains` measured them."""
    results = json.loads(DOMAINS.read_text("utf-8"))["domains"]
    lines = [
        "# Five domains on real data",
        "",
        MADE,
        "`make domains` finds the raw files of each domain, builds them as they are and again with planted dirt, and runs the",
        "steps of its recipe over what was harmonised; these are its figures. `tests/examples/test_domains.py` holds them",
        "(all but the seconds, which are of one shared machine with two cores) to what the code does. The dirt is of kinds that",
        "we thought of and planted by a seed: that all of it is found says that the rules hold, not that there is no other.",
    ]
    for domain, figures in results.items():
        title = yaml.safe_load((RECIPES / domain / "recipe.yaml").read_text("utf-8"))["title"]
        lines += ["", f"## {title['en']} ({title['zh']})", ""]
        lines += [f"[{domain}](../../examples/domains/{domain}/README.md). Licence: {'; '.join(figures['licences'])}."]
        lines += [
            "",
            "| Table | Read | Written | Quarantined | Grade | Score | s |",
            "|---|---:|---:|---:|---|---:|---:|",
        ]
        lines += [_built_table(name, table) for name, table in figures["tables"].items()]
        lines += ["", "| Planted in | Kind, and what should be said of it | Planted | Found |", "|---|---|---:|---:|"]
        for name, table in figures["planted"].items():
            for kind, count in table["kinds"].items():
                lines.append(f"| `{name}` | {kind.split(' ', 1)[1]} | {count['planted']} | {count.get('found', 0)} |")
            others = f"other rows held that were good before: {table['others_held']}"
            lines.append(f"| `{name}` | together; {others} | {table['planted']} | {table['found']} |")
        told = [f"- {line}" for line in figures["suspicions"]]
        lines += ["", "What the software suspects of the raw files by itself:", "", *told] if told else []
        for name, rows in figures["steps"].items():
            lines += ["", f"Step `{name}`:", "", "| " + " | ".join(rows[0]) + " |", "|---" * len(rows[0]) + "|"]
            lines += ["| " + " | ".join(str(value) for value in row.values()) + " |" for row in rows]
        for said in figures.get("refused", []):
            lines += ["", f"A product over it is refused: *{said}*."]
    return "\n".join(lines) + "\n"


def _built_table(name: str, table: dict[str, Any]) -> str:
    reasons = ", ".join(f"{reason} {count}" for reason, count in table["reasons"].items())
    held = f"{table['quarantined']:,}" + (f" ({reasons})" if reasons else "")
    cells = (
        f"`{name}`", f"{table['read']:,}", f"{table['written']:,}", held, table["grade"], f"{table['score']:.4f}",
        f"{table['seconds']:.1f}",
    )  # fmt: skip
    return "| " + " | ".join(cells) + " |"


PAGES = {
    "domains.md": domains,
    "settings.md": settings,
    "refusals.md": refusals,
    "verbs.md": verbs,
    "routes.md": routes,
    "roles.md": roles,
    "plan-language.md": plan_language,
    "policies.md": policies,
    "elements.md": elements,
}


FILES = {**{FOLDER / name: make for name, make in PAGES.items()}, datong.cli.rooms.VERBS: commands}


def main() -> int:
    different = []
    for file, make in FILES.items():
        text = make()
        if not file.exists() or file.read_text("utf-8") != text:
            different.append(file)
            if "--check" not in sys.argv:
                file.write_text(text, "utf-8")
    for file in different:
        print(("differs from the code: " if "--check" in sys.argv else "written: ") + str(file.relative_to(ROOT)))
    return 1 if different and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
