"""Times: a keyed shift per subject, and coarser units.

Shift: every time of a subject moves by the same whole number of days, which HMAC-SHA256 gives of the subject under the
key. Must never know: plans, where keys come from. Contract: tests/deidentify/treatments/test_treatments_values.py.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datong.deidentify.model.treatments import Remains, Trace
from datong.deidentify.rules.treatments.columns import Column, as_times, codes_of, mask_of_null, require, texts, times
from datong.ground.crypto import hashing
from datong.ground.refusal import Text

UNITS = ("year", "quarter", "month", "week", "day", "hour", "minute")
SECONDS_A_DAY = 86_400

SHIFTED = Remains(
    frozenset((Trace.intervals, Trace.presence)),
    Text("同一主体的间隔与先后原样留下（少见的间隔本身可识别个人，请与较粗的时间单位同用）；知道其中一个日期即可移回全部，"
         "逐日都有记录者由周末、节假日、起止之日即可看出移动了几天；钟点不变；持有密钥者可移回。",
         "the intervals and the order within one subject remain (rare ones can single a person out: use coarser units "
         "too); one date that is known moves all of a subject's back, and where there are rows of most days weekends, "
         "holidays, the first and the last day do; the time of day stays; who holds the key can shift back"),
    reversible=True,
)  # fmt: skip
COARSER = Remains(
    frozenset((Trace.order, Trace.distribution, Trace.presence)),
    Text("留下所在的时间单位与顺序。", "the unit of time and the order remain"),
)


def shifted(column: Column, subjects: Column, days: int, key: bytes, form: str = "") -> pa.Array:
    """Each time moved by its subject's own number of days, from -days to days and never 0; null stays null.

    subjects: the column that says whose time it is; a time without a subject is refused. form: a strptime format."""
    stamps, written = times(column, form)
    whose = texts(subjects)
    require(mask_of_null(whose) & ~mask_of_null(stamps), "没有主体，不知移动多少天", "have no subject to be shifted by")
    codes, known = codes_of(whose)
    offsets = np.array([offset(subject, days, key) for subject in known.to_pylist()] or [0], dtype=np.int64)
    seconds = pa.array(offsets[codes] * SECONDS_A_DAY).cast(pa.duration("s"))
    return as_times(pc.add(stamps, seconds), written, column)


def offset(subject: str, days: int, key: bytes) -> int:
    """-days..-1 or 1..days, the same for one subject under one key. The bias of the remainder is below 2**-100."""
    drawn = int.from_bytes(hashing.mac(key, subject.encode())[:16], "big") % (2 * days)
    return drawn - days if drawn < days else drawn - days + 1


def coarser(column: Column, unit: str, form: str = "") -> pa.Array:
    """Each time put back to the beginning of its `unit`; null stays null."""
    stamps, written = times(column, form)
    return as_times(pc.floor_temporal(stamps, unit=unit), written, column)
