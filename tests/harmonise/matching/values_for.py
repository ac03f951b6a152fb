"""Values for the development tables: made, never taken from anybody. Two seeds give two disjoint sets of people."""

from __future__ import annotations

import random
import string
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from datong.ground import codes

SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗"
GIVEN = "伟芳娜秀英敏静丽强磊军洋勇艳杰娟涛明超霞平刚桂文辉玲宇欣浩然子涵雨婷建国志强"
CITIES = (("贵州省", "贵阳市", "云岩区", "520103"), ("上海市", "上海市", "浦东新区", "310115"), ("广东省", "深圳市", "南山区", "440305"),
          ("浙江省", "杭州市", "西湖区", "330106"), ("四川省", "成都市", "武侯区", "510107"))  # fmt: skip
ROADS = ("中山路", "人民路", "解放街", "建设大道", "文昌路", "北京路", "滨河路", "新华街")
TRADES = ("科技", "贸易", "建材", "物流", "食品", "机械", "环保", "置业")
DISEASES = ("高血压", "2型糖尿病", "肺炎", "急性阑尾炎", "冠心病", "腰椎间盘突出")
GOODS = ("螺纹钢", "水泥", "变压器油", "轴承", "办公椅", "打印纸", "电缆", "阀门")


def person(r: random.Random) -> str:
    return r.choice(SURNAMES) + "".join(r.choice(GIVEN) for _ in range(r.choice((1, 2, 2))))


def person_en(r: random.Random) -> str:
    return f"{r.choice(('John', 'Mary', 'Wei', 'Li', 'Anna'))} {r.choice(('Smith', 'Brown', 'Zhang', 'Chen', 'Lee'))}"


def moment(r: random.Random, first: int = 2015, last: int = 2024) -> datetime:
    start = datetime(first, 1, 1, tzinfo=UTC)
    return start + timedelta(seconds=r.randrange(int((datetime(last, 12, 31, tzinfo=UTC) - start).total_seconds())))


def resident_id(r: random.Random) -> str:
    first17 = r.choice(CITIES)[3] + moment(r, 1940, 2005).strftime("%Y%m%d") + f"{r.randrange(1000):03d}"
    return first17 + codes.resident_check(first17)


def credit(r: random.Random) -> str:
    alphabet = codes.CREDIT_ALPHABET
    return codes.credit_code("9", "1", r.choice(CITIES)[3], "MA" + "".join(r.choice(alphabet) for _ in range(6)))


def plate(r: random.Random) -> str:
    return r.choice("贵沪粤浙川") + r.choice("ABCDE") + "".join(r.choice("ABCDEFGH0123456789") for _ in range(5))


def vin(r: random.Random) -> str:
    return "L" + "".join(r.choice("ABCDEFGHJKLMNPRSTUVWXYZ0123456789") for _ in range(10)) + f"{r.randrange(10**6):06d}"


def address(r: random.Random) -> str:
    province, city, county, _ = r.choice(CITIES)
    return f"{r.choice((province, ''))}{city}{county}{r.choice(ROADS)}{r.randrange(1, 400)}号"


def company(r: random.Random) -> str:
    place = r.choice(CITIES)[1].removesuffix("市")
    return f"{place}{r.choice(GIVEN)}{r.choice(GIVEN)}{r.choice(TRADES)}{r.choice(('有限公司', '股份有限公司', '有限责任公司'))}"


def coded(prefix: str, digits: int) -> Callable[[random.Random], str]:
    return lambda r: f"{prefix}{r.randrange(10**digits):0{digits}d}"


def one_of(*values: str) -> Callable[[random.Random], str]:
    return lambda r: r.choice(values)


def between(low: float, high: float, places: int) -> Callable[[random.Random], str]:
    return lambda r: f"{r.uniform(low, high):.{places}f}"


