"""A provider's side of a joint partition: rounds answered once, the agreement kept, counts on exactly its groups.

What a coordinator may learn is which nodes hold k in every measure of this provider, level by level, once.
Nodes that fail are not told apart from empty ones. Must never know: contracts (deliver has checked the
agreement), who the recipient group is. Contract: tests/deidentify/test_deidentify_partitions.py.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from datong.deidentify import store
from datong.deidentify.model.finding import Identifying, Level
from datong.deidentify.model.joint import Part, PartState, Recipe
from datong.deidentify.model.refusals import (
    BAD_ASK,
    BAD_RECIPE,
    DATA_CHANGED,
    NOT_HELD,
    NOT_THE_RECIPE,
    OUT_OF_ORDER,
    PROBING,
    SECOND_PARTITION,
    TWO_OF_ONE_SOURCE,
    UNKNOWN,
)
from datong.deidentify.rules import counting, rests
from datong.deidentify.rules.nodes import groups_digest, groups_of, is_rest, node_of
from datong.deidentify.rules.recipe import (
    CODE,
    FLOORS,
    figure_columns,
    geometry,
    periods_meet,
    recipe_digest,
    recipe_of,
    recipe_problems,
    type_columns,
)
from datong.deidentify.rules.suppression import hidden_classes, rounded_share
from datong.deidentify.service import leaving
from datong.deidentify.service.assessments import assessment_for
from datong.deidentify.service.classification import require_classified
from datong.engine.model import Engine
from datong.engine.service import DUCKDB, engine_of
from datong.ground import evidence, signing
from datong.ground.crypto import hashing
from datong.ground.db import Tx, new_id
from datong.ground.refusal import Problem
from datong.harmonise import service as harmonise

NODES_MAX = 500_000
ELSEWHERE = ("outside", "unplaced")
KINDS_ZH = {Identifying.direct: "直接标识符", Identifying.sensitive: "敏感信息"}
METADATA = b"datong"
"""Key of the table's schema metadata: partition, digests and account, as JSON."""


def recipe_from(value: Mapping[str, Any]) -> Recipe:
    """The recipe of a JSON value; DID-400 with every problem."""
    if problems := recipe_problems(value):
        name = str(value.get("name", "?"))[:60] if isinstance(value, Mapping) else "?"
        raise BAD_RECIPE(problems, name=name, count=len(problems))
    return recipe_of(value)


def holding(
    *,
    data: Path,
    recipe: Mapping[str, Any],
    resource: str,
    level: int,
    released: Sequence[str],
    engine: Engine = DUCKDB,
) -> list[str]:
    """Nodes of `level` in which every measure of this part has k distinct subjects outside the `released` nodes.

    level: the number of a round; in those of the marginals, the rests that may be told beside the released groups.
    """
    plan = recipe_from(recipe)
    part = plan.part_of(resource)
    if level >= len(plan.levels):
        marginal = level - len(plan.levels)
        rows = rests_in(data, plan, part, marginal, released, engine)
        return rests.tellable(plan, marginal, released, rows, [m.name for m in part.measures])
    coarsest = max((int(node.partition(":")[0]) for node in released), default=0)
    found = engine.run(
        counting.holding_plan(plan, part, level, coarsest),
        {"harmonised": data, "released": node_table(released)},
        want=["held"],
    )
    return [str(node) for node in found["held"]["node"].to_pylist()]


def rests_in(
    data: Path, plan: Recipe, part: Part, marginal: int, released: Sequence[str], engine: Engine = DUCKDB
) -> list[dict[str, Any]]:
    """Events of the released groups of a marginal's level by its nodes, measure and subject; they stay here."""
    inputs = {"harmonised": data, "released": node_table(released)}
    found = engine.run(counting.rests_plan(plan, part, marginal), inputs, want=["rests"])
    rows: list[dict[str, Any]] = found["rests"].to_pylist()
    return rows


def counts(
    *, data: Path, recipe: Mapping[str, Any], resource: str, groups: Sequence[str], engine: Engine = DUCKDB
) -> pa.Table:
    """Figures of this part on the groups (node ids), small classes hidden and marked; metadata has rounded shares.

    On nodes of marginals numbers of events alone.

    Columns: group_id, figures of the part in recipe order, suppressed_types (columns of hidden classes, by commas).
    """
    return _counted(data, recipe, resource, groups, engine)[0]


