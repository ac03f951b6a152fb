"""The generated benchmark of finding personal data: tables of labelled columns, with hard negatives.

It shares no code and no word list with the detector: not even check digits are computed by the same functions. It was
nevertheless written by the same team that wrote the detector, so that its figures say how well the two agree, not how
well foreign headers are read; the tables in real.yaml stand beside it for that. DEVELOPED is looked at. MEASURED is only
measured, but after each change of the detector; a blind figure comes from a seed drawn by run.py --blind, once.
"""

from __future__ import annotations

import random
import string
from collections.abc import Callable
from dataclasses import dataclass

DEVELOPED, MEASURED = 11, 20261126
TABLES, COLUMNS, ROWS = 90, 12, 240

SURNAMES = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜戚谢邹喻柏水窦章云苏潘葛奚范彭郎鲁韦昌马苗凤花方俞任袁柳鲍史唐费廉岑薛雷贺倪汤滕殷罗毕郝安常傅卞齐康伍余元顾孟平黄仝郗逯欧阳".removesuffix(
    "欧阳"
)
SECOND = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超霞平刚桂英浩宇欣怡子轩梓涵雨泽思源嘉诚慧玲志国建华晓东文博丹丹海燕春梅秋菊佳琪一诺可馨沐宸"
GIVEN_EN = [
    "Olivia",
    "Liam",
    "Emma",
    "Noah",
    "Ava",
    "Ethan",
    "Mia",
    "Lucas",
    "Chloe",
    "Henry",
    "Zoe",
    "Owen",
    "Ruth",
    "Carl",
]
FAMILY_EN = [
    "Whitfield",
    "Okafor",
    "Lindqvist",
    "Marsh",
    "Delgado",
    "Novak",
    "Byrne",
    "Tanaka",
    "Osei",
    "Hale",
    "Frost",
    "Kerr",
]
CITIES = [
    "贵阳市",
    "成都市",
    "杭州市",
    "苏州市",
    "合肥市",
    "长沙市",
    "福州市",
    "南昌市",
    "昆明市",
    "兰州市",
    "西宁市",
    "遵义市",
]
DISTRICTS = ["南明区", "锦江区", "西湖区", "姑苏区", "蜀山区", "岳麓区", "鼓楼区", "东湖区", "五华区", "城关区"]
ROADS = ["中山路", "人民大道", "解放街", "建设北路", "和平巷", "学府路", "滨江路", "文昌街", "花溪大道"]
FIRMS = [
    "科技有限公司",
    "贸易有限责任公司",
    "建设集团股份有限公司",
    "物流有限公司",
    "餐饮管理店",
    "人民医院",
    "第一中学",
]
GOODS = [
    "无线鼠标",
    "保温杯",
    "蓝牙耳机",
    "不锈钢炒锅",
    "儿童雨衣",
    "黄桃罐头",
    "方便面",
    "白色衬衫",
    "高钙牛奶",
    "石英手表",
    "马克杯",
]
JOBS = ["教师", "医生", "会计", "软件工程师", "司机", "护士", "农民", "律师", "厨师", "公务员", "快递员", "电工"]
ILLS = ["高血压", "2型糖尿病", "急性支气管炎", "胃溃疡", "冠心病", "肺炎", "骨折", "过敏性鼻炎", "抑郁症"]
PROVINCE_CODES = [
    "110101",
    "310115",
    "440305",
    "520102",
    "510107",
    "330106",
    "420106",
    "500103",
    "610113",
    "350102",
    "530102",
]
R = random.Random


@dataclass(frozen=True)
class Column:
    """A labelled column; label "other" where it is nothing personal. hard: what makes it a hard negative."""

    name: str
    label: str
    values: tuple[str, ...]
    hard: str = ""


def digits(r: R, n: int) -> str:
    return "".join(r.choice(string.digits) for _ in range(n))


def a_day(r: R, first: int, last: int) -> tuple[int, int, int]:
    return r.randint(first, last), r.randint(1, 12), r.randint(1, 28)


def id_number(r: R) -> str:
    year, month, day = a_day(r, 1945, 2012)
    head = f"{r.choice(PROVINCE_CODES)}{year:04}{month:02}{day:02}{r.randint(0, 999):03}"
    rest = 0
    for digit in head:  # ISO 7064 MOD 11-2 in its recursive form
        rest = ((rest + int(digit)) * 2) % 11
    return head + "0123456789X"[(12 - rest) % 11]