MAKERS: dict[str, Callable[[random.Random], str]] = {
    "person": person, "person_en": person_en, "resident_id": resident_id, "credit": credit, "plate": plate, "vin": vin,
    "address": address, "company": company,
    "mobile": lambda r: f"1{r.choice('3578')}{r.randrange(10**9):09d}",
    "landline": lambda r: f"0{r.choice(('851', '755', '571'))}-{r.randrange(2, 9)}{r.randrange(10**6):06d}",
    "email": lambda r: "".join(r.choice(string.ascii_lowercase) for _ in range(7)) + "@example.com",
    "date": lambda r: moment(r).strftime("%Y-%m-%d"), "date8": lambda r: moment(r).strftime("%Y%m%d"),
    "date_slash": lambda r: moment(r).strftime("%Y/%m/%d"), "birth": lambda r: moment(r, 1940, 2005).strftime("%Y-%m-%d"),
    "birth8": lambda r: moment(r, 1940, 2005).strftime("%Y%m%d"),
    "time": lambda r: moment(r).strftime("%Y-%m-%d %H:%M:%S"), "time14": lambda r: moment(r).strftime("%Y%m%d%H%M%S"),
    "year": lambda r: str(moment(r).year), "period": lambda r: moment(r).strftime("%Y%m"),
    "sex_zh": one_of("男", "女"), "sex_1": one_of("1", "2"), "sex_en": one_of("M", "F"),
    "yes_zh": one_of("是", "否"), "yes_1": one_of("0", "1"), "nation_zh": one_of("汉族", "苗族", "布依族", "回族", "侗族"),
    "nation_1": one_of("01", "03", "06", "09", "12"), "marital_zh": one_of("已婚", "未婚", "离婚", "丧偶"),
    "marital_1": one_of("10", "20", "30", "40"), "school_zh": one_of("小学", "初中", "高中", "大专", "本科", "硕士"),
    "school_1": one_of("10", "20", "30", "60", "70"),
    "division": lambda r: r.choice(CITIES)[3], "city": lambda r: r.choice(CITIES)[1], "province": lambda r: r.choice(CITIES)[0],
    "county": lambda r: r.choice(CITIES)[2], "road": one_of(*ROADS), "postcode": lambda r: f"{r.randrange(100000, 860000)}",
    "lon": between(106.3, 106.9, 6), "lat": between(26.3, 26.9, 6), "money": between(10, 90000, 2), "wan": between(1, 5000, 4),
    "area": between(30, 300, 2), "area_big": between(500, 90000, 1), "percent": between(0, 100, 1), "ratio": between(0, 1, 4),
    "small": lambda r: str(r.randrange(1, 20)), "count": lambda r: str(r.randrange(1, 5000)), "age": lambda r: str(r.randrange(1, 95)),
    "serial": lambda r: str(r.randrange(10**6, 10**7)), "temperature": between(-5, 38, 1), "humidity": between(20, 99, 0),
    "mgl": between(0, 12, 3), "ph": between(6, 9, 2), "speed": between(0, 110, 1), "kwh": between(20, 900, 2),
    "uuid": lambda r: "-".join("".join(r.choice("0123456789abcdef") for _ in range(n)) for n in (8, 4, 4, 4, 12)),
    "disease": one_of(*DISEASES), "icd": one_of("I10", "E11.9", "J18.9", "K35.8", "I25.1", "M51.2"),
    "goods": one_of(*GOODS), "unit_zh": one_of("吨", "件", "箱", "台", "米"), "brand": one_of("比亚迪", "大众", "丰田", "吉利", "红旗"),
    "colour": one_of("白", "黑", "灰", "蓝", "红"), "remark": one_of("", "", "", "已核实", "资料待补充", "电话未接通"),
    "status_zh": one_of("正常", "注销", "停用", "待审核"), "status_1": one_of("0", "1", "2", "3"), "level": one_of("一级", "二级", "三级"),
    "text": one_of("小区路灯损坏，居民出行不便", "违规占道经营，影响通行", "雨后积水严重，请尽快处理", "供暖温度不达标"),
    "dept": one_of("市场监管局", "公安局", "住建局", "人社局", "卫健委"), "bank_card": lambda r: luhn(r),  # noqa: PLW0108 - it stands below
    "bank": one_of("工商银行", "建设银行", "农业银行"),
    "structure": one_of("钢混", "砖混", "框架", "砖木"), "use": one_of("住宅", "商业", "办公", "工业"), "dam": one_of("花溪水库", "阿哈水库", "红枫湖"),
    "class": one_of("高一(1)班", "高一(2)班", "高二(3)班"), "subject": one_of("语文", "数学", "英语", "物理"), "mark": between(30, 100, 1),
    "number_id": coded("", 8), "customer": coded("C", 7), "contract": coded("HT2023", 5), "order": coded("DD", 10),
    "parcel": lambda r: r.choice(CITIES)[3] + f"{r.randrange(10**6):06d}GB{r.randrange(10**5):05d}", "case": coded("AJ", 9),
    "meter": coded("", 10), "device": coded("SB-", 5), "batch": coded("PC", 8), "licence": coded("JY1520", 8), "staff": coded("E", 5),
    "student": coded("G5201", 14), "patient": coded("P", 8), "visit": coded("ZY", 9), "department_zh": one_of("内科", "外科", "儿科", "急诊科"),
    "line": one_of("1路", "K24路", "地铁1号线"), "stop": one_of("火车站", "人民广场", "大学城", "客车站"), "type_zh": one_of("小型轿车", "大型客车", "重型货车"),
    "type_k": one_of("K33", "K11", "H11"), "ph_type": one_of("02", "01", "52"), "industry": one_of("C3311", "F5123", "I6510"),
    "kind_zh": one_of("新建", "改建", "扩建"), "pay_zh": one_of("微信", "支付宝", "现金", "银行卡"), "waybill": coded("YD", 11), "weight": between(1, 30000, 1),
    "tax_zh": one_of("增值税", "企业所得税", "个人所得税"), "floor": lambda r: str(r.randrange(1, 33)), "room": lambda r: f"{r.randrange(1, 33)}{r.randrange(1, 9):02d}",
}  # fmt: skip


def luhn(r: random.Random) -> str:
    body = "622202" + f"{r.randrange(10**12):012d}"
    doubled = [sum(divmod(2 * int(d), 10)) if at % 2 == 0 else int(d) for at, d in enumerate(reversed(body))]
    return body + str(-sum(doubled) % 10)


def values(kind: str, seed: str, rows: int, dirt: float = 0.0) -> tuple[str | None, ...]:
    """`rows` values of a kind. dirt: this share is blank, masked or junk instead."""
    r = random.Random(f"{seed}/{kind}")
    made = [MAKERS[kind](r) or None for _ in range(rows)]
    return tuple(_dirty(r, value) if dirt and r.random() < dirt else value for value in made)


def _dirty(r: random.Random, value: str | None) -> str | None:
    what = r.choice(("blank", "masked", "junk"))
    if what == "blank" or value is None:
        return None
    if what == "masked":
        return value[:2] + "*" * max(1, len(value) - 4) + value[-2:]
    return r.choice(("待核实", "N/A", "错误", "test", "#REF!", "0"))
