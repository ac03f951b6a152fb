"""Forms for people who know no codes: choices by their words, parts of a structure as fields, what is wrong beside the
field it is of; then the way to the record that was made."""

from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path

import pytest
from served import CHROMIUM, QUIET, need_chromium, served
from test_console import EVIL, Browser, app_of, people, text  # noqa: F401 - fixtures

from datong.authorise import service as authorise
from datong.authorise.model import AGREEMENT_ITEMS, PLAN_ITEMS
from datong.compose.rules import frontier_problems
from datong.deidentify.rules import assessment
from datong.deidentify.rules.budget.reading import query_of
from datong.deidentify.rules.recipe import recipe_problems
from datong.ground import signing
from datong.ground.codes import credit_code
from datong.ground.db import NODE, Store, metadata
from datong.ground.refusal import Problem, Refusal
from datong.negotiate import store as negotiate_store
from datong.price import service as price
from datong.price.rules import survey_problems
from datong.register import service as register
from datong.register.model.national import NEEDED, Identity
from datong.terms.policy import to_json
from datong.terms.policy.reading import read
from datong.terms.verbs import VERBS
from datong.web import choices, forms, overview, words
from datong.web.api import arguments_model
from datong.web.pages import PAGES
from two_nodes import POLICY, registered

DECLARE = "/do/register/declare_resource"
DECLARED = {
    "name_zh": "过车记录", "name_en": "passages", "abstract": "卡口", "standard": "passage", "source_kind": "001",
    "source_statement": "自行采集", "licence": "内部", "licence_terms.commercial": "true",
    "licence_terms.derivatives": "false", "public_data": "false", "personal": "true", "grade": "3",
    "update_frequency": "002", "area": "520100",
}  # fmt: skip

CHOSEN = {"source_kind", "licence_terms.commercial", "licence_terms.derivatives", "public_data", "personal", "grade",
          "update_frequency"}  # fmt: skip


@pytest.fixture
def browser(store: Store, people: dict[str, str], tmp_path: Path) -> Browser:  # noqa: F811
    with store.begin(NODE, "start") as tx:
        register.add_person(tx, login="de", name="数据员", roles=["data_engineer"])
    return Browser(app_of(store, tmp_path / "story.json"), store)


def test_what_a_form_offers_is_an_argument_of_a_verb_and_has_its_word() -> None:
    asked = {f"{verb}.{name}" for verb in VERBS for name in arguments_model(VERBS[verb]).model_fields}
    named = asked | {name.rpartition(".")[2] for name in asked}
    for table in (choices.CHOICES, choices.EXAMPLES, dict.fromkeys(choices.LONG)):
        assert not set(table) - named
    for name, codes in choices.CHOICES.items():
        argument = name.rpartition(".")[2]
        assert codes, name
        wordless = [code for code in codes if words.code(code, argument, "zh") == code and not code.isdigit()]
        assert not wordless, name
        if not name.endswith("grade"):
            assert [code for code in codes if words.code(code, argument, "zh") == code] == [], name


def test_somebody_who_knows_no_code_declares_a_resource(browser: Browser) -> None:
    browser.enter("de")
    form = browser.get(DECLARE).text
    for said in (
        ">原始取得 · 001<", ">每日 · 002<", ">一般数据（缺省）<", "许可条件：可商用", "（中文）", "（英文）",
        '<textarea name="abstract"', ">申报数据资源</button>",
    ):  # fmt: skip
        assert said in form, said
    english = browser.get(f"{DECLARE}?lang=en").text
    assert ">daily · 002<" in english
    assert "<h1>Declare a data resource</h1>" in english
    assert "JSON" not in form
    done = browser.post(DECLARE, data=DECLARED)
    assert done.status_code == 200, text(done)
    made = re.search(r'class="button" href="(/resources/res-\w+)"', done.text)
    assert made is not None, "the way on"
    assert "<summary>" in done.text.partition('class="arguments"')[0], "what was done does not ask to be done again"
    page = text(browser.get(f"{made[1]}?lang=zh"))
    assert "申报人 数据员" in page, "by name: one knows oneself, whoever else one may see"
    assert "原始取得" in page
    assert "每日" in page


def test_a_new_node_leads_each_role_to_its_first_step_and_an_empty_list_to_its_first_record(
    browser: Browser, store: Store
) -> None:
    with store.begin(NODE, "start") as tx:
        register.add_person(tx, login="an", name="买方", roles=["analyst"])
    for login, first, never in (
        ("op", "/do/register/add_person", DECLARE), ("de", DECLARE, "/do/register/add_person"),
        ("pm", "/do/register/declare_product", DECLARE), ("an", "/listings", DECLARE),
    ):  # fmt: skip
        browser.enter(login)
        begin = browser.get("/").text.partition('<section class="begin">')[2].partition("</section>")[0]
        assert f'href="{first}"' in begin, login
        assert never not in begin, login
    browser.enter("au")
    assert "首份由数据工程师申报" in text(browser.get("/"))
    assert "“Declare a data resource” is for these roles: data engineer." in text(browser.get("/resources?lang=en"))
    assert f'class="button" href="{DECLARE}"' not in browser.get("/resources").text
    browser.enter("de")
    empty = browser.get("/resources?lang=zh").text
    assert "从上方的「申报数据资源」开始" in empty
    assert empty.count(f'href="{DECLARE}"') == 1
    assert 'href="/resources">‹ 数据资源' in browser.get(DECLARE).text, "the way back is the list"
    assert browser.post(DECLARE, data=DECLARED).status_code == 200
    assert browser.get("/resources").text.count(f'href="{DECLARE}"') == 1
    assert '<section class="begin">' not in browser.get("/").text


