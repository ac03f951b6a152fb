"""The risk of a table as a PDF of one or two pages: the figures in both languages, the worst classes, a place to sign.

It names the table by its digest, so that what was signed is this file and no other. The Chinese font (STSong-Light, one
of the fonts that PDF readers bring themselves) is not embedded. Must never know: how a risk is computed.
Contract: tests/cli/test_cli_risk.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

FONT = "STSong-Light"
FORMS = {
    "public": ("完全公开", "fully public"),
    "controlled": ("受控公开", "controlled public"),
    "enclave": ("领地公开", "enclave"),
}


def write_pdf(told: Mapping[str, Any], out: Path) -> None:
    """`told` as service.table_risk.risk_of_table gives it; needs the extra privacy. `out` is replaced whole."""
    from reportlab.lib.pagesizes import A4  # noqa: PLC0415 - an extra
    from reportlab.lib.styles import ParagraphStyle  # noqa: PLC0415
    from reportlab.pdfbase import pdfmetrics  # noqa: PLC0415
    from reportlab.pdfbase.cidfonts import UnicodeCIDFont  # noqa: PLC0415
    from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer, Table  # noqa: PLC0415

    pdfmetrics.registerFont(UnicodeCIDFont(FONT))
    plain = ParagraphStyle("plain", fontName=FONT, fontSize=9, leading=13)
    title = ParagraphStyle("title", parent=plain, fontSize=15, leading=22)

    def rows(lines: list[tuple[str, ...]], widths: list[int]) -> Any:
        cells = [[Paragraph(escape(text), plain) for text in line] for line in lines]
        ruled = [("LINEBELOW", (0, 0), (-1, -1), 0.3, "#999999"), ("VALIGN", (0, 0), (-1, -1), "TOP")]
        return Table(cells, colWidths=widths, style=ruled, hAlign="LEFT")

    verdict = ("可以放行", "It may leave") if told["passes"] else ("不能放行", "It may not leave")
    story = [
        Paragraph("重标识风险评估报告 / Re-identification risk", title),
        rows(_facts(told), [190, 300]), Spacer(1, 8),
        Paragraph("数值 / Figures（GB/T 42460-2023 D.2-D.5）", plain), rows(_figures(told), [310, 180]), Spacer(1, 8),
        Paragraph("最小的类 / Smallest classes", plain), rows(_worst(told), [60, 430]), Spacer(1, 8),
        Paragraph(escape(f"结论：{verdict[0]} / {verdict[1]}"), title),
        *([] if told["passes"] else [Paragraph(escape(f"{told['change']['zh']} {told['change']['en']}"), plain)]),
        Spacer(1, 24),
        rows([("评审人 / Reviewer", ""), ("日期 / Date", ""), ("签名 / Signature", "")], [190, 300]),
    ]  # fmt: skip
    staged = out.with_name(f".{out.name}.part")
    try:
        SimpleDocTemplate(str(staged), pagesize=A4, title=f"Risk of {told['table']}", author="Datong").build(story)
        staged.replace(out)
    finally:
        staged.unlink(missing_ok=True)


def _facts(told: Mapping[str, Any]) -> list[tuple[str, ...]]:
    zh, en = FORMS[told["form"]]
    return [
        ("表 / Table", told["table"]),
        ("摘要 / Digest", told["digest"]),
        ("准标识符 / Quasi-identifiers", ", ".join(told["quasi_identifiers"])),
        ("个体列 / Person", told["person"] or "每行一人 / a row each"),
        ("交付形式 / Delivery form", f"{zh} / {en}"),
        ("同一接收方的放行 / Releases to the same recipients", str(told["releases"])),
        ("行、类 / Rows, classes", f"{told['rows']:,} / {told['classes']:,}"),
    ]


def _figures(told: Mapping[str, Any]) -> list[tuple[str, ...]]:
    prosecutor, journalist = told["prosecutor"], told["journalist"]
    return [
        ("最小类的个体数（下限）· Persons in the smallest class (floor)", f"{told['f_min']} ({told['floor']})"),
        ("DR_a 超过阈值的类 / classes beyond tau", f"{told['over_threshold']:.4f}"),
        ("DR_b 最高 / highest", f"{told['max_class_risk']:.4f}"),
        ("DR_c 平均 / average", f"{told['average_risk']:.4f}"),
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


def _worst(told: Mapping[str, Any]) -> list[tuple[str, ...]]:
    lines: list[tuple[str, ...]] = []
    for one in told["worst"]:
        values = "-" if one["values"] is None else ", ".join(f"{name}={value}" for name, value in one["values"].items())
        lines.append((str(one["persons"]), " | ".join((values, *one["earlier"]))))
    return lines or [("-", "-")]