def _counted(
    data: Path, recipe: Mapping[str, Any], resource: str, groups: Sequence[str], engine: Engine = DUCKDB
) -> tuple[pa.Table, list[dict[str, Any]]]:
    """The table of `counts` and the exact account: every event of every measure in one of its lines."""
    plan = recipe_from(recipe)
    part = plan.part_of(resource)
    inputs = {"harmonised": data, "released": node_table(groups)}
    found = engine.run(counting.counts_plan(plan, part), inputs, want=["counts", "account", "kept", "untold"])
    rows = [
        {**row, "suppressed_types": ""}
        if is_rest(plan, node_of(plan, row["group_id"]))
        else _suppressed(row, part, plan.k)
        for row in found["counts"].to_pylist()
    ]
    fields = [("group_id", pa.string()), *((name, pa.int64()) for name in figure_columns(part))]
    schema = pa.schema([*fields, ("suppressed_types", pa.string())])
    table = pa.Table.from_pylist(rows, schema)
    exact = found["account"].to_pylist()
    untold = {(row["measure"], row["place"]) for row in found["untold"].to_pylist()}
    shares = _shares(plan, part, exact, found["kept"].to_pylist(), untold)
    return table.replace_schema_metadata({METADATA: json.dumps({"account": shares}, sort_keys=True)}), exact


def _suppressed(row: dict[str, Any], part: Part, k: int) -> dict[str, Any]:
    classes = type_columns(part)
    hidden = hidden_classes({name: row[column] for name, column in classes.items()}, k)
    columns = [classes[name] for name in hidden]
    return {**row, **dict.fromkeys(columns), "suppressed_types": ",".join(columns)}


def _shares(
    plan: Recipe,
    part: Part,
    places: list[dict[str, Any]],
    kept: list[dict[str, Any]],
    untold: Collection[tuple[str, str]],
) -> dict[str, dict[str, Any]]:
    """Per measure: shares of its events released, suppressed, outside and unplaced; kept share per level.

    Shares are rounded to what the size allows (`rounded_share`): an exact remainder could tell of a single person. Of
    what is in no group and is nearly all one's, or of few (`untold`: measure, place), no share is told that is not 0:
    beside the exact numbers of all groups it would be an estimate of theirs.
    """
    told = {}
    for measure in part.measures:
        mine = [line for line in places if line["measure"] == measure.name]
        total = sum(line["events"] for line in mine)
        inside = sum(line["events"] for line in mine if line["place"] == "inside")
        left = {place: sum(line["events"] for line in mine if line["place"] == place) for place in ELSEWHERE}
        left["inside"] = sum(line["events"] for line in mine if line["place"] == "inside" and not line["released"])
        by_level = {line["level"]: line["events"] for line in kept if line["measure"] == measure.name}
        shares = {place: rounded_share(left[place], total, plan.k) for place in ELSEWHERE}
        shares["inside"] = rounded_share(left["inside"], inside, plan.k)
        hidden = {place for place, share in shares.items() if share and (measure.name, place) in untold}
        of = inside - left["inside"] if (measure.name, "inside") in untold else inside
        told[measure.name] = {
            **{place: None if place in hidden else shares[place] for place in ELSEWHERE},
            "suppressed": None if "inside" in hidden else shares["inside"],
            "kept": {
                level.label: None if "inside" in hidden else rounded_share(by_level.get(n, 0), of, plan.k)
                for n, level in enumerate(plan.levels)
            },
        }
    return told


def require_countable(
    tx: Tx, *, dataset: str, columns: Sequence[str], recipient_group: str
) -> Mapping[str, Identifying]:
    """What each of a dataset's columns was confirmed to be. Only by those that name somebody may be counted: of one
    person there are as many costs or dates as that person has events. DID-463, DID-467 or DID-468 where the dataset
    may not be told of: which groups hold is a release, like the counts."""
    found = require_classified(tx, dataset, columns)
    if found.grade is Level.important:
        mine = signing.me(tx).party
        record = assessment_for(tx, recipient_group=recipient_group, subject=dataset, providers=[mine])
        leaving.require_assessed(dataset, found.grade, record)
    return found.kinds