def test_every_door_of_a_list_opens(browser: Browser) -> None:
    browser.enter("op")
    for page in PAGES:
        for door in page.doors:
            assert door.title or door.verb in words.VERB_TITLES, door.verb
            opened = browser.get(door.address)
            assert opened.status_code == 200 or not VERBS[door.verb].changes, door.verb
            assert opened.status_code in (200, 403, 503), (
                door.verb
            )  # a view of another role, or of a log yet to be signed


def test_who_has_no_password_is_told_before_logging_out(browser: Browser) -> None:
    browser.enter("op")
    assert 'href="/do/register/change_password"' in browser.get("/").text.partition('class="groups"')[0]
    browser.post("/do/register/change_password", data={"new": "lake-otter-7431"})
    browser.enter("op")
    assert "您还没有口令" not in browser.get("/").text


def test_what_is_wrong_stands_beside_its_field_and_nothing_typed_is_lost(browser: Browser) -> None:
    browser.enter("de")
    bad = {**DECLARED, "area": "贵阳", "source_kind": "自采", "licence_terms.derivatives": ""}
    page = browser.post(f"{DECLARE}?lang=zh", data=bad).text
    for name, said in (
        ("area", "应为 4 或 6 位区划代码"), ("source_kind", "应为 001 至 004"),
        ("licence_terms.derivatives", "应为 true 或 false"),
    ):  # fmt: skip
        assert f'<a href="#for-{name}">' in page, name
        assert re.search(rf'id="for-{re.escape(name)}"\s+aria-invalid="true" aria-describedby="wrong-', page), name
        assert f'<span class="wrong" id="wrong-{name}">{said}</span>' in page
    assert 'value="贵阳"' in page
    assert '<option value="自采" selected>' in page, "what is no choice is kept, and the verb has said what it thinks"
    assert 'id="for-name_zh" required' in page
    english = browser.post(f"{DECLARE}?lang=en", data={**DECLARED, "grade": "x"}).text
    assert "Declare a data resource was not done" in english
    assert 'id="wrong-grade"' in english


SURVEY = {
    "survey.operator": "915201003156789Q1X", "survey.period.from_year": "2026", "survey.period.years": "3",
    "survey.costs.0.item": "机房", "survey.costs.0.category": "platform", "survey.costs.0.amount_fen": "1,234,567.80",
    "survey.costs.0.charged": "true", "survey.costs.3.item": "人工", "survey.costs.3.category": "labour",
    "survey.costs.3.amount_fen": "100", "survey.costs.3.charged": "false", "survey.subsidy_fen": "0",
    "survey.bond_yield": "0.02", "survey.profit_rate": "0.05", "survey.tax_fen": "0.50",
    "survey.complete_year": "false", "survey.trial": "true",
}  # fmt: skip


def test_a_cost_survey_is_filled_in_by_somebody_who_knows_no_json(store: Store, browser: Browser) -> None:
    with store.begin(NODE, "start") as tx:
        register.add_person(tx, login="po", name="平价", roles=["price_officer"])
    browser.enter("po")
    at = "/do/price/survey_costs"
    form = browser.get(f"{at}?lang=zh").text
    assert "JSON" not in form
    assert form.count('<fieldset class="row">') == 2
    for said in (
        ">平台建设和运维 · platform<",
        "（元）",
        "成本 1",
        "再加几行：成本",
        'id="for-survey.operator" required',
    ):
        assert said in form, said
    more = browser.post(at, data={**SURVEY, "_show": "zh"}).text
    assert more.count('<fieldset class="row">') == 4, "two that are filled and two that are not"
    assert re.search(r'name="survey\.costs\.1\.item"[^>]*value="人工"', more), "without the rows left empty"
    wrong = browser.post(at, data={**SURVEY, "survey.costs.3.charged": "", "survey.profit_rate": "5 %"}).text
    for name in ("survey.costs.1.charged", "survey.profit_rate"):
        assert f'<a href="#for-{name}">' in wrong, name
        assert f'id="wrong-{name}"' in wrong
    unread = browser.post(f"{at}?lang=en", data={**SURVEY, "survey.costs.0.amount_fen": "a lot"}).text
    assert 'id="wrong-survey.costs.0.amount_fen">should be an amount in yuan' in unread
    done = browser.post(at, data=SURVEY)
    assert done.status_code == 200, text(done)
    with store.read(NODE) as tx:
        [kept] = [one["survey"] for one in price.prices(tx)["surveys"]]
    assert [(one["item"], one["amount_fen"]) for one in kept["costs"]] == [("机房", 123456780), ("人工", 10000)]
    assert (kept["period"], kept["tax_fen"], "previous" in kept) == ({"from_year": 2026, "years": 3}, 50, False)
    assert survey_problems(kept) == []


