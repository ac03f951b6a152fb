"""What the software suspects of a source: a kind, the columns, the figures that speak for it, what it would mean."""

from __future__ import annotations

from collections.abc import Mapping as Map
from dataclasses import dataclass

from datong.ground.refusal import Text

KINDS: Map[str, Text] = {
    "not_local_time": Text("时刻不可能是当地时间", "times that cannot be local"),
    "datum_step": Text("坐标与参照点相差一个坐标系", "coordinates one datum away from reference points"),
    "hidden_sex": Text("编号中藏有出生日期和性别", "a number that hides a birth date and sex"),
    "leading_zeros": Text("前导零丢失", "leading zeros lost"),
    "mixed_units": Text("同列混用两种单位", "two units in one column"),
    "unit_left_out": Text("部分数值未写单位", "numbers without the unit that others carry"),
    "unit_unread": Text("列名写的单位没有换算", "a unit in a column's name that is not turned"),
    "constant": Text("整列只有一个值", "a column of one value"),
    "sentinel": Text("以特殊值表示缺失", "a value that stands for none"),
    "sum": Text("一列是另两列之和", "a column that is the sum of two others"),
    "total_row": Text("合计行混在记录中", "totals among the records"),
    "part_row": Text("“其中”行混在记录中", "parts of a row among the records"),
    "named_once": Text("组名只写在每组首行", "names of groups in their first rows alone"),
    "second_table": Text("下方另有一张表", "another table below the first"),
    "no_list": Text("unnest 所指的列表不存在", "a list to be taken apart that no record has"),
    "renamed": Text("列在文件中途改名", "columns renamed in the middle"),
    "swapped": Text("经纬度颠倒", "longitude and latitude swapped"),
    "rounded": Text("时刻经过取整", "times that were rounded"),
    "exponent": Text("编号被写成科学计数", "ids in exponent form"),
    "mojibake": Text("文字编码读错", "text read in a wrong encoding"),
}


@dataclass(frozen=True)
class Suspicion:
    """kind: of KINDS. evidence: figures by name; counts and shares, never a value of a person."""

    kind: str
    columns: tuple[str, ...]
    evidence: Map[str, float | int | str]
    told: Text
