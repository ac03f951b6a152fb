"""A value of a view as HTML: codes in words, fen as yuan, instants in Beijing time, ids as names and links.

Everything a room or a peer wrote is escaped here. Must never know: the store.
Contract: tests/web/test_values.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

from datong.ground import clock
from datong.ground.money import yuan
from datong.ground.refusal import Text, in_both
from datong.ground.workdays import CHINA
from datong.terms.policy import explained, reading
from datong.web import words
from datong.web.pages import PAGE_OF_PREFIX
from datong.web.story import resolution

INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z")
FEN_TOLD = re.compile(r"(?<![0-9.])([0-9]{1,17}) (?:分(?!钟)|fen\b)", re.ASCII)
CJK = re.compile(r"[\u3400-\u9fff]")
BOTH_WAYS = re.compile(r"[\u0590-\u08ff\u200e\u200f\u202a-\u202e\u2066-\u2069\ufb1d-\ufdff\ufe70-\ufefc]")
"""Letters and signs that turn the direction of what stands beside them."""
ID = re.compile(r"(([a-z]+)-[0-9a-f]{32})(?:-[a-z0-9]+)*")
LONG_CODE = re.compile(r"[^ ]*[0-9][^ ]*")
"""A code, not a word of several parts: it has a figure."""
DEED = re.compile(r"[a-z]+\.[a-z_]+")
FOLDED = frozenset(
    {
        "signatures", "keys", "key", "policy", "offer", "proof", "schema_string", "schema", "checkpoint", "value",
        "leaf", "messages", "filing", "elements", "body", "public_key", "context",
    }
)  # fmt: skip
"""What only a second look wants: it stands folded on a record's page."""
VERBATIM = frozenset({"code", "login", "policy_hash", "digest"})
"""Columns that show the code itself, also where it has a name."""
KEPT = frozenset({"last_error"})
"""Columns that hold errors as they were kept."""
OF_PEERS = frozenset({"peer_pid", "waiting_on"})
"""Columns whose ids are records of the other node."""
COLUMNS_OF = {"lines": ("number", "description", "quantity", "unit_price_fen", "amount_fen", "state")}
"""Of a list on a record's page, the columns that stand first."""
FEN = frozenset({"OC", "PP", "TAX", "clawback"})
"""Amounts that a formula names by its letters."""
DEEPEST = 6
PLAIN_NUMBERS = frozenset(
    {"version", "number", "serial", "grade", "position", "index", "from_year", "to_year", "k", "p", "seq"}
)
GOOD = frozenset(
    {
        "CODED", "FINALIZED", "IN_FORCE", "FILED", "PAID", "PUBLISHED", "COMPLETED", "active", "live", "built",
        "agreed", "posted", "POSTED", "done", "allowed", "ACCEPTED", "admitted",
    }
)  # fmt: skip
BAD = frozenset(
    {"TERMINATED", "WITHDRAWN", "DISPUTED", "OBJECTED", "revoked", "withdrawn", "refused", "failed", "denied",
     "default_denied", "disabled", "SUSPENDED", "suspended"}
)  # fmt: skip


