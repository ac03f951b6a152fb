"""Whole matches: against the library, a standard, another table; what people said; reasons; what no order changes."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
import yaml
from harmonise_desk import prop, standard
from hypothesis import given, settings
from hypothesis import strategies as st
from values_for import MAKERS, values

from datong.harmonise import service
from datong.harmonise.model.elements import DataElement, Library
from datong.harmonise.model.matching import Proposal, Verdict
from datong.harmonise.model.reading import SampleColumn
from datong.harmonise.rules.matching import candidates_of, match_tables, matched
from datong.harmonise.rules.standards import standard_of

DEVELOPMENT = yaml.safe_load((Path(__file__).parent / "development.yaml").read_text("utf-8"))


@cache
def library() -> Library:
    return service.library()


@cache
def pack(name: str) -> tuple[DataElement, ...]:
    return tuple(e for p in library().packs if p.name in ("common", name) for e in p.elements)


def column(path: str, kind: str = "", comment: str = "", rows: int = 200, seed: str = "s") -> SampleColumn:
    return SampleColumn(path, comment, values(kind, f"{seed}{path}", rows) if kind else (), "")


def one(path: str, kind: str = "", comment: str = "", pack_name: str = "transport", **more: object) -> Proposal:
    (found,) = matched([column(path, kind, comment)], pack(pack_name), library(), {}, **more)  # type: ignore[arg-type]
    return found


def name(proposal: Proposal) -> str | None:
    return proposal.element.name if proposal.element else None


def test_how_many_check_characters_fit_is_told_where_not_all_do() -> None:
    """100 % were credit codes, and then each row was held."""
    right = values("credit", "s", 200)
    wrong = tuple(text if text is None else text[:-1] + ("1" if text[-1] != "1" else "2") for text in right)
    told = []
    for texts in (right, wrong):
        (found,) = matched([SampleColumn("统一社会信用代码", "", texts, "")], pack("transport"), library(), {})
        told.append(found.reason.en)
    assert "% of 200 values are credit codes" in told[0] and "check character" not in told[0]
    assert "are credit codes (0 % with a check character that fits)" in told[1]


# --- one column --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "kind", "element"),
    [
        ("号牌号码", "plate", "vehicle_plate"), ("hphm", "plate", "vehicle_plate"), ("che_pai_hm", "plate", "vehicle_plate"),
        ("plateNo", "plate", "vehicle_plate"), ("T_CAR.CPHM", "plate", "vehicle_plate"), ("sfzhm", "resident_id", "resident_id"),
        ("公民身份号码（18位）", "resident_id", "resident_id"), ("xm", "person", "person_name"), ("csrq", "birth8", "birth_date"),
        ("统一社会信用代码", "credit", "credit_code"), ("xb", "sex_zh", "sex"),
    ],
)  # fmt: skip
def test_a_column_is_accepted_for_what_it_is(path: str, kind: str, element: str) -> None:
    found = one(path, kind)
    assert (name(found), found.verdict) == (element, Verdict.accept), found


@pytest.mark.parametrize(
    ("kind", "element"),
    [
        ("plate", "vehicle_plate"),
        ("vin", "vin"),
        ("resident_id", "resident_id"),
        ("credit", "credit_code"),
        ("email", "email"),
    ],
)
def test_a_column_without_a_name_is_found_by_its_values(kind: str, element: str) -> None:
    found = one("col3", kind)
    assert name(found) == element
    assert found.verdict is not Verdict.leave
    assert "只看取值" in found.reason.zh


def test_a_name_that_only_says_alike_is_proposed_and_asked() -> None:
    found = one("VEH_TYPE_CD", "type_k")
    assert (name(found), found.verdict) == ("vehicle_type", Verdict.ask)
    assert "词义相近" in found.reason.zh


@pytest.mark.parametrize("path", ["col1", "字段7", "zzqqx"])
def test_numbers_without_a_name_are_left(path: str) -> None:
    found = one(path, "small")
    assert (found.element, found.verdict, found.score) == (None, Verdict.leave, 0.0)


def test_a_comment_tells_what_a_name_does_not() -> None:
    assert name(one("f_07", "date8")) is None
    found = one("f_07", "date8", comment="检验有效期止：格式 YYYYMMDD")
    assert name(found) == "inspection_valid_until"
    assert "注释" in found.reason.zh


def test_values_speak_against_a_name() -> None:
    right, wrong = one("hphm", "plate"), one("hphm", "mobile")
    assert name(right) == "vehicle_plate"
    told = {element.name: score for element, score in wrong.others} | (
        {name(wrong): wrong.score} if wrong.element else {}
    )
    assert told.get("vehicle_plate", 0) < right.score - 0.1


def test_reasons_say_name_values_and_code_table_in_both_languages() -> None:
    found = one("cphm", "plate")
    assert "拼音首字母 CPHM = 车牌号码" in found.reason.zh or "“cphm”就是" in found.reason.zh
    assert "200 个取值中 100 % 是车牌号" in found.reason.zh
    assert "100 % of 200 values are plates" in found.reason.en
    assert "代码表“人的性别代码”" in one("xb", "sex_zh").reason.zh


def test_a_share_is_told_as_it_is() -> None:
    cells = (*values("lon", "x", 180), *("unknown place",) * 20)
    (found,) = matched([SampleColumn("jd", "", cells, "")], pack("transport"), library(), {})
    assert "200 个取值中 90 % 是经度" in found.reason.zh
    (both,) = match_tables([SampleColumn("jd", "", cells, "")], [column("lng", "lon")], Library((), {}))
    assert "都是" not in both.reason.zh and " alone" not in both.reason.en


def test_a_unit_of_measure_is_no_organisation() -> None:
    cells = ("mg/L", "g/L", "mmol/L", "10^9/L") * 30
    (found,) = matched([SampleColumn("单位", "", cells, "")], pack("medicine"), library(), {})
    assert not (name(found) == "organisation_name" and found.verdict is Verdict.accept)


def test_why_nothing_is_proposed_is_told() -> None:
    plates = [e for e in pack("transport") if e.name == "vehicle_plate"]
    _, second = matched([column("hphm", "plate"), column("hphm_2", "plate")], plates, library(), {})
    assert second.reason.zh == "已有更合适的列对应“机动车号牌号码”"
    assert one("qzx_flurb", "remark").reason.zh == "没有相近的对象"


def test_no_reason_holds_a_value() -> None:
    secret = "王超然9f3a"
    columns = [SampleColumn(path, "", (secret,) * 50, "") for path in ("xm", "bz", "col1", "hphm")]
    for found in matched(columns, pack("transport"), library(), {}):
        assert secret not in found.reason.zh + found.reason.en


# --- one to one --------------------------------------------------------------------------------------------------


def test_an_element_is_proposed_once_and_the_other_column_is_told_why() -> None:
    first, second = matched(
        [column("hphm", "plate"), column("hphm_2", "plate")],
        [e for e in pack("transport") if e.name == "vehicle_plate"],
        library(),
        {},
    )
    assert [name(first), name(second)] == ["vehicle_plate", None]
    assert second.verdict is Verdict.leave


def test_start_and_end_go_to_their_own() -> None:
    columns = [
        column("startTime", "time"),
        column("end_time", "time"),
        column("起点经度", "lon"),
        column("zdjd", "lon"),
    ]
    assert [name(p) for p in matched(columns, pack("transport"), library(), {})][:2] == ["started_at", "ended_at"]
    assert [name(p) for p in matched(columns, pack("transport"), library(), {})][2:] == [
        "start_longitude",
        "end_longitude",
    ]


# --- what people said --------------------------------------------------------------------------------------------


def test_what_was_confirmed_has_full_score_however_written_and_keeps_its_element() -> None:
    learned = {"kk_bh": "gate_id"}
    (found,) = matched([column("KK-BH", "device")], pack("transport"), library(), learned)
    assert (name(found), found.score, found.verdict) == ("gate_id", 1.0, Verdict.accept)
    others = matched([column("KK-BH", "device"), column("卡口编号", "device")], pack("transport"), library(), learned)
    assert name(others[0]) == "gate_id" != name(others[1])
    (unknown,) = matched([column("KK-BH", "device")], pack("transport"), library(), {"kk_bh": "no_such_element"})
    assert unknown.score < 1


def test_what_is_confirmed_of_one_column_makes_another_surer() -> None:
    early = tuple(f"2024-05-{d:02} 08:00:00" for d in range(1, 29))
    late = tuple(f"2024-05-{d:02} 09:30:00" for d in range(1, 29))
    columns = [SampleColumn("sj1", "", early, ""), SampleColumn("sj2", "", late, "")]
    elements = [e for e in pack("transport") if e.name in ("started_at", "ended_at")]
    score = {e.name: s for e, s in matched(columns, elements, library(), {})[1].others}
    known = matched(columns, elements, library(), {"sj1": "started_at"})[1]
    told = {e.name: s for e, s in known.others} | ({known.element.name: known.score} if known.element else {})
    assert told["ended_at"] > score.get("ended_at", 0.0)
    assert "started_at" not in told, "it is taken"


def test_what_was_rejected_is_not_proposed() -> None:
    (found,) = matched([column("hphm", "plate")], pack("transport"), library(), {}, {("HPHM", "vehicle_plate")})
    assert name(found) != "vehicle_plate"
    assert "vehicle_plate" not in {element.name for element, _ in found.others}


# --- a standard of a workspace -----------------------------------------------------------------------------------


def test_a_standards_elements_are_candidates_with_what_the_library_knows() -> None:
    given = standard(
        {**prop("plate"), "synonyms": [{"synonym": "车牌号", "locale": "zh-CN"}]},
        {
            **prop("light", "string"),
            "synonyms": [{"synonym": "信号灯", "locale": "zh-CN"}],
            "enum": [{"value": "red"}, {"value": "green"}],
        },
    )
    found, problems = standard_of("standards/thing.odcs.yaml", given)
    assert found is not None, problems
    candidates, known = candidates_of(found, library())
    assert [c.name for c in candidates] == ["plate", "light"]
    assert candidates[0].check == "plate"
    columns = [column("hphm", "plate"), SampleColumn("xhd", "", ("red", "green", "red") * 20, "")]
    assert [name(p) for p in matched(columns, candidates, known, {})] == ["plate", "light"]


# --- table against table -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("left, right", [(3, 4), (4, 5), (5, 3)])
@pytest.mark.parametrize("table", ["households", "land", "hotline"])
def test_most_columns_of_two_tables_find_each_other(table: str, left: int, right: int) -> None:
    """Development tables: this is a guard against breaking the matcher, not a measure of it (see development.yaml)."""
    given = [[str(x) for x in c] for c in DEVELOPMENT[table]]
    lefts = [column(c[left], c[1], seed="l") for c in given]
    rights = [column(c[right], c[2], seed="r") for c in reversed(given)]
    found = match_tables(lefts, rights, library())
    assert [p.left for p in found] == [c.path for c in lefts]
    good = sum(p.right == c[right] for p, c in zip(found, given, strict=True))
    assert good >= 0.7 * len(given)
    taken = [p.right for p in found if p.right]
    assert len(taken) == len(set(taken))


def test_codes_and_words_of_one_table_are_one_meaning() -> None:
    (found,) = match_tables([column("col1", "nation_1")], [column("c7", "nation_zh")], library())
    assert found.ranked[0][0] == "c7"
    assert (
        found.ranked[0][1]
        > match_tables([column("col1", "nation_1")], [column("c7", "goods")], library())[0].ranked[0][1]
    )


def test_tables_without_a_library_and_without_columns() -> None:
    bare = Library((), {})
    (found,) = match_tables([column("合同编号", "contract")], [column("contract_no", "contract", seed="r")], bare)
    assert found.right == "contract_no"
    assert match_tables([], [column("a")], bare) == ()
    (alone,) = match_tables([column("a", "plate")], [], bare)
    assert (alone.right, alone.verdict, alone.ranked) == (None, Verdict.leave, ())
    assert matched([], pack("transport"), library(), {}) == ()
    (none,) = matched([column("hphm", "plate")], (), library(), {})
    assert none.verdict is Verdict.leave


# --- what changes nothing ----------------------------------------------------------------------------------------

PATHS = st.lists(
    st.sampled_from(["hphm", "xm", "姓名", "plate_no", "cph", "start_time", "kssj", "col1", "bz", "经度", "lat", "司机姓名", "单价", "qty"]),
    min_size=1, max_size=7, unique=True,
)  # fmt: skip
KINDS = st.sampled_from(["plate", "person", "time", "money", "lon", "small", "remark", "mobile"])


@st.composite
def tables(draw: st.DrawFn) -> list[SampleColumn]:
    return [column(path, draw(KINDS), rows=30) for path in draw(PATHS)]


@settings(max_examples=25, deadline=None)
@given(tables(), st.randoms(use_true_random=False))
def test_the_order_of_columns_changes_nothing(given_columns: list[SampleColumn], r: object) -> None:
    mixed = list(given_columns)
    r.shuffle(mixed)  # type: ignore[attr-defined]
    straight = {p.column: p for p in matched(given_columns, pack("transport"), library(), {})}
    assert {p.column: p for p in matched(mixed, pack("transport"), library(), {})} == straight


@settings(max_examples=25, deadline=None)
@given(tables())
def test_an_unrelated_column_steals_nothing(given_columns: list[SampleColumn]) -> None:
    odd = SampleColumn("qzx_flurb", "", tuple("~".join("xyzzy"[k % 5] * 3) for k in range(30)), "")
    before = {p.column: (name(p), p.score) for p in matched(given_columns, pack("transport"), library(), {})}
    after = {p.column: (name(p), p.score) for p in matched([*given_columns, odd], pack("transport"), library(), {})}
    assert after.pop("qzx_flurb")[0] is None
    assert after == before


@settings(max_examples=25, deadline=None)
@given(tables())
def test_scores_are_shares_proposals_are_one_to_one_and_repeatable(given_columns: list[SampleColumn]) -> None:
    found = matched(given_columns, pack("transport"), library(), {})
    assert found == matched(given_columns, pack("transport"), library(), {})
    taken = [name(p) for p in found if p.element]
    assert len(taken) == len(set(taken))
    for p in found:
        told = [score for _, score in p.others]
        assert told == sorted(told, reverse=True)
        assert all(0 <= score <= 1 for score in [p.score, *told])
        assert (p.verdict is Verdict.leave) == (p.element is None) == (p.score == 0)


@settings(max_examples=20, deadline=None)
@given(
    st.lists(
        st.tuples(st.text(max_size=12), st.lists(st.one_of(st.none(), st.text(max_size=12)), max_size=6)),
        max_size=4,
        unique_by=lambda t: t[0],
    )
)
def test_any_table_is_matched_without_fault(given_columns: list[tuple[str, list[str | None]]]) -> None:
    columns = [SampleColumn(path, path[::-1], tuple(cells), "") for path, cells in given_columns]
    assert len(matched(columns, pack("finance"), library(), {})) == len(columns)
    assert len(match_tables(columns, columns, Library((), {}))) == len(columns)


def test_fifty_columns_against_the_whole_library_take_seconds() -> None:
    kinds = sorted(MAKERS)
    columns = [replace(column(f"{kinds[k % len(kinds)]}_{k}", kinds[k % len(kinds)], rows=1000)) for k in range(50)]
    matched(columns[:1], library().elements, library(), {})  # the dictionary is read once
    began = time.process_time()
    matched(columns, library().elements, library(), {})
    assert time.process_time() - began < 5, "about one second where nothing else runs"