def test_amounts_by_purpose_are_asked_in_yuan_and_shares_row_by_row(store: Store, browser: Browser) -> None:
    with store.begin(NODE, "start") as tx:
        register.add_person(tx, login="m2", name="产品", roles=["product_manager"])
    browser.enter("m2")
    at = "/do/catalogue/publish"
    form = browser.get(f"{at}?lang=zh").text
    assert 'name="tariffs.industry_development"' in form
    assert 'name="split.1.account"' in form
    assert form.count("<textarea") == 3, "the description, values of a template, spaces"
    given = {"tariffs.industry_development": "11,800.00", "split.1.party": "P", "split.1.weight": "7", "title": "x"}
    verb = VERBS["catalogue.publish"]
    asked = {"dataset": "d", "description": "x", "purposes": "industry_development", "from_at": "2026-01-01",
             "until_at": "2027-01-01"}  # fmt: skip
    arguments = forms._arguments(verb, forms._closed_up({**given, **asked}), "zh")
    assert (arguments["tariffs"], arguments["split"]) == (
        {"industry_development": 1180000}, [{"party": "P", "weight": 7}],
    )  # fmt: skip
    assert forms._arguments(verb, {"title": "x", **asked}, "zh")["split"] is None
    names = [*given, "split.0.party", "policy"]
    for where, told in (
        ("price: split[1].weight", "split.1.weight"), ("tariffs.industry_development", "tariffs.industry_development"),
        ("split", "split.1.party"), ("policy.permissions[0].action", "policy"), ("nothing", ""),
    ):  # fmt: skip
        assert forms._told_of(where, names, given) == told, where
    bad = browser.post(f"{at}?lang=en", data={"policy": '{"a": 1,\n b}'}).text
    assert "is not JSON: it cannot be read from line 2, character 2 on" in bad


def test_the_items_of_the_articles_are_asked_by_the_kind_of_the_instrument(browser: Browser, store: Store) -> None:
    with store.begin(NODE, "start") as tx:
        register.add_person(tx, login="st", name="经办", roles=["steward"])
    browser.enter("st")
    at, asked = "/do/authorise/draft", {"purposes": "public_welfare", "from_at": "2026-01-01", "until_at": "2099-01-01"}
    form = browser.get(f"{at}?lang=zh").text
    assert 'name="items' not in form
    assert "类别选定后" in form
    plan = browser.post(at, data={"kind": "plan", "title": "出行", "_show": "zh"}).text
    assert plan.count('name="items.') == len(PLAN_ITEMS)
    assert "成本收入核算和收益分配机制" in plan
    assert 'value="出行"' in plan
    agreement = browser.post(at, data={"kind": "agreement", "_show": "en"}).text
    assert agreement.count('name="items.') == len(AGREEMENT_ITEMS) + 1
    assert ">invited tender · invited_tender<" in agreement
    assert browser.post(at, data={"kind": "consent", "_show": "zh"}).text.count('<textarea name="items"') == 1
    items = {f"items.{name}": "…说明" for name in PLAN_ITEMS}
    missing = {**asked, **items, "kind": "plan", "resources": "7" + "1" * 35, "items.security": ""}
    told = browser.post(f"{at}?lang=zh", data=missing).text
    assert 'id="wrong-items.security">缺少「数据安全、个人信息保护和应急措施」' in told
    assert told.count("…说明</textarea>") == len(PLAN_ITEMS) - 1
    done = browser.post(at, data={**missing, **items})
    assert done.status_code == 200, text(done)
    with store.read(NODE) as tx:
        assert [one["items"] for one in authorise.instruments(tx)] == [dict.fromkeys(PLAN_ITEMS, "…说明")]
    change = browser.get("/do/authorise/change?lang=zh").text
    assert change.count('name="items.') == len(PLAN_ITEMS)
    assert "required" not in change.partition('name="items.')[2]


def test_the_facts_of_an_identity_are_asked_by_its_kind_and_a_case_for_its_materials(browser: Browser) -> None:
    browser.enter("op")
    at = "/do/register/apply_identity"
    assert 'name="attributes' not in browser.get(f"{at}?lang=zh").text
    for kind, said in (("person", "证件号码"), ("organisation", "法定代表人"), ("agent", "经办人姓名")):
        form = browser.post(at, data={"kind": kind, "_show": "zh"}).text
        assert form.count('name="attributes.') == len(NEEDED[Identity(kind)])
        assert said in form
    told = browser.post(
        f"{at}?lang=zh", data={"kind": "person", "function_node": "2", "attributes.fullName": "某人", "act": "register"}
    ).text
    assert '<span class="wrong" id="wrong-attributes.phone">必填参数为空' in told
    assert 'value="某人"' in told
    assert 'name="attributes' not in browser.post(at, data={"kind": "no_such", "_show": "zh"}).text.replace(
        '<textarea name="attributes"', ""
    )
    browser.enter("de")
    case = browser.get("/do/register/draft_case?lang=zh").text
    assert "产品和服务信息 <code>materials.products</code>" in case
    assert 'name="materials.reason"' in case


