"""What the values of a column are, by check digits, forms and code words: for each check the share of values it takes.

A column is judged by shares over its distinct values, never by one hit: 1 of 10 random numbers passes Luhn, 7 of 10 of
eleven digits that begin with 1 look like a mobile phone. So a check here is the strictest that is true of all genuine
values, and runs of consecutive numbers are told apart (`sequential`). Must never know: names of columns, types.
Contract: tests/deidentify/finding/test_finding_values.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from ipaddress import ip_address
from itertools import pairwise

from datong.ground import codes

SERIES_LEAST = 50
DISTINCT_MAX = 2_000
"""So many distinct values are looked at, evenly spread."""
TEXT_MAX = 200

_MAINLAND = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
PLATE = re.compile(
    rf"[{_MAINLAND}][A-HJ-NP-Z][·• -]?([A-HJ-NP-Z0-9]{{4}}[A-HJ-NP-Z0-9挂学警港澳]|[A-HJK][A-HJ-NP-Z0-9]\d{{4}}"
    r"|\d{5}[A-HJK])"
)
MOBILE = re.compile(r"(?:(?:\+|00)?86[- ]?)?1(?:3\d|4[5-9]|5[0-35-9]|6[2567]|7[0-8]|8\d|9[0-35-9])[- ]?\d{4}[- ]?\d{4}")
"""MIIT number segments in use: 140-144, 154, 160-161, 163-164, 168-169, 179 and 194 are in none."""
LANDLINE = re.compile(
    r"(?:\+86[- ]?)?\(?0(?:10|2\d|[3-9]\d{2})\)?[- ]?[2-9]\d{6,7}(?:[-转 ]\d{1,6})?|[48]00-?\d{3}-?\d{4}"
)
ABROAD = re.compile(
    r"\+\d{1,3}[- .]?\(?\d{1,4}\)?(?:[- .]?\d{2,4}){2,4}|1-\d{3}-\d{3}-\d{4}|\(\d{3}\) ?\d{3}-\d{4}"
    r"|[2-9]\d\d[-.][2-9]\d\d[-.]\d{4}"  # North American plan: area and exchange begin with 2 to 9
)
EMAIL = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}")
SSN = re.compile(r"(?!000|666)\d{3}-(?!00)\d{2}-(?!0000)\d{4}")
PASSPORT = re.compile(r"[EG]\d{8}|E[A-HJ-NP-Z]\d{7}|[DSP]E?\d{7,8}|[CHM]\d{8,10}|X\d{8}X")
"""Chinese ordinary (E, G), diplomatic and service passports, travel permits of Hong Kong, Macao and Taiwan."""
MAC = re.compile(r"(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}")
_VIN = re.compile(r"(?=.*[A-Z])[A-HJ-NPR-Z0-9]{17}")
_BIN = re.compile(
    r"62\d{14,17}|4\d{15}|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|3[47]\d{13}|35\d{14}|60\d{14}|9\d{15,18}"
)
_IMEI = re.compile(r"(?:01|35|86|99)\d{13}")
_IMSI = re.compile(r"460(?:0[0-9]|1[15]|20)\d{10}")
_DAY = re.compile(
    r"(\d{4})[-/.年]?(\d{1,2})[-/.月]?(\d{1,2})日?(?:[T ]00:00(?::00)?(?:\.0+)?)?|(\d{1,2})[/.](\d{1,2})[/.](\d{4})"
)
_TIME = re.compile(
    r"(?:19|20)\d\d[-/.年]\d{1,2}[-/.月]\d{1,2}日?"
    r"(?:[T ]\d{1,2}:\d\d(?::\d\d(?:\.\d+)?)?\s?(?:Z|[+-]\d\d:?\d{0,2})?)?"
)
"""Written out with their signs: seconds since 1970 and 20260315 look like other numbers."""
_COORDINATE = re.compile(r"[-+]?\d{1,3}\.\d{2,}")
_PAIR = re.compile(r"[\[(]?[-+]?\d{1,3}\.\d{2,}\s?[,; ]\s?[-+]?\d{1,3}\.\d{2,}[\])]?")
_SURNAMES = frozenset(
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾"
    "夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤温康施文牛樊葛邢安齐易乔伍庞颜倪庄聂章鲁岳翟殷詹申欧耿关兰"
    "焦俞左柳甘祝包宁尚符舒阮柯纪梅童凌毕单季裴霍涂成苗谷曲盛冉骆蓝路游辛靳管柴蒙鲍华喻祁房蒲滕屈饶解牟艾尤时穆农司卓古吉缪简车项连芦麦"
    "褚娄窦戚岑景党宫费卜冷晏席卫米柏宗瞿桂全佟应臧闵苟邬边卞姬师和仇栾隋商刁沙荣巫寇桑郎甄丛仲虞敖巩明佘池查麻苑迟邝"
    "湛禹狄贝明计伏谈茅危支昝经裘干宣贲郁杭洪诸钮嵇邢滑荣翁荀於惠家封芮羿储汲邴糜松井段富乌巴弓牧隗山宓蓬郗班仰秋伊酆湖水云苏奚昌凤花廉乐皮卞平萧仝逯"
)  # fmt: skip
_COMPOUND = (
    "欧阳",
    "司马",
    "上官",
    "诸葛",
    "夏侯",
    "皇甫",
    "尉迟",
    "公孙",
    "慕容",
    "令狐",
    "司徒",
    "东方",
    "长孙",
    "宇文",
    "端木",
    "呼延",
)
_NO_GIVEN = re.compile(r"[公司厂店院校局部所站路街区市省县镇村号型款色米]$|[省市县区路]")
_PERSON = re.compile(
    r"[\u4e00-\u9fff]{2,4}|[\u4e00-\u9fff][*某×＊]{1,2}[\u4e00-\u9fff]?|[\u4e00-\u9fff]{1,8}·[\u4e00-\u9fff]{1,12}"
)
_PLACES = re.compile(r"省|市|自治区|特别行政区|盟|州|县|区|旗|镇|乡|街道|村|路|街|大道|巷|弄|胡同|小区|花园|苑")
_DOOR = re.compile(r"[\d一二三四五六七八九十]+(?:号|弄|栋|幢|室|单元|楼|层|组|座|#)|\d+-\d+")
_STREET = re.compile(
    r"\d+[A-Za-z]?,? .*\b(?:st|street|ave|avenue|rd|road|blvd|boulevard|lane|ln|dr|drive|way|court|ct|place|pl|terrace"
    r"|highway|hwy|circle|parkway|square|sq|trail|crescent|close|row|mews|heights|grove|park|plaza|gardens|view)\b.*",
    re.IGNORECASE,
)


_ORGANISATION = re.compile(
    r"公司|集团|医院|卫生院|卫生室|卫生服务|门诊|诊所|诊疗|口腔|牙科|护理院|药房|药店|学校|小学|中学|大学|学院|幼儿园|银行|支行|酒店|宾馆"
    r"|超市|商店|餐厅|研究院|研究所|事务所|委员会|管理局|派出所|加油站|充电站|体育馆|图书馆|博物馆|合作社|协会|基金会"
    r"|\b(?:inc|llc|ltd|corp|corporation|company|hospitals?|clinic|medical|health|healthcare|surgical|university|college"
    r"|school|bank|hotel|associates|foundation|institute|pharmacy|laboratory|nursing|rehabilitation|care|pc|pllc|plc|gmbh)\b"
    r"|\bP\.C\.",
    re.IGNORECASE,
)
"""Words for what an organisation or facility is, in Chinese (GB/T 20091 kinds, in common use) and English names."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