@dataclass(frozen=True)
class Values:
    """How values look in one language. names: code or id -> what it is called."""

    lang: str
    names: Mapping[str, Text]
    is_here: Callable[[str], bool] = bool
    """Whether this node has the record with that id: another node's is named, and leads nowhere."""

    def t(self, zh: str, en: str) -> str:
        return zh if self.lang == "zh" else en

    def field(self, row: Mapping[str, Any], column: str) -> Any:
        """The value for a column: its own, or the one in this language (name -> name_zh, words -> zh)."""
        if column in row:
            return row[column]
        return row.get(self.lang) if column == "words" else row.get(f"{column}_{self.lang}")

    def heading(self, column: str, value: Any = None) -> str:
        """value: what stands under it, where that tells what one name means: signed words of both sides, or a text."""
        column = _base(column)
        in_words = column == "words" and not isinstance(value, list)
        return self.t("说明", "In words") if in_words else words.column(column, self.lang)

    def is_number(self, column: str, value: Any) -> bool:
        return isinstance(value, int | float) and not isinstance(value, bool) and column not in ("grade",)

    def short(self, value: Any, column: str, *, link: bool = True) -> Markup:
        """One line for a cell of a list; without `link` where the cell itself is one."""
        if isinstance(value, dict):
            return self._summary(value)
        if isinstance(value, list):
            if not value:
                return Markup("–")
            if column == "postings" and (amount := _moved(value)) is not None:
                return self._number(amount, "amount_fen")
            if column in ("supplies", "postings", "levels", "lines", "events"):
                return Markup("{}").format(len(value))
            return escape(self.t("、", ", ")).join(self.short(item, column, link=link) for item in value)
        return self._scalar(value, column, link=link)

    def full(self, value: Any, column: str, depth: int = 0) -> Markup:
        """The whole value on a record's page: structures as lists and tables, the technical ones folded."""
        if isinstance(value, dict | list) and not value:
            return Markup("–")
        if column in FOLDED and value not in (None, "") and not isinstance(value, int | float):
            summary = self.t("展开", "show")
            inner = self._structure(value, column, depth) if isinstance(value, dict | list) else _pre(value)
            said = self.policy(value) if column == "policy" else ""
            above, within = (said, "") if depth == 0 else ("", said)
            return Markup("{}<details><summary>{}</summary>{}{}</details>").format(above, summary, within, inner)
        if isinstance(value, dict) and set(value) == {"zh", "en"}:
            return self.text(self.told(str(value[self.lang])))
        if isinstance(value, dict | list):
            return self._structure(value, column, depth)
        return self._scalar(value, column, whole=depth == 0)

    def policy(self, value: Any) -> Markup:
        """What a policy says, in words; nothing where it cannot be read, as a peer may have written it."""
        held, _problems = reading.read(value)
        if held is None:
            return Markup("")
        said = explained(held)["words"][self.lang]
        return Markup('<p class="words">{}</p>').format(self.text(self.told(said)))

    def fields(self, row: Mapping[str, Any]) -> list[str]:
        """The fields of a row in this language: of a pair in both, only one."""
        other = "en" if self.lang == "zh" else "zh"
        return [
            name
            for name in row
            if not (name.endswith("_name") and (name[:-5] in row or f"{name[:-5]}_party" in row))
            and not (name == other and (self.lang in row or "dimension" in row))
            and not (name.endswith(f"_{other}") and f"{name[:-3]}_{self.lang}" in row)
        ]

    # -- parts ------------------------------------------------------------------------------------------------------

    def text(self, value: Any) -> Markup:
        """Escaped text; Chinese within an English page says so, and what turns the direction turns only itself."""
        if BOTH_WAYS.search(str(value)):
            return Markup("<bdi>{}</bdi>").format(value)
        if self.lang == "en" and CJK.search(str(value)):
            return Markup('<span lang="zh-CN">{}</span>').format(value)
        return escape(value)

    def kept(self, error: str) -> str:
        """An error that was kept in English, in this language where it is one of ours."""
        return words.in_language(in_both(error), self.lang)

    def told(self, sentence: str) -> str:
        """A sentence of a room with its UTC instants in Beijing time and its fen in yuan."""
        in_yuan = FEN_TOLD.sub(lambda found: yuan(int(found[1]), self.lang), sentence)
        return INSTANT.sub(lambda found: moment(found.group()), in_yuan)

    def _scalar(self, value: Any, column: str, *, whole: bool = False, link: bool = True) -> Markup:
        if value is None or value == "":
            return Markup("–")
        if isinstance(value, bool):
            return self._whether(value, column)
        if isinstance(value, int | float):
            return self._number(value, column)
        text = self.kept(str(value)) if column in KEPT else str(value)
        if column in ("state", "registration", "outcome"):
            tone = "good" if text in GOOD else "bad" if text in BAD else "plain"
            return Markup('<span class="state {}">{}</span>').format(tone, words.code(text, column, self.lang))
        if INSTANT.fullmatch(text):
            return Markup('<time datetime="{}">{}</time>').format(text, moment(text))
        if column in VERBATIM:
            return Markup('<code title="{}">{}</code>').format(
                text, text if whole or len(text) < 48 else short_id(text)
            )
        if text in self.names:
            return self._named(text, whole=whole, link=link)
        if column == "account" and (account := words.code(text, column, self.lang)) != text:
            return Markup('<span title="{}">{}</span>').format(text, account)
        if column != "record" and DEED.fullmatch(text):
            return Markup('{} <code class="deed">{}</code>').format(words.deed(text, self.lang), text)
        if (coded := words.code(text, column, self.lang)) != text:
            return self.text(coded)
        if ID.fullmatch(text) or text.startswith(("sha256:", "Ed25519:", "sm3:", "SM2:")):
            return self._id(text, whole=whole, link=link and column not in OF_PEERS)
        if len(text) >= 16 and text.isascii() and LONG_CODE.fullmatch(text):
            return Markup("<code>{}</code>").format(text)
        return self.text(self.told(text))

    def _whether(self, so: bool, column: str) -> Markup:
        if column != "ok":
            return escape(self.t("是", "yes") if so else self.t("否", "no"))
        said = self.t("全部相符", "all match") if so else self.t("有不符", "differs")
        return Markup('<span class="state {}">{}</span>').format("good" if so else "bad", said)

    def _number(self, value: float, column: str) -> Markup:
        if (column.endswith("_fen") or column in FEN) and isinstance(value, int):
            return escape(yuan(value, self.lang))
        if isinstance(value, float):  # no money of ours: a peer's, or no finite number at all
            if value and not 1e-3 <= abs(value) < 1e15:  # four places would show nothing of a delta of 1e-6
                return escape(f"{value:.4g}")
            return escape(f"{value:.4f}".rstrip("0").rstrip("."))
        return escape(str(value) if column in PLAIN_NUMBERS else f"{value:,}")

    def _named(self, key: str, *, whole: bool, link: bool) -> Markup:
        shown = self.text(words.in_language(self.names[key], self.lang))
        if link and (address := self._address(key)):
            shown = Markup('<a href="{}" title="{}">{}</a>').format(address, key, shown)
        elif not whole:
            shown = Markup('<span title="{}">{}</span>').format(key, shown)
        return Markup("{} <code>{}</code>").format(shown, key) if whole else shown

    def _id(self, text: str, *, whole: bool, link: bool) -> Markup:
        shown = Markup('<code title="{}">{}</code>').format(text, text if whole else short_id(text))
        address = self._address(text) if link else ""
        return Markup('<a href="{}">{}</a>').format(address, shown) if address else shown

    def _address(self, key: str) -> str:
        address = record_address(key)
        return address if address and self.is_here(address.rpartition("/")[2]) else ""

    def _summary(self, value: Mapping[str, Any]) -> Markup:
        """A structure in one line: its name, words, risk or noise, purpose and fee, or how much it holds."""
        if f"name_{self.lang}" in value:
            return self.text(value[f"name_{self.lang}"])
        if isinstance(value.get("overall_risk"), int | float):
            return Markup("R = {:.4f}").format(value["overall_risk"])
        if "epsilon" in value and "delta" in value:
            return Markup("ε = {} · δ = {}").format(value["epsilon"], value["delta"])
        if "purpose" in value and "tariff" in value:
            purpose, tariff = str(value["purpose"]), value["tariff"]
            fee = (tariff.get("amount_fen") or 0) if isinstance(tariff, dict) else None  # as a peer wrote it
            paid = "–" if not isinstance(fee, int) else yuan(fee, self.lang) if fee else self.t("免费", "free")
            return Markup("{} · {}").format(words.code(purpose, "purpose", self.lang), paid)
        if self.lang in value:
            day = Markup("{} · ").format(value["day"]) if "day" in value else Markup("")
            return day + self.text(value[self.lang])
        for name in ("name", "department"):
            if value.get(name):
                return self.text(value[name])
        return escape(self.t(f"{len(value)} 项", f"{len(value)} items"))

    def _structure(self, value: Any, column: str, depth: int) -> Markup:
        if depth > DEEPEST:
            return _pre(value)
        if isinstance(value, list):
            if all(isinstance(item, dict) for item in value):
                return self._table(value, depth, COLUMNS_OF.get(column, ()))
            items = _joined("<li>{}</li>", ((self.full(item, column, depth + 1),) for item in value))
            return Markup('<ul class="values">{}</ul>').format(items)
        if column == "kept":
            shares = [(words.in_language(resolution(name), self.lang), f"{share:.1%}") for name, share in value.items()]
            return Markup('<dl class="inner">{}</dl>').format(_joined("<dt>{}</dt><dd>{}</dd>", shares))
        of_whole = column.endswith("_fen") or column == "answers"  # amounts by purpose, say; answers by their question
        pairs = (
            (self.heading(name), self.full(value[name], column if of_whole else name, depth + 1))
            for name in self.fields(value)
        )
        return Markup('<dl class="inner">{}</dl>').format(_joined("<dt>{}</dt><dd>{}</dd>", pairs))

    def _table(self, rows: list[dict[str, Any]], depth: int, first: tuple[str, ...] = ()) -> Markup:
        """The rows under their columns; `first`: those that matter, before the rest."""
        found = list(dict.fromkeys(name for row in rows for name in self.fields(row)))
        columns = [*(name for name in first if name in found), *(name for name in found if name not in first)]

        def cell(row: dict[str, Any], name: str) -> tuple[Markup, Markup]:
            number = Markup(' class="number"') if self.is_number(name, row.get(name)) else Markup("")
            amount = name == "value" and "formula" in row and isinstance(row[name], int)  # of a cost survey
            return number, self.full(row.get(name), "value_fen" if amount else name, depth + 1)

        numeric = {name: any(self.is_number(name, row.get(name)) for row in rows) for name in columns}
        head = _joined(
            '<th scope="col"{}>{}</th>',
            ((Markup(' class="number"') if numeric[name] else "", self.heading(name)) for name in columns),
        )
        body = _joined("<tr>{}</tr>", ((_joined("<td{}>{}</td>", (cell(row, n) for n in columns)),) for row in rows))
        table = Markup("<table><thead><tr>{}</tr></thead><tbody>{}</tbody></table>").format(head, body)
        region = Markup('<div class="wide" tabindex="0" role="region" aria-label="{}">{}</div>')
        return region.format(self.t("表格", "Table"), table)


