"""Describing what lies at an address: a database's tables, the records and pages of an API, the files of a bucket.

It asks there as a build will: a way of paging that is proposed has brought a second page. What stands for a secret is
the name of an environment variable. Contract: tests/harmonise/test_harmonise_addresses.py.
"""

from __future__ import annotations

from collections.abc import Mapping as Map
from dataclasses import replace
from pathlib import Path
from typing import Any

from datong.ground.refusal import Refusal, Text
from datong.harmonise.model.drafts import Look, Unfit
from datong.harmonise.model.mappings import Source, SourceKind
from datong.harmonise.model.refusals import NO_SOURCE_FILE
from datong.harmonise.rules import addresses as rules
from datong.harmonise.rules.workspace import source_of
from datong.harmonise.service.looking import looked_at, over_encodings
from datong.harmonise.store import sources
from datong.harmonise.store.sources import apis, databases, secrets
from datong.harmonise.store.sources.telling import refused

ACCESS, SECRET, REGION = "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", ("AWS_REGION", "AWS_DEFAULT_REGION")
"""Where clients of S3 look for these."""
ENDPOINT = "AWS_ENDPOINT_URL"


def address_of(text: str) -> rules.Address:
    found = rules.address_of(text)
    if isinstance(found, Unfit):
        raise _unfit(text, found)
    return found


def is_there(address: rules.Address, given: Any) -> bool:
    """Whether the text of a source is of what lies at `address`."""
    if not isinstance(given, dict):
        return False
    if address.kind is SourceKind.s3:
        return all(given.get(key) == value for key, value in rules.object_of(address.url).items())
    return rules.same(str(given.get("url", "")), address.url, given.get("paging"))


def described(address: rules.Address, name: str, secret_from: str, endpoint: str) -> Look:
    """The source at `address` with its keys. secret_from: the variable with the password, token or secret key."""
    if address.kind is SourceKind.database:
        return _database(address, name, secret_from)
    if address.kind is SourceKind.http:
        return _api(address, name, secret_from)
    return _bucket(address, name, secret_from, endpoint)


def _unfit(address: str, found: Unfit) -> Refusal:
    shown = rules.shown(address)
    return NO_SOURCE_FILE(path=shown, zh=found.why.zh, en=found.why.en, fix_zh=found.fix.zh, fix_en=found.fix.en)


def _as_source(name: str, look: Look) -> Source:
    """The source as its text will be read."""
    file = f"sources/{name}.yaml"
    found, problems = source_of({file: {"kind": look.kind.value, **look.facts}}, name)
    assert found is not None, problems
    return found


# --- databases -------------------------------------------------------------------------------------------------


def _database(address: rules.Address, name: str, secret_from: str) -> Look:
    usual = f"{name.upper()}_PASSWORD"
    variable = secret_from or (usual if secrets.is_set(usual) else "")
    facts: dict[str, Any] = {"url": address.url, **({"password_from": variable} if variable else {})}
    source = Source(name, SourceKind.database, url=address.url, password_from=variable)
    try:
        tables = databases.tables_of(source, Path())
    except Refusal as refusal:
        if variable or "password" not in str(refusal):
            raise
        zh, en = (
            f"请设置此环境变量为口令（或用 {usual}_FILE 指明存放口令的文件）：数据库不接受无口令的用户",
            f"set this environment variable to the password (or {usual}_FILE to a file that holds it): the database "
            "does not take this user without one",
        )
        raise refused(source, usual, zh, en) from None
    if not tables:
        why = Text("该用户看不到任何表。", "This user sees no table there.")
        fix = Text("请检查数据库名和读取权限。", "Look at the database's name and at what the user may read.")
        raise _unfit(address.url, Unfit(why, fix))
    return Look(SourceKind.database, {**facts, "tables": tables})


# --- APIs ------------------------------------------------------------------------------------------------------