SEXES = _words("男 女 男性 女性 m f male female 未知 未说明 未知的性别 未说明的性别 0 1 2 9 x u man woman 先生 女士")
_TRUE_SEXES = _words("男 女 男性 女性 m f male female man woman 先生 女士")
ETHNIC = _words(
    "汉 蒙古 回 藏 维吾尔 苗 彝 壮 布依 朝鲜 满 侗 瑶 白 土家 哈尼 哈萨克 傣 黎 傈僳 佤 畲 高山 拉祜 水 东乡 "
    "纳西 景颇 柯尔克孜 土 达斡尔 仫佬 羌 布朗 撒拉 毛南 仡佬 锡伯 阿昌 普米 塔吉克 怒 乌孜别克 俄罗斯 鄂温克 "
    "德昂 保安 裕固 京 塔塔尔 独龙 鄂伦春 赫哲 门巴 珞巴 基诺"
)
MARITAL = _words("未婚 已婚 初婚 再婚 复婚 丧偶 离婚 离异 未说明 single married divorced widowed separated s m d w")
EDUCATION = _words(
    "小学 初中 高中 中专 中技 职高 技校 大专 专科 本科 大学本科 大学专科 大学 硕士 博士 硕士研究生 博士研究生 "
    "研究生 文盲 文盲半文盲 学龄前 其他 bachelors masters doctorate highschool bachelor master phd"
)
RELIGIONS = _words(
    "无 无宗教信仰 佛教 道教 伊斯兰教 天主教 基督教 基督新教 东正教 其他 none buddhism taoism islam catholic christian"
)
POLITICAL = _words(
    "群众 中共党员 党员 预备党员 中共预备党员 共青团员 团员 民革党员 民盟盟员 民建会员 民进会员 农工党党员 "
    "致公党党员 九三学社社员 台盟盟员 无党派人士 无党派民主人士"
)


