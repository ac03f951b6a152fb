"""One side of a private set intersection; run by the interpreter of envs/psi, so it imports nothing of Datong.

    python psi_party.py < job.json      job: see cli/psi.py, which writes it

Reads and writes files of digests only. Both sides first tell each other the terms (and, as those hold them, how many
entries they have) over the same connection, and stop when they differ. Tells what it learnt in the file `told`, whole
or not at all, before it says farewell: brpc can abort the process when the other side closes its TLS socket meanwhile.
Must never know: the ids themselves. Contract: tests/cli/test_cli_psi.py.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Callable
from typing import Any

ROUND_TRIP_MS = 10 * 60 * 1000
CONNECT_WAIT_MS = 1000


def run(job: dict[str, Any], tell: Callable[[dict[str, Any]], None]) -> None:
    """Tell what this side learnt, {terms, peer_entries, matched}, then leave; matched: None where terms differ."""
    from spu import psi  # type: ignore[import-not-found]  # noqa: PLC0415 - of the other environment
    from spu.libspu import link  # type: ignore[import-not-found]  # noqa: PLC0415

    described = link.Desc()
    described.id = job["session"]
    for rank, address in enumerate(job["addresses"]):
        described.add_party(f"party{rank}", address)
    described.recv_timeout_ms = ROUND_TRIP_MS
    described.connect_retry_times, described.connect_retry_interval_ms = job["wait"], CONNECT_WAIT_MS
    if job["certificate"]:
        described.enable_ssl = True
        for options in (described.client_ssl_opts, described.server_ssl_opts):
            options.cert.certificate_path = job["certificate"]
            options.cert.private_key_path = job["key"]
            options.verify.ca_file_path = job["authority"]
            options.verify.verify_depth = 2
    context = link.create_brpc(described, job["rank"])
    told = [json.loads(text) for text in context.all_gather(json.dumps({**job["terms"], "entries": job["entries"]}))]
    entries = [int(side.pop("entries")) for side in told]
    if told[0] != told[1] or max(entries) > job["terms"]["most"]:
        tell({"terms": told[1 - job["rank"]], "peer_entries": entries[1 - job["rank"]], "matched": None})
        context.stop_link()
        return
    report = psi.psi_execute(
        psi.PsiExecuteConfig(
            protocol_conf=psi.PsiProtocolConfig(
                protocol=psi.PsiProtocol.PROTOCOL_RR22, receiver_rank=job["terms"]["receiver"], broadcast_result=False
            ),
            input_params=psi.InputParams(path=job["input"], selected_keys=["id"], keys_unique=True),
            output_params=psi.OutputParams(path=job["output"], disable_alignment=True),
        ),
        context,
    )
    receives = job["rank"] == job["terms"]["receiver"]
    matched = int(report.intersection_count) if receives else None
    tell({"terms": told[0], "peer_entries": entries[1 - job["rank"]], "matched": matched})
    with contextlib.suppress(RuntimeError):  # the other side may have left already
        context.all_gather("done")
        context.stop_link()


def told_in(file: str) -> Callable[[dict[str, Any]], None]:
    """Writes what is told as the whole of `file`; spu's own log shares standard output."""

    def tell(told: dict[str, Any]) -> None:
        with open(f"{file}.part", "w", encoding="utf-8") as out:  # noqa: PTH123
            out.write(json.dumps(told))
        os.rename(f"{file}.part", file)  # noqa: PTH104

    return tell


if __name__ == "__main__":
    given = json.load(sys.stdin)
    run(given, told_in(given["told"]))
