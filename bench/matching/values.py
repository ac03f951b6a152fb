"""Values of the benchmark's made tables: what two organisations would write about the same thing.

A *kind* is a line of words such as `num 0 120 1 x3.6` or `at+40m %Y%m%d%H%M%S`; both sides of a concept draw from the
same seed, so a row the two tables share has the same value in two spellings. Everything is a pure function of
(pair, entity, concept): no clock, no global random state, nothing of Datong. Names of people are drawn from lists of
characters, telephone numbers keep `0000` in the middle, firms are called after numbers and colours: none is meant.
Check digits (GB 11643, GB 11714, GB 32100, GB 16735, ISO/IEC 7812) are right. Held to published examples in
tests/bench/test_matching_values.py.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone
from functools import cache

CHINA = timezone(timedelta(hours=8))
REGIONS = tuple(
    tuple(line.split())
    for line in """
110105 北京市 北京市 朝阳区 116.44 39.92
120104 天津市 天津市 南开区 117.15 39.12
130102 河北省 石家庄市 长安区 114.54 38.04
210102 辽宁省 沈阳市 和平区 123.40 41.79
220104 吉林省 长春市 朝阳区 125.29 43.83
310101 上海市 上海市 黄浦区 121.48 31.23
310115 上海市 上海市 浦东新区 121.54 31.22
320505 江苏省 苏州市 虎丘区 120.57 31.30
320106 江苏省 南京市 鼓楼区 118.77 32.07
330106 浙江省 杭州市 西湖区 120.13 30.26
340104 安徽省 合肥市 蜀山区 117.26 31.85
350203 福建省 厦门市 思明区 118.08 24.45
370202 山东省 青岛市 市南区 120.41 36.08
410105 河南省 郑州市 金水区 113.66 34.80
420106 湖北省 武汉市 武昌区 114.32 30.55
430104 湖南省 长沙市 岳麓区 112.93 28.24
440106 广东省 广州市 天河区 113.36 23.12
440305 广东省 深圳市 南山区 113.93 22.53
510104 四川省 成都市 锦江区 104.08 30.66
520102 贵州省 贵阳市 南明区 106.71 26.57
520103 贵州省 贵阳市 云岩区 106.72 26.60
520302 贵州省 遵义市 红花岗区 106.89 27.64
530102 云南省 昆明市 五华区 102.71 25.04
610113 陕西省 西安市 雁塔区 108.95 34.22
""".strip().splitlines()
)
SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕"
GIVEN = "安柏辰朵尔枫庚禾嘉恺岚沐宁鸥朴青冉桑棠薇汐鸢筝芷泽竹宛锦翊珂"
LATIN = """
wang li zhang liu chen yang zhao huang zhou wu xu sun hu zhu gao lin he guo ma luo liang song
zheng xie han tang feng yu dong xiao cheng cao yuan deng xu fu shen zeng peng lv
"""
PINYIN = dict(zip(SURNAMES, LATIN.split(), strict=True))
ROADS = ("青石", "白鹭", "长虹", "望江", "云栖", "北斗", "丹桂", "花溪", "东湖", "盘山")
COLOURS = ("蓝", "青", "橙", "赤", "墨", "银", "紫", "翠")
TRADES = ("科技", "商贸", "物流", "电气", "建材", "医药", "运输", "食品", "机械", "信息")
SUFFIXES = ("有限公司", "有限责任公司", "股份有限公司")
CREDIT = "0123456789ABCDEFGHJKLMNPQRTUWXY"
PROVINCES = {"11": "京", "12": "津", "13": "冀", "21": "辽", "22": "吉", "31": "沪", "32": "苏", "33": "浙", "34": "皖", "35": "闽",
             "37": "鲁", "41": "豫", "42": "鄂", "43": "湘", "44": "粤", "51": "川", "52": "贵", "53": "云", "61": "陕"}  # fmt: skip


def resident_check(first17: str) -> str:
    """The last character of a resident id (GB 11643-1999, ISO 7064 MOD 11-2)."""
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return "10X98765432"[sum(int(d) * w for d, w in zip(first17, weights, strict=True)) % 11]


def organisation_check(first8: str) -> str:
    """The check character of an organisation code (GB 11714-1997)."""
    weights = (3, 7, 9, 10, 5, 8, 4, 2)
    rest = 11 - sum(int(c, 36) * w for c, w in zip(first8, weights, strict=True)) % 11
    return {10: "X", 11: "0"}.get(rest, str(rest))


def credit_check(first17: str) -> str:
    """The last character of a unified social credit code (GB 32100-2015)."""
    total = sum(CREDIT.index(c) * pow(3, i, 31) for i, c in enumerate(first17))
    return CREDIT[(31 - total % 31) % 31]


def vin_check(vin: str) -> str:
    """The ninth character of a VIN (GB 16735, ISO 3779)."""
    values = dict(
        zip(
            "ABCDEFGHJKLMNPRSTUVWXYZ",
            (1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 7, 9, 2, 3, 4, 5, 6, 7, 8, 9),
            strict=True,
        )
    )
    weights = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
    rest = sum((values[c] if c in values else int(c)) * w for c, w in zip(vin, weights, strict=True)) % 11
    return "X" if rest == 10 else str(rest)


def luhn(digits: str) -> str:
    """The last digit of a bank card (ISO/IEC 7812-1)."""
    total = sum(sum(divmod(int(d) * (2 - i % 2), 10)) for i, d in enumerate(reversed(digits)))
    return str(-total % 10)


@dataclass(frozen=True)
class Person:
    name: str
    id: str
    birth: date
    male: bool
    phone: str


@dataclass(frozen=True)
class Firm:
    name: str
    short: str
    credit: str
    phone: str


@dataclass(frozen=True)
class Place:
    code: str
    province: str
    city: str
    county: str
    lon: float
    lat: float
    street: str


def _person(draw: random.Random) -> Person:
    male, region = draw.random() < 0.52, draw.choice(REGIONS)[0]
    birth = date(1945, 1, 1) + timedelta(days=draw.randrange(22_000))
    middle = draw.randrange(1, 500) * 2 - male
    first = f"{region}{birth:%Y%m%d}{middle % 1000:03}"
    name = draw.choice(SURNAMES) + "".join(draw.choice(GIVEN) for _ in range(draw.choice((1, 2, 2))))
    phone = draw.choice(("133", "138", "150", "186", "177", "199")) + "0000" + f"{draw.randrange(10_000):04}"
    return Person(name, first + resident_check(first), birth, male, phone)


def _firm(draw: random.Random) -> Firm:
    region = draw.choice(REGIONS)
    short = draw.choice(COLOURS) + draw.choice("一二三四五六七八九") + draw.choice(TRADES)
    organisation = draw.choice(("MA", "MB")) + "".join(draw.choice("0123456789ABCDEFGHJ") for _ in range(6))
    first = "91" + region[0] + organisation + organisation_check(organisation)
    phone = draw.choice(("0851", "021", "0755", "0571")) + "-0000" + f"{draw.randrange(10_000):04}"
    return Firm(region[2] + short + draw.choice(SUFFIXES), short, first + credit_check(first), phone)


def _place(draw: random.Random) -> Place:
    code, province, city, county, lon, lat = draw.choice(REGIONS)
    street = f"{draw.choice(ROADS)}{draw.choice(('路', '街', '大道'))}{draw.randrange(1, 400)}号"
    return Place(
        code,
        province,
        city,
        county,
        float(lon) + draw.uniform(-0.06, 0.06),
        float(lat) + draw.uniform(-0.05, 0.05),
        street,
    )


@dataclass(frozen=True)
class Entity:
    """One row's subject: the people, firms and places it speaks of, each found by role."""

    pair: str
    number: int
    lists: Mapping[str, Sequence[str]] = field(default_factory=dict, compare=False, hash=False)
    begin: date = date(2023, 1, 1)

    def draw(self, what: str) -> random.Random:
        return random.Random(f"{self.pair}/{self.number}/{what}")  # noqa: S311 the same each time is the point

    def person(self, role: str) -> Person:
        return _person(self.draw(f"person {role}"))

    def firm(self, role: str) -> Firm:
        return _firm(self.draw(f"firm {role}"))

    def place(self, role: str) -> Place:
        return _place(self.draw(f"place {role}"))

    def moment(self) -> datetime:
        start = datetime(self.begin.year, self.begin.month, self.begin.day, tzinfo=CHINA)
        return start + timedelta(seconds=self.draw("moment").randrange(500 * 86_400))