def with_luhn(head: str) -> str:
    for last in string.digits:
        total = sum(
            int(d) if place % 2 == 0 else sum(map(int, str(2 * int(d)))) for place, d in enumerate((head + last)[::-1])
        )
        if total % 10 == 0:
            return head + last
    raise AssertionError(head)


def vin_number(r: R) -> str:
    signs = [r.choice("ABCDEFGHJKLMNPRSTUVWXYZ0123456789") for _ in range(17)]
    worth = dict(
        zip(
            "ABCDEFGHJKLMNPRSTUVWXYZ",
            [1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 7, 9, 2, 3, 4, 5, 6, 7, 8, 9],
            strict=True,
        )
    )
    weights = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2]
    rest = sum(w * (worth[s] if s in worth else int(s)) for s, w in zip(signs, weights, strict=True)) % 11
    signs[8] = "X" if rest == 10 else str(rest)
    return "".join(signs)


def person_zh(r: R) -> str:
    return r.choice(SURNAMES) + "".join(r.choice(SECOND) for _ in range(r.choice((1, 2, 2))))


def address_zh(r: R) -> str:
    return f"{r.choice(CITIES)}{r.choice(DISTRICTS)}{r.choice(ROADS)}{r.randint(1, 400)}号{r.randint(1, 20)}栋{r.randint(101, 2804)}室"


def stamp(r: R) -> str:
    y, m, d = a_day(r, 2023, 2025)
    return f"{y}-{m:02}-{d:02} {r.randint(0, 23):02}:{r.randint(0, 59):02}:{r.randint(0, 59):02}"


def birth(r: R) -> str:
    return "{}-{:02}-{:02}".format(*a_day(r, 1940, 2015))


MOBILE_HEADS = [
    "131",
    "135",
    "136",
    "138",
    "139",
    "150",
    "152",
    "158",
    "159",
    "176",
    "177",
    "180",
    "186",
    "187",
    "188",
    "189",
    "199",
]

PERSONAL: dict[str, tuple[Callable[[R], str], list[str], bool]] = {
    # label: (a value, headers, whether values alone tell it, so that it may stand under an opaque header)
    "name": (person_zh, ["xm", "姓名", "客户姓名", "收货人姓名", "xingming", "cust_name_cn", "学生姓名", "联系人", "realName", "患者姓名"], True),
    "resident_id": (id_number, ["身份证号", "sfzh", "sfzhm", "id_card_no", "公民身份号码", "证件号码", "idCardNumber", "shenfenzhenghao", "cert_no"], True),
    "phone": (lambda r: r.choice(MOBILE_HEADS) + digits(r, 8), ["手机号", "sjh", "联系电话", "mobile", "phone_number", "lxdh", "shoujihao", "tel", "contactPhone"], True),
    "email": (lambda r: f"{r.choice(GIVEN_EN).lower()}{r.randint(1, 9999)}@{r.choice(['qq.com', '163.com', 'corp.example.cn'])}", ["邮箱", "email", "E-mail", "电子邮件地址", "dzyx", "mail_addr"], True),
    "address": (address_zh, ["家庭住址", "地址", "收货地址", "residence_addr", "xxdz", "通讯地址", "home_address", "jtzz"], True),
    "bank_card": (lambda r: with_luhn("6222" + digits(r, 14)) if r.random() < 0.7 else with_luhn("4" + digits(r, 14)), ["银行卡号", "bank_card_no", "yhkh", "收款卡号", "cardNo"], True),
    "plate": (lambda r: r.choice("贵川浙苏皖湘闽赣云京沪粤") + r.choice("ABCDEFGH") + "".join(r.choice("ABCDEFGHJKLMNPQRSTUVWXYZ0123456789") for _ in range(4)) + r.choice(string.digits), ["车牌号", "hphm", "号牌号码", "plate_no", "cph", "chepaihao"], True),
    "vin": (vin_number, ["车架号", "VIN码", "vin_code", "clsbdh", "车辆识别代号"], True),
    "ip_address": (lambda r: ".".join(str(r.randint(1, 254)) for _ in range(4)), ["登录IP", "client_ip", "ip_addr", "remote_ip"], True),
    "device_id": (lambda r: with_luhn("86" + digits(r, 12)), ["IMEI", "手机串号", "device_imei", "imei_no"], True),
    "passport": (lambda r: "E" + r.choice("ABCDEFGH") + digits(r, 7), ["护照号", "passport_no", "hzhm", "护照号码"], False),
    "sex": (lambda r: r.choice("男女"), ["性别", "xb", "gender", "sex", "xingbie"], True),
    "birth_date": (birth, ["出生日期", "csrq", "birthday", "date_of_birth", "dob", "出生年月日"], False),
    "age": (lambda r: str(min(99, max(1, int(r.gauss(42, 18))))), ["年龄", "nl", "age", "cust_age"], False),
    "ethnicity": (lambda r: r.choice(["汉族"] * 8 + ["苗族", "布依族", "侗族", "土家族", "彝族"]), ["民族", "mz", "ethnic_group", "minzu"], True),
    "marital_status": (lambda r: r.choice(["未婚", "已婚", "离异", "丧偶"]), ["婚姻状况", "hyzk", "marital_status"], False),
    "education": (lambda r: r.choice(["小学", "初中", "高中", "大专", "本科", "硕士", "博士"]), ["学历", "xl", "文化程度", "education_level"], False),
    "political": (lambda r: r.choice(["群众"] * 4 + ["中共党员", "共青团员"]), ["政治面貌", "zzmm", "political_status"], True),
    "occupation": (lambda r: r.choice(JOBS), ["职业", "occupation", "工作岗位", "zhiye", "job_title"], False),
    "income": (lambda r: str(r.randint(25, 600) * 100), ["月收入", "annual_income", "工资", "家庭年收入", "salary"], False),
    "postcode": (lambda r: r.choice(["55", "61", "31", "21", "23"]) + digits(r, 4), ["邮政编码", "邮编", "zip_code", "postcode", "yzbm"], False),
    "health": (lambda r: r.choice(ILLS), ["诊断", "疾病名称", "diagnosis_name", "zdmc", "临床诊断", "既往病史"], False),
    "location": (lambda r: f"{r.uniform(103, 121):.6f}", ["经度", "longitude", "jd", "定位经度", "gps_lng"], False),
    "event_time": (stamp, ["下单时间", "入院日期", "login_time", "jysj", "就诊时间", "transaction_time"], False),
    "subject_id": (lambda r: digits(r, 8), ["会员编号", "user_id", "khbh", "patient_id", "学号", "customer_no", "工号"], False),
}  # fmt: skip