def answer_round(
    tx: Tx,
    *,
    ask: Mapping[str, Any],
    data: Path,
    recipient_group: str,
    agreed: Mapping[str, Any] | None = None,
    subjects: Collection[str] | None = None,
    kinds: Mapping[str, Identifying] | None = None,
) -> dict[str, Any]:
    """Answer one round of a partition: the nodes of the asked level that hold this provider's thresholds.

    ask: the body of `compose.partition_ask`. agreed: what the agreement fixes of {form, k, p, recipe_digest}. subjects:
    the columns that may identify the person or vehicle in this data; kinds: what the columns were confirmed to be. A
    recipe is refused that counts by a column which names nobody, divides by one that names somebody, or takes one of
    these or a sensitive one for a place. No value is looked at for a refusal: who asks could try them one by one.
    The same ask again gives the same answer; another ask for an answered round is refused (DID-422).
    """
    _check_ask(ask)
    recipe = _trusted_recipe(ask, agreed or {}, subjects, kinds or {}, data)
    file_digest = hashing.file_digest(data)
    part = store.part_of(tx, ask["partition"], ask["resource"])
    if part is None:
        part = _opened(tx, ask, recipe, recipient_group, file_digest)
    _check_same(part, ask, recipient_group, file_digest)
    answered = store.answers_of(tx, part["id"])
    level, passed = ask["level"], sorted(set(ask["passed"]))
    if level < len(answered):
        if passed != (answered[level - 1]["passed"] if level else []):
            raise PROBING(partition=part["partition"], level=level)
        return _told(part, level, answered[level]["held"])
    if level > len(answered) or part["state"] != PartState.asked:
        raise OUT_OF_ORDER(partition=part["partition"], now=_stand(part, answered), asked=f"round {level}")
    _learn_passed(tx, part, answered, passed)
    released = [node for answer in answered[: level - 1] for node in answer["passed"]] + passed
    here = engine_of(tx.store)
    held = tx.beforehand(
        ("holding", part["recipe_digest"], part["resource"], file_digest, level, tuple(released), here.name),
        lambda: holding(
            data=data, recipe=part["recipe"], resource=part["resource"], level=level, released=released, engine=here
        ),
    )
    answer = f"{part['id']}/{level}"
    tx.add(store.answers, {"id": answer, "part": part["id"], "level": level, "held": held, "passed": None})
    evidence.append(tx, "deidentify.round_answered", store.answers, answer, partition=part["partition"],
                    level=level, nodes=len(held), engine=here.name)  # fmt: skip
    return _told(part, level, held)


def keep_partition(tx: Tx, *, agreed: Mapping[str, Any], recipient_group: str) -> dict[str, Any]:
    """Keep what the parties agreed: the groups are those this provider derived itself from the rounds it answered.

    agreed: the body of `compose.partition_agreed`. Returns the part; the same again changes nothing.
    """
    texts = ("partition", "resource", "agreement", "recipe_digest", "digest")
    problems = _text_problems(agreed, texts) + _node_problems(agreed.get("passed"), "passed")
    if problems:
        raise BAD_ASK(problems, count=len(problems))
    part = store.part_of(tx, agreed["partition"], agreed["resource"])
    if part is None:
        raise UNKNOWN(thing="partition", id=agreed["partition"])
    if (part["agreement"], part["recipient_group"]) != (agreed["agreement"], recipient_group):
        raise UNKNOWN(thing="partition", id=agreed["partition"])
    answered = store.answers_of(tx, part["id"])
    if part["state"] == PartState.agreed and part["groups_digest"] == agreed["digest"]:
        return part
    rounds = len(recipe_of(part["recipe"]).rounds)
    if part["state"] != PartState.asked or len(answered) != rounds:
        raise OUT_OF_ORDER(partition=part["partition"], now=_stand(part, answered), asked="agreement")
    last = sorted(set(agreed["passed"]))
    passed = [answer["passed"] for answer in answered[:-1]] + [last]
    if groups_digest(part["recipe_digest"], passed) != agreed["digest"]:
        problem = Problem("digest", "与本方各轮所得不符", "is not the digest of what this provider derived itself")
        raise BAD_ASK([problem], count=1)
    _learn_passed(tx, part, answered, last)
    tx.change(store.parts, part["id"], state=PartState.agreed.value, groups_digest=agreed["digest"])
    evidence.append(tx, "deidentify.partition_agreed", store.parts, part["id"], partition=part["partition"],
                    groups=sum(map(len, passed)), digest=agreed["digest"])  # fmt: skip
    return partition_part(tx, part=part["id"])