Kind = Callable[[random.Random, Entity, str, list[str]], str]


def gcj02(lon: float, lat: float) -> tuple[float, float]:
    """WGS 84 to GCJ-02, by the published formula."""
    x, y, pi = lon - 105, lat - 35, math.pi

    def waves(v: float) -> float:
        return (20 * math.sin(6 * v * pi) + 20 * math.sin(2 * v * pi)) * 2 / 3

    dlat = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * math.sqrt(abs(x)) + waves(x)
    dlat += (20 * math.sin(y * pi) + 40 * math.sin(y / 3 * pi)) * 2 / 3
    dlat += (160 * math.sin(y / 12 * pi) + 320 * math.sin(y * pi / 30)) * 2 / 3
    dlon = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * math.sqrt(abs(x)) + waves(x)
    dlon += (20 * math.sin(x * pi) + 40 * math.sin(x / 3 * pi)) * 2 / 3
    dlon += (150 * math.sin(x / 12 * pi) + 300 * math.sin(x / 30 * pi)) * 2 / 3
    a, ee, rad = 6378245.0, 0.00669342162296594323, lat / 180 * pi
    magic = 1 - ee * math.sin(rad) ** 2
    return (
        lon + dlon * 180 / (a / math.sqrt(magic) * math.cos(rad) * pi),
        lat + dlat * 180 / (a * (1 - ee) / (magic * math.sqrt(magic)) * pi),
    )


