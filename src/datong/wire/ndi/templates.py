"""The contract templates a platform gives out (合约模板): strategies with places to fill in, from a dated file.

Contract: tests/wire/ndi/test_ndi_contracts.py.
"""

from __future__ import annotations

import functools
from importlib import resources
from typing import Any

import yaml

from datong.ground.refusal import Kind, Reason, Text

NO_TEMPLATE = Reason(
    "NDI-406",
    Kind.unknown,
    Text("没有合约模板 {template}。", "There is no contract template {template}."),
    Text("本平台的模板：{known}。", "This platform's templates: {known}."),
    Text("请改用其中之一，或不填 templateId 以取得全部。", "Use one of them, or leave templateId out to get all."),
)


@functools.cache
def _all() -> dict[str, Any]:
    text = resources.files("datong.wire.ndi").joinpath("data", "templates-2026.yaml").read_text("utf-8")
    return {str(one["templateId"]): one for one in yaml.safe_load(text)["templates"]}


def templates(id: str = "") -> dict[str, Any]:
    """{"templates": [...]}: all, or the one with this id; NO_TEMPLATE when there is none."""
    found = _all()
    if id and id not in found:
        raise NO_TEMPLATE(template=id[:40], known=", ".join(found))
    return {"templates": [found[id]] if id else list(found.values())}
