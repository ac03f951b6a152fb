"""The commands that need no running node, and the lazy list of rooms."""

from __future__ import annotations

from pathlib import Path

import click

from datong import __version__

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


class Commands(click.Group):
    """The fixed commands plus one lazy group per room."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*super().list_commands(ctx), *ROOMS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in ROOMS:
            from datong.cli.rooms import room_group  # noqa: PLC0415 - imports the room

            return room_group(cmd_name, ROOMS[cmd_name])
        return super().get_command(ctx, cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = [(name, command.get_short_help_str(90)) for name, command in sorted(self.commands.items())]
        with formatter.section("Node"):
            formatter.write_dl(rows)
        with formatter.section("Rooms (each with its verbs: datong ROOM --help)"):
            formatter.write_dl(list(ROOMS.items()))


@click.group(cls=Commands, name="datong")
@click.version_option(__version__, prog_name="datong")
def datong() -> None:
    """Datong 大同: from raw data of several owners to a lawful, priced, delivered and settled product."""


@datong.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--name", required=True, help="Name of the organisation's node.")
@click.option("--party", required=True, help="Unified social credit code of the organisation (18 characters).")
@click.option("--port", required=True, type=int, help="Port to listen on (loopback).")
@click.option("--region", default="5201", show_default=True, help="Region code, 4 digits of GB/T 2260.")
@click.option("--kind", default="connector", show_default=True, help="connector, business or regional.")
def init(folder: Path, name: str, party: str, port: int, region: str, kind: str) -> None:
    """Make the folder of a new node: datong.toml and its key."""
    from datong.app import init as make  # noqa: PLC0415 - heavy

    made = make(folder, name=name, party=party, port=port, region=region, kind=kind)
    click.echo(f"{made.file} written. Public key: {made.key}")
    click.echo(f"Next: datong add-operator {folder} --login NAME --name NAME, then datong serve {folder}")


@datong.command()
@click.argument("folder", type=click.Path(path_type=Path))
def serve(folder: Path) -> None:
    """Run the node of FOLDER until Ctrl-C."""
    from datong.app import serve as run  # noqa: PLC0415 - heavy

    run(folder)


@datong.command("add-operator")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--login", required=True, help="Login name of the first operator.")
@click.option("--name", required=True, help="Name of the person.")
def add_operator(folder: Path, login: str, name: str) -> None:
    """Add the first operator of a node; prints a login link that works once and a token for programs."""
    from datong.app import first_operator  # noqa: PLC0415 - heavy

    added = first_operator(folder, login=login, name=name)
    click.echo(f"Operator {login} is {added.person}.")
    click.echo(f"Log in once at /enter/{added.link} of the node, then set a password (register change-password).")
    click.echo(f"For programs, one day, room register only: DATONG_TOKEN={added.token}")