def test_what_is_known_here_is_ticked_and_the_rest_is_written(browser: Browser, store: Store) -> None:
    with store.begin(NODE, "start") as tx:
        operator = EVIL
        register.add_person(tx, login="as", name="评估员", roles=["assessor"])
        register.add_party(tx, code=operator, name="供数公司")
    browser.enter("as")
    at = "/do/deidentify/assess"
    form = browser.get(f"{at}?lang=zh").text
    assert re.search(rf'type="checkbox" name="provider_parties" value="{operator}" > 供数公司', form)
    again = browser.post(at, data={"provider_parties": [operator, "9,8"], "_show": "zh"}).text
    assert f'name="provider_parties" value="{operator}" checked' in again
    assert '<textarea name="provider_parties" rows="2" spellcheck="false">9\n8</textarea>' in again


def test_what_is_too_much_to_tick_is_looked_for_by_its_name(browser: Browser, store: Store) -> None:
    parties = [credit_code("9", "1", "520100", f"MA1{n:05}") for n in range(forms.MOST_TICKS + 6)]
    with store.begin(NODE, "start") as tx:
        register.add_person(tx, login="as", name="评估员", roles=["assessor"])
        for n, party in enumerate(parties):
            register.add_party(tx, code=party, name=f"供数公司 {n}")
    browser.enter("as")
    at, name = "/do/deidentify/assess", "provider_parties"
    form = browser.get(f"{at}?lang=zh").text
    assert f'<textarea name="{name}"' not in form
    assert form.count(f'<input name="{name}" list="known-{name}"') == 2
    assert form.count(f'<datalist id="known-{name}">') == 1
    assert f'<option value="{parties[7]}">供数公司 7</option>' in form
    assert 'aria-label="提供方 1" required' in form
    more = browser.post(at, data={name: [parties[3], "", parties[7]], "_show": "zh"}).text
    assert more.count(f'<input name="{name}" list="known-{name}"') == 4, "what was chosen, and two to choose more"
    assert '<span class="named">供数公司 7</span>' in more
    rest = {"recipient_group": "g", "subject": "s", "answers.training": "good", "expires": "2099-01-01", "nodes": "n"}
    given = forms._arguments(VERBS["deidentify.assess"], {name: f"{parties[3]}\n\n{parties[7]}", **rest}, "zh")
    assert given[name] == [parties[3], parties[7]]


CLAUSES = {
    "policy.clauses.0.rule": "permissions", "policy.clauses.0.action": "compute",
    "policy.clauses.0.left": "purpose", "policy.clauses.0.op": "isAnyOf",
    "policy.clauses.0.right": "public_welfare、industry_development", "policy.clauses.2.rule": "permissions",
    "policy.clauses.2.action": "compute", "policy.clauses.2.left": "time", "policy.clauses.2.op": "lt",
    "policy.clauses.2.right": "2027-03-02", "policy.clauses.4.rule": "prohibitions",
    "policy.clauses.4.action": "distribute",
}  # fmt: skip
SAID = {
    "id": "",
    "permissions": [{"action": "compute", "constraints": [
        {"left": "purpose", "op": "isAnyOf", "right": ["public_welfare", "industry_development"]},
        {"left": "time", "op": "lt", "right": "2027-03-01T16:00:00Z"}]}],
    "prohibitions": [{"action": "distribute", "constraints": []}], "obligations": [], "inherit": False,
}  # fmt: skip


def test_a_policy_is_written_by_somebody_who_knows_no_json(browser: Browser) -> None:
    browser.enter("pm")
    at = "/do/negotiate/offer"
    form = browser.get(f"{at}?lang=zh").text
    assert '<textarea name="policy"' not in form
    for said in (
        ">允许 · permissions<",
        ">任意属于 · isAnyOf<",
        ">使用目的 · purpose<",
        "策略规则 1",
    ):
        assert said in form, said
    more = browser.post(at, data={**CLAUSES, "_show": "zh"}).text
    assert more.count("策略规则") - more.count("再加几行：策略规则") == 5, "three that are filled and two that are not"
    given = forms._closed_up({**CLAUSES, "terms.product": "p"})
    assert forms._arguments(VERBS["negotiate.offer"], given, "zh")["policy"] == SAID
    assert read({**SAID, "id": "offer-1"})[1] == []
    whole = unescape(browser.post(at, data={**CLAUSES, "_whole": "policy"}).text.partition('name="policy"')[2])
    assert json.loads(whole.partition(">")[2].partition("</textarea>")[0]) == SAID
    blank = browser.post(at, data={"_whole": "policy"}).text
    assert "&#34;permissions&#34;: []" in blank
    wrong = browser.post(f"{at}?lang=zh", data={**CLAUSES, "policy.clauses.0.op": "lt", "terms.k": "5"})
    assert wrong.status_code == 400
    assert 'href="#for-policy.clauses.0.op"' in wrong.text, "what is wrong of the policy leads to it"