def _api(address: rules.Address, name: str, secret_from: str) -> Look:
    usual = f"{name.upper()}_TOKEN"
    variable = secret_from or (usual if secrets.is_set(usual) else "")
    token = {"token_from": variable} if variable else {}
    asked = _as_source(name, Look(SourceKind.http, {"url": address.url, **token}))
    answer, headers = apis.first_answer(asked)
    found = rules.records_of(answer)
    if found is None:
        why = Text("应答中没有对象数组。", "There is no array of objects in its answer.")
        fix = Text("请给出应答记录的地址。", "Give the address that answers records.")
        raise _unfit(address.url, Unfit(why, fix))
    at, records = found
    plain, ways, _, total = rules.paging_of(address.url, answer, headers, at)
    facts: dict[str, Any] = {**({"records": at} if at else {}), **token}
    for way in ways[:-1]:
        look = Look(SourceKind.http, {"url": plain, **facts, "paging": way})
        if _leads_on(_as_source(name, look), at, records):
            said = Text("分页方式由应答推定，已读到第二页。", f"Its pages: {_told(way)}. A second page came that way.")
            return replace(look, doubts=(said,))
    last = {"paging": ways[-1]} if ways[-1] else {}
    count = len(records)
    if total is not None and total > count:
        doubt = Text(
            f"API 报告共 {total} 条，只给出 {count} 条，未能看出如何分页：请写 paging，否则构建会被拒绝。",
            f"The API tells of {total} records and gave {count}; how it gives the others could not be seen. Say it "
            "under `paging`: until then a build is refused.",
        )
    else:
        doubt = Text(
            f"只有一页，{count} 条；若有更多请写 paging。",
            f"One page of {count} records; if there are more, say `paging`.",
        )
    return Look(SourceKind.http, {"url": address.url, **facts, **last}, (doubt,))


def _told(way: Map[str, Any]) -> str:
    named = way.get("parameter") or way.get("at") or "Link header"
    return f"by {way['by']} ({named})"


def _leads_on(source: Source, at: str, records: list[Any]) -> bool:
    """Whether this way begins with the records that came, and brings others after them."""
    try:
        if rules.records_at(apis.first_answer(source)[0], at) != records:
            return False
        return sources.sample(source, Path(), len(records) + 1).rows_seen > len(records)
    except Refusal:
        return False


# --- buckets ---------------------------------------------------------------------------------------------------


def _bucket(address: rules.Address, name: str, secret_from: str, endpoint: str) -> Look:
    at = endpoint or secrets.shown_value(ENDPOINT)
    if not at:
        why = Text("没有存储服务的地址。", "The address of the storage service is not known.")
        fix = Text(f"请用 --endpoint 或环境变量 {ENDPOINT} 给出。", f"Say --endpoint URL, or set {ENDPOINT}.")
        raise _unfit(address.url, Unfit(why, fix))
    variable = secret_from or (SECRET if secrets.is_set(SECRET) else "")
    region = next((found for variable_ in REGION if (found := secrets.shown_value(variable_))), "")
    facts: dict[str, Any] = {
        "endpoint": at, **rules.object_of(address.url), **({"region": region} if region else {}),
        **({"access_key_from": ACCESS, "secret_key_from": variable} if variable else {}),
    }  # fmt: skip
    source = _as_source(name, Look(SourceKind.s3, {**facts, "format": "json"}))
    with sources.some_files(source) as files:
        key, path = next(files)
        look = looked_at(path)
        if not isinstance(look, Unfit):
            look = over_encodings(look, (path for _, path in files))
    if isinstance(look, Unfit):
        raise _unfit(f"s3://{source.bucket.bucket if source.bucket else ''}/{key}", look)
    if look.kind not in (SourceKind.json, SourceKind.ndjson, SourceKind.csv, SourceKind.parquet, SourceKind.excel):
        why = Text(f"存储桶中的文件不能是 {look.kind}。", f"A file of kind {look.kind} is not read from a bucket.")
        raise _unfit(address.url, Unfit(why, Text("请取到本机再用。", "Fetch it and name the file.")))
    return Look(SourceKind.s3, {**facts, "format": look.kind.value, **look.facts}, look.doubts)