def cancel_part(tx: Tx, *, partition: str, resource: str, agreement: str, recipient_group: str) -> None:
    """Give up a partition that its coordinator cancelled before it was agreed; nothing is counted on it any more.

    One that never reached this node, or was given up already, changes nothing.
    """
    part = store.part_of(tx, partition, resource)
    if part is None or part["state"] == PartState.cancelled:
        return
    if (part["agreement"], part["recipient_group"]) != (agreement, recipient_group):
        raise UNKNOWN(thing="partition", id=partition)
    if part["state"] != PartState.asked:
        raise OUT_OF_ORDER(partition=partition, now=_stand(part, store.answers_of(tx, part["id"])), asked="cancelling")
    tx.change(store.parts, part["id"], state=PartState.cancelled.value)
    evidence.append(tx, "deidentify.partition_cancelled", store.parts, part["id"], partition=partition)


def partition_part(tx: Tx, *, part: str = "", agreement: str = "") -> dict[str, Any]:
    """This provider's side of a partition, by its id or by the agreement it serves (the latest)."""
    found = store.parts_where(tx, **({"id": part} if part else {"agreement": agreement}))
    found = [row for row in found if part or row["state"] != PartState.cancelled]
    if not found:
        raise UNKNOWN(thing="partition", id=part or agreement)
    return found[-1]


def agreed_groups(tx: Tx, part: Mapping[str, Any]) -> list[str]:
    """Node ids of the agreed groups of a part; DID-424 before the agreement."""
    answered = store.answers_of(tx, part["id"])
    if part["state"] != PartState.agreed:
        raise OUT_OF_ORDER(partition=part["partition"], now=_stand(part, answered), asked="counting")
    groups = groups_of(recipe_of(part["recipe"]), [answer["passed"] for answer in answered])
    return sorted(str(group.node) for group in groups)


def supply(tx: Tx, *, part: str, data: Path) -> pa.Table:
    """Counts on exactly the agreed groups, from the same build that answered the rounds.

    Write it with pyarrow.parquet.write_table and deliver that file unchanged: its metadata names the partition.
    """
    row = partition_part(tx, part=part)
    groups = agreed_groups(tx, row)
    if hashing.file_digest(data) != row["data_digest"]:
        raise DATA_CHANGED(partition=row["partition"])
    here = engine_of(tx.store)
    table, account = tx.beforehand(
        ("counts", row["recipe_digest"], row["resource"], row["data_digest"], tuple(groups), here.name),
        lambda: _counted(data, row["recipe"], row["resource"], groups, here),
    )
    if row["account"] != account:
        tx.change(store.parts, row["id"], account=account)
        evidence.append(tx, "deidentify.counted", store.parts, row["id"], partition=row["partition"],
                        groups=len(groups), engine=here.name)  # fmt: skip
    facts = json.loads(table.schema.metadata[METADATA])
    names = ("partition", "resource", "agreement", "recipe_digest", "groups_digest")
    facts |= {name: row[name] for name in names}
    return table.replace_schema_metadata({METADATA: json.dumps(facts, sort_keys=True)})


def node_table(nodes: Sequence[str]) -> pa.Table:
    """Node ids as an input table `released(node)` of a counting plan."""
    return pa.table({"node": pa.array(sorted(nodes), pa.string())})


def _check_ask(ask: Any) -> None:
    if not isinstance(ask, Mapping):
        raise BAD_ASK([Problem("ask", "应为对象", "should be an object")], count=1)
    problems = _text_problems(ask, ("partition", "resource", "agreement", "recipe_digest"))
    level = ask.get("level")
    if not isinstance(level, int) or isinstance(level, bool):
        problems.append(Problem("level", "应为整数", "should be a whole number"))
    problems += _node_problems(ask.get("passed"), "passed")
    bad_recipe = recipe_problems(ask.get("recipe"))
    problems += [Problem(f"recipe.{p.where}", p.zh, p.en) for p in bad_recipe]
    if not problems:
        plan = recipe_of(ask["recipe"])
        if not 0 <= ask["level"] < len(plan.rounds):
            problems.append(Problem("level", "没有这一级", "no such level"))
        if ask["resource"] not in {part.resource for part in plan.parts}:
            problems.append(Problem("resource", "不在配方之内", "is none of the recipe's"))
    if problems:
        raise BAD_ASK(problems, count=len(problems))