@pytest.mark.parametrize(
    ("changed", "field", "said"),
    [
        ({"policy.clauses.2.op": "isPartOf"}, "policy.clauses.1.op", "不适用于"),
        ({"policy.clauses.2.right": "morgen"}, "policy.clauses.1.right", "morgen"),
        ({"policy.clauses.2.left": ""}, "policy.clauses.1.left", "未知约束"),
        ({"policy.clauses.4.action": "sing"}, "policy.clauses.2.action", "sing"),
        ({"policy.clauses.6.action": "compute", "policy.clauses.6.left": "count", "policy.clauses.6.op": "lteq",
          "policy.clauses.6.right": "many"}, "policy.clauses.3.right", "many"),
        ({"policy.clauses.2.left": "purpose", "policy.clauses.2.op": "isNoneOf",
          "policy.clauses.2.right": "public_welfare、industry_development"}, "policy.clauses.0.action", "相互矛盾"),
    ],
)  # fmt: skip
def test_what_is_wrong_of_a_policy_stands_at_the_field_that_says_it(
    browser: Browser, changed: dict[str, str], field: str, said: str
) -> None:
    browser.enter("pm")
    fields = {**CLAUSES, "terms.product": "p", "terms.purpose": "public_welfare", "consumer": "c", **changed}
    wrong = browser.post("/do/negotiate/offer?lang=zh", data=fields).text
    assert f'href="#for-{field}"' in wrong
    assert f'aria-describedby="wrong-{field}"' in wrong
    told = wrong.partition(f'id="wrong-{field}">')[2].partition("</span>")[0]
    assert said in told


QUESTION = """kind: count
rows_per_unit: 1
by:
  - classes: {column: district, values: [东, 西]}
spend: {rho: 0.01}
"""


def test_a_question_is_written_as_its_file_is_or_as_json(browser: Browser) -> None:
    verb, rest = VERBS["deidentify.ask"], {"resource": "r", "consumer": "c"}
    said = {"kind": "count", "rows_per_unit": 1, "by": [{"classes": {"column": "district", "values": ["东", "西"]}}],
            "spend": {"rho": 0.01}}  # fmt: skip
    for written in (QUESTION, json.dumps(said)):
        assert forms._arguments(verb, {**rest, "query": written}, "zh")["query"] == said
    for written, told in (
        ("kind: count\n spend: 3", "line 2: is no YAML"), ("a: &a [1]\nb: [*a, *a]", "line 2: aliases"),
        ("just words", "dictionary"), ("{no json", "is not JSON"), ("a: 1\na: 2", "line 2: a key is there twice"),
    ):  # fmt: skip
        with pytest.raises(Refusal) as refused:
            forms._arguments(verb, {**rest, "query": written}, "zh")
        assert [told in one.en for one in refused.value.problems] == [True], (written, refused.value.problems)
        assert refused.value.problems[0].where == "query"
    browser.enter("de")
    assert "rows_per_unit: 1" in browser.get("/do/deidentify/ask").text
    assert 'href="/classify?dataset=x"' in browser.get("/do/deidentify/confirm_classification?dataset=x").text


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_how_a_text_is_written_is_an_example_that_its_verb_takes(browser: Browser, lang: str) -> None:
    (query, unread), (recipe, unread_too) = (
        forms._yaml(name, choices.written(name, lang)) for name in ("query", "recipe")
    )
    assert not unread + unread_too
    read, found = query_of(query)
    assert (read is not None, found.problems) == (True, [])
    besides = "\n".join(line[2:] for line in choices.written("query", lang).splitlines() if line.startswith("# "))
    besides = re.sub(r"^[^:]*[:：]$", "by:", besides, count=1, flags=re.M)
    ranked, wrong = forms._yaml("query", re.sub(r"^.*[:：]$(?<!by:)", "", besides, flags=re.M))
    assert not wrong
    kept = {"kind": "quantile", "rows_per_unit": 1, "spend": {"rho": 0.01}, **ranked, "by": ranked["by"][:1]}
    assert query_of(kept)[1].problems == [], "what a comment says may be said"
    recipe["parts"][0]["resource"] = "791520100MAXDT0015L5201MAL24MQSW"
    assert recipe_problems(recipe) == []
    browser.enter("pm")
    form = browser.get(f"/do/compose/define_product?lang={lang}").text
    assert "city-flows" in form
    assert ("# 由细到粗" in form) is (lang == "zh")
    assert ("# finest first" in form) is (lang == "en")


POINT = {
    "release": "k = 5",
    "cost": 0.05,
    "interval": [0.02, 0.08],
    "k": 5,
    "attack": 0.04,
    "attack_is": "before and after",
}
MEASURED = {
    "measured_by": "实验室",
    "measured_on": "2026-03-31",
    "data": "行程",
    "target": "次日流量",
    "points": [POINT],
}


def test_a_frontier_is_asked_point_by_point(browser: Browser) -> None:
    of = choices.structure("frontier")
    assert of is not None
    apart = forms._taken_apart("frontier", of, json.dumps(MEASURED))
    assert apart is not None
    assert (apart["frontier.points.0.low"], apart["frontier.points.0.k"]) == ("0.02", "5")
    problems: list[Problem] = []
    assert (forms._put_together("frontier", of, apart, problems), problems) == (MEASURED, [])
    assert frontier_problems(MEASURED) == []
    assert forms._taken_apart("frontier", of, json.dumps({**MEASURED, "points": [{**POINT, "more": {}}]})) is None
    browser.enter("pm")
    page = browser.get("/do/compose/attach_frontier?lang=zh").text
    assert '<textarea name="frontier"' not in page
    assert "攻击者猜中" in page
    wrong = browser.post(
        "/do/compose/attach_frontier?lang=zh", data={**apart, "product": "p", "frontier.points.0.cost": "5%"}
    )
    assert wrong.status_code in (400, 404)


