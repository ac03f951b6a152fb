"""Little languages inside plans, as Spark reads them: regular expressions, formats of times, texts of values.

    java(r"\\d+\\s$")                  RE2's pattern as one of Java, or LookupError where the two cannot agree
    replacement(r"\\1!")              of regexp_replace
    shape("%Y-%m-%d")                how strptime reads a text: a pattern, and the field of each group
    letters("%Y-%m-%d")              strftime's format as Spark's date_format writes it

DuckDB's rules stand here as patterns (its source and the golden tests say what they are), so that a text which one
engine takes for a value is never another value on the other. Pure. Must never know: plans, sessions.
Contract: tests/engine/test_engine_golden.py, test_engine_spark.py.
"""

from __future__ import annotations

import itertools
import re

SPACES = r"[ \t\n\x0B\f\r]*+"
DIGITS = r"\d++(?:_\d++)*+"
WHOLE_OR_NOT = rf"(?:{DIGITS}(?:\.(?:{DIGITS})?)?|\.{DIGITS})(?:[eE][+-]?{DIGITS})?"
"""Numbers as texts. DuckDB lets one underscore stand between two digits."""
DECIMAL = rf"(?d)^{SPACES}[+-]?{WHOLE_OR_NOT}{SPACES}\z"
DOUBLE = rf"(?d)^{SPACES}\+?[+-]?(?:{WHOLE_OR_NOT}|(?i:inf|infinity|nan)){SPACES}\z"
BASED = rf"(?d)^{SPACES}0(?:[xX][0-9a-fA-F_]++|[bB][01_]++){SPACES}\z"
"""0x10 and 0b101: whole numbers for DuckDB."""
SEPARATED = r"([-/\\ ])"
DAY = rf"(?d)^{SPACES}(-?\d{{1,6}}+){SEPARATED}(\d{{1,2}}+)\2(\d{{1,2}}+)(?!\d)"
"""A text that begins with a day is one, for DuckDB: groups 1, 3, 4."""
WORDS = rf"(?di)^{SPACES}(?:(-?)inf(?:inity)?|epoch){SPACES}\z"
"""The ends of time, and 1970-01-01."""
BEFORE_CHRIST = rf"(?d)^{SPACES}\d++[-/\\ ]\d++[-/\\ ]\d++ *\(BC\)"
STRPTIME_WORDS = rf"(?di)^{SPACES}(?:[-+]?infinity|epoch){SPACES}\z"
"""What strptime takes for times, some of its versions for others than the rest: an error."""
MOMENT = (
    rf"(?d)^{SPACES}(-?\d{{1,6}}+){SEPARATED}(\d{{1,2}}+)\2(\d{{1,2}}+)"
    r"(?:(?:T[ \t\n\x0B\f\r]*+|[ \t\n\x0B\f\r]++)(\d{1,9}+):(?:(\d{1,2}+)(?::(?:(\d{1,2}+)(?:\.(\d*+))?"
    r"(?:(?:Z|(?i: UTC)|([+-])(\d\d)(?::(\d\d)?(?::(\d\d)?)?|(\d\d))?)[ \t\n\x0B\f\r]*+| [ \t\n\x0B\f\r]*+)?)?)?)?)?\z"
)
"""Groups: 1 year, 3 month, 4 day, 5 hour, 6 minute, 7 second, 8 fraction, 9 sign, 10-12 offset, 13 its minutes."""
_SHORT_ZONES = (
    "ACT AET AGT ART AST BET BST CAT CET CNT CST CST6CDT CTT Cuba EAT ECT EET EST EST5EDT Egypt Eire Factory GB "
    "GB-Eire GMT GMT\\+0 GMT-0 GMT0 Greenwich HST Hongkong IET IST Iceland Iran Israel JST Jamaica Japan Kwajalein "
    "Libya MET MIT MST MST7MDT NET NST NZ NZ-CHAT Navajo PLT PNT PRC PRT PST PST8PDT Poland Portugal ROC ROK SST "
    "Singapore Turkey UCT Universal VST W-SU WET Zulu"
)
ZONED = (
    rf"(?di)^{SPACES}-?\d++[-/\\ ]\d++[-/\\ ]\d++[T \t\n\x0B\f\r]++\d++:\d++:\d++(?:\.\d*+)? "
    rf"(?:[a-z_]++/[a-z0-9_/+-]++|{_SHORT_ZONES.replace(' ', '|')}){SPACES}\z"
)
"""A time with the name of its zone."""