def _text_problems(value: Mapping[str, Any], names: Sequence[str]) -> list[Problem]:
    return [
        Problem(name, "缺少或不是编号", "is missing or no id")
        for name in names
        if not (isinstance(value.get(name), str) and CODE.fullmatch(value[name]))
    ]


def _node_problems(value: Any, where: str) -> list[Problem]:
    if not isinstance(value, list) or len(value) > NODES_MAX or not all(isinstance(v, str) for v in value):
        return [Problem(where, "应为节点编号的列表", f"should be a list of at most {NODES_MAX} node ids")]
    return []


def _trusted_recipe(
    ask: Mapping[str, Any],
    agreed: Mapping[str, Any],
    subjects: Collection[str] | None,
    kinds: Mapping[str, Identifying],
    data: Path,
) -> Recipe:
    """The asked recipe, if it is what was agreed and counts what identifies persons in this data."""
    problems = []
    recipe, found = recipe_of(ask["recipe"]), recipe_digest(ask["recipe"])
    if found != ask["recipe_digest"] or agreed.get("recipe_digest", found) != found:
        problems.append(Problem("recipe_digest", "不是约定的配方", "is not the agreed recipe"))
    form = agreed.get("form", recipe.form)
    if recipe.form != form:
        problems.append(Problem("form", f"约定的交付形式为 {form}", f"is not the agreed delivery form {form}"))
    if recipe.k < max(agreed.get("k", 0), FLOORS[recipe.form]):
        problems.append(Problem("k", "小于约定", "is below the agreed threshold"))
    part = recipe.part_of(ask["resource"])
    if any(m.events_as for m in part.measures) and recipe.p < (least := agreed.get("p", 0)):
        en = f"is below the p% rule of {least} that the owner asks for"
        problems.append(Problem("p", f"小于数据方要求的 p% 规则（{least}）", en))
    for measure in part.measures:
        named = kinds.get(measure.subject, Identifying.direct) is Identifying.direct
        if subjects is not None and (measure.subject not in subjects or not named):
            en = "does not count by the column of the person or vehicle"
            problems.append(Problem(measure.name, "不以个体列计数", en))
    problems += _kind_problems(part, kinds) + _data_problems(part, data)
    if problems:
        raise NOT_THE_RECIPE(problems, partition=ask["partition"], count=len(problems))
    return recipe


def _data_problems(part: Part, data: Path) -> list[Problem]:
    """Columns of a part that the data do not have as the recipe says; no value is looked at."""
    columns = {field.name: field.type for field in pq.read_schema(data)}
    problems = []
    for measure in part.measures:
        for column in (measure.subject, measure.time, measure.lat, measure.lon):
            if column not in columns:
                problems.append(Problem(f"{measure.name}.{column}", "没有这一列", "no such column in the data"))
        time = columns.get(measure.time)
        if time is not None and not (pa.types.is_timestamp(time) and time.tz):
            problems.append(Problem(f"{measure.name}.{measure.time}", "不是带时区的时间", "is no time with a zone"))
        for column in (measure.lat, measure.lon):
            if column in columns and not _is_number(columns[column]):
                problems.append(Problem(f"{measure.name}.{column}", "不是数值", "holds no numbers"))
    if part.types is not None and part.types.column not in columns:
        problems.append(Problem(f"types.{part.types.column}", "没有这一列", "no such column in the data"))
    return problems


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind))


def _kind_problems(part: Part, kinds: Mapping[str, Identifying]) -> list[Problem]:
    """Columns that divide the groups or their classes and must not."""
    problems = []
    if part.types is not None and kinds.get(part.types.column) is Identifying.direct:
        en = "names somebody, and makes no classes"
        problems.append(Problem(f"types.{part.types.column}", "指称个人，不能用以划分类别", en))
    for measure in part.measures:
        for column in (measure.lat, measure.lon):
            if kinds.get(column) in (Identifying.direct, Identifying.sensitive):
                zh, en = f"已确认为{KINDS_ZH[kinds[column]]}，不是位置", f"is confirmed as {kinds[column]}, no place"
                problems.append(Problem(f"{measure.name}.{column}", zh, en))
    return problems