def resident_id(text: str) -> bool:
    """GB 11643: 18 characters with area, day of birth and check character; the 15 digits of before 1999; masked ones
    whose open digits fit."""
    if "*" in text or "＊" in text:
        return bool(re.fullmatch(r"[1-8]\d{2,9}[*＊]{4,12}[\dXx]{1,4}", text)) and len(text) == 18
    if len(text) == 15 and text.isascii() and text.isdigit():
        return text[:2] in codes.PROVINCES and _is_day(1900 + int(text[6:8]), int(text[8:10]), int(text[10:12]))
    if len(text) != 18 or not (text[:17].isascii() and text[:17].isdigit()) or text[:2] not in codes.PROVINCES:
        return False
    born = _is_day(int(text[6:10]), int(text[10:12]), int(text[12:14])) and 1850 <= int(text[6:10]) <= 2100
    return born and codes.resident_check(text[:17]) == text[17].upper()


def phone(text: str) -> bool:
    masked = re.fullmatch(r"1[3-9]\d[*＊]{4}\d{4}", text)
    return bool(masked or MOBILE.fullmatch(text) or LANDLINE.fullmatch(text) or ABROAD.fullmatch(text))


def vin(text: str) -> bool:
    """ISO 3779 with the check digit, which China and North America demand (GB 16735)."""
    upper = text.upper()
    if not _VIN.fullmatch(upper):
        return False
    values = {sign: number for row in ("0123456789", ".ABCDEFGH.", ".JKLMN.P.R", "..STUVWXYZ") for number, sign in
              enumerate(row) if sign != "."}  # fmt: skip
    weights = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
    rest = sum(values[sign] * weight for sign, weight in zip(upper, weights, strict=True)) % 11
    return upper[8] == "0123456789X"[rest]


def bank_card(text: str) -> bool:
    """GB/T 15694: an issuer prefix in use and the Luhn check, 15 to 19 digits; groups of four may stand apart."""
    plain = text.replace(" ", "").replace("-", "")
    if re.fullmatch(r"(?:62|4|5[1-5])\d{2,5}[*＊]{4,10}\d{4}", plain):
        return True
    return bool(plain.isascii() and _BIN.fullmatch(plain)) and luhn(plain)


