"""Saying in words why a column is proposed to be something. Never a value of a cell.

Contract: tests/harmonise/matching/test_matching_proposals.py.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from collections.abc import Mapping as Map

from datong.ground.refusal import Text
from datong.harmonise.model.elements import CodeTable, DataElement
from datong.harmonise.model.matching import Profile, Way
from datong.harmonise.rules.matching.evidence import FEATURES, TABLE_FEATURES, Column, Found
from datong.harmonise.rules.matching.values import LOOKED_AT

KINDS: Map[str, Text] = {
    "plate": Text("车牌号", "plates"), "resident_id": Text("身份证号", "resident ids"),
    "credit_code": Text("统一社会信用代码", "credit codes"), "vin": Text("车辆识别代号", "VINs"),
    "phone": Text("手机号", "mobile numbers"), "landline": Text("固定电话", "landline numbers"),
    "email": Text("电子邮箱", "e-mail addresses"), "url": Text("网址", "web addresses"), "uuid": Text("UUID", "UUIDs"),
    "ip": Text("IP 地址", "IP addresses"), "date": Text("日期", "dates"), "address": Text("地址", "addresses"),
    "timestamp": Text("日期时间", "dates with times"), "time": Text("时刻", "times of day"),
    "person": Text("人名", "names of persons"),
    "organisation": Text("单位名称", "names of organisations"), "division_code": Text("行政区划代码", "division codes"),
    "luhn": Text("银行卡号（校验位相符）", "card numbers (check digit fits)"), "longitude": Text("经度", "longitudes"),
    "latitude": Text("纬度", "latitudes"), "boolean": Text("是或否", "yes or no"), "number": Text("数字", "numbers"),
    "integer": Text("整数", "whole numbers"), "words": Text("英文词语", "English words"),
}  # fmt: skip
WAYS: Map[Way, Text] = {
    Way.word: Text("名称“{name}”就是“{said}”", "the name {name} is its word {said}"),
    Way.sound: Text("拼音 {name} = {said}", "pinyin {name} = {said}"),
    Way.initials: Text("拼音首字母 {name} = {said}", "initials {name} = {said}"),
    Way.mixed: Text("全拼与首字母混写 {name} = {said}", "pinyin and initials mixed {name} = {said}"),
    Way.parts: Text("“{name}”与“{said}”词义相近（{score}）", "{name} and {said} say alike ({score})"),
    Way.spelling: Text("“{name}”与“{said}”拼写相近（{score}）", "{name} and {said} are spelt alike ({score})"),
}
_CHECKED = {"resident_id": "resident_checked", "credit_code": "credit_checked"}
"""Kinds told by their form, and those of them whose check character fits."""
CONFIRMED = Text("本节点已确认过“{name}”的含义", "the meaning of {name} was confirmed at this node before")
REJECTED = Text("本节点曾否定“{said}”", "{said} was rejected at this node before")
GIVEN = Text("映射中已如此确认", "the mapping says so already")
FOLLOWS = Text("与本表其他列逐行比较，先后相符", "row by row it stands before or after the other columns as it should")
OTHER_END = Text("但名称说的是相反的一端", "but the name says the opposite end")
SWAPPED = Text("名称中各有对方没有的词", "each name has a word that the other has not")
LITTLE = 0.1
"""A score under which nobody asks why it is not proposed."""
NO_NAME = Text("列名没有说明含义，只看取值", "the name says nothing; judged by values alone")
NO_VALUES = Text("没有取值可看，只看列名", "there are no values; judged by the name alone")
NOTHING = Text("没有相近的对象", "nothing is near it")
WEAK = Text("最相近的是“{said}”（{score}），把握不足", "the nearest is {said} ({score}), which is too unlikely")
BETTER = Text("已有更合适的列对应“{said}”", "another column fits {said} better")


def percent(share: float) -> str:
    """Rounded down: 99.9 % are not all."""
    return f"{int(share * 100)} %"


def of_element(column: Column, found: Found, table: CodeTable | None) -> Text:
    """Why the column may mean the element that `found` is about."""
    said = [_name(column, found)]
    look = column.profile
    if not look.filled:
        said.append(NO_VALUES)
    else:
        if found.kind:
            said.append(_share(look, found.kind, found.share))
        if found.code_share >= 0.5 and table is not None:
            share = percent(found.code_share)
            said.append(
                Text(f"{share} 的不同取值在代码表“{table.title.zh}”中",
                     f"{share} of the different values are in the code table {table.title.en}")
            )  # fmt: skip
        if found.against:
            kind, share = KINDS[found.against], percent(look.share(found.against))
            said.append(Text(f"但 {share} 的取值是{kind.zh}", f"but {share} of the values are {kind.en}"))
    return joined([*said, *_beside(found, FEATURES)])


def of_column(left: Column, found: Found) -> Text:
    """Why the column may be the other table's column that `found` is about."""
    said = [_name(left, found)]
    if found.kind:
        said.append(_both(found))
    if found.more.get("shared_values", 0.0) >= 0.3:
        share = percent(found.more["shared_values"])
        said.append(Text(f"{share} 的不同取值两边都有", f"{share} of the different values are in both"))
    if found.code_share:
        said.append(Text("两边的取值属于同一代码表", "both hold values of one code table"))
    if not found.kind and found.more.get("alike", 0.0) >= 0.7:
        share = percent(found.more["alike"])
        said.append(Text(f"取值形态相似（{share}）", f"the values look alike ({share})"))
    return joined([*said, *_beside(found, TABLE_FEATURES)])