def test_a_policy_that_fields_cannot_say_stays_json() -> None:
    rule = SAID["permissions"][0]
    known = choices.structure("policy")
    assert known is not None
    for said in (SAID, {"id": "x"}, {**SAID, "permissions": [{**rule, "duties": []}]}, to_json(POLICY)):
        fields = forms._taken_apart("policy", known, said)
        assert fields is not None, said
        again = forms._put_together("policy", known, fields, [])
        assert read(again) == read({**said, "id": ""})
    either = {"or": [{"left": "count", "op": "lteq", "right": "3"}, {"left": "count", "op": "eq", "right": "9"}]}
    for more in (
        {**SAID, "permissions": [{**rule, "duties": [{"action": "compensate"}]}]},
        {**SAID, "permissions": [{**rule, "target": "p"}]}, {**SAID, "permissions": [rule, rule]},
        {**SAID, "permissions": [{"action": "compute", "constraints": [either]}]}, {**SAID, "permissions": "all"},
        {**SAID, "more": 1}, [], "text", {**SAID, "permissions": [7]},
        {**SAID, "permissions": [{"action": "use", "constraints": [{"left": "algorithm", "op": "isAnyOf", "right": ["a, b"]}]}]},
    ):  # fmt: skip
        assert forms._taken_apart("policy", known, more) is None, more


def test_a_code_that_ends_in_the_star_of_its_check_character_is_named_and_offered(
    browser: Browser, store: Store
) -> None:
    code = "711520100MBXDT002765201FGMONHDJ*"
    with store.begin(NODE, "start") as tx:
        registered(tx, code, "resource", EVIL, name_zh="过车记录", name_en="passages")
    browser.enter("de")
    form = browser.get("/do/harmonise/replay", params={"resource": code, "lang": "zh"}).text
    assert f'<option value="{code}">过车记录</option>' in form
    assert '<span class="named">过车记录</span>' in form
    with store.begin(NODE, "start") as tx:
        tx.change(metadata.tables["register_ledger"], code, state="ENDED")
    over = browser.get("/do/harmonise/replay", params={"resource": code, "lang": "zh"}).text
    assert '<span class="named">过车记录</span>' in over, "what is over keeps its name"


TERMS = {
    "purpose": "industry_development", "delivery_form": "controlled",
    "tariff": {"kind": "per_delivery", "amount_fen": 120000},
    "split": [{"party": "91520000MA6GROUP01", "weight": 1, "payee_kind": "company", "account": "ACC-1"}],
    "inputs": ["RES-1", "RES-2"], "from": "2026-03-02T00:00:00Z", "until": "2027-03-02T00:00:00Z", "k": 5,
}  # fmt: skip


def test_terms_on_the_table_are_taken_apart_and_put_together_as_they_were() -> None:
    whole = choices.structure("terms")
    assert whole is not None
    apart = forms._taken_apart("terms", whole, json.dumps(TERMS))
    assert apart is not None
    assert (apart["terms.tariff.amount_fen"], apart["terms.split.0.weight"]) == ("1200.00", "1")
    problems: list[Problem] = []
    assert (forms._put_together("terms", whole, apart, problems), problems) == (TERMS, [])
    assert forms._put_together("terms", whole, {"terms.until": "2027-03-02"}, problems) == {
        "until": "2027-03-01T16:00:00Z"
    }
    for strange in ({**TERMS, "bonus": 1}, {**TERMS, "split": "half"}, {**TERMS, "k": True}, {"tariff": {"kind": 7}},
                    {"inputs": ["a,b"]}, [TERMS]):  # fmt: skip
        assert forms._taken_apart("terms", whole, json.dumps(strange)) is None, "what no field asks stays whole"
    assert forms._taken_apart("terms", whole, "{") is None


def test_no_form_has_more_parts_than_can_be_put_together_and_every_part_has_its_word() -> None:
    asked = {name for verb in VERBS.values() for name in arguments_model(verb).model_fields}
    seen = [(name, part) for name in asked if (part := choices.structure(name))]
    assert len(seen) >= 7
    for name, part in seen:
        waiting = [(f"{name}.{one}", of) for one, of in part.parts.items()]
        for at, of in waiting:
            waiting += [(f"{at}.{one}", below) for one, below in of.parts.items()]
            assert of.title or words.column(at.rpartition(".")[2], "zh") != at.rpartition(".")[2], at
            for code in of.codes:
                assert words.code(code, of.word or at.rpartition(".")[2], "zh") != code, (at, code)


def test_what_is_asked_stands_above_its_answer_and_what_was_done_above_the_form(browser: Browser) -> None:
    browser.enter("de")
    asked = browser.get("/do/register/publicity").text
    assert 0 < asked.index('class="arguments"') < asked.index('class="answer"')
    done = browser.post(DECLARE, data=DECLARED).text
    assert 0 < done.index('class="answer"') < done.index('class="arguments"')


def test_several_are_ticked_where_several_may_be_chosen(browser: Browser, store: Store) -> None:
    browser.enter("op")
    form = browser.get("/do/register/add_person").text
    assert form.count('type="checkbox" name="roles"') == len(choices.CHOICES["roles"])
    assert "数据工程师" in form
    refused = browser.post(
        "/do/register/add_person", data={"login": "x y", "name": "新", "roles": ["finance", "legal"]}
    )
    assert refused.status_code == 400
    assert len(re.findall(r'name="roles" value="(?:finance|legal)" checked', refused.text)) == 2
    assert refused.text.count("checked") == 2
    added = browser.post("/do/register/add_person", data={"login": "new", "name": "新", "roles": ["finance", "legal"]})
    assert added.status_code == 200
    with store.read(NODE) as tx:
        assert sorted(next(p["roles"] for p in register.people(tx) if p["login"] == "new")) == ["finance", "legal"]