def _number(value: float, words: list[str]) -> str:
    decimals = int(words[0])
    suffix, separators, shown = "", False, value
    for word in words[1:]:
        if word[0] == "x":
            shown *= float(word[1:])
        elif word[0] == "+":
            shown += float(word[1:])
        elif word == "sep":
            separators = True
        elif word.startswith("suf="):
            suffix = word[4:]
    return f"{shown:{',' if separators else ''}.{decimals}f}{suffix}"


def num(draw: random.Random, who: Entity, role: str, words: list[str]) -> str:
    """Uniform between two bounds: `num LO HI DECIMALS [xFACTOR] [+OFFSET] [sep] [suf=UNIT]`."""
    low, high = float(words[0]), float(words[1])
    return _number(low + (high - low) * draw.random(), words[2:])


def money(draw: random.Random, who: Entity, role: str, words: list[str]) -> str:
    """The same, spread by orders of magnitude, as amounts are."""
    low, high = float(words[0]), float(words[1])
    return _number(round(low * (high / low) ** draw.random(), 2), words[2:])


def walk(draw: random.Random, who: Entity, role: str, words: list[str]) -> str:
    """A daily curve with noise, as meters read it: `walk LOW HIGH DECIMALS ...`."""
    low, high = float(words[0]), float(words[1])
    day = math.sin(who.number / 24 * 2 * math.pi) * 0.35 + 0.5 + (draw.random() - 0.5) * 0.2
    return _number(low + (high - low) * day, words[2:])


def total(draw: random.Random, who: Entity, role: str, words: list[str]) -> str:
    """A counter that only grows: `total START STEP DECIMALS ...`."""
    return _number(float(words[0]) + float(words[1]) * (who.number + draw.random() * 0.5), words[2:])