_OTHER_I = r"(?-iu:[\x{130}\x{131}])"
"""The Turkish letters, which only Java folds into i."""
_SAYS_LETTERS = re.compile(r"\\[pPxQ]|\[[^]]*(?:\\[pPxwW]|\[:|[\u0130\u0131])")
"""What stands for letters of one case, or of no case, and so for others when a pattern is folded."""
_WORDS_FOLDED = {r"\w": r"[\w\x{17F}\x{212A}]", r"\W": r"[^\w\x{17F}\x{212A}]"}
"""Long s and the sign of kelvin are folded into letters of ASCII."""
_CLASSES = {"d", "D", "w", "W"}
_SIGNS = {"t": r"\t", "n": r"\n", "f": r"\f", "r": r"\r", "v": r"\x0B", "a": r"\x07", "A": r"\A", "z": r"\z"}
_SPACE = r"\t\n\f\r "
_BOUNDARY = {"b": r"(?:(?<=\w)(?!\w)|(?<!\w)(?=\w))", "B": r"(?:(?<=\w)(?=\w)|(?<!\w)(?!\w))"}
_CATEGORY = re.compile(r"C[cfos]?|L[lmotu]?|M[cen]?|N[dlo]?|P[cdefios]?|S[ckmo]?|Z[lps]?")
_SCRIPTS = {"Han", "Latin", "Greek", "Cyrillic", "Hiragana", "Katakana", "Hangul", "Arabic", "Hebrew", "Thai"}
_LATER = r"\x{31350}-\x{323AF}\x{2EBF0}-\x{2EE5D}"
"""Han signs of GB 18030 that came with Unicode 15, after Java 17."""
_POSIX = {
    "alpha": "Alpha", "digit": "Digit", "alnum": "Alnum", "upper": "Upper", "lower": "Lower", "punct": "Punct",
    "space": "Space", "blank": "Blank", "cntrl": "Cntrl", "graph": "Graph", "print": "Print", "xdigit": "XDigit",
    "ascii": "ASCII",
}  # fmt: skip
_FLAGS = re.compile(r"\?(?P<on>[is]*)(?:-(?P<off>[is]+))?(?P<end>[:)])")
_COUNTED = re.compile(r"\{\d+(,\d*)?\}")


def java(pattern: str, *, fold: bool = False, dot_all: bool = False) -> str:
    """`pattern` of RE2 for Java; LookupError names what cannot be said there."""
    out, at = [], 0
    whole = fold or re.match(r"(\^\(\?:)?\(\?i\)", pattern) is not None
    folded = whole or re.search(r"\(\?[a-z]*i", pattern) is not None
    while at < len(pattern):
        sign = pattern[at]
        if folded and (found := _folded(pattern, at, whole=whole)):
            text, at = found
        elif sign == "\\":
            text, at = _escape(pattern, at)
        elif sign == "[":
            text, at = _class(pattern, at)
        elif sign == "(" and pattern.startswith("?", at + 1):
            text, at = _group(pattern, at)
        elif sign == "$":
            text, at = r"\z", at + 1
        elif sign == "{" and (counted := _COUNTED.match(pattern, at)):
            text, at = counted[0], counted.end()
        elif sign in "{}]":
            text, at = "\\" + sign, at + 1
        else:
            text, at = sign, at + 1
        out.append(text)
    return f"(?d{'iu' * fold}{'s' * dot_all})" + "".join(out)


def _folded(pattern: str, at: int, *, whole: bool) -> tuple[str, int] | None:
    """What is read otherwise where letters are folded, and where it ends; None of anything else."""
    sign, two = pattern[at], pattern[at : at + 2]
    if not whole and (sign in "[iI\u0130\u0131" or two in _WORDS_FOLDED):
        raise LookupError("regular expressions that are folded in part")
    if found := _SAYS_LETTERS.match(pattern, at):
        raise LookupError(f"regular expressions that are folded, with {found[0]}")
    if two in _WORDS_FOLDED:
        return _WORDS_FOLDED[two], at + 2
    if sign == "[":
        text, end = _class(pattern, at)
        return (f"(?:{_OTHER_I}|{text})" if text.startswith("[^") else f"(?:(?!{_OTHER_I}){text})"), end
    if sign in "iI\u0130\u0131":
        return f"(?-iu:{'[iI]' if sign in 'iI' else sign})", at + 1
    return None


