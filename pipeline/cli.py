"""The command line: each command is a thin function over one call."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from pipeline import __version__
from pipeline.language import set_language
from pipeline.targets import Country, Target

if TYPE_CHECKING:
    from pipeline.options import Options
    from pipeline.screens.terminal import Screen

app = typer.Typer(
    name="ropo-pipeline",
    help="Turns accounting exports (CSV, Excel) into Ropo One invoices: checked, sent once, reported.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
)

_Inputs = Annotated[
    list[Path],
    typer.Argument(metavar="INPUT...", help="CSV or Excel files, folders or .zip archives of them."),
]
_Target = Annotated[
    Target,
    typer.Option(
        envvar="ROPO_TARGET",
        help="Where to send: the sandbox on this machine, the test service, or production.",
    ),
]
_Country = Annotated[Country, typer.Option(envvar="ROPO_COUNTRY", help="Whose Ropo One.")]
_Profile = Annotated[
    str | None,
    typer.Option(
        envvar="ROPO_PROFILE",
        metavar="NAME|FILE",
        help="What this source's exports mean: a built-in profile, a TOML file, or none.",
        show_default="the built-in one that fits the file",
    ),
]
_Given = Annotated[str, typer.Argument(metavar="NAME|FILE", help="A built-in profile, or a TOML file.")]
_Out = Annotated[
    Path | None, typer.Option(envvar="ROPO_OUT", help="Folder for the report.", show_default="out/<time>")
]
_Ledger = Annotated[
    str | None,
    typer.Option(
        envvar="ROPO_LEDGER",
        help="Ledger's URL (sqlite:///FILE or postgresql://…).",
        show_default="one for each user",
    ),
]
_Attachments = Annotated[
    Path | None,
    typer.Option(envvar="ROPO_ATTACHMENTS", help="Folder of the files that the attachment column names."),
]
_BatchSize = Annotated[
    int, typer.Option(envvar="ROPO_BATCH_SIZE", min=1, max=10_000, help="Invoices in one request.")
]
_Workers = Annotated[int, typer.Option(envvar="ROPO_WORKERS", min=1, max=64, help="Requests at a time.")]
_Cluster = Annotated[
    str | None,
    typer.Option(
        envvar="ROPO_CLUSTER",
        metavar="none|helper|local[:N]|tcp://HOST:PORT",
        help="Who reads, builds and checks beside this process: nobody, a second one, a Dask cluster.",
        show_default="helper for large inputs",
    ),
]
_Yes = Annotated[bool, typer.Option("--yes", envvar="ROPO_YES", help="Send to production without asking.")]
_Grace = Annotated[
    float,
    typer.Option(
        envvar="ROPO_GRACE",
        min=0,
        help="Seconds before an invoice that the service does not have may go again.",
    ),
]
_Language = Annotated[
    Literal["en", "fi", "sv"] | None,
    typer.Option(
        "--language",
        envvar="ROPO_LANGUAGE",
        help="Language of all texts.",
        show_default="the system's",
        callback=set_language,
        is_eager=True,  # before anything can be refused
    ),
]
_Quiet = Annotated[
    bool, typer.Option("--quiet", envvar="ROPO_QUIET", help="Say only what needs attention, and the verdict.")
]
_Json = Annotated[
    bool, typer.Option("--json", envvar="ROPO_JSON", help="One JSON object a line, for log collectors.")
]
_Billnum = Annotated[
    str,
    typer.Argument(metavar="BILLNUM", help="Bill number; without one, its identity as the report shows it."),
]

_profiles = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
app.add_typer(_profiles, name="profile", help="List, show and try profiles: what a source's exports mean.")


@app.callback(invoke_without_command=True)
def _root(
    *, version: Annotated[bool, typer.Option("--version", help="Show the version.", is_eager=True)] = False
) -> None:
    if version:
        typer.echo(__version__)
        raise typer.Exit


@app.command()
def run(
    inputs: _Inputs,
    *,
    target: _Target = Target.SANDBOX,
    country: _Country = Country.FI,
    profile: _Profile = None,
    attachments: _Attachments = None,
    out: _Out = None,
    ledger: _Ledger = None,
    cluster: _Cluster = None,
    batch_size: _BatchSize = 100,
    workers: _Workers = 4,
    grace: _Grace = 60.0,
    yes: _Yes = False,
    quiet: _Quiet = False,
    as_json: _Json = False,
    _language: _Language = None,
) -> None:
    """Read INPUT, check every invoice, send what is right, and write the report."""
    _run(
        *("run", inputs, target, country, profile, out, ledger),
        attachments=attachments,
        cluster=cluster,
        batch_size=batch_size,
        workers=workers,
        grace=grace,
        yes=yes,
        quiet=quiet,
        as_json=as_json,
    )


@app.command()
def check(
    inputs: _Inputs,
    *,
    target: _Target = Target.SANDBOX,
    country: _Country = Country.FI,
    profile: _Profile = None,
    attachments: _Attachments = None,
    out: _Out = None,
    ledger: _Ledger = None,
    cluster: _Cluster = None,
    quiet: _Quiet = False,
    as_json: _Json = False,
    _language: _Language = None,
) -> None:
    """Do all that `run` does but send, and show what would go."""
    _run(
        *("check", inputs, target, country, profile, out, ledger),
        attachments=attachments,
        cluster=cluster,
        sends=False,
        quiet=quiet,
        as_json=as_json,
    )


@app.command()
def plan(
    inputs: _Inputs,
    *,
    target: _Target = Target.SANDBOX,
    country: _Country = Country.FI,
    profile: _Profile = None,
    attachments: _Attachments = None,
    out: _Out = None,
    ledger: _Ledger = None,
    cluster: _Cluster = None,
    yes: _Yes = False,
    quiet: _Quiet = False,
    as_json: _Json = False,
    _language: _Language = None,
) -> None:
    """Do all that `run` does but send: what is right waits in the ledger's outbox for `send`."""
    _run(
        *("plan", inputs, target, country, profile, out, ledger),
        attachments=attachments,
        cluster=cluster,
        plans=True,
        yes=yes,
        quiet=quiet,
        as_json=as_json,
    )