def test_the_questionnaire_asks_its_questions(store: Store, browser: Browser) -> None:
    with store.begin(NODE, "start") as tx:
        register.add_person(tx, login="as", name="评估员", roles=["assessor"])
    browser.enter("as")
    form = browser.get("/do/deidentify/assess?lang=zh").text
    asked = assessment.rules_in_force()["questions"]
    assert all(f"<label><span>{question['zh']} " in form for question in asked)
    assert form.count(">部分做到 · partial<") == len(asked)
    answers = {f"answers.{question['id']}": "good" for question in asked[1:]}
    page = browser.post("/do/deidentify/assess?lang=zh", data={**answers, "expires": "2020-01-01"}).text
    assert page.count('<option value="good" selected>') == len(asked) - 1
    given = {"provider_parties": "9", "recipient_group": "9", "subject": "7", "expires": "2020-01-01", "nodes": "5"}
    page = browser.post("/do/deidentify/assess?lang=zh", data={**given, **answers}).text
    assert f'<span class="wrong" id="wrong-answers.{asked[0]["id"]}">没有回答</span>' in page


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        (f"a.csv: sha256:{'1' * 64}\r\n\r\n b c.csv：sha256:{'2' * 64}", ["a.csv", "b c.csv"]),
        (f'{{"a.csv": "sha256:{"1" * 64}"}}', ["a.csv"]),
    ],
)
def test_pairs_are_written_as_lines_or_as_json(browser: Browser, store: Store, written: str, kept: list[str]) -> None:
    browser.enter("de")
    browser.post(DECLARE, data=DECLARED)
    with store.read(NODE) as tx:
        of = register.resources(tx)[0]["id"]
    page = browser.post("/do/register/preserve_evidence", data={"of": of, "files": written})
    assert page.status_code == 200, text(page)
    with store.read(NODE) as tx:
        assert sorted(register.resources(tx)[0]["evidence_files"]) == kept
    changed = browser.post(
        "/do/register/amend_description", data={"of": of, "changes": 'grade: 2\npersonal: false\narea: "5201"'}
    )
    assert changed.status_code == 200, text(changed)
    refused = browser.post("/do/register/preserve_evidence?lang=en", data={"of": of, "files": "no colon"})
    assert "should be one pair a line, name: value, or JSON" in refused.text
    assert ">no colon</textarea>" in refused.text


def test_a_structure_given_whole_stays_whole(browser: Browser) -> None:
    browser.enter("de")
    whole = '{"commercial": true, "derivatives": true, "attribution": "某"}'
    parts = {name: value for name, value in DECLARED.items() if "." not in name}
    page = browser.post(DECLARE, data={**parts, "licence_terms": whole, "area": "?"}).text
    assert '<textarea name="licence_terms"' in page
    assert browser.post(DECLARE, data={**parts, "licence_terms": whole}).status_code == 200


@pytest.mark.browser
def test_in_a_browser_the_refusal_is_reached_first_and_leads_to_the_field(browser: Browser, store: Store) -> None:
    need_chromium()
    from playwright.sync_api import expect, sync_playwright

    with store.begin(NODE, "register") as tx:
        person = next(p["id"] for p in register.people(tx) if p["login"] == "de")
        token = register.login_link(tx, person=person)["token"]
    with served(browser.app) as address, sync_playwright() as player:
        engine = player.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        for script in (True, False):
            context = engine.new_context(
                viewport={"width": 390, "height": 844}, locale="zh-CN", java_script_enabled=script
            )
            page = context.new_page()
            if script:
                page.goto(f"{address}/enter/{token}")
                page.get_by_role("button", name="进入控制台").click()
                cookies = context.cookies()
            else:
                context.add_cookies(cookies)
            page.goto(address + DECLARE)
            for name, value in {**DECLARED, "area": "贵阳"}.items():
                field = page.locator(f"[name='{name}']")
                if field.evaluate("e => e.tagName") == "SELECT" if script else name in CHOSEN:
                    field.select_option(value)
                else:
                    field.fill(value)
            page.get_by_role("button", name="申报数据资源").click()
            expect(page.get_by_role("alert")).to_contain_text("1 项描述有误")
            expect(page.locator(".told")).to_be_focused()
            page.keyboard.press("Tab")
            page.keyboard.press("Enter")
            expect(page).to_have_url(re.compile("#for-area$"))
            expect(page.get_by_label("区域")).to_have_accessible_description("应为 4 或 6 位区划代码")
            page.get_by_label("区域").fill("520100")
            page.get_by_role("button", name="申报数据资源").click()
            page.get_by_role("link", name="打开记录，办理下一步").click()
            expect(page.get_by_role("heading", level=1)).to_contain_text("过车记录")
        engine.close()