def _counter(r: R, head: str, width: int) -> Callable[[R], str]:
    state = [r.randint(10 ** (width - 1), 9 * 10 ** (width - 1))]

    def following(_: R) -> str:
        state[0] += r.choice((1, 1, 1, 2))
        return f"{head}{state[0]:0{width}}"

    return following


HARD: dict[str, tuple[Callable[[R], Callable[[R], str]], list[str]]] = {
    # what it is: (makes a maker of values, headers)
    "waybill of 18 digits": (lambda _: lambda r: "1" + digits(r, 17), ["运单号", "快递单号", "waybill_no", "ydh", "tracking_number"]),
    "waybill with letters": (lambda _: lambda r: r.choice(["SF", "YT", "JD"]) + digits(r, 13), ["物流单号", "express_no", "mailNo"]),
    "order number by time": (lambda _: lambda r: stamp(r).replace("-", "").replace(" ", "").replace(":", "") + digits(r, 4), ["订单号", "order_no", "ddh", "orderSn"]),
    "order number of 11 digits": (lambda _: lambda r: "1" + r.choice("3456789") + digits(r, 9), ["订单编号", "order_id", "ORDER_NUM"]),
    "running number of 11 digits": (lambda r: _counter(r, "138", 8), ["流水号", "serial_no", "seq", "col_7", "lsh"]),
    "card-like number with Luhn": (lambda _: lambda r: with_luhn("81" + digits(r, 14)), ["优惠券码", "coupon_code", "invoice_no", "发票号码"]),
    "timestamp in seconds": (lambda _: lambda r: str(r.randint(1_600_000_000, 1_760_000_000)), ["ts", "version_ts", "etl_ts"]),
    "timestamp in milliseconds": (lambda _: lambda r: str(r.randint(1_600_000_000_000, 1_760_000_000_000)), ["sync_ms", "batch_stamp", "ver"]),
    "SKU": (lambda _: lambda r: f"{r.choice('ABCDEF')}{r.choice('XYZ')}-{digits(r, 5)}-{r.choice(['RED', 'BLK', 'XL'])}", ["SKU", "商品编码", "sku_code", "spbm"]),
    "hash": (lambda _: lambda r: "".join(r.choice("0123456789abcdef") for _ in range(32)), ["md5", "file_hash", "摘要值", "checksum"]),
    "UUID": (lambda _: lambda r: "-".join("".join(r.choice("0123456789abcdef") for _ in range(n)) for n in (8, 4, 4, 4, 12)), ["row_uuid", "记录标识", "trace_id"]),
    "serial of a machine": (lambda _: lambda r: "SN" + digits(r, 4) + r.choice(string.ascii_uppercase) + digits(r, 8), ["设备序列号", "machine_sn", "资产编号", "equip_serial"]),
    "17 signs without check": (lambda _: lambda r: "".join(r.choice("ABCDEFGHJKLMNPRSTUVWXYZ0123456789") for _ in range(17)), ["part_no", "零件号", "batch_code"]),
    "company": (lambda _: lambda r: r.choice(["贵州", "四川", "江苏", "南方"]) + "".join(r.choice(SECOND) for _ in range(2)) + r.choice(FIRMS), ["企业名称", "供应商", "company", "单位名称", "store_name"]),
    "goods": (lambda _: lambda r: r.choice(GOODS) + r.choice(["", "大号", "500克", "礼盒装"]), ["商品名称", "product_name", "品名", "spmc", "item"]),
    "station": (lambda _: lambda r: r.choice(["人民", "火车北", "大学", "花果园", "金阳", "龙洞"]) + r.choice(["广场站", "站", "路口站", "公园站"]), ["站点名称", "stop_name", "上级站", "station"]),
    "version like an IP": (lambda _: lambda r: f"{r.randint(1, 9)}.{r.randint(0, 20)}.{r.randint(0, 90)}", ["版本号", "app_version", "固件版本"]),
    "amount": (lambda _: lambda r: f"{r.uniform(1, 9000):.2f}", ["合计金额", "unit_price", "单价", "total_fee"]),
    "count": (lambda _: lambda r: str(r.randint(0, 99)), ["数量", "库存", "qty", "stock_count", "点击次数"]),
    "sensor reading": (lambda _: lambda r: f"{r.gauss(60, 9):.3f}", ["温度", "振动速度", "pressure", "oil_temp", "电压"]),
    "status code": (lambda _: lambda r: r.choice("01"), ["状态", "is_deleted", "flag", "启用标志"]),
    "grade A to D": (lambda _: lambda r: r.choice("ABCD"), ["等级", "quality_level", "评级"]),
    "credit code": (lambda _: lambda r: "91" + r.choice(PROVINCE_CODES) + "MA" + "".join(r.choice("0123456789ABCDEFGHJKLMNPQRTUWXY") for _ in range(8)), ["统一社会信用代码", "uscc", "credit_code"]),
    "duration": (lambda _: lambda r: str(r.randint(20, 7200)), ["时长", "duration_s", "elapsed", "通话时长"]),
}  # fmt: skip