@app.command()
def send(
    *,
    target: _Target = Target.SANDBOX,
    country: _Country = Country.FI,
    out: _Out = None,
    ledger: _Ledger = None,
    batch_size: _BatchSize = 100,
    workers: _Workers = 4,
    watch: Annotated[
        bool,
        typer.Option("--watch/--once", help="Send whatever comes until stopped; else until none is left."),
    ] = False,
    quiet: _Quiet = False,
    as_json: _Json = False,
    _language: _Language = None,
) -> None:
    """Send what `plan` put into the outbox, beside other senders on this machine or others."""
    from pipeline.screens.plain import make_screen  # noqa: PLC0415 - start-up time
    from pipeline.sender import shared  # noqa: PLC0415 - start-up time

    url, folder, _ = _places(ledger, out)
    screen = make_screen(quiet=quiet, as_json=as_json)
    raise typer.Exit(
        shared.send(
            *(target, country, url, folder),
            size=batch_size,
            workers=workers,
            watch=watch,
            screen=screen,
        )
    )


@app.command()
def allocate(
    inputs: _Inputs,
    *,
    target: _Target = Target.SANDBOX,
    country: _Country = Country.FI,
    profile: _Profile = None,
    out: _Out = None,
    ledger: _Ledger = None,
    workers: _Workers = 4,
    yes: _Yes = False,
    _language: _Language = None,
) -> None:
    """Allocate credit notes to invoices that the service has: one for each row of INPUT."""
    from pipeline.subject import ALLOCATIONS  # noqa: PLC0415 - start-up time

    _run(
        *("allocate", inputs, target, country, profile, out, ledger),
        subject=ALLOCATIONS,
        workers=workers,
        yes=yes,
    )


@app.command()
def payments(
    inputs: _Inputs,
    *,
    target: _Target = Target.SANDBOX,
    country: _Country = Country.FI,
    profile: _Profile = None,
    out: _Out = None,
    ledger: _Ledger = None,
    workers: _Workers = 4,
    yes: _Yes = False,
    _language: _Language = None,
) -> None:
    """Register payments of invoices that the service has: one for each row of INPUT."""
    from pipeline.subject import PAYMENTS  # noqa: PLC0415 - start-up time

    _run(
        *("payments", inputs, target, country, profile, out, ledger),
        subject=PAYMENTS,
        workers=workers,
        yes=yes,
    )


@app.command()
def credit(
    billnum: _Billnum,
    *,
    percent: Annotated[
        str, typer.Option(metavar="PERCENT", help="How much of the invoice to credit, above 0 up to 100.")
    ] = "100",
    number: Annotated[
        str | None, typer.Option(metavar="BILLNUM", help="The credit note's own bill number.")
    ] = None,
    send: Annotated[bool, typer.Option("--send", help="Send it too; otherwise it is only written.")] = False,
    target: _Target = Target.SANDBOX,
    country: _Country = Country.FI,
    out: _Out = None,
    ledger: _Ledger = None,
    yes: _Yes = False,
    _language: _Language = None,
) -> None:
    """Make a credit note for an invoice that was sent."""
    from pipeline import commands  # noqa: PLC0415 - start-up time

    options, screen = _options("run", [], target, country, None, out, ledger, yes=yes)
    raise typer.Exit(
        commands.credit(options, billnum, percent=percent, number=number, send=send, screen=screen)
    )