def at(draw: random.Random, who: Entity, role: str, words: list[str]) -> str:
    """The row's moment: `at FORMAT`, or `at+40m FORMAT` for a later one; utc shifts, epoch and epochms count."""
    moment = who.moment()
    if role:
        sign, amount, unit = role[0], float(role[1:-1]), role[-1]
        share = who.draw(f"moment {role}").uniform(0.1, 1) * amount * (1 if sign == "+" else -1)
        moment += timedelta(**{{"m": "minutes", "h": "hours", "d": "days"}[unit]: share})
    style = " ".join(words)
    if style == "epoch":
        return str(int(moment.timestamp()))
    if style == "epochms":
        return str(int(moment.timestamp()) * 1000)
    if style.startswith("utc "):
        return moment.astimezone(UTC).strftime(style[4:])
    if style == "cn":
        return f"{moment.year}年{moment.month}月{moment.day}日"
    if style == "slash":
        return f"{moment.year}/{moment.month}/{moment.day} {moment.hour}:{moment.minute:02}"
    return moment.strftime(style)


def step(draw: random.Random, who: Entity, role: str, words: list[str]) -> str:
    """Readings at even steps: `step MINUTES FORMAT`."""
    start = datetime(who.begin.year, who.begin.month, who.begin.day, tzinfo=CHINA)
    moment = start + timedelta(minutes=int(words[0]) * who.number)
    style = " ".join(words[1:])
    return str(int(moment.timestamp())) if style == "epoch" else moment.strftime(style)


def pick(draw: random.Random, who: Entity, role: str, words: list[str]) -> str:
    """One of the words, the first ones more often; the same place on both sides (男 女 against 1 2)."""
    return words[min(int(len(words) * draw.random() ** 1.5), len(words) - 1)].replace("_", " ")


def listed(draw: random.Random, who: Entity, role: str, words: list[str]) -> str:
    """A part of an entry of the file's own lists: `list drug 1`; name and code of one role are of one entry."""
    entries = who.lists[words[0]]
    return who.draw(f"list {words[0]} {role}").choice(list(entries)).split("|")[int(words[1]) if len(words) > 1 else 0]


def seq(draw: random.Random, who: Entity, role: str, words: list[str]) -> str:
    """A running number: `seq PREFIX WIDTH START`; `-` is no prefix."""
    return f"{'' if words[0] == '-' else words[0]}{int(words[2]) + who.number:0{int(words[1])}}"


def digits(draw: random.Random, who: Entity, role: str, words: list[str]) -> str:
    prefix = words[1] if len(words) > 1 else ""
    return prefix + "".join(draw.choice("0123456789") for _ in range(int(words[0])))


def letters(draw: random.Random, who: Entity, role: str, words: list[str]) -> str:
    prefix = words[1] if len(words) > 1 else ""
    return prefix + "".join(draw.choice("0123456789abcdef") for _ in range(int(words[0])))


def plate(draw: random.Random, who: Entity, role: str, words: list[str]) -> str:
    head = PROVINCES[draw.choice(REGIONS)[0][:2]] + draw.choice("ABC")
    tail = "".join(draw.choice("0123456789ABCDEFGHJKLMNPQRSTUVWXYZ"[: 10 if i else 34]) for i in range(5))
    if "nev" in words:
        tail = draw.choice("DF") + tail
    if "dot" in words:
        return f"{head}·{tail}"
    return f"{head} {tail}" if "space" in words else head + tail


def vin(draw: random.Random, who: Entity, role: str, words: list[str]) -> str:
    body = "LDT" + "".join(draw.choice("0123456789ABCDEFGHJKLMNPRSTUVWXYZ") for _ in range(5)) + "0"
    body += "".join(draw.choice("ABCDEFGH123") for _ in range(2)) + f"{draw.randrange(1_000_000):06}"
    return body[:8] + vin_check(body) + body[9:]


def card(draw: random.Random, who: Entity, role: str, words: list[str]) -> str:
    body = "620000" + "".join(draw.choice("0123456789") for _ in range(12))
    whole = body + luhn(body)
    return f"{whole[:6]}******{whole[-4:]}" if "mask" in words else whole


