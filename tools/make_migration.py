"""Write the next migration from the difference between the newest one and the tables the rooms declare.

    .venv/bin/python tools/make_migration.py "what changes"

Read and mend what it wrote before you commit it.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from alembic import command

import datong.app.doors  # noqa: F401 - declares the tables of all rooms
from datong.ground import migrations
from datong.ground.db import Store, sqlite_url

with tempfile.TemporaryDirectory() as folder:
    store = Store(sqlite_url(Path(folder) / "n.db"))
    files = sorted((migrations.FOLDER / "versions").glob("[0-9]*.py"))
    if files:
        migrations.run(store, "upgrade", "head")
    with store.engine.begin() as conn:
        command.revision(migrations.config(conn), message=sys.argv[1], autogenerate=True, rev_id=f"{len(files) + 1:04}")
