"""`broker`: one command for everything an operator does. Errors are one sentence and what to do; exit code 2.

Exit codes: 0 done; 1 checked and found wrong; 2 refused or not possible; 75 (only `serve`) there is no database now.
"""

import logging
import sys

import typer

from broker import observability
from broker.errors import BrokerError, Invalid

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Rondom: releases case summaries only when signed consent and the agreement both say yes.",
)


def _furnish() -> None:
    """Commands are imported here, so that `broker --help` stays quick."""
    from broker.cli import (
        ask,
        audit,
        client_keys,
        copies,
        demo,
        directory,
        erase,
        folds,
        indicators,
        invite,
        keys,
        policies,
        push,
        serve,
        themes,
        webhooks,
        witness,
    )

    app.add_typer(keys.app, name="keys")
    app.add_typer(policies.app, name="policies")
    app.add_typer(audit.app, name="audit")
    app.add_typer(folds.app, name="folds")
    app.add_typer(directory.organisations, name="organisations")
    app.add_typer(directory.officers, name="officers")
    serve.database.command("backup")(copies.backup)
    serve.database.command("restore")(copies.restore)
    app.add_typer(serve.database, name="db")
    app.add_typer(webhooks.app, name="webhooks")
    app.add_typer(witness.app, name="witness")
    app.add_typer(themes.app, name="theme")
    app.add_typer(demo.app, name="demo")
    app.command("serve")(serve.serve)
    app.command("push")(push.push)
    app.command("ask")(ask.ask)
    app.command("inbox")(ask.inbox)
    app.command("invite")(invite.invite)
    app.command("client-keys")(client_keys.client_keys)
    app.command("open")(client_keys.open_sealed)
    app.command("erase")(erase.erase)
    app.command("indicators")(indicators.indicators)


def main() -> None:
    """The entry point."""
    observability.set_up(least=logging.WARNING)
    _furnish()
    try:
        app()
    except Invalid as error:
        for fault in error.faults:
            sys.stderr.write(f"{fault.pointer or '/'}: {fault.words.en}\n")
        sys.exit(2)
    except BrokerError as error:
        sys.stderr.write(f"{error.words.en}\n")
        sys.exit(2)