@app.command()
def columns(
    inputs: _Inputs,
    *,
    profile: _Profile = None,
    save: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a starting profile, to be changed.")
    ] = None,
    _language: _Language = None,
) -> None:
    """Show how INPUT is understood: encoding, sheet, header row, and which column is which field."""
    from pipeline.commands import show_columns  # noqa: PLC0415 - start-up time
    from pipeline.screens.terminal import Screen  # noqa: PLC0415 - start-up time

    show_columns(inputs, profile, Screen(), save)


@_profiles.command("list")
def profile_list(*, _language: _Language = None) -> None:
    """List the built-in profiles, each with the source of its layout and its limits."""
    from pipeline.profile.commands import list_profiles  # noqa: PLC0415 - start-up time
    from pipeline.screens.terminal import Screen  # noqa: PLC0415 - start-up time

    list_profiles(Screen())


@_profiles.command("show")
def profile_show(profile: _Given, *, _language: _Language = None) -> None:
    """Show what a profile declares."""
    from pipeline.profile.commands import show_profile  # noqa: PLC0415 - start-up time
    from pipeline.screens.terminal import Screen  # noqa: PLC0415 - start-up time

    show_profile(profile, Screen())


@_profiles.command("check")
def profile_check(
    profile: _Given,
    inputs: _Inputs,
    *,
    rows: Annotated[int, typer.Option(min=1, max=1000, help="How many rows of each table to show.")] = 3,
    _language: _Language = None,
) -> None:
    """Show what each declaration of a profile does to the first rows of INPUT, and what it does not use."""
    from pipeline.profile.commands import try_profile  # noqa: PLC0415 - start-up time
    from pipeline.screens.terminal import Screen  # noqa: PLC0415 - start-up time

    try_profile(profile, inputs, rows, Screen())


@app.command()
def explain(
    code: Annotated[
        str | None, typer.Argument(metavar="[CODE]", help="A finding's code.", show_default="all")
    ] = None,
    *,
    _language: _Language = None,
) -> None:
    """Explain a finding: what it means, what to do, an example wrong and right; or list all codes."""
    from pipeline import explain as explaining  # noqa: PLC0415 - start-up time

    for line in explaining.explain(code) if code else explaining.overview():
        typer.echo(line)


@app.command()
def template(
    *,
    fields: Annotated[
        Literal["minimal", "usual", "credit", "reminder", "collection", "all"],
        typer.Option(help="Which columns."),
    ] = "usual",
    country: _Country = Country.FI,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The workbook.", show_default="template-<fields>.xlsx")
    ] = None,
    _language: _Language = None,
) -> None:
    """Write a workbook to fill in, with headers, lists and formats that are understood as they are."""
    from pipeline.template import write_template  # noqa: PLC0415 - start-up time

    path = out or Path(f"template-{fields}.xlsx")
    write_template(path, fields, country.alpha3, dt.datetime.now().astimezone().date())
    typer.echo(path)


@app.command()
def reconcile(
    *,
    target: _Target = Target.SANDBOX,
    country: _Country = Country.FI,
    out: _Out = None,
    ledger: _Ledger = None,
    grace: _Grace = 60.0,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until the grace of all is over.")] = False,
    _language: _Language = None,
) -> None:
    """Ask the service about invoices whose outcome is unknown."""
    from pipeline import commands  # noqa: PLC0415 - start-up time

    url, folder, screen = _places(ledger, out)
    raise typer.Exit(commands.reconcile(target, country, url, folder, grace, patient=wait, screen=screen))


