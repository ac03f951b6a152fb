"""The commands that need no running node, and the lazy list of rooms; each imports its work when it is called."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import click

from datong import __version__
from datong.cli.budget import budget
from datong.cli.contracts import contract
from datong.cli.deidentify import Deidentify
from datong.cli.flows import flows
from datong.cli.identity import identity
from datong.cli.ndi import ndi
from datong.cli.options import AS_JSON, HERE
from datong.cli.policy import policy
from datong.cli.psi import psi

ROOMS = {
    "register": "Parties, people, nodes, resources, products, registration cases 登记",
    "authorise": "Consents, authorisations, agreements, clearance 授权",
    "harmonise": "Sources, standards, mappings, builds, quarantine 归一",
    "deidentify": "Assessments, risk, release gate 去标识化",
    "compose": "Product recipes, joint partitions, builds 产品",
    "price": "Cost surveys, ceilings, fees 价格",
    "catalogue": "Listings, offers, search 目录",
    "negotiate": "Negotiations and contracts 合约",
    "meter": "Usage events 计量",
    "deliver": "Decisions, grants, shares, transfers, end of delivery 交付",
    "settle": "Invoices, postings, splits, statements 结算",
    "audit": "Proofs and reports 审计",
}


FILES = ("classify", "treat", "risk", "flows", "policy")
"""The commands that work on a table or a policy in a file."""


@contextmanager
def bringing_rooms() -> Iterator[None]:
    """While modules come nothing becomes garbage, and they stay as long as the process: the collector, which would go
    through all of them a dozen times, waits, and passes over them afterwards. A fifth of the time of a start."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def _room(name: str) -> click.Group:
    from datong.cli.rooms import room_group  # noqa: PLC0415 - reads the table of verbs

    return room_group(name, ROOMS[name])


