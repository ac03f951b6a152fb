"""Identifiers, the national codes above all: build them, take them apart, say what is wrong with them. Pure.

    credit code     18  GB 32100 统一社会信用代码, with the GB 11714 organisation code inside
    node code       32  NDI-TR-2025-04: type, subject, area, random, check character GB/T 17710 MOD 37-2
    data code       32+ the same with type 6 product, 7 resource, and an optional extension after a bullet
    contract code   47  TC609-6-2025-14: letter, node type, subject, area, time, random, check
    did:web             W3C CCG did:web method: who proves itself by credentials, as connectors of other makes do

`*_fault` functions return None or one (zh, en) sentence; they never repeat a personal number. Builders take the
random part as an argument and raise ValueError. Must never know: who assigns codes, and to what.
Contract: tests/ground/test_codes.py.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from urllib.parse import quote, urlsplit

Fault = tuple[str, str]
"""What is wrong, in Chinese and in English."""

CREDIT_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
CREDIT_WEIGHTS = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)
CREDIT_AUTHORITIES = frozenset("123456789ANY")  # [M-high] staffing office .. market supervision, army, farming, other
ORGANISATION_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)
RESIDENT_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
RESIDENT_CHECKS = "10X98765432"
_PROVINCES = "1112131415212223313233343536374142434445465051525354616263646571818283"
PROVINCES = frozenset(_PROVINCES[at : at + 2] for at in range(0, len(_PROVINCES), 2))
CODE_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ*"
"""GB/T 17710 MOD 37-2; the star is a check character only."""

NODE_TYPES = {"1": "global", "2": "regional", "3": "sector", "4": "business", "5": "connector"}
DATA_TYPES = {"6": "product", "7": "resource"}
CONTRACT_LETTER = "C"  # the copy of TC609-6-2025-14 read does not spell the letter out
BULLET = "•"
_MIDDLE_DOT = "·"
DID_WEB = re.compile(r"did:web:(?P<host>[A-Za-z0-9.-]+)(?P<port>%3[Aa]\d{1,5})?(?P<path>(:[A-Za-z0-9._~%-]+)*)")
DID_MAX = 300
CHINA = timezone(timedelta(hours=8))


# --- GB 32100, GB 11714 ------------------------------------------------------------------------------------------


def organisation_check(first8: str) -> str:
    """Check character of an organisation code (GB 11714) over its 8 characters 0-9A-Z."""
    total = sum(weight * int(char, 36) for weight, char in zip(ORGANISATION_WEIGHTS, first8, strict=True))
    return "0123456789X0"[11 - total % 11]


def credit_check(first17: str) -> str:
    """Check character of a credit code (GB 32100) over its first 17 characters."""
    total = sum(w * CREDIT_ALPHABET.index(char) for w, char in zip(CREDIT_WEIGHTS, first17, strict=True))
    return CREDIT_ALPHABET[-total % 31]


def credit_code(authority: str, category: str, region: str, organisation: str) -> str:
    """A well-formed credit code from its parts: authority(1), category(1), region(6 digits), organisation(8).

    For examples: whether anybody bears it is another matter. ValueError when a part does not fit.
    """
    first17 = authority + category + region + organisation
    _require(len(authority) == len(category) == 1 and len(region) == 6 and len(organisation) == 8, "lengths 1+1+6+8")
    _require(set(first17) <= set(CREDIT_ALPHABET), "only 0-9 and A-Z without I, O, S, V, Z")
    first17 += organisation_check(organisation)
    code = first17 + credit_check(first17)
    fault = credit_code_fault(code)
    _require(fault is None, fault[1] if fault else "")
    return code


def credit_code_fault(code: str) -> Fault | None:
    """What is wrong with a unified social credit code (统一社会信用代码), or None."""
    if len(code) != 18:
        return f"应为 18 位，实为 {len(code)} 位", f"should have 18 characters, has {len(code)}"
    for place, char in enumerate(code, 1):
        if char not in CREDIT_ALPHABET:
            return f"第 {place} 位字符 {char} 不允许（不用 I、O、S、V、Z 及小写）", (
                f"character {char!r} in place {place} is not allowed (no I, O, S, V, Z, no lower case)"
            )
    if code[0] not in CREDIT_AUTHORITIES:
        return f"第 1 位登记管理部门代码 {code[0]} 未知", f"registration authority {code[0]!r} in place 1 is not known"
    if not code[2:8].isdigit() or code[2:4] not in PROVINCES | {"10"}:  # 10: the centre itself
        return "第 3 至 8 位不是行政区划代码", "places 3 to 8 are no region code"
    expected = organisation_check(code[8:16])
    if code[16] != expected:
        return f"组织机构代码校验位（第 17 位）应为 {expected}", (
            f"the organisation code's check character (place 17) should be {expected}"
        )
    expected = credit_check(code[:17])
    if code[17] != expected:
        return f"校验位（第 18 位）应为 {expected}", f"the check character (place 18) should be {expected}"
    return None


def resident_check(first17: str) -> str:
    """Check character of a resident identity number (GB 11643, ISO 7064 MOD 11-2) over its 17 digits."""
    return RESIDENT_CHECKS[sum(w * int(d) for w, d in zip(RESIDENT_WEIGHTS, first17, strict=True)) % 11]


# --- GB/T 17710 MOD 37-2 and the codes built on it ---------------------------------------------------------------


def mod37_2(text: str) -> str:
    """Check character of `text` (0-9A-Z) so that the sum of a_i * 2^(i-1) from the right is 1 modulo 37."""
    carried = 0
    for char in text:
        carried = (carried + CODE_ALPHABET.index(char)) * 2 % 37
    return CODE_ALPHABET[(38 - carried) % 37]


@dataclass(frozen=True)
class NodeCode:
    """A platform or connector code (平台/接入连接器标识) taken apart. `kind` is a value of NODE_TYPES."""

    type: str
    subject: str
    area: str
    random: str
    check: str

    @property
    def kind(self) -> str:
        return NODE_TYPES[self.type]


@dataclass(frozen=True)
class DataCode:
    """A data code (数据标识) taken apart. `kind` is "product" or "resource"; `base` is without extension."""

    type: str
    subject: str
    area: str
    random: str
    check: str
    extension: str

    @property
    def kind(self) -> str:
        return DATA_TYPES[self.type]

    @property
    def base(self) -> str:
        return self.type + self.subject + self.area + self.random + self.check


def subject_code_fault(code: str) -> Fault | None:
    """What is wrong with the form of a subject code (主体标识码: 18 digits or letters), or None."""
    if len(code) != 18:
        return f"主体标识码应为 18 位，实为 {len(code)} 位", f"a subject code has 18 characters, this has {len(code)}"
    if not _alphanumeric(code):
        return "主体标识码只含数字与大写字母", "a subject code has digits and capital letters only"
    return None


def node_code(type: str, subject: str, area: str, random: str) -> str:
    """A node code from its parts: type 1-5, subject(18), area(4), random(8)."""
    _require(type in NODE_TYPES, f"node type {type!r} is not 1 to 5")
    return _coded(type, subject, area, random)


def did_of(address: str) -> str:
    """The did:web of a node that is reached at `address`."""
    parts = urlsplit(address.rstrip("/"))
    host = parts.hostname or ""
    port = f"%3A{parts.port}" if parts.port else ""
    path = "".join(f":{quote(part, safe='')}" for part in parts.path.split("/") if part)
    return f"did:web:{host}{port}{path}"


def is_did_web(text: object) -> bool:
    """Whether `text` is a did:web that can be looked up."""
    return isinstance(text, str) and len(text) <= DID_MAX and DID_WEB.fullmatch(text) is not None


def node_code_fault(code: str) -> Fault | None:
    """What is wrong with a platform or connector code, or None."""
    return _base_fault(code, NODE_TYPES)


def parse_node_code(code: str) -> NodeCode:
    """`code` taken apart; ValueError with the fault."""
    fault = node_code_fault(code)
    _require(fault is None, fault[1] if fault else "")
    return NodeCode(code[0], code[1:19], code[19:23], code[23:31], code[31])


def data_code(type: str, subject: str, area: str, random: str, extension: str = "") -> str:
    """A data code from its parts: type 6 product or 7 resource; extension: an older identifier, 1 to 32 characters."""
    _require(type in DATA_TYPES, f"data type {type!r} is neither 6 nor 7")
    code = _coded(type, subject, area, random) + (BULLET + extension if extension else "")
    fault = data_code_fault(code)
    _require(fault is None, fault[1] if fault else "")
    return code


def data_code_fault(code: str) -> Fault | None:
    """What is wrong with a data code (bullet or middle dot before the extension), or None."""
    base, mark, extension = code.replace(_MIDDLE_DOT, BULLET).partition(BULLET)
    fault = _base_fault(base, DATA_TYPES)
    if fault is not None or not mark:
        return fault
    if not 1 <= len(extension) <= 32:
        return f"扩展码应为 1 至 32 位，实为 {len(extension)} 位", (
            f"the extension has 1 to 32 characters, this has {len(extension)}"
        )
    if not extension.isprintable() or BULLET in extension or " " in extension:
        return "扩展码含不允许的字符", "the extension has characters that are not allowed"
    return None


def parse_data_code(code: str) -> DataCode:
    """`code` taken apart; ValueError with the fault."""
    fault = data_code_fault(code)
    _require(fault is None, fault[1] if fault else "")
    base, _mark, extension = code.replace(_MIDDLE_DOT, BULLET).partition(BULLET)
    return DataCode(base[0], base[1:19], base[19:23], base[23:31], base[31], extension)


def contract_code(
    node_type: str, subject: str, area: str, at: datetime, random: str, *, letter: str = CONTRACT_LETTER
) -> str:
    """A contract code of the business node (type, subject, area) at the aware instant `at`, written in China time.

    The check character is MOD 37-2 over the first 46; the document read names no algorithm [D].
    """
    _require(at.tzinfo is not None, "the instant needs its offset from UTC")
    _require(len(letter) == 1 and _alphanumeric(letter), "the letter is one digit or capital letter")
    _require(node_type in NODE_TYPES, f"node type {node_type!r} is not 1 to 5")
    _check_parts(subject, area, random)
    first46 = letter + node_type + subject + area + at.astimezone(CHINA).strftime("%Y%m%d%H%M%S") + random
    return first46 + mod37_2(first46)


def contract_code_fault(code: str) -> Fault | None:
    """What is wrong with a contract code, or None."""
    if len(code) != 47:
        return f"应为 47 位，实为 {len(code)} 位", f"should have 47 characters, has {len(code)}"
    if not _alphanumeric(code[:46]):
        return "前 46 位只含数字与大写字母", "the first 46 characters are digits and capital letters"
    if code[1] not in NODE_TYPES:
        return f"节点类型码 {code[1]} 未知", f"node type {code[1]!r} is not 1 to 5"
    if not _digits(code[20:24], 4):
        return "区域/行业代码应为 4 位数字", "the region or sector code has four digits"
    try:
        _stamp(code[24:38])
    except ValueError:
        return "时间码不是 YYYYMMDDHHMMSS", "the time is not YYYYMMDDHHMMSS"
    return _check_fault(code)


def _stamp(digits: str) -> datetime:
    _require(_digits(digits, 14), "fourteen digits")
    return datetime.strptime(digits, "%Y%m%d%H%M%S").replace(tzinfo=CHINA)


def _coded(type: str, subject: str, area: str, random: str) -> str:
    _check_parts(subject, area, random)
    first31 = type + subject + area + random
    return first31 + mod37_2(first31)


def _check_parts(subject: str, area: str, random: str) -> None:
    fault = subject_code_fault(subject)
    _require(fault is None, fault[1] if fault else "")
    _require(_digits(area, 4), "the region or sector code has four digits")
    _require(len(random) == 8 and _alphanumeric(random), "the random part has eight digits or capital letters")


def _base_fault(code: str, types: dict[str, str]) -> Fault | None:
    if len(code) != 32:
        return f"应为 32 位，实为 {len(code)} 位", f"should have 32 characters, has {len(code)}"
    if code[0] not in types:
        known = "、".join(types)
        return f"类型码 {code[0]} 不在 {known} 之中", f"type {code[0]!r} is none of {', '.join(types)}"
    if not _alphanumeric(code[:31]):
        return "前 31 位只含数字与大写字母", "the first 31 characters are digits and capital letters"
    if not _digits(code[19:23], 4):
        return "区域/行业代码（第 20 至 23 位）应为数字", "the region or sector code (places 20 to 23) has four digits"
    return _check_fault(code)


def _check_fault(code: str) -> Fault | None:
    expected = mod37_2(code[:-1])
    if code[-1] == expected:
        return None
    return (
        f"校验位（第 {len(code)} 位）应为 {expected}",
        f"the check character (place {len(code)}) should be {expected}",
    )


def _digits(text: str, length: int) -> bool:
    return re.fullmatch(f"[0-9]{{{length}}}", text) is not None


def _alphanumeric(text: str) -> bool:
    return re.fullmatch("[0-9A-Z]+", text) is not None


def _require(holds: bool, why: str) -> None:
    if not holds:
        raise ValueError(why)