@app.command()
def resolve(
    billnum: _Billnum,
    *,
    accepted: Annotated[bool, typer.Option("--accepted/--not-accepted", help="Whether the service has it.")],
    why: Annotated[str, typer.Option(help="The reason, kept for good.")],
    who: Annotated[
        str | None,
        typer.Option(envvar="ROPO_WHO", help="The person, kept for good.", show_default="the user"),
    ] = None,
    kind: Annotated[
        Literal["invoice", "reminder", "collection"] | None,
        typer.Option(help="Which of several with the same number."),
    ] = None,
    content: Annotated[
        int | None, typer.Option(min=1, help="Which of several contents tried the service has.")
    ] = None,
    target: _Target = Target.SANDBOX,
    country: _Country = Country.FI,
    ledger: _Ledger = None,
    _language: _Language = None,
) -> None:
    """Decide about an invoice whose outcome nobody else can tell."""
    import getpass  # noqa: PLC0415 - start-up time

    from pipeline import commands  # noqa: PLC0415 - start-up time

    url, _, screen = _places(ledger, None)
    commands.resolve(
        *(target, country, url, billnum),
        accepted=accepted,
        who=who or getpass.getuser(),
        why=why,
        kind=kind,
        content=content,
        screen=screen,
    )


@app.command()
def follow(
    billnums: Annotated[
        list[str] | None,
        typer.Argument(metavar="[BILLNUM]...", help="Look these up one by one.", show_default=False),
    ] = None,
    *,
    date: Annotated[
        list[dt.datetime] | None,
        typer.Option(
            "--date", formats=["%Y-%m-%d"], help="Ask for the changes of this day; may be repeated."
        ),
    ] = None,
    since: Annotated[
        dt.datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Ask for the changes of every day from this one to today."),
    ] = None,
    consume: Annotated[
        bool,
        typer.Option(
            "--consume",
            envvar="ROPO_CONSUME_STATUS_UPDATES",
            help="Agree to read all changes not yet read, which the service then gives to nobody else.",
        ),
    ] = False,
    pdf: Annotated[
        bool, typer.Option("--pdf", help="Fetch the archived PDF of each BILLNUM into --out.")
    ] = False,
    target: _Target = Target.SANDBOX,
    country: _Country = Country.FI,
    profile: Annotated[
        str | None,
        typer.Option(
            envvar="ROPO_PROFILE",
            metavar="NAME|FILE",
            help="A profile; its [following] may agree to that too.",
        ),
    ] = None,
    out: _Out = None,
    ledger: _Ledger = None,
    _language: _Language = None,
) -> None:
    """Ask what became of accepted invoices: open, reminded, in collection, paid, credited, refused later."""
    from pipeline.findings import refuse  # noqa: PLC0415 - start-up time
    from pipeline.follow import ask as following  # noqa: PLC0415 - start-up time
    from pipeline.follow.pdfs import fetch_pdfs  # noqa: PLC0415 - start-up time

    days = [each.date() for each in date or []] + (following.days_since(since.date()) if since else [])
    numbers = billnums or []
    if (numbers and (date or since)) or (pdf and not numbers):
        raise refuse("follow-choice")
    options, screen = _options("follow", [], target, country, profile, out, ledger)
    if pdf:
        raise typer.Exit(fetch_pdfs(options, numbers, screen))
    raise typer.Exit(following.follow(options, numbers, days, consume=consume, screen=screen))


@app.command()
def history(billnum: _Billnum, *, ledger: _Ledger = None, _language: _Language = None) -> None:
    """Show everything that ever happened to a bill number."""
    from pipeline import commands  # noqa: PLC0415 - start-up time

    url, _, screen = _places(ledger, None)
    raise typer.Exit(commands.history(url, billnum, screen))


@app.command()
def report(
    run_id: Annotated[
        str | None, typer.Argument(metavar="[RUN]", help="A run's id.", show_default="the last")
    ] = None,
    *,
    out: _Out = None,
    ledger: _Ledger = None,
    _language: _Language = None,
) -> None:
    """Write the report of a run again, from the ledger."""
    from pipeline import commands  # noqa: PLC0415 - start-up time

    url, folder, screen = _places(ledger, out)
    commands.report(url, run_id, folder, screen)


@app.command()
def inbox(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder of inbox.toml, inbox, done and attention.")
    ],
    *,
    once: Annotated[
        bool, typer.Option("--once", help="Take what is there, then end; otherwise watch until stopped.")
    ] = False,
    ledger: _Ledger = None,
    metrics: Annotated[
        Path | None, typer.Option(envvar="ROPO_METRICS", metavar="FILE", help="Textfile for Prometheus.")
    ] = None,
    log: Annotated[
        Path | None,
        typer.Option(
            envvar="ROPO_LOG",
            metavar="FILE",
            help="Log of JSON lines, appended to.",
            show_default="standard error",
        ),
    ] = None,
    _language: _Language = None,
) -> None:
    """Take complete exports out of DIR/inbox, run each once, put it away with its report, tell people."""
    from pipeline.commands import take_exports  # noqa: PLC0415 - start-up time

    url, _, _ = _places(ledger, None)
    raise typer.Exit(take_exports(folder, url, once=once, metrics=metrics, log=log))