def tables(seed: int) -> list[list[Column]]:
    """The tables of a seed: each of COLUMNS columns, about half of them personal, a part of them dirty or opaque."""
    r = random.Random(seed)  # noqa: S311 - a benchmark, not a secret
    return [_table(r) for _ in range(TABLES)]


def _table(r: R) -> list[Column]:
    labels = r.sample(list(PERSONAL), COLUMNS // 2)
    traps = r.sample(list(HARD), COLUMNS - len(labels))
    made = [_personal(r, label) for label in labels] + [_hard(r, trap) for trap in traps]
    r.shuffle(made)
    named: dict[str, Column] = {}
    for number, column in enumerate(made):
        name = column.name if column.name not in named else f"{column.name}_{number}"
        named[name] = Column(name, column.label, column.values, column.hard)
    return list(named.values())


def _personal(r: R, label: str) -> Column:
    make, headers, alone = PERSONAL[label]
    name = r.choice(headers)
    if alone and r.random() < 0.25:
        name = r.choice(("field_", "c", "字段")) + str(r.randint(1, 30))
    elif r.random() < 0.2:
        name = r.choice((name.upper(), name + "_", "t_" + name, name.title()))
    return Column(name, label, _dirty(r, [make(r) for _ in range(ROWS)]))


def _hard(r: R, trap: str) -> Column:
    make, headers = HARD[trap]
    one = make(r)
    return Column(r.choice(headers), "other", _dirty(r, [one(r) for _ in range(ROWS)]), trap)


def _dirty(r: R, values: list[str]) -> tuple[str, ...]:
    """Some cells empty, a few wrong, in one column of three."""
    if r.random() < 0.35:
        empty, wrong = r.uniform(0, 0.3), r.uniform(0, 0.1)
        values = ["" if r.random() < empty else v[:-1] if r.random() < wrong and len(v) > 1 else v for v in values]
    return tuple(values)
