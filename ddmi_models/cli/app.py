"""Commands put together, and the only place where errors become exit codes. Nothing here imports torch or rich."""

from __future__ import annotations

import io
import os
import sys

import typer

from ddmi_models.cancel import WorkCancelled
from ddmi_models.cli import data, derive, evaluate, generate, machine, models, runs
from ddmi_models.cli.session import interrupt, say, wants_traceback
from ddmi_models.devices import share_processor
from ddmi_models.errors import EngineError

FAILED, WRONG_USAGE = 1, 2

app = typer.Typer(
    name="ddmi",
    help="Continuous generative models: one sample, rendered at any resolution.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("doctor")(machine.doctor)
app.add_typer(models.app, name="models")
app.command("generate")(generate.generate)
app.command("render")(generate.render)
app.command("encode")(derive.encode)
app.command("interpolate")(derive.interpolate)
app.command("mix")(derive.mix)
app.command("vary")(derive.vary)
app.add_typer(data.app, name="data")
app.command("train")(runs.train)
app.add_typer(runs.app, name="runs")
app.command("evaluate")(evaluate.evaluate)


def main() -> None:
    """Run the command line and exit."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # names of files may be no text; stderr does so anyway
    sys.exit(run())


def run() -> int:
    """Run the command line; returns the exit code."""
    share_processor()
    with interrupt.listening():
        try:
            code = app(standalone_mode=False)
        except typer.Exit as end:
            return end.exit_code
        except typer.TyperException as error:
            say(_usage(error))
            return getattr(error, "exit_code", WRONG_USAGE)
        except (WorkCancelled, KeyboardInterrupt, typer.Abort):
            say("Interrupted.")
            return interrupt.exit_code
        except EngineError as error:
            say(f"Error: {error}")
            return FAILED
        except BrokenPipeError:  # the reader of our output has gone, for instance `| head`
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return FAILED
        except Exception as error:
            if wants_traceback():
                raise
            say(f"Error: something unexpected went wrong ({type(error).__name__}: {error}). --debug shows more.")
            return FAILED
    return code if isinstance(code, int) else 0


def _usage(error: typer.TyperException) -> str:
    """What was wrong with the call, and where help is."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "ddmi"
    format_message = getattr(error, "format_message", None)
    message = format_message() if format_message is not None else str(error)
    return f"Usage: {message} See `{command} --help`."