def luhn(digits: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        number = int(digit) * (1 + place % 2)
        total += number - 9 * (number > 9)
    return total % 10 == 0


def device(text: str) -> bool:
    """MAC address; IMEI with its Luhn digit and a reporting body in use; IMSI of China."""
    if MAC.fullmatch(text):
        return True
    return (bool(_IMEI.fullmatch(text)) and luhn(text)) or bool(_IMSI.fullmatch(text))


def ip(text: str) -> bool:
    if text.count(".") != 3 and ":" not in text:
        return False
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def person(text: str) -> bool:
    """A Chinese name by its surname and length, masked ones too. Names in Latin letters have no form of their own."""
    if not _PERSON.fullmatch(text):
        return False
    if "·" in text:
        return True
    if text[:2] in _COMPOUND:
        return len(text) in (3, 4)
    if text[0] not in _SURNAMES or len(text) > 3:
        return False
    return "*" in text or "某" in text or not _NO_GIVEN.search(text[1:])


def address(text: str) -> bool:
    if _STREET.fullmatch(text):
        return True
    return len(text) >= 6 and len(_PLACES.findall(text)) >= 2 and bool(_DOOR.search(text) or len(text) >= 9)


def birth_date(text: str) -> bool:
    """A day on which somebody alive or remembered can be born; also YYMMDD with 50 added to women's months."""
    if re.fullmatch(r"\d{6}(?:/?\d{3,4})?", text):
        return _is_day(1900 + int(text[:2]), int(text[2:4]) % 50, int(text[4:6]))
    if _DAY.fullmatch(text) is None:
        return bool(re.fullmatch(r"(?:19|20)\d\d年?(?:[-/]?(?:0?[1-9]|1[0-2])月?)?", text))
    return 1880 <= (year_of_day(text) or 0) <= 2100


def year_of_day(text: str) -> int | None:
    """The year of a day of any century, None where it is no day."""
    form = _DAY.fullmatch(text)
    if form is None:
        return None
    year, month, day = (form[1], form[2], form[3]) if form[1] else (form[6], form[4], form[5])
    one, other = int(month), int(day)
    return int(year) if _is_day(int(year), one, other) or _is_day(int(year), other, one) else None


def age(text: str) -> bool:
    return (
        bool(re.fullmatch(r"\d{1,3}(?:\.0)?岁?|\d{1,2}[-~]\d{1,3}|\d{2}\+", text))
        and int(re.findall(r"\d+", text)[0]) <= 130
    )


def coordinate(text: str) -> bool:
    if _PAIR.fullmatch(text):
        return True
    return bool(_COORDINATE.fullmatch(text)) and abs(float(text)) <= 180


def postcode(text: str) -> bool:
    """Six digits of China (GB/T 2259 areas 01-86), five or nine of the US, the British form."""
    return bool(
        re.fullmatch(r"(?:0[1-9]|[1-7]\d|8[0-6])\d{4}|\d{5}(?:-\d{4})?|[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}", text.upper())
    )


def _is_day(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


def _of(words: frozenset[str], ending: str = "") -> Callable[[str], bool]:
    return lambda text: text.casefold().replace("-", "").replace(" ", "").removesuffix(ending) in words


def organisation(text: str) -> bool:
    """A name of an organisation or facility, by the word for what it is: 医院, 有限公司, Hospital, LLC."""
    return _ORGANISATION.search(text) is not None


CHECKS: Mapping[str, Callable[[str], bool]] = {
    "resident_id": resident_id,
    "phone": phone,
    "plate": lambda text: PLATE.fullmatch(text) is not None,
    "vin": vin,
    "email": lambda text: EMAIL.fullmatch(text) is not None,
    "us_ssn": lambda text: SSN.fullmatch(text) is not None,
    "passport": lambda text: PASSPORT.fullmatch(text.upper()) is not None,
    "bank_card": bank_card,
    "device": device,
    "ip": ip,
    "person": person,
    "address": address,
    "birth_date": birth_date,
    "time": lambda text: _TIME.fullmatch(text) is not None,
    "age": age,
    "coordinate": coordinate,
    "postcode": postcode,
    "sex": _of(SEXES),
    "ethnic": _of(ETHNIC, "族"),
    "marital": _of(MARITAL),
    "education": _of(EDUCATION),
    "religion": _of(RELIGIONS),
    "political": _of(POLITICAL),
    "day": lambda text: year_of_day(text) is not None,
    "organisation": organisation,
    "mobile": lambda text: MOBILE.fullmatch(text) is not None,
}
_APART = r"(?<![0-9A-Za-z._/-])", r"(?![0-9A-Za-z_/-]|\.\d)"
"""What may not stand before and behind a number within a text: it would be a part of a longer one."""
_WITHIN: Mapping[str, tuple[re.Pattern[str], Callable[[str], bool]]] = {
    "resident_id": (re.compile(_APART[0] + r"\d{17}[\dXx]" + _APART[1]), resident_id),
    "phone": (re.compile(f"{_APART[0]}{MOBILE.pattern}{_APART[1]}"), lambda text: True),
    "email": (EMAIL, lambda text: True),
}
"""Checks strict enough for texts: a word of an address or of a name could be any word."""
LONG_TEXT_MAX, LEAST_TEXT = 2_000, 6
_LETTER = re.compile(r"[^\W\d_]")
CODED = frozenset(("sex", "ethnic", "marital", "education", "religion", "political"))
"""Checks of code words: there are few different values by nature."""
NOTHING = frozenset(("", "null", "none", "nan", "n/a", "na", "-", "--", "\\n", "无", "未知", "不详", "?"))


def there(values: Sequence[str | None]) -> list[str]:
    """The values that are there, without blanks around them."""
    return [
        text for value in values if value is not None and (text := value.strip()[:TEXT_MAX]).casefold() not in NOTHING
    ]


def looked_at(distinct: Sequence[str]) -> Sequence[str]:
    count = len(distinct)
    return distinct if count <= DISTINCT_MAX else [distinct[at * count // DISTINCT_MAX] for at in range(DISTINCT_MAX)]


def shares(counted: Mapping[str, int]) -> dict[str, float]:
    """For each check the share of the distinct values that pass it, of code words that of the rows; only those that any
    passes. counted: each distinct value with its rows."""
    looked = looked_at(list(counted))
    rows = sum(counted[text] for text in looked)
    found: dict[str, float] = {}
    for name, check in CHECKS.items():
        passed = [text for text in looked if check(text)]
        if passed:
            by_rows = sum(counted[text] for text in passed) / rows
            found[name] = by_rows if name in CODED else len(passed) / len(looked)
    return found


def within(cells: Sequence[str | None]) -> dict[str, tuple[int, float]]:
    """Check -> (how many, which share) of the distinct texts in which somebody's number stands among other words: a
    remark, a record of a call, JSON. A number that stands alone is `shares`' to judge, with letters about it it is not
    one of a series."""
    looked = looked_at(list(dict.fromkeys(text[:LONG_TEXT_MAX] for text in cells if text and len(text) > LEAST_TEXT)))
    found = {}
    for name, (form, check) in _WITHIN.items():
        count = sum(_holds(text, form, check) for text in looked)
        if count:
            found[name] = (count, count / len(looked))
    return found


def _holds(text: str, form: re.Pattern[str], check: Callable[[str], bool]) -> bool:
    there = [one for one in form.finditer(text) if check(one[0])]
    return bool(there) and _LETTER.search(form.sub(" ", text)) is not None


def true_sexes(distinct: Sequence[str]) -> bool:
    """Whether the code words of sex say so themselves (男, F), and are not 0 and 1 of anything."""
    return bool(distinct) and any(text.casefold() in _TRUE_SEXES for text in distinct)


def sequential(distinct: Sequence[str]) -> bool:
    """Whether numbers of one length run on: most neighbours are closer than any register of people gives them."""
    looked = [text for text in distinct if text.isascii() and text.isdigit()]
    if len(looked) < 20 or len(looked) < 0.9 * len(distinct):
        return False
    numbers = sorted({int(text) for text in looked})
    gaps = sorted(after - before for before, after in pairwise(numbers))
    span = numbers[-1] - numbers[0]
    return bool(gaps) and (gaps[len(gaps) // 2] <= 3 or span <= 20 * len(numbers)) and len(looked[0]) >= 6


def series(distinct: Sequence[str]) -> bool:
    """Whether times follow each other at one distance, as those of a meter do and those of people never."""
    looked = [text for text in distinct if _TIME.fullmatch(text)]
    if len(looked) < SERIES_LEAST or len(looked) < 0.9 * len(distinct):
        return False
    try:
        times = sorted(datetime.fromisoformat(text.replace("/", "-").replace("Z", "+00:00")) for text in looked)
        gaps = [(after - before).total_seconds() for before, after in pairwise(times)]
    except (TypeError, ValueError):
        return False
    return gaps.count(max(gaps, key=gaps.count)) >= 0.9 * len(gaps)


def shape(distinct: Sequence[str]) -> str:
    """The usual shape: 9 for a run of digits, A of letters, 文 of Chinese signs, other signs as they are."""
    counted: dict[str, int] = {}
    for text in looked_at(distinct)[:400]:
        said = re.sub(r"[\u3400-\u9fff]+", "文", re.sub(r"[A-Za-z]+", "A", re.sub(r"[0-9]+", "9", text[:40])))
        counted[said] = counted.get(said, 0) + 1
    best = max(counted, key=lambda said: (counted[said], said), default="")
    return best if counted and counted[best] >= 0.5 * sum(counted.values()) else "mixed" if counted else ""