class Commands(click.Group):
    """The fixed commands plus one lazy group per room."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*super().list_commands(ctx), *ROOMS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in ROOMS:
            return Deidentify(lambda: _room(cmd_name)) if cmd_name == "deidentify" else _room(cmd_name)
        return super().get_command(ctx, cmd_name)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[Any, Any, list[str]]:
        known = self.list_commands(ctx)
        if args[0] not in known and (near := get_close_matches(args[0], known, 1)):  # Click knows no rooms
            ctx.fail(f"No such command {args[0]!r}. Did you mean {near[0]}?")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = [(name, command.get_short_help_str(90)) for name, command in sorted(self.commands.items())]
        here = ("init", "match", "check", "build", "quarantine", "repair", "budget", "psi")
        with formatter.section("Workspace (in its folder, no running node)"):
            formatter.write_dl([row for name in here for row in rows if row[0] == name])
        with formatter.section("A table or a policy in a file (no running node)"):
            formatter.write_dl([row for name in FILES for row in rows if row[0] == name])
        with formatter.section("Node"):
            formatter.write_dl([row for row in rows if row[0] not in (*here, *FILES)])
        with formatter.section("Rooms (each with its verbs: datong ROOM --help)"):
            formatter.write_dl(list(ROOMS.items()))


@click.group(cls=Commands, name="datong")
@click.version_option(__version__, prog_name="datong")
def datong() -> None:
    """Datong 大同: from raw data of several owners to a lawful, priced, delivered and settled product."""


ENGINE = click.option(
    "--engine",
    type=click.Choice(["duckdb", "spark"]),
    default="duckdb",
    show_default=True,
    help="What runs the plans; spark needs datong[spark] and Java 17.",
)
MASTER = click.option(
    "--master", help="The Spark to use, e.g. spark://host:7077 [default: local[2]]; only with --engine spark."
)
DATA = click.option("--data", help="Folder in which the paths of the sources begin [default: workspace.data].")


def _master(engine: str, master: str | None) -> str | None:
    """The Spark to use, or None for DuckDB."""
    if master is not None and engine != "spark":
        raise click.UsageError("--master goes with --engine spark.")
    return (master or "local[2]") if engine == "spark" else None


@datong.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--name", help="Name of the organisation's node [default: the folder's].")
@click.option(
    "--party", help="Unified social credit code of the organisation (18 characters); asked for before serving."
)
@click.option("--port", type=int, help="Port to listen on (loopback); asked for before serving.")
@click.option("--region", default="5201", show_default=True, help="Region code, 4 digits of GB/T 2260.")
@click.option("--kind", default="connector", show_default=True, help="connector, business or regional.")
@click.option("--data", help="Folder in which the paths of the sources begin [default: FOLDER].")
@click.option(
    "--crypto", default="default", show_default=True,
    help="Crypto profile, for the node's life: default, or guomi (SM2, SM3, SM4; needs the extra guomi).",
)  # fmt: skip
def init(
    folder: Path,
    name: str | None,
    party: str | None,
    port: int | None,
    region: str,
    kind: str,
    data: str | None,
    crypto: str,
) -> None:
    """Make a new node with its workspace: datong.toml, a key, and folders for sources, standards and mappings."""
    from datong.cli.making import made  # noqa: PLC0415 - cryptography

    for line in made(folder, name=name, party=party, port=port, region=region, kind=kind, data=data, crypto=crypto):
        click.echo(line)


@datong.command()
@click.argument("source")
@click.option("--standard", required=True, help="A standard of the workspace, or a pack of data elements: transport, …")
@click.option(
    "--table", help="Where there are several: the table whose rows are the rows of the result; of a workbook the sheet."
)
@click.option(
    "--secret-from", default="", metavar="VARIABLE",
    help="Of an address: the environment variable with the password, token or secret key; or VARIABLE_FILE names "
    "a file that holds it [default: NAME_PASSWORD, NAME_TOKEN, AWS_SECRET_ACCESS_KEY].",
)  # fmt: skip
@click.option("--endpoint", default="", help="Of an s3:// address: the storage service [default: $AWS_ENDPOINT_URL].")
@HERE
@DATA
@AS_JSON
def match(
    source: str,
    standard: str,
    table: str | None,
    secret_from: str,
    endpoint: str,
    folder: Path,
    data: str | None,
    as_json: bool,
) -> None:
    """Propose what each column of SOURCE means, and write the mapping for a person to confirm.

    SOURCE: a name in sources/; a file to look at, or with * in its name all files called so; or an address with no
    secret: postgresql://USER@HOST/DATABASE, mysql://…, https://… of a JSON API, s3://BUCKET/KEY or BUCKET/PREFIX/.
    Writes what is not there yet: sources/NAME.yaml, standards/NAME.odcs.yaml (when STANDARD is a pack) and
    mappings/NAME.yaml.
    """
    with bringing_rooms():
        from datong.cli.workspace import matched  # noqa: PLC0415 - heavy

    matched(
        folder, source, standard, table=table, data=data, as_json=as_json, secret_from=secret_from, endpoint=endpoint
    )


@datong.command()
@HERE
@DATA
@AS_JSON
def check(folder: Path, data: str | None, as_json: bool) -> None:
    """Check the workspace: all problems at once, with file and line; changes nothing."""
    with bringing_rooms():
        from datong.cli.workspace import checked  # noqa: PLC0415 - heavy

    checked(folder, data=data, as_json=as_json)


@datong.command()
@click.argument("mappings", nargs=-1)
@click.option("--resource", help="Code under which the result is found [default: the mapping's]; for one mapping only.")
@click.option("--full", is_flag=True, help="Read incremental sources from their beginning; finds removed rows.")
@click.option("--accept-changes", is_flag=True, help="Build though the types of mapped columns changed (STD-480).")
@ENGINE
@MASTER
@HERE
@DATA
@AS_JSON
def build(
    mappings: tuple[str, ...],
    resource: str | None,
    full: bool,
    accept_changes: bool,
    engine: str,
    master: str | None,
    folder: Path,
    data: str | None,
    as_json: bool,
) -> None:
    """Build the MAPPINGS, or all of them: read, harmonise, quarantine what cannot be; each by itself."""
    with bringing_rooms():
        from datong.cli.workspace import built  # noqa: PLC0415 - heavy

    wanted = {"full": full, "accept_changes": accept_changes}
    on = _master(engine, master)
    built(folder, mappings, resource=resource, data=data, as_json=as_json, master=on, **wanted)


@datong.command()
@click.argument("resource")
@click.option("--reason", help="Those alone that are held for it.")
@click.option("--offset", default=0, show_default=True, type=click.IntRange(0), help="How many rows to pass over.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 500), help="How many rows.")
@HERE
@AS_JSON
def quarantine(resource: str, reason: str | None, offset: int, limit: int, folder: Path, as_json: bool) -> None:
    """Show the quarantined rows of RESOURCE with their reasons and originals (recorded as a decision: own work)."""
    with bringing_rooms():
        from datong.cli.workspace import held  # noqa: PLC0415 - heavy

    held(folder, resource, reason=reason, offset=offset, limit=limit, as_json=as_json)


@datong.command()
@click.argument("resource")
@click.option("--column", required=True, help="A column of the source, or the element that reads it.")
@click.option("--row", type=int, help="One quarantined row; without it all that were held for --reason.")
@click.option("--reason", help="Rows held for this reason in that column.")
@click.option("--original", help="With --reason: only rows with this text there.")
@click.option("--text", help="What to put there.")
@click.option("--accept", is_flag=True, help="Instead of --text: what the quarantine suggests.")
@HERE
@AS_JSON
def repair(
    resource: str,
    column: str,
    row: int | None,
    reason: str | None,
    original: str | None,
    text: str | None,
    accept: bool,
    folder: Path,
    as_json: bool,
) -> None:
    """Give a text for a column of quarantined rows of RESOURCE; the next build takes it, the source stays as it is."""
    with bringing_rooms():
        from datong.cli.workspace import repaired  # noqa: PLC0415 - heavy

    given = {"column": column, "row": row, "reason": reason, "original": original, "text": text, "accept": accept}
    repaired(folder, resource, as_json=as_json, **given)


@datong.command()
@click.argument("folder", type=click.Path(path_type=Path))
@ENGINE
@MASTER
def serve(folder: Path, engine: str, master: str | None) -> None:
    """Run the node of FOLDER until Ctrl-C."""
    with bringing_rooms():
        from datong.app import serve as run  # noqa: PLC0415 - heavy

    run(folder, _master(engine, master))


@datong.command("add-operator")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--login", required=True, help="Login name of the first operator.")
@click.option("--name", required=True, help="Name of the person.")
def add_operator(folder: Path, login: str, name: str) -> None:
    """Add the first operator of a node; prints a login link that works once and a token for programs."""
    with bringing_rooms():
        from datong.app import first_operator  # noqa: PLC0415 - heavy

    added = first_operator(folder, login=login, name=name)
    click.echo(f"Operator {login} is {added.person}.")
    page = f"{added.address.rstrip('/')}/enter/{added.link}"
    click.echo(f"Log in once at {page} while the node is served, then set a password (register change-password).")
    click.echo(f"For programs, one day, room register only: DATONG_TOKEN={added.token}")


@datong.command()
@click.argument("table", type=click.Path(path_type=Path))
@click.option("--confirmed", type=click.Path(path_type=Path), help="A classification that people confirmed, to hold.")
@click.option("--write", type=click.Path(path_type=Path), help="A new file for the proposal, for a person to confirm.")
@AS_JSON
def classify(table: Path, confirmed: Path | None, write: Path | None, as_json: bool) -> None:
    """Find the personal data in the columns of TABLE, with evidence, and propose grades; shows no value."""
    with bringing_rooms():
        from datong.cli.classifying import classified  # noqa: PLC0415 - heavy

    classified(table, confirmed=confirmed, write=write, as_json=as_json)


@datong.command()
@click.argument("table", type=click.Path(path_type=Path))
@click.option("--plan", required=True, type=click.Path(path_type=Path), help="The treatment of every column, in YAML.")
@click.option("--out", type=click.Path(path_type=Path), help="A new .csv or .parquet file [default: only say].")
@click.option(
    "--key-file", type=click.Path(path_type=Path), help="The agreement's secret [default: the node keeps it]."
)
@click.option("--dataset", default="", help="What the table is of: the node's classification of it then binds.")
@HERE
@AS_JSON
def treat(
    table: Path, plan: Path, out: Path | None, key_file: Path | None, dataset: str, folder: Path, as_json: bool
) -> None:
    """Treat the personal data of TABLE by a plan; a column that the plan does not mention is refused."""
    with bringing_rooms():
        from datong.cli.treating import treated  # noqa: PLC0415 - heavy

    treated(table, plan, key_file=key_file, folder=folder, out=out, dataset=dataset, as_json=as_json)


@datong.command()
@click.argument("table", type=click.Path(path_type=Path))
@click.option(
    "--quasi-identifiers", "columns", required=True, multiple=True,
    help="Columns that somebody could know, by commas; a name with a comma in double quotes.",
)  # fmt: skip
@click.option(
    "--person", default="", help="Column that says who a row is about; it stays here [default: every row is another]."
)
@click.option("--form", default="controlled", show_default=True, type=click.Choice(["public", "controlled", "enclave"]))
@click.option(
    "--earlier", multiple=True, type=click.Path(path_type=Path), help="What the same recipients hold already."
)
@click.option("--population", type=click.Path(path_type=Path), help="Everybody who could be in TABLE, a row each.")
@click.option("--worst", default=5, show_default=True, type=click.IntRange(0, 100), help="How many classes to show.")
@click.option("--pdf", type=click.Path(path_type=Path), help="Also write a report to sign.")
@click.option("--gate", is_flag=True, help="Refuse what may not leave (DID-410 to DID-412, DID-438).")
@AS_JSON
def risk(
    table: Path,
    columns: tuple[str, ...],
    person: str,
    form: str,
    earlier: tuple[Path, ...],
    population: Path | None,
    worst: int,
    pdf: Path | None,
    gate: bool,
    as_json: bool,
) -> None:
    """Measure what an attacker could do with TABLE, alone and with what its recipients hold already."""
    with bringing_rooms():
        from datong.cli.risking import risked  # noqa: PLC0415 - heavy

    risked(
        table, columns, person=person, form=form, earlier=earlier, population=population, gate=gate, worst=worst,
        pdf=pdf, as_json=as_json,
    )  # fmt: skip


datong.add_command(budget)
datong.add_command(psi)
datong.add_command(identity)
datong.add_command(flows)
datong.add_command(policy)
datong.add_command(contract)
datong.add_command(ndi)