def may_be_empty(pattern: str) -> bool:
    """Whether `pattern` may match no character at all, or cannot be told."""
    plain = re.sub(r"\\x\{[0-9A-Fa-f]+\}|\\[pP](\{[^}]*\}|.)", "x", pattern).replace(r"\z", r"\Z")
    plain = re.sub(r"\[\[:\^?[a-z]+:\]\]", "x", plain)
    try:
        low, _ = re._parser.parse(plain).getwidth()  # type: ignore[attr-defined]
    except (re.error, OverflowError, RecursionError):
        return True
    return bool(low == 0)


def groups(pattern: str) -> int:
    """How many groups `pattern` has that can be asked for."""
    bare = re.sub(r"\\.|\[\^?\]?[^]]*\]", ".", pattern)  # something stays: (? would be another
    return len(re.findall(r"\((?!\?)|\(\?P?<[A-Za-z]", bare))


def replacement(text: str, shift: int = 0) -> str:
    r"""What is put in: \1 of RE2 is $1 of Java, other signs stand for themselves. shift: groups put before."""
    out, at = [], 0
    while at < len(text):
        sign, after = text[at], text[at + 1 : at + 2]
        if sign == "\\" and after.isdigit():
            out.append(f"${int(after) + shift}" if after != "0" or not shift else "$2")
            if text[at + 2 : at + 3].isdigit():
                out.append("\\")  # $1 and a digit is not group 10
            at += 2
        elif sign == "\\":
            if after != "\\":
                raise LookupError("regexp_replace with a lone backslash")
            out.append(r"\\")
            at += 2
        else:
            out.append("\\$" if sign == "$" else sign)
            at += 1
    return "".join(out)


def _escape(pattern: str, at: int) -> tuple[str, int]:
    sign = pattern[at + 1 : at + 2]
    if sign in _CLASSES:
        return "\\" + sign, at + 2
    if sign in {"s", "S"}:
        return f"[{'^' * (sign == 'S')}{_SPACE}]", at + 2
    if sign in _BOUNDARY:
        return _BOUNDARY[sign], at + 2
    if sign in _SIGNS:
        return _SIGNS[sign], at + 2
    if sign in {"x", "p", "P"}:
        return _point(pattern, at)
    if sign == "Q":
        end = pattern.find(r"\E", at)
        quoted = pattern[at + 2 : end if end >= 0 else len(pattern)]
        return "".join(_literal(c) for c in quoted), end + 2 if end >= 0 else len(pattern)
    if sign and not sign.isalnum():
        return "\\" + sign if ord(sign) < 128 else sign, at + 2
    raise LookupError(f"regular expressions with \\{sign}")


def _literal(sign: str) -> str:
    return "\\" + sign if sign in r".^$*+?()[]{}|\-&~" else sign


def _point(pattern: str, at: int) -> tuple[str, int]:
    r"""\x41, \x{4E00}, \pN, \p{Han}."""
    kind = pattern[at + 1]
    if kind == "x":
        found = re.compile(r"\\x(\{[0-9A-Fa-f]{1,6}\}|[0-9A-Fa-f]{2})").match(pattern, at)
        if not found:
            raise LookupError(r"regular expressions with \x")
        return found[0], found.end()
    found = re.compile(r"\\[pP](\{([A-Za-z]+)\}|([A-Z]))").match(pattern, at)
    name = (found[2] or found[3]) if found else ""
    if found and name in {"Han", "L", "Lo"}:
        said = name if name != "Han" else "IsHan"
        return (f"[\\p{{{said}}}{_LATER}]" if kind == "p" else f"[^\\p{{{said}}}{_LATER}]"), found.end()
    if found and _CATEGORY.fullmatch(name):
        return f"\\{kind}{{{name}}}", found.end()
    if found and name in _SCRIPTS:
        return f"\\{kind}{{Is{name}}}", found.end()
    raise LookupError(rf"regular expressions with \{kind}")


def _group(pattern: str, at: int) -> tuple[str, int]:
    named = re.compile(r"\(\?P?<([A-Za-z][A-Za-z0-9]*)>").match(pattern, at)
    if named:
        return f"(?<{named[1]}>", named.end()
    flags = _FLAGS.match(pattern, at + 1)
    if not flags:
        raise LookupError(f"regular expressions with {pattern[at : at + 3]}")
    on, off = flags["on"].replace("i", "iu"), (flags["off"] or "").replace("i", "iu")
    return f"(?{on}{'-' * bool(off)}{off}{flags['end']}", flags.end()


