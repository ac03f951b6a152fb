"""The words of policies: 20 actions, 18 constraints and `purpose`, 12 operators, logic, and the purposes.

Source: TC609-6-2025-14 table 4, table 5.1 and annex C (names as on the wire, two misprints read under both
spellings), operators shared with ODRL 2.2. Purposes are Datong's own list; `purpose` is an ODRL left operand
that the national list lacks, because there the purpose stands in the contract's text.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from datong.ground.refusal import Text

ACTIONS: dict[str, Text] = {
    "transform": Text("转换", "convert to another format"),
    "anonymize": Text("匿名化", "anonymise"),
    "desensitize": Text("脱敏", "mask sensitive content"),
    "access": Text("访问", "access"),
    "read": Text("读取", "read"),
    "reproduce": Text("复制", "copy"),
    "storage": Text("存储", "store"),
    "download": Text("下载", "download"),
    "process": Text("加工", "process"),
    "jointDevelop": Text("联合开发", "develop jointly"),
    "distribute": Text("分发", "distribute to third parties"),
    "compute": Text("计算", "compute on"),
    "grantUse": Text("授权使用", "grant use to a third party"),
    "policyTransmit": Text("策略传递", "pass the policy on with the data"),
    "delivery": Text("交付", "receive by delivery"),
    "sell": Text("交易", "sell"),
    "logRecordSend": Text("行为记录发送", "send usage records"),
    "delete": Text("删除", "delete all copies"),
    "alert": Text("异常提醒", "raise an alert"),
    "compensate": Text("补偿", "pay"),
    "use": Text("使用（ODRL 通用）", "use (ODRL's general action)"),
}
"""The 20 actions of TC609 table 4, and ODRL's `use`, which peers without the national list write. `use`
covers only itself: nothing is delivered on it without a more exact permission."""

SPELLINGS = {"plicyTransmit": "policyTransmit", "dateRecord": "dataRecord"}
"""Misprints of the source, read as meant."""


class Family(StrEnum):
    """How the values of a left operand are written and compared."""

    instant = "instant"  # ISO 8601 with offset, or YYYYMMDDHHMMSS in UTC
    period = "period"  # ISO 8601, whole weeks, days, hours, minutes, seconds: P7D
    number = "number"  # a whole number
    rate = "rate"  # calls per minute, hour or day: 60/hour
    size = "size"  # bytes: 10G, 512M, 1024
    amount = "amount"  # 100.00 CNY
    name = "name"  # any text, compared as it stands
    code = "code"  # one of a published code table
    purpose = "purpose"  # one of PURPOSES
    region = "region"  # GB/T 2260 digits; a longer code lies within a shorter one, 520100 is 5201
    network = "network"  # domain name, IP address or range


ORDERED = frozenset({Family.instant, Family.period, Family.number, Family.rate, Family.size, Family.amount})


@dataclass(frozen=True)
class Left:
    """A left operand: its name in both languages, how its values compare, and its code table if any."""

    zh: str
    en: str
    family: Family
    codes: tuple[tuple[str, str, str], ...] = ()


EXECUTION = (
    ("01", "使用控制", "usage control"),
    ("02", "数据沙箱", "sandbox"),
    ("03", "安全多方计算", "secure multi-party computation"),
    ("04", "联邦学习", "federated learning"),
    ("05", "可信执行环境", "trusted execution environment"),
    ("06", "密态计算", "computation on encrypted data"),
    ("07", "其他", "other"),
)
ENCRYPTION = (("01", "明文使用", "plain text"), ("02", "密文使用", "cipher text"), ("03", "其他", "other"))
DELIVERY = (
    ("01", "文件传输", "file"),
    ("02", "数据流传输", "stream"),
    ("03", "API 传输", "API"),
    ("04", "其他", "other"),
)

CONSTRAINTS: dict[str, Left] = {
    "time": Left("时间范围", "time", Family.instant),
    "timeWindow": Left("时间窗口", "time window", Family.period),
    "region": Left("限制地域", "region", Family.region),
    "networkAddress": Left("网络地址", "network address", Family.network),
    "physicalAddress": Left("物理地址", "physical address", Family.name),
    "count": Left("使用次数", "number of uses", Family.number),
    "frequency": Left("使用频次", "frequency of use", Family.rate),
    "dataSize": Left("数据规模", "data volume", Family.size),
    "dataRecord": Left("数据记录数", "number of records", Family.number),
    "dataField": Left("数据字段", "fields", Family.name),
    "valueExpression": Left("数据字段值", "field values", Family.name),
    "application": Left("应用程序", "application", Family.name),
    "algorithm": Left("算法", "algorithm", Family.name),
    "machineLearningModels": Left("机器学习模型", "machine learning model", Family.name),
    "executionEnv": Left("执行环境", "execution environment", Family.code, EXECUTION),
    "encryptMode": Left("加密方式", "encryption", Family.code, ENCRYPTION),
    "deliveryMethod": Left("交付方式", "delivery method", Family.code, DELIVERY),
    "payAmount": Left("交易金额", "amount paid", Family.amount),
    "purpose": Left("使用目的", "purpose", Family.purpose),
}

OF_THE_DEED = frozenset({"payAmount", "timeWindow", "frequency", "algorithm"})
"""Operands by which a duty says how it is to be done: what to pay, within which time, how often, by which method. What
a request says of them is said of the use, which does not settle whether the duty is due: "sell for 100.00 CNY, after
a compensation of 10.00 CNY" names two amounts (TC609-6-2025-14, annex D)."""


