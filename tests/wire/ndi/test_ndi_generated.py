"""Messages made by schemathesis from the printed tables, right and wrong ones, each signed by a real party: no answer is
a fault of ours, every error has the envelope of its document, and an error changes nothing that a node keeps."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from ndi_samples import TEXTS
from ndi_world import Country
from ndi_world import concluded as concluded  # noqa: PLC0414 - its fixture
from schemathesis import GenerationMode
from test_ndi_access import by_hand

from datong.wire.ndi import identity, serving
from datong.wire.ndi.tables import Field, Interface, Tables, printed
from whole import whole

FEW = settings(
    max_examples=10, deadline=None, derandomize=True, database=None, phases=[Phase.generate],
    suppress_health_check=list(HealthCheck), report_multiple_bugs=False,
)  # fmt: skip
HEARD = {"seen_token"}
"""What is kept of every signed request, whatever becomes of it: that its number is used up."""
SERVED = sorted({**serving.serving(printed()), **identity.serving(printed())})


def object_of(tables: Tables, rows: tuple[Field, ...], known: dict[str, str]) -> dict[str, Any]:
    needed = [row.name for row in rows if row.required is True and not row.accept_absent]
    properties = {row.name: schema_of(tables, row, known) for row in rows}
    return {"type": "object", "properties": properties, **({"required": needed} if needed else {})}


def schema_of(tables: Tables, row: Field, known: dict[str, str]) -> dict[str, Any]:
    """What a member may be by its row. known: values of this world for members that name something in it."""
    if row.name in known:
        return {"enum": [known[row.name]]}
    if row.type in ("object", "json"):
        return object_of(tables, row.children, known)
    if row.type in ("list", "texts"):
        one = object_of(tables, row.children, known) if row.children else text_of(tables, row)
        return {"type": "array", "items": one, "minItems": 1, "maxItems": 3}
    return text_of(tables, row)


def text_of(tables: Tables, row: Field) -> dict[str, Any]:
    if row.codes:
        return {"enum": [code.code for code in tables.codes[row.codes]]}
    if row.type in TEXTS:
        return {"enum": [TEXTS[row.type]]}
    return {"type": "string", "minLength": 1, "maxLength": row.longest or 40}


def described(tables: Tables, interface: Interface, known: dict[str, str]) -> dict[str, Any]:
    content = {"application/json": {"schema": object_of(tables, interface.request, known)}}
    asked = {"requestBody": {"required": True, "content": content}, "responses": {"200": {"description": "told"}}}
    paths = {interface.path: {interface.method.lower(): asked}}
    return {"openapi": "3.1.0", "info": {"title": "NDI", "version": "1"}, "paths": paths}


def content_of(case: Any) -> bytes:
    made = case.as_transport_kwargs(base_url="http://127.0.0.1")
    sent = {name: made[name] for name in ("json", "data") if name in made}
    body = requests.Request(case.method, "http://127.0.0.1", **sent).prepare().body
    return body.encode() if isinstance(body, str) else body or b""


def signed(country: Country, interface: str, content: bytes) -> dict[str, str]:
    """The headers of the consumer over this message; over an empty one where it is none that could be signed."""
    try:
        message = json.loads(content)
        return by_hand(country.consumer, interface, message if isinstance(message, dict) else {})
    except ValueError:
        return by_hand(country.consumer, interface, {})


@pytest.mark.parametrize("id", SERVED)
def test_every_interface_to_a_party_that_signs_anything(concluded: Country, id: str) -> None:
    interface = concluded.tables.interface(id)
    agreement = concluded.consumer.agreements()[0]
    known = {"contractId": agreement["code"], "productId": agreement["dataset"], "issuerId": concluded.consumer.code}
    document = described(concluded.tables, interface, known)
    (operation,) = [found.ok() for found in schemathesis.openapi.from_dict(document).get_all_operations()]
    answered: list[int] = []

    def judged(case: Any) -> None:
        content = content_of(case)
        for node in (concluded.platform, concluded.provider):
            before = whole(node.store, but=HEARD)
            answer = concluded.call(node, interface.path, content, signed(concluded, id, content))
            said = f"{content[:300]!r} -> {answer.status_code} {answer.text[:300]}"
            answered.append(answer.status_code)
            assert answer.status_code < 500, said
            if answer.status_code >= 400:
                assert isinstance(answer.json(), dict) and answer.json()["error"]["code"], said
                assert whole(node.store, but=HEARD) == before, f"{said}: an error changed the store"

    made = st.one_of(operation.as_strategy(mode) for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE))
    FEW(given(made)(judged))()
    assert 400 in answered, "wrong ones were among them"
    assert set(answered) - {400}, "and such as were right by their table and came before a room"
