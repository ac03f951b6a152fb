"""What the national rail needs of a node beside its doors: tables, platform, the form its contracts are signed in.

Contract: tests/wire/ndi/.
"""

from __future__ import annotations

from functools import partial

from datong.ground.config import Config
from datong.ground.db import Store
from datong.negotiate import service as negotiate
from datong.negotiate.service import national, platforms, signatures
from datong.register import service as register
from datong.wire.ndi import contracts as ndi_contracts
from datong.wire.ndi import identity as ndi_identity
from datong.wire.ndi import tables as ndi_tables


def national_tables(config: Config) -> ndi_tables.Tables:
    """The interface tables, with this node's own corrections of them."""
    named = str(config["ndi.tables"])
    return ndi_tables.tables(config.folder / named if named else None)


def on_national_rail(store: Store, platform: str, tables: ndi_tables.Tables) -> None:
    """The national rail's part of a node: its platform, the form its contracts are signed in and what it carries."""
    platforms.use_platform(store, platform)
    register.use_forms(store, partial(ndi_identity.misfits, tables))
    signatures.FORMS["national"] = ndi_contracts.form
    national.CARRIES["national"] = ndi_contracts.carrying
    if negotiate.concluded not in negotiate.on_finalized:
        negotiate.on_finalized.append(negotiate.concluded)