def _class(pattern: str, at: int) -> tuple[str, int]:
    begin = at
    at += 1
    out = ["["]
    negated = pattern.startswith("^", at)
    if negated:
        out.append("^")
        at += 1
    first = True
    while True:
        sign = pattern[at : at + 1]
        if not sign:
            raise LookupError(f"regular expressions with {pattern[begin : begin + 3]}")
        if sign == "]" and not first:
            return "".join([*out, "]"]), at + 1
        first = False
        posix = re.compile(r"\[:(\^?)([a-z]+):\]").match(pattern, at)
        if posix:
            if posix[2] == "word":
                out.append(r"\W" if posix[1] else r"\w")
            elif posix[2] in _POSIX:
                out.append(f"\\{'P' if posix[1] else 'p'}{{{_POSIX[posix[2]]}}}")
            else:
                raise LookupError(f"regular expressions with {posix[0]}")
            at = posix.end()
        elif sign == "\\":
            text, at = _in_class(pattern, at)
            out.append(text)
        else:
            out.append("\\" + sign if sign in "[]&~^" else sign)
            at += 1


def _in_class(pattern: str, at: int) -> tuple[str, int]:
    sign = pattern[at + 1 : at + 2]
    if sign == "s":
        return _SPACE, at + 2
    if sign in {"S", "A", "z", "b", "B", "Q", "E"}:
        raise LookupError(f"regular expressions with [\\{sign}]")
    return _escape(pattern, at)


# --- formats of times ---------------------------------------------------------------------------------------------

_NUMBERS = {"Y": 4, "y": 2, "m": 2, "d": 2, "H": 2, "I": 2, "M": 2, "S": 2, "f": 6}
MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
          "December")  # fmt: skip
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_WORDS = {
    "b": tuple(name[:3] for name in MONTHS), "B": MONTHS, "p": ("AM", "PM"),
    "a": tuple(name[:3] for name in _DAYS), "A": _DAYS,
}  # fmt: skip
_LETTERS = {
    "Y": "yyyy", "y": "yy", "m": "MM", "d": "dd", "H": "HH", "I": "hh", "M": "mm", "S": "ss", "f": "SSSSSS", "j": "DDD",
    "p": "a", "b": "MMM", "B": "MMMM", "a": "E", "A": "EEEE",
    "-d": "d", "-m": "M", "-H": "H", "-I": "h", "-M": "m", "-S": "s", "-j": "D",
}  # fmt: skip


def _parts(form: str) -> list[tuple[str, str]]:
    """(directive, "") and ("", text) in order; LookupError for a directive nobody has a counterpart of."""
    found: list[tuple[str, str]] = []
    at = 0
    while at < len(form):
        directive = re.compile(r"%(-?[A-Za-z]|%)").match(form, at)
        if form[at] == "%" and not directive:
            raise LookupError(f"a format with {form[at : at + 2]}")
        if directive and directive[1] != "%":
            found.append((directive[1], ""))
        else:
            found.append(("", "%" if directive else form[at]))
        at = directive.end() if directive else at + 1
    return found


def shape(form: str) -> tuple[str, tuple[str, ...]]:
    """How strptime reads a text by `form`: numbers of up to so many digits, names in any case, runs of spaces."""
    out, fields = [SPACES], []
    for directive, text in _parts(form):
        name = directive.removeprefix("-")
        if name in _NUMBERS:
            out.append(rf"(\d{{1,{_NUMBERS[name]}}}+)")
        elif name in _WORDS:
            out.append(f"((?iu:{'|'.join(sorted(_WORDS[name], key=len, reverse=True))}))")
        elif name:
            raise LookupError(f"strptime with %{directive}")
        elif text in " \t\n\v\f\r":
            if out[-1] != r"[ \t\n\x0B\f\r]++":
                out.append(r"[ \t\n\x0B\f\r]++")
            continue
        else:
            out.append(_literal(text))
            continue
        if name in fields:
            raise LookupError(f"strptime with %{name} twice")
        fields.append(name)
    if ({"I", "p"} & {*fields} and not {"I", "p"} <= {*fields}) or {"b", "B", "m"} <= {*fields}:
        raise LookupError(f"strptime by {form}")
    return "(?d)^" + "".join(out) + SPACES + r"\z", tuple(fields)


def letters(form: str) -> str:
    """strftime's `form` in the letters of Spark's date_format; what is no directive stands there in quotes."""
    out: list[str] = []
    for is_text, parts in itertools.groupby(_parts(form), key=lambda part: not part[0]):
        if is_text:
            out.append("'" + "".join(text for _, text in parts).replace("'", "''") + "'")
            continue
        for directive, _ in parts:
            if directive not in _LETTERS:
                raise LookupError(f"strftime with %{directive}")
            out.append(_LETTERS[directive])
    return "".join(out)
