"""What each reason of quarantine and each repair means, in both languages."""

from __future__ import annotations

from collections.abc import Mapping as Map

from datong.ground.refusal import Text

NOTES: Map[str, Text] = {
    # why a row is quarantined
    "not_a_record": Text("不是一条记录", "is no record (wrong shape or number of fields)"),
    "total_row": Text(
        "是合计行（确为记录的，在数据源中写 totals: keep）",
        "adds up other rows (`totals: keep` in the source lets them in)",
    ),
    "missing_value": Text("必填项缺失", "a required value is missing"),
    "not_a_number": Text(
        "不是数；数后写有单位的，声明 carries_unit；写有 ￥ 等币种的，声明 currency；带借贷（DR、CR）的，声明 negative",
        "is no number; `carries_unit` reads a unit behind one, `currency` the sign of a currency, `negative` DR and CR",
    ),
    "other_unit": Text(
        "数后的单位或符号不能换算为元素的单位（万、亿须声明 multipliers）",
        "carries a unit, or a sign, that cannot be turned into the element's unit (`multipliers` declare 万 and 亿)",
    ),
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
    "names_differ": Text("同一字段的几个列名下取值不同", "has different values under the names of one field"),
    "no_side": Text("没有借贷（收支）标记，正负不明", "has no mark of debit or credit, so that its sign is unknown"),
    "not_so_many_digits": Text("不是声明位数的数字代码", "is no code of the declared number of digits"),
    "not_a_date": Text("不是声明格式的日期", "is no day in a declared format"),
    "neither_true_nor_false": Text("不是声明的是/否用词", "is none of the words declared for yes and no"),
    "no_percent_sign": Text("缺少声明的百分号", "is a number without the declared percent sign"),
    "no_other_coordinate": Text("同一点的另一坐标缺失或不可读", "is half of a point whose other half cannot be read"),
    "resident_id_format": Text("不是 18 位公民身份号码（GB 11643）", "is no resident id of 18 signs (GB 11643)"),
    "no_such_birth": Text("身份号码中的地区或出生日期不存在", "holds an area or a day of birth that cannot be"),
    "credit_code_format": Text("不是统一社会信用代码（GB 32100）", "is no unified social credit code (GB 32100)"),
    "vin_format": Text("不是 17 位车辆识别代号（GB 16735）", "is no vehicle identification number of 17 signs"),
    "phone_format": Text("不是电话号码", "is no telephone number"),
    "not_an_identifier": Text("不是其中含有该信息的标识", "is no identifier of the kind that tells it"),
    "code_not_yet_valid": Text("该代码在当日尚未启用", "is a code that was not yet in use on the row's day"),
    # what is wrong in one kind of value and only odd in another
    "check_character": Text("校验位不符", "has a check character that does not fit"),
    # what is suspect
    "organisation_code": Text("所含组织机构代码的校验位不符（GB 11714）", "holds an organisation code that fails"),
    "outside_china": Text("位于加偏坐标系适用范围之外，未换算", "lies outside China, where the datum is not applied"),
    "look_alike": Text("含形似拉丁字母的西里尔字母，已按拉丁字母读取", "holds Cyrillic letters, read as Latin"),
    "code_withdrawn": Text("该代码当日已停用，后继不明", "is a code out of use that day, its successor not clear"),
    "precision": Text("位数超出双精度所能容纳，已舍入", "has more digits than a double holds, and was rounded"),
    "repeated": Text("因他故被隔离，键又与另一行相同", "is held for another reason, and shares its key with a row"),
    "duplicate": Text("与前一行重复", "repeats an earlier row"),
    "conflicting_duplicate": Text("键相同而内容不同（全部隔离）", "shares its key with rows that differ (all held)"),
    # what was repaired
    "full_width": Text("全角字符已转半角", "full-width characters made half-width"),
    "spaces": Text("首尾空格、制表符已去除", "spaces and tabs around it removed"),
    "leading_zeros": Text("丢失的前导零已补回", "lost leading zeros put back"),
    "separators": Text("空格、点等分隔符已去除", "spaces, dots or dashes inside it removed"),
    "lower_case": Text("小写已转大写", "lower case made upper case"),
    "zero_fraction": Text("小数部分为零，已按整数读取", "a fraction of nought, read as the whole number it is"),
    "thousands_separator": Text("千位分隔符已去除", "thousands separators removed"),
    "invisible": Text("零宽等不可见字符已去除", "invisible characters removed"),
    "dashes": Text("破折号等已转为连字符", "dashes made hyphens"),
    "accounting": Text("会计负数写法已转换", "brackets or a trailing minus read as a negative number"),
    "currency": Text("声明的币种符号已去除", "the sign of the declared currency removed"),
    "debit_credit": Text("借（DR）、贷（CR）已按声明读作正负", "debit (DR) or credit (CR) read as the declared sign"),
    "multiplier": Text("万、亿等已乘入", "万, 亿 and the like multiplied in"),
    "unit": Text("数后写有单位，已按该单位读取", "carries its unit, and was read in it"),
    "fifteen_digits": Text("15 位旧身份证号已升为 18 位", "old id of 15 digits made one of 18"),
    "country_code": Text("国家区号 86 已去除", "country code 86 removed"),
    "code_replaced": Text("已停用的代码换为后继代码", "code no longer in use replaced by its successor"),
    "nanoseconds": Text("微秒以下的位数已截去", "digits beyond the microsecond cut off"),
    "other_format": Text("另一种日期时间写法", "another declared way of writing the time"),
}  # fmt: skip
"""What each reason and repair means. Look-ups add no_<table> and ambiguous_<table>; checks add their own."""
