"""A standard's elements as candidates of a match, with what the library knows of them.

Must never know: files, columns. Contract: tests/harmonise/matching/test_matching_proposals.py.
"""

from __future__ import annotations

from dataclasses import replace

from datong.ground.refusal import Text
from datong.harmonise.model.elements import CodeEntry, CodeTable, DataElement, Library, Sensitivity
from datong.harmonise.model.mappings import Element, Standard, Type
from datong.harmonise.rules.elements import format_of, key_of, pinyin_of


def candidates_of(standard: Standard, library: Library) -> tuple[tuple[DataElement, ...], Library]:
    """The elements of a workspace's standard as candidates, and the library with their lists of values as tables.

    An element that the library knows by its name or one of its names has the library's synonyms, check and codes too.
    """
    known = {key_of(element.name): element for element in reversed(library.elements)}
    called: dict[str, list[DataElement]] = {}
    for entry in library.elements:
        for word in dict.fromkeys(map(key_of, (entry.zh, entry.en, *entry.synonyms))):
            called.setdefault(word, []).append(entry)
    tables = dict(library.tables)
    found = []
    for element in standard.elements:
        kins = [called.get(key_of(word), []) for word in (element.zh, element.en)]
        kin = known.get(key_of(element.name)) or next((kin[0] for kin in kins if len(kin) == 1), None)
        codes = ""
        if element.values:
            codes = f"{standard.name}.{element.name}"
            entries = {value: CodeEntry(value, "", "") for value in element.values}
            tables[codes] = CodeTable(
                codes, standard.version, Text(element.zh, element.en), standard.name, "high", entries
            )
        found.append(_candidate(standard, element, kin, codes))
    return tuple(found), replace(library, tables=tables)


_FORMATS = {
    Type.integer: "n..18", Type.number: "n..18,6", Type.date: "d8", Type.timestamp: "d14", Type.boolean: "b",
    Type.string: "u",
}  # fmt: skip


def _candidate(standard: Standard, element: Element, kin: DataElement | None, codes: str) -> DataElement:
    full, initials = pinyin_of(element.zh)
    length = element.max_length
    written = f"c..{length}" if element.type is Type.string and length else _FORMATS[element.type]
    shape = format_of(written)
    assert shape is not None
    same = kin is not None and kin.type is element.type
    words = dict.fromkeys((kin.zh, kin.en, *kin.synonyms) if kin else ())
    return DataElement(
        id=f"{standard.name}.{element.name}", name=element.name, zh=element.zh, en=element.en, pinyin=full,
        initials=initials, synonyms=tuple(words), type=element.type, format=written, shape=shape,
        sensitivity=Sensitivity.personal if element.personal else Sensitivity.business, source=standard.name,
        check=kin.check if kin and same else "", codes=codes or (kin.codes if kin and same else ""), unit=element.unit,
    )  # fmt: skip
