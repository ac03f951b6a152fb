"""Policy templates 策略模板: those that come with Datong, and the node's own, texts in its folder.

A template of the node's takes the place of a shipped one of the same name; who wrote it when, and the digest of its
text, stand in the evidence. Must never know: how a template is filled
(terms.policy.templates). Contract: tests/catalogue/test_catalogue_templates.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from datong.ground import evidence
from datong.ground.canonical import digest
from datong.ground.db import Store, Tx, settings
from datong.ground.refusal import Problem, Refusal
from datong.harmonise import service as harmonise
from datong.terms.policy import Policy, explained, policy_hash, to_json
from datong.terms.policy import templates as pure
from datong.terms.roles import Role
from datong.terms.verbs import verb, view

FOLDER = ("policies", "templates")
"""Where, in the node's folder, its own templates lie: one YAML file a template."""
BYTES_MAX = 64 * 1024

_FOLDERS: WeakKeyDictionary[Store, Path] = WeakKeyDictionary()


def install(store: Store, folder: Path) -> None:
    """Tell this process where the node's files live (once, by app or a test)."""
    _FOLDERS[store] = folder


def _folder(tx: Tx) -> Path | None:
    return _FOLDERS.get(tx.store)


def _own(folder: Path | None) -> Path | None:
    return None if folder is None else folder.joinpath(*FOLDER)


def texts(folder: Path | None) -> dict[str, tuple[str, Traversable]]:
    """name -> (shipped or node, file) of every template."""
    shipped = files("datong.terms.policy").joinpath("library")
    found: dict[str, tuple[str, Traversable]] = {}
    for source, place in (("shipped", shipped), ("node", _own(folder))):
        if place is not None and place.is_dir():
            names = sorted(file.name for file in place.iterdir() if file.name.endswith(".yaml"))
            found |= {name.removesuffix(".yaml"): (source, place.joinpath(name)) for name in names}
    return found


def named(folder: Path | None, name: str) -> pure.Template:
    """The template of that name; NO_TEMPLATE lists those there are."""
    known = texts(folder)
    if name not in known:
        raise pure.NO_TEMPLATE(name=name[:40], known=", ".join(known))
    return read(name, _bytes(name, known[name][1]))


def _bytes(name: str, file: Traversable) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(BYTES_MAX + 1)
    except OSError as error:
        said = error.strerror or "error"
        raise pure.BAD_TEMPLATE(
            [Problem(f"{name}.yaml", f"不能读取（{said}）", f"cannot be read ({said})")], name=name[:40], count=1
        ) from None


def read(name: str, data: bytes) -> pure.Template:
    value, _, problems = harmonise.yaml_of(f"{name}.yaml", data, BYTES_MAX)
    if problems:
        raise pure.BAD_TEMPLATE(problems, name=name[:40], count=len(problems))
    return pure.template(name, value)


def _told(name: str, source: str, made: pure.Template) -> dict[str, Any]:
    parameters = [
        {"name": key, "zh": one.zh, "en": one.en, "example": one.example} for key, one in made.parameters.items()
    ]
    return {"name": name, "zh": made.title.zh, "en": made.title.en, "source": source, "parameters": parameters}


def all_told(folder: Path | None) -> list[dict[str, Any]]:
    """Every template with its parameters; of one that is wrong, what is wrong with it instead."""
    found = []
    for name, (source, file) in texts(folder).items():
        try:
            found.append(_told(name, source, read(name, _bytes(name, file))))
        except Refusal as refusal:
            wrong = [{"where": p.where, "zh": p.zh, "en": p.en} for p in refusal.problems]
            found.append({"name": name, "source": source, "problems": wrong})
    return found


def made_of(folder: Path | None, name: str, values: dict[str, Any], policy_id: str) -> Policy:
    return pure.filled(named(folder, name), values, policy_id)


def for_offer(tx: Tx, name: str, offer_id: str, known: Mapping[str, Any]) -> Policy:
    """The policy of an offer by a template, filled with what is known of the offer under any of its names."""
    made = named(_folder(tx), name)
    named_also = {"from": known.get("begins"), "until": known.get("ends"), **known}
    found = {key: named_also[key] for key in made.parameters if named_also.get(key) is not None}
    return pure.filled(made, found, offer_id)


def names(tx: Tx) -> list[str]:
    return list(texts(_folder(tx)))


@view()
def policy_templates(tx: Tx) -> list[dict[str, Any]]:
    """List the policy templates, those that come with Datong and the node's own."""
    return all_told(_folder(tx))


@view()
def policy_of_template(tx: Tx, *, name: str, values: dict[str, str], id: str = "") -> dict[str, Any]:
    """Make a policy of a template: its JSON for `publish`, its hash, and what it says in words."""
    made = made_of(_folder(tx), name, values, id or name)
    return {"policy": to_json(made), "policy_hash": policy_hash(made), **explained(made)}


@verb(Role.product_manager, Role.legal)
def write_policy_template(tx: Tx, *, name: str, text: str) -> dict[str, Any]:
    """Write one of the node's own policy templates, checked first; the same name again replaces it."""
    folder = _own(_folder(tx))
    if folder is None:
        raise pure.BAD_TEMPLATE(
            [Problem("folder", "本节点没有文件夹", "this node has no folder")], name=name[:40], count=1
        )
    made = read(name, text.encode("utf-8", "replace"))
    key, written = f"policy.template.{name}", {"digest": digest(text), "by": tx.actor.person, "at": tx.now}
    if tx.get(settings, key) is None:
        tx.add(settings, {"id": key, "value": written})
    else:
        tx.change(settings, key, value=written)
    evidence.append(tx, "catalogue.policy_template_written", settings, key, template=name, digest=written["digest"])
    tx.after_commit.append(lambda: _written(folder, name, text))
    return _told(name, "node", made)


def _written(folder: Path, name: str, text: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    beside = folder / f"{name}.yaml.new"
    beside.write_text(text, encoding="utf-8")
    beside.replace(folder / f"{name}.yaml")
