"""Texts that were decoded by a wrong table.

Must never know: the encoding a source declares. Contract: tests/harmonise/suspicions/test_suspicions.py.
"""

from __future__ import annotations

from collections.abc import Sequence

from datong.ground.refusal import Text
from datong.harmonise.model.suspicions import Suspicion


def mojibake(path: str, values: Sequence[str]) -> list[Suspicion]:
    """Text that was decoded by a wrong table, found by decoding it the other way round."""
    texts = [value for value in dict.fromkeys(values) if not value.isascii()][:2000]
    if not texts:
        return []
    lost = sum("\ufffd" in text or "锟斤拷" in text for text in texts)
    turned = {
        "UTF-8 read as GBK": sum(_otherwise(text, "gb18030", "utf-8") for text in texts),
        "UTF-8 read as Latin-1": sum(_otherwise(text, "latin-1", "utf-8") for text in texts),
        "GBK read as Latin-1": sum(_otherwise(text, "latin-1", "gb18030") for text in texts),
    }
    what, count = max([("lost", lost), *turned.items()], key=lambda entry: entry[1])
    if count < 3 or count / len(texts) < 0.2:
        return []
    zh, en = (
        ("已有字符不可还原", "signs were lost for good") if what == "lost" else (f"像是 {what}", f"looks like {what}")
    )
    share = count / len(texts)
    told = Text(
        f"{share:.1%} 的非 ASCII 文本{zh}：请核对数据源的 encoding。",
        f"{share:.1%} of the texts that are not ASCII: {en}; look at the source's `encoding`",
    )
    return [Suspicion("mojibake", (path,), {"texts": len(texts), "share": round(share, 4), "how": what}, told)]


def _otherwise(text: str, written: str, read: str) -> bool:
    """Does the text make sense, in Chinese signs, when its bytes are read by another table?"""
    try:
        other = text.encode(written).decode(read)
    except (UnicodeEncodeError, UnicodeDecodeError):
        return False
    if read == "gb18030":  # nearly any two bytes are some sign: only frequent ones, and no others, make sense
        signs = [sign for sign in other if not sign.isascii()]
        return len(signs) >= 2 and all(
            "\xb0" <= sign.encode("gb18030").decode("latin-1")[0] <= "\xd7" for sign in signs
        )
    return other != text and any("\u4e00" <= sign <= "\u9fff" for sign in other)