def _beside(found: Found, features: Sequence[str]) -> list[Text]:
    """What the other columns, and the words that the names do not share, say."""
    told = dict(zip(features, found.features, strict=True))
    said = [FOLLOWS] if told["order"] >= 0.3 else []
    if told["ends"] <= -0.5:
        return [*said, OTHER_END]
    same = (
        found.name is not None and found.name.way is Way.word
    )  # as the other name is written, whatever its synonyms say
    return [*said, SWAPPED] if told["swapped"] >= 0.25 and not same else said


def left(others: Sequence[tuple[DataElement, float]], wanted: DataElement | None, taken: Collection[str]) -> Text:
    """Why nothing is proposed. wanted: what the column would mean by itself; taken: what other columns were given."""
    if wanted is not None and wanted.name in taken:
        return Text(BETTER.zh.format(said=wanted.zh), BETTER.en.format(said=wanted.en))
    if not others or others[0][1] < LITTLE:
        return NOTHING
    element, score = others[0]
    share = percent(score)
    return Text(WEAK.zh.format(said=element.zh, score=share), WEAK.en.format(said=element.en, score=share))


def joined(said: list[Text]) -> Text:
    told = [text for text in said if text.zh]
    return Text("；".join(text.zh for text in told), "; ".join(text.en for text in told))


def filled(text: Text, **facts: str) -> Text:
    return Text(text.zh.format(**facts), text.en.format(**facts))


def _name(column: Column, found: Found) -> Text:
    if found.name is None:
        return NO_NAME if column.nameless else Text("", "")
    where = column.path
    if found.name.by_comment:
        told = filled(WAYS[found.name.way], name="{name}", said=found.name.said, score=percent(found.name.score))
        return Text(told.zh.replace("{name}", "注释"), told.en.replace("{name}", "of the comment"))
    shown = where.upper() if found.name.way is Way.initials and where.isascii() else where
    return filled(WAYS[found.name.way], name=shown, said=found.name.said, score=percent(found.name.score))


def _share(look: Profile, kind: str, share: float) -> Text:
    if kind not in KINDS:
        return Text("", "")
    count, fits = f"{min(look.filled, LOOKED_AT):,}", look.share(_CHECKED.get(kind, kind))
    zh, en = (f"，校验位相符的 {percent(fits)}", f" ({percent(fits)} with a check character that fits)")
    checked = kind in _CHECKED and fits < share
    return Text(
        f"{count} 个取值中 {percent(share)} 是{KINDS[kind].zh}{zh if checked else ''}",
        f"{percent(share)} of {count} values are {KINDS[kind].en}{en if checked else ''}",
    )


def _both(found: Found) -> Text:
    kind, share = KINDS[found.kind], percent(found.share)
    if found.share >= 1:
        return Text(f"两边的取值都是{kind.zh}", f"both hold {kind.en} alone")
    return Text(f"两边各有 {share} 以上的取值是{kind.zh}", f"on both sides {share} of the values or more are {kind.en}")