@dataclass(frozen=True)
class Operator:
    """An operator: its two-digit wire code (TC609-6-2025-14), names, and whether it takes a list."""

    code: str
    zh: str
    en: str
    takes_list: bool = False
    ordered: bool | None = None
    """True: only for ordered families; False: only for the others; None: for all."""


OPERATORS: dict[str, Operator] = {
    "eq": Operator("01", "等于", "is"),
    "gt": Operator("02", "大于", "is greater than", ordered=True),
    "gteq": Operator("03", "大于或等于", "is at least", ordered=True),
    "hasPart": Operator("04", "包含", "contains", takes_list=True, ordered=False),
    "isA": Operator("05", "属于实例", "is a kind of", ordered=False),
    "isAllOf": Operator("06", "全部属于", "matches all of", takes_list=True, ordered=False),
    "isAnyOf": Operator("07", "任意属于", "is any of", takes_list=True, ordered=False),
    "isNoneOf": Operator("08", "不属于", "is none of", takes_list=True, ordered=False),
    "isPartOf": Operator("09", "属于部分", "lies within", takes_list=True, ordered=False),
    "lt": Operator("10", "小于", "is less than", ordered=True),
    "lteq": Operator("11", "小于或等于", "is at most", ordered=True),
    "neq": Operator("12", "不等于", "is not"),
}

PURPOSES: dict[str, Text] = {
    "public_governance": Text("公共治理", "public governance"),
    "public_welfare": Text("公益事业", "public welfare"),
    "industry_development": Text("产业发展", "industry development"),
    "credit_scoring": Text("信用评分", "credit scoring"),
    "personal_profiling": Text("个人画像", "personal profiling"),
}
"""Governance and welfare are free of charge, industry may be charged (发改价格〔2025〕65号, 3). The last two are
known so that a request for them is understood and refused by name."""

LOGIC: dict[str, Text] = {
    "and": Text("且", "and"),
    "or": Text("或", "or"),
    "xone": Text("恰有其一", "exactly one of"),
    "andSequence": Text("依次", "in this order"),
}
"""How conditions are joined (ODRL 2.2, logical constraints). The national list only knows `and`."""

BY_NAME: dict[str, str] = {
    **{text.zh: word for word, text in {**ACTIONS, **PURPOSES, **LOGIC}.items()},
    **{left.zh: word for word, left in CONSTRAINTS.items()},
    **{op.zh: word for word, op in OPERATORS.items()},
    "包含部分": "hasPart",
    "使用": "use",
}
"""The Chinese name of a word -> the word; a policy file may use either."""