def person(draw: random.Random, who: Entity, role: str, words: list[str]) -> str:
    """`person@a name`, id, phone, sex X Y, birth FORMAT, age, surname, given, email, latin."""
    one = who.person(role)
    rest = words[1:]
    match words[0]:
        case "name":
            return one.name[0] + "*" * (len(one.name) - 1) if "mask" in rest else one.name
        case "surname":
            return one.name[0]
        case "given":
            return one.name[1:]
        case "latin":
            return PINYIN[one.name[0]].title() + " " + "".join("AEIOUY"[ord(c) % 6] + "n" for c in one.name[1:]).title()
        case "id":
            return one.id[:6] + "********" + one.id[-4:] if "mask" in rest else one.id
        case "birth":
            return one.birth.strftime(rest[0])
        case "age":
            return str(who.begin.year - one.birth.year)
        case "sex":
            return rest[0] if one.male else rest[1]
        case "phone":
            if "mask" in rest:
                return one.phone[:3] + "****" + one.phone[-4:]
            return f"+86 {one.phone}" if "cc" in rest else one.phone
        case "email":
            return f"{PINYIN[one.name[0]]}{one.phone[-4:]}@example.cn"
    raise ValueError(words)


def firm(draw: random.Random, who: Entity, role: str, words: list[str]) -> str:
    """`firm@a name`, short, credit, organisation (the nine characters inside), phone."""
    one = who.firm(role)
    if words[0] == "organisation":
        code = one.credit[8:17]
        return f"{code[:8]}-{code[8]}" if "dash" in words else code
    return str(getattr(one, words[0]))


def place(draw: random.Random, who: Entity, role: str, words: list[str]) -> str:
    """`place@a code`, province, city, county, full, address, lon D, lat D, with gcj, e6 or dms; point, wkt."""
    one = who.place(role)
    rest = words[1:]
    lon, lat = gcj02(one.lon, one.lat) if "gcj" in rest else (one.lon, one.lat)
    match words[0]:
        case "full":
            return one.province + (one.city if one.city != one.province else "") + one.county
        case "address":
            return one.province + (one.city if one.city != one.province else "") + one.county + one.street
        case "street":
            return one.street
        case "lon" | "lat":
            value = lon if words[0] == "lon" else lat
            if "e6" in rest:
                return str(round(value * 1_000_000))
            if "dms" in rest:
                return f"{int(value)}°{int(value * 60 % 60)}′{value * 3600 % 60:.1f}″"
            return f"{value:.{int(rest[0])}f}"
        case "point":
            return f"{lon:.6f},{lat:.6f}"
        case "wkt":
            return f"POINT({lon:.6f} {lat:.6f})"
    return str(getattr(one, words[0]))


KINDS: dict[str, Kind] = {
    "num": num, "money": money, "walk": walk, "total": total, "at": at, "step": step, "pick": pick, "list": listed,
    "seq": seq, "digits": digits, "letters": letters, "plate": plate, "vin": vin, "card": card, "person": person,
    "firm": firm, "place": place,
}  # fmt: skip


@cache
def parsed(kind: str) -> tuple[float, str, str, tuple[str, ...]]:
    """(share left blank, name of the kind, role, words): `blank=0.3 person@a name` -> (0.3, person, a, (name,))."""
    words = kind.split(" ")
    blank = float(words.pop(0)[6:]) if words[0].startswith("blank=") else 0.0
    head = words.pop(0)
    if head.startswith("at"):
        return blank, "at", head[2:], tuple(words)
    name, _, role = head.partition("@")
    return blank, name, role, tuple(words)


def value(kind: str, who: Entity, concept: str) -> str:
    """One cell: the kind's value for this entity; the same concept draws the same on both sides."""
    blank, name, role, words = parsed(kind)
    if blank and who.draw(f"blank {concept} {kind}").random() < blank:
        return ""
    return KINDS[name](who.draw(concept), who, role, list(words))