def test_no_two_pages_have_one_title(browser: Browser) -> None:
    browser.enter("de")
    named = {**DECLARED, "name_zh": "<b>过车</b>记录"}
    made = [re.search(r'href="(/resources/res-\w+)"', browser.post(DECLARE, data=named).text) for _ in range(2)]
    places = ["/", "/resources", "/resources?q=x", DECLARE, "/leaves", "/leaves?from=50", *(m[1] for m in made if m)]
    titles = [re.search("<title>(.*?)</title>", browser.get(place).text) for place in places]
    assert len(places) == 8
    assert len({title[1] for title in titles if title}) == 8
    assert all(title and "&lt;b&gt;过车&lt;/b&gt;记录" in title[1] for title in titles[-2:])


def test_every_view_is_on_a_page_or_told_of_to_who_may_ask_it_in_words(browser: Browser) -> None:
    browser.enter("au")
    page = browser.get("/?lang=zh").text
    for name, verb in VERBS.items():
        if not verb.changes:
            assert (f'href="/do/{verb.room}/{verb.name}"' in page) == (name not in overview.ON_PAGES), name
            assert name in words.VERB_TITLES or name in {s.view for p in PAGES for s in p.sections} | DETAILS, name
    leaves = browser.get("/leaves").text
    for asked in ("audit/verify", "audit/trace", "audit/capability"):
        assert f'<a class="asks" href="/do/{asked}">' in leaves, asked
    assert '<a class="button" href="/do/audit/export_bundle">' in leaves, "it writes a file"
    found = browser.get("/do/audit/capability?lang=zh").text
    assert "本节点未证明" in found
    assert "autofocus" not in found, "an answer longer than the window would be scrolled over its beginning"
    assert not re.search(r">(?:aspect|module_zh|shown_by|waits_for|not shown here)<", found)


DETAILS = {section.detail.partition(":")[0] for page in PAGES for section in page.sections}


def test_a_contract_is_chosen_by_what_with_whom_and_what_for(browser: Browser, store: Store) -> None:
    """Many buy the same product: its name alone tells no contract from another. Those of the national rail are offered
    too, and those that have ended, which are still to be billed."""
    national = "C2" + "1" * 44 + "*"
    with store.begin(NODE, "start") as tx:
        register.add_person(tx, login="cfo", name="财务", roles=["finance"])
        mine = signing.me(tx)
        for id, buyer, state in (("agr-1", "91520100MA6LAB0001", "FINALIZED"), (national, "91-B", "TERMINATED")):
            row = {
                "id": id, "code": id, "negotiation": "n", "dataset": "P-FLOWS", "offer_id": "o", "provider": mine.code,
                "consumer": "5B", "provider_party": mine.party, "consumer_party": buyer, "policy_hash": "h",
                "policy": {"id": id, "permissions": []}, "terms": {"purpose": "industry_development"},
                "from": tx.now, "until": None, "agreed_at": tx.now, "signatures": [], "keys": {}, "signed": "both",
                "digest": "d", "state": state,
            }  # fmt: skip
            tx.add(negotiate_store.agreements, row)
    browser.enter("cfo")
    form = browser.get("/do/settle/invoice?lang=en").text
    for id, buyer in (("agr-1", "91520100MA6LAB0001"), (national, "91-B")):
        assert f'<option value="{id}">P-FLOWS · {buyer} · industry development</option>' in form


@pytest.mark.browser
def test_in_a_browser_neither_the_language_nor_a_lost_session_loses_what_was_filled_in(
    browser: Browser, store: Store
) -> None:
    need_chromium()
    from playwright.sync_api import expect, sync_playwright

    with store.begin(NODE, "register") as tx:
        person = next(p["id"] for p in register.people(tx) if p["login"] == "de")
        tokens = [register.login_link(tx, person=person)["token"] for _ in range(2)]
    with served(browser.app) as address, sync_playwright() as player:
        engine = player.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        context = engine.new_context(viewport={"width": 390, "height": 844}, locale="zh-CN", java_script_enabled=False)
        page = context.new_page()
        page.goto(f"{address}/enter/{tokens[0]}")
        page.get_by_role("button", name="进入控制台").click()
        page.goto(address + DECLARE)
        for name, value in DECLARED.items():
            field = page.locator(f"[name='{name}']")
            field.select_option(value) if name in CHOSEN else field.fill(value)
        page.get_by_role("button", name="English").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Declare a data resource")
        page.get_by_role("button", name="中文").click()
        for name, value in DECLARED.items():
            expect(page.locator(f"[name='{name}']")).to_have_value(value)
        assert DECLARED["abstract"] not in page.url
        context.clear_cookies()
        page.locator("[name='area']").press("Enter")  # as its button does, though the language's stands before it
        expect(page.get_by_role("alert")).to_contain_text("登录后它仍在表单中")
        elsewhere = context.new_page()
        elsewhere.goto(f"{address}/enter/{tokens[1]}")
        elsewhere.get_by_role("button", name="进入控制台").click()
        page.get_by_role("button", name="已在另一标签页登录").click()
        for name, value in DECLARED.items():
            expect(page.locator(f"[name='{name}']")).to_have_value(value)
        page.locator("[name='area']").press("Enter")
        expect(page.get_by_role("heading", name="已完成")).to_be_visible()
        engine.close()
    with store.begin(NODE, "register") as tx:
        assert [one["name_zh"] for one in register.resources(tx)] == [DECLARED["name_zh"]]
