"""How a source changed since it was last built from, and what the loading of a source refuses (STD-480 to 483)."""

from __future__ import annotations

from dataclasses import dataclass

from datong.ground.refusal import Kind, Reason, Text

DRIFTED = Reason(
    "STD-480",
    Kind.conflict,
    Text("数据源 {source} 的结构已变，未构建。", "The source {source} has changed its shape; nothing was built."),
    Text("与上次构建（{at}）相比，映射所用的列有 {count} 处变化。",
         "Against the last build ({at}), {count} things about the columns that the mapping uses are different."),
    Text("请按下列各项修改映射；确认无误的类型变化，用 accept_changes 构建。",
         "Change the mapping by the items listed; build with accept_changes when a new type is meant."),
)  # fmt: skip
WATERMARK_TYPE = Reason(
    "STD-482",
    Kind.invalid,
    Text("数据源 {source} 不能按 {column} 增量加载。", "The source {source} cannot be loaded by its column {column}."),
    Text("该列的类型（{type}）不能作为水位。", "Its type ({type}) is no number, date, time or text."),
    Text("请换一个随每次变更增长的列，或用 by: snapshot。",
         "Name another column that grows with every change, or use by: snapshot."),
)  # fmt: skip
KEY_DOUBLED = Reason(
    "STD-483",
    Kind.invalid,
    Text("数据源 {source} 未增量加载，未写入任何内容。", "The source {source} was not loaded; nothing was written."),
    Text("load.key（{key}）不能唯一标识一行：有 {rows} 行与另一行同键。",
         "Its load.key ({key}) does not name a row: {rows} rows share it with another."),
    Text("请用能唯一标识一行的列，或用 by: snapshot（同键的行按次序区分）。",
         "Name columns that do, or use by: snapshot, which tells rows of one key apart by their order."),
)  # fmt: skip


@dataclass(frozen=True)
class ColumnSeen:
    """A column as it was at a build. type: what the source declares ("" where it declares none); looks: what its values
    look like; print: a fingerprint of the values by which a renamed column is known again; codes: the values of a
    column that a code table maps."""

    path: str
    type: str
    looks: str
    print: tuple[int, ...]
    codes: tuple[str, ...]


@dataclass(frozen=True)
class Difference:
    """One thing that is different. kind: added, removed, renamed, type, looks, nullable, order, codes. breaking: it
    touches a column of the mapping in a way that values may come to mean something else."""

    kind: str
    path: str
    said: Text
    breaking: bool = False
