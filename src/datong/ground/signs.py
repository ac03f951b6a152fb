"""Signs that a reader takes for others or does not see 全角与不可见字符: full-width forms, spaces, marks without width.

Who cleans a text and who asks whether two texts are one go by the same signs. Must never know: what the text says.
Contract: tests/harmonise/test_harmonise_conversions.py, tests/deidentify/test_deidentify_table_risk.py.
"""

from __future__ import annotations

WIDE = "".join(chr(code + 0xFEE0) for code in range(0x21, 0x7F)) + "\u3000"
NARROW = "".join(chr(code) for code in range(0x21, 0x7F)) + " "
"""What each of WIDE is otherwise, sign by sign."""
UNSEEN = r"\x{00AD}\x{200B}-\x{200F}\x{202A}-\x{202E}\x{2060}\x{FEFF}"
"""Soft hyphen, zero-width signs, marks of writing direction, a byte order mark inside; for a class of RE2."""