@app.command()
def doctor(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder of inbox.toml, inbox, done and attention.")
    ],
    *,
    ledger: _Ledger = None,
    metrics: Annotated[
        Path | None, typer.Option(envvar="ROPO_METRICS", metavar="FILE", help="Textfile for Prometheus.")
    ] = None,
    log: Annotated[
        Path | None, typer.Option(envvar="ROPO_LOG", metavar="FILE", help="Log of JSON lines.")
    ] = None,
    _language: _Language = None,
) -> None:
    """Check everything that a night needs, without sending anything."""
    from pipeline.commands import examine  # noqa: PLC0415 - start-up time

    url, _, _ = _places(ledger, None)
    raise typer.Exit(examine(folder, url, metrics=metrics, log=log))


@app.command()
def purge(
    *,
    before: Annotated[dt.datetime, typer.Option(formats=["%Y-%m-%d"], help="The first day that is kept.")],
    ledger: _Ledger = None,
    _language: _Language = None,
) -> None:
    """Forget the contents of old invoices; the proof of what was sent stays."""
    from pipeline import commands  # noqa: PLC0415 - start-up time

    url, _, screen = _places(ledger, None)
    commands.purge(url, before.date(), screen)


@app.command()
def sandbox(
    *,
    port: Annotated[
        int, typer.Option(envvar="ROPO_SANDBOX_PORT", min=0, max=65535, help="Port; 0 takes a free one.")
    ] = 8024,
    state: Annotated[
        Path | None,
        typer.Option(
            envvar="ROPO_SANDBOX_STATE",
            help="File that keeps what it accepted.",
            show_default="one for each user",
        ),
    ] = None,
    faults: Annotated[
        str | None,
        typer.Option(
            envvar="ROPO_SANDBOX_FAULTS",
            metavar="FILE|seed:N",
            help="Misbehave: as a file says, or at random from a seed.",
        ),
    ] = None,
) -> None:
    """Run a small Ropo One on this machine, to rehearse with. Nothing leaves the machine."""
    from pipeline.sandbox.faults import parse  # noqa: PLC0415 - start-up time
    from pipeline.sandbox.server import serve_forever  # noqa: PLC0415 - start-up time
    from pipeline.settings import sandbox_state  # noqa: PLC0415 - start-up time

    serve_forever(state or sandbox_state(), port=port, faults=parse(faults) if faults else None)


def _run(
    command: str,
    inputs: list[Path],
    target: Target,
    country: Country,
    profile: str | None,
    out: Path | None,
    ledger: str | None,
    *,
    quiet: bool = False,
    as_json: bool = False,
    **more: Any,
) -> None:
    from pipeline.findings import Refusal  # noqa: PLC0415 - start-up time
    from pipeline.flow import run as run_flow  # noqa: PLC0415 - start-up time
    from pipeline.screens.plain import make_screen  # noqa: PLC0415 - start-up time

    options, _ = _options(command, inputs, target, country, profile, out, ledger, **more)
    screen = make_screen(quiet=quiet, as_json=as_json)
    try:
        code = run_flow(options, screen)
    except Refusal as refusal:
        screen.refused(refusal.finding)
        raise
    raise typer.Exit(code)


def _options(
    command: str,
    inputs: list[Path],
    target: Target,
    country: Country,
    profile: str | None,
    out: Path | None,
    ledger: str | None,
    **more: Any,
) -> tuple[Options, Screen]:
    """What the flow is asked for, with the default places."""
    from pipeline.options import Options  # noqa: PLC0415 - start-up time

    url, folder, screen = _places(ledger, out)
    options = Options(
        command=command,
        inputs=tuple(inputs),
        target=target,
        country=country,
        profile=profile,
        out=folder,
        ledger=url,
        **more,
    )
    return options, screen


def _places(ledger: str | None, out: Path | None) -> tuple[str, Path, Screen]:
    """The ledger's URL, the report's folder and the screen."""
    from pipeline.screens.terminal import Screen  # noqa: PLC0415 - start-up time
    from pipeline.settings import default_ledger  # noqa: PLC0415 - start-up time

    moment = dt.datetime.now().astimezone().strftime("%Y-%m-%dT%H%M%S")
    folder, again = Path("out") / moment, 1
    while out is None and folder.exists():  # another run of the same second
        again += 1
        folder = Path("out") / f"{moment}-{again}"
    return ledger or default_ledger(), out or folder, Screen()