def _joined(pattern: str, parts: Iterable[tuple[Any, ...]]) -> Markup:
    """Each tuple in the constant HTML `pattern`, escaped, one after the other."""
    return Markup("").join(Markup(pattern).format(*part) for part in parts)  # noqa: S704 - patterns are constants


def _moved(postings: list[Any]) -> int | None:
    """What an entry moves, in fen: its debits together, which are its credits; None for what is no entry of ours."""
    amounts = [one.get("amount_fen") if isinstance(one, Mapping) else None for one in postings]
    whole = [amount for amount in amounts if isinstance(amount, int)]
    return sum(amount for amount in whole if amount > 0) if len(whole) == len(amounts) else None


def moment(text: str) -> str:
    """An instant in Beijing time to the minute; a midnight is its day. What a peer wrote in an instant's form and is
    none, or none in Beijing's calendar, stays as it is."""
    try:
        at = clock.instant(text).astimezone(CHINA)
    except (ValueError, OverflowError):
        return text
    return f"{at:%Y-%m-%d}" if at.hour == at.minute == 0 else f"{at:%Y-%m-%d %H:%M}"


def record_address(text: str) -> str:
    """Where the record with this id stands in the console; empty for anything else."""
    found = ID.fullmatch(text)
    page = PAGE_OF_PREFIX.get(found.group(2)) if found else None
    return f"/{page}/{found.group(1)}" if found and page else ""


def short_id(text: str) -> str:
    """An id or digest that can be told from its neighbours: agr-7e69…2cb1."""
    head, sign, rest = text.partition("-") if ID.fullmatch(text) else text.partition(":")
    if not sign:
        return text if len(text) <= 24 else f"{text[:6]}…{text[-8:]}"
    return text if len(rest) <= 12 else f"{head}{sign}{rest[:4]}…{rest[-4:]}"


def _base(name: str) -> str:
    """name_zh -> name: the pair stands for one thing."""
    if name in ("zh", "en"):
        return "words"
    return name[:-3] if name.endswith(("_zh", "_en")) and name[:-3] in words.COLUMNS else name


def _pre(value: Any) -> Markup:
    return Markup("<pre>{}</pre>").format(value)