def _opened(tx: Tx, ask: Mapping[str, Any], recipe: Recipe, recipient_group: str, file_digest: str) -> dict[str, Any]:
    """A new part, unless this data and period already have a partition for the recipient group: this resource, or
    another one that was built from the same source and so is of the same persons. In one partition both would be
    counted on the same groups, and differ by the persons that only one of them holds."""
    since, until = recipe.since.isoformat(), recipe.until.isoformat()
    of_same = [ask["resource"], *harmonise.of_one_source(tx, ask["resource"])]
    for resource in of_same:
        for earlier in store.parts_where(tx, resource=resource, recipient_group=recipient_group):
            if earlier["partition"] == ask["partition"] and resource != ask["resource"]:
                raise TWO_OF_ONE_SOURCE(partition=ask["partition"], resource=ask["resource"], other=resource)
            if earlier["partition"] == ask["partition"] or not periods_meet(earlier["recipe"], ask["recipe"]):
                continue
            if not _given_up(tx, earlier, ask, file_digest):
                raise SECOND_PARTITION(partition=ask["partition"], earlier=earlier["partition"])
    if ask["level"] != 0 or ask["passed"]:
        raise OUT_OF_ORDER(partition=ask["partition"], now="the start", asked=f"round {ask['level']}")
    row = {
        "id": new_id("part"), "partition": ask["partition"], "resource": ask["resource"],
        "agreement": ask["agreement"], "recipient_group": recipient_group, "since": since, "until": until,
        "recipe": dict(ask["recipe"]), "recipe_digest": ask["recipe_digest"], "data_digest": file_digest,
        "state": PartState.asked.value, "groups_digest": "", "account": None, "at": tx.now,
    }  # fmt: skip
    tx.add(store.parts, row)
    evidence.append(tx, "deidentify.partition_opened", store.parts, row["id"], partition=ask["partition"],
                    resource=ask["resource"], recipe_digest=ask["recipe_digest"])  # fmt: skip
    return row


def _given_up(tx: Tx, earlier: Mapping[str, Any], ask: Mapping[str, Any], file_digest: str) -> bool:
    """Whether an earlier partition was cancelled and this one asks the same questions of the same data.

    Its counts never left, but its answers did: asked again on a shifted grid, or of a build with other rows, they
    would close in on single persons. On the same grid and data they tell nothing new: a remainder that still has a
    holding node in it holds. Not so under a p% rule: whether a remainder holds depends on which holding nodes are left
    in it, so who chose others each time could weigh the largest contributor. Then only the first round is asked anew.
    """
    if earlier["recipe"].get("p") and len(store.answers_of(tx, earlier["id"])) > 1:
        return False
    same = geometry(earlier["recipe"], {ask["resource"]}) == geometry(ask["recipe"], {ask["resource"]})
    return earlier["state"] == PartState.cancelled and same and earlier["data_digest"] == file_digest


def _check_same(part: Mapping[str, Any], ask: Mapping[str, Any], recipient_group: str, file_digest: str) -> None:
    if (part["agreement"], part["recipient_group"]) != (ask["agreement"], recipient_group):
        raise UNKNOWN(thing="partition", id=ask["partition"])
    if part["recipe_digest"] != ask["recipe_digest"]:
        problem = Problem("recipe_digest", "与首轮不同", "is another than in the first round")
        raise NOT_THE_RECIPE([problem], partition=part["partition"], count=1)
    if part["data_digest"] != file_digest:
        raise DATA_CHANGED(partition=part["partition"])


def _learn_passed(tx: Tx, part: Mapping[str, Any], answered: list[dict[str, Any]], passed: list[str]) -> None:
    """Keep which nodes of the last answered level passed; they must be among those this provider told."""
    if not answered:
        if passed:
            raise NOT_HELD(partition=part["partition"], level=0, count=len(passed))
        return
    last = answered[-1]
    recipe, held = recipe_of(part["recipe"]), set(last["held"])
    strange = [node for node in passed if node not in held or node_of(recipe, node).level != last["level"]]
    if strange:
        raise NOT_HELD(partition=part["partition"], level=last["level"], count=len(strange))
    tx.change(store.answers, last["id"], passed=passed)
    evidence.append(tx, "deidentify.nodes_passed", store.answers, last["id"], partition=part["partition"],
                    level=last["level"], nodes=len(passed))  # fmt: skip


def _told(part: Mapping[str, Any], level: int, held: list[str]) -> dict[str, Any]:
    return {"partition": part["partition"], "resource": part["resource"], "level": level, "nodes": held}


def _stand(part: Mapping[str, Any], answered: Sequence[Any]) -> str:
    return f"{part['state']}, {len(answered)} rounds answered"
