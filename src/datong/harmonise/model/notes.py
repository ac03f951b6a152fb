"""What each reason of quarantine and each repair means, in both languages."""

from __future__ import annotations

from collections.abc import Mapping as Map

from datong.ground.refusal import Text

NOTES: Map[str, Text] = {
    # why a row is quarantined
    "not_a_record": Text("不是一条记录", "is no record (wrong shape or number of fields)"),
    "missing_value": Text("必填项缺失", "a required value is missing"),
    "not_a_number": Text("不是数", "is no number"),
    "not_a_time": Text("不是有效的日期时间", "is no date and time that exists"),
    "no_offset": Text("时间缺少时区偏移", "is a time without its offset from UTC"),
    "no_such_local_time": Text("当地不存在的时刻（夏令时起）", "is a local time that never was (clocks went forward)"),
    "ambiguous_local_time": Text("当地出现两次的时刻（夏令时止）", "is a local time that was twice (clocks went back)"),
    "outside_period": Text("超出声明的时段", "lies outside the declared period"),
    "not_a_coordinate": Text("不是声明记法的坐标", "is no coordinate in the declared notation"),
    "outside_area": Text("超出声明的区域", "lies outside the declared area"),
    "outside_range": Text("超出声明的范围", "lies outside the declared range"),
    "outside_standard": Text("不符合数据标准", "breaks a rule of the data standard"),
    "plate_format": Text("号牌格式不符（GA 36）", "is no plate of GA 36"),
    "unknown_code": Text("代码表中没有", "is not in the code table"),
    "duplicate": Text("与前一行重复", "repeats an earlier row"),
    "conflicting_duplicate": Text("键相同而内容不同（全部隔离）", "shares its key with rows that differ (all held)"),
    # what was repaired
    "full_width": Text("全角字符已转半角", "full-width characters made half-width"),
    "spaces": Text("首尾空格已去除", "spaces around it removed"),
    "separators": Text("空格、点等分隔符已去除", "spaces, dots or dashes inside it removed"),
    "lower_case": Text("小写已转大写", "lower case made upper case"),
    "thousands_separator": Text("千位分隔符已去除", "thousands separators removed"),
    "other_format": Text("另一种日期时间写法", "another declared way of writing the time"),
}  # fmt: skip
"""What each reason and repair means. Look-ups add no_<table> and ambiguous_<table>; checks add their own."""
