"""A risk report as a PDF of one or two pages, in both languages: the figures, the worst classes, who signed or may.

It names what was measured by its digest, so that what was signed is this file and no other. The same report gives the
same bytes. The Chinese font (STSong-Light, one of the fonts that PDF readers bring themselves) is not embedded.
Must never know: how a risk is computed, where the report is kept. Contract: tests/cli/test_cli_risk.py and
tests/deidentify/test_deidentify_reports.py.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape

from datong.deidentify.rules.changes import NOWHERE

FONT = "STSong-Light"
FORMS = {
    "public": ("完全公开", "fully public"),
    "controlled": ("受控公开", "controlled public"),
    "enclave": ("领地公开", "enclave"),
}
Line = tuple[str, ...]


def printed(told: Mapping[str, Any], facts: Sequence[Line], signatures: Sequence[Mapping[str, Any]] = ()) -> bytes:
    """The report as a PDF. told: figures as RiskReport.as_json gives them, with passes and change.

    facts: (what, value) of what was measured; signatures: {name, at, note, leaf} each, or none yet: then there is a
    place to sign. Needs the extra privacy.
    """
    from reportlab.lib.pagesizes import A4  # noqa: PLC0415 - an extra
    from reportlab.lib.styles import ParagraphStyle  # noqa: PLC0415
    from reportlab.pdfbase import pdfmetrics  # noqa: PLC0415
    from reportlab.pdfbase.cidfonts import UnicodeCIDFont  # noqa: PLC0415
    from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer, Table  # noqa: PLC0415

    pdfmetrics.registerFont(UnicodeCIDFont(FONT))
    plain = ParagraphStyle("plain", fontName=FONT, fontSize=9, leading=13, splitLongWords=True)
    title = ParagraphStyle("title", parent=plain, fontSize=15, leading=22)

    def rows(lines: Sequence[Line], widths: list[int]) -> Any:
        cells = [[Paragraph(escape(text), plain) for text in line] for line in lines]
        ruled = [("LINEBELOW", (0, 0), (-1, -1), 0.3, "#999999"), ("VALIGN", (0, 0), (-1, -1), "TOP")]
        return Table(cells, colWidths=widths, style=ruled, hAlign="LEFT")

    verdict = ("可以放行", "It may leave") if told["passes"] else ("不能放行", "It may not leave")
    story = [
        Paragraph("重标识风险评估报告 / Re-identification risk", title),
        rows(facts, [190, 300]), Spacer(1, 8),
        Paragraph("数值 / Figures（GB/T 42460-2023 D.2-D.5）", plain), rows(_figures(told), [310, 180]), Spacer(1, 8),
        Paragraph("最小的类 / Smallest classes", plain), rows(_worst(told), [60, 430]), Spacer(1, 8),
        Paragraph(escape(f"结论：{verdict[0]} / {verdict[1]}"), title),
        *([] if told["passes"] else [Paragraph(escape(f"{told['change']['zh']} {told['change']['en']}"), plain)]),
        Spacer(1, 24),
        rows(_signed(signatures), [190, 300]),
    ]  # fmt: skip
    out = io.BytesIO()
    SimpleDocTemplate(out, pagesize=A4, title=f"Risk of {facts[0][1]}", author="Datong", invariant=1).build(story)
    return out.getvalue()


def table_facts(told: Mapping[str, Any]) -> list[Line]:
    """What was measured: a table in a file, as service.table_risk.risk_of_table tells it."""
    return [
        ("表 / Table", told["table"]),
        ("摘要 / Digest", told["digest"]),
        ("准标识符 / Quasi-identifiers", ", ".join(told["quasi_identifiers"])),
        ("未计入的列 / Columns not measured", ", ".join(told["not_measured"]) or "-"),
        ("直接标识符 / Direct identifiers", ", ".join(told["direct_identifiers"]) or "-"),
        ("个体列 / Person", told["person"] or "每行一人 / a row each"),
        *_together(told.get("together")),
        *[(f"{one['table']} 的个体，也在本表者 / Its persons, of them here", f"{one['persons']}, {one['here']}")
          for one in told.get("earlier", ())],
        *_extent(told),
    ]  # fmt: skip


def _together(told: Mapping[str, Any] | None) -> list[Line]:
    if told is None:
        return []
    by = ", ".join(told["columns"]) or "若个体列随表离开 / were the person column to leave"
    return [("同一人各行合看 / Rows of one person together", f"{by}: {told['smallest']} / {told['alone']}")]


def release_facts(told: Mapping[str, Any], node: str) -> list[Line]:
    """What was measured: a release of joint counts of a node, as service.reports.release_report tells it."""
    return [
        ("数据 / Dataset", told["dataset"]),
        ("放行 / Release", told["release"]),
        ("放行时间 / Released at", told["at"]),
        ("节点 / Node", node),
        ("文件摘要 / Digest of the file", told["file_digest"]),
        ("报告摘要 / Digest of this report", told["report_digest"]),
        ("接收方组 / Recipient group", told["recipient_group"]),
        ("合约 / Agreement", told["agreement"] or "-"),
        ("评估记录 / Assessment record", told["assessment"] or "无（CR = 1） / none (CR = 1)"),
        (
            "p% 规则（事件数） / p% rule of numbers of events",
            f"p = {told['p']}" if told.get("p") else "配方未要求 / not asked by the recipe",
        ),
        *([("与他人所持合看 / Put together with what others hold",
            f"{', '.join(told['beside'])}: {told['beside_reason']}")] if told.get("beside") else []),
        *_extent(told),
    ]  # fmt: skip


def _extent(told: Mapping[str, Any]) -> list[Line]:
    zh, en = FORMS[told["form"]]
    met = "、".join(FORMS[form][0] for form in told["floors_met"]) or "无"
    met_en = ", ".join(FORMS[form][1] for form in told["floors_met"]) or "none"
    return [
        ("交付形式 / Delivery form", f"{zh} / {en}"),
        ("达到下限的交付形式 / Forms whose floor it meets", f"{met} / {met_en}"),
        ("同一接收方的放行 / Releases to the same recipients", str(told["releases"])),
        ("行、类 / Rows, classes", f"{told['rows']:,} / {told['classes']:,}"),
    ]


def _signed(signatures: Sequence[Mapping[str, Any]]) -> list[Line]:
    if not signatures:
        return [("评审人 / Reviewer", ""), ("日期 / Date", ""), ("签名 / Signature", "")]
    lines: list[Line] = []
    for one in signatures:
        lines += [
            ("评审人 / Reviewer", one["name"]),
            ("签署时间 / Signed at", one["at"]),
            ("存证 / Evidence leaf", one["leaf"]),
            *([("意见 / Note", one["note"])] if one["note"] else []),
        ]
    return lines


def _figures(told: Mapping[str, Any]) -> list[tuple[str, ...]]:
    prosecutor, journalist = told["prosecutor"], told["journalist"]
    return [
        ("最小类的个体数（下限）· Persons in the smallest class (floor)", f"{told['f_min']} ({told['floor']})"),
        ("DR_a 超过阈值的类 / classes beyond tau", f"{told['over_threshold']:.4f}"),
        ("DR_b 最高 / highest", f"{told['max_class_risk']:.4f}"),
        ("DR_c 平均（仅本次放行）· average (this release alone)",
         f"{told['average_risk']:.4f} ({told.get('average_alone', told['average_risk']):.4f})"),
        ("CR 情境风险 / contextual", f"{told['cr']:.2f}"),
        ("R 总体风险（CR = 1 时）· overall (at CR = 1)",
         f"{told['overall_risk']:.4f} ({told['overall_risk_at_cr_1']:.4f})"),
        ("级别 / Level", str(told["level"])),
        ("检察官 / Prosecutor: 最高, 平均 / highest, average",
         f"{prosecutor['highest']:.4f}, {prosecutor['average']:.4f}"),
        *([("记者 / Journalist: 最高, 平均 / highest, average",
            f"{journalist['highest']:.4f}, {journalist['average']:.4f}")] if journalist else []),
        ("营销者 / Marketer", f"{told['marketer']:.4f}"),
    ]  # fmt: skip


def _worst(told: Mapping[str, Any]) -> list[Line]:
    return [(str(one["persons"]), class_words(one)) for one in told["worst"]] or [("-", "-")]


def class_words(one: Mapping[str, Any]) -> str:
    """A class of a report in one line: its values, and behind bars what each earlier release shows of its persons."""
    values = one["values"]
    here = NOWHERE if values is None else ", ".join(f"{name}={value}" for name, value in values.items())
    return " | ".join((here, *one["earlier"]))
