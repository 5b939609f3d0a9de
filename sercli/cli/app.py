"""Commands as classes: what registers them, and how `--help` prints them."""

import sys
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

import typer
from typer.core import TyperCommand

from .. import __version__
from .option_groups import PANELS, OptionGroup

C = TypeVar("C", bound=type[OptionGroup])
COMMANDS: dict[str, type[OptionGroup]] = {}  # by name, in the order of `sercli --help`

_HYPHEN = "\N{NON-BREAKING HYPHEN}"  # while lines are broken, so that a value such as speaker-10-fold stays whole

app = typer.Typer(name="sercli", add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


def command(name: str, summary: str, example: str) -> Callable[[C], C]:
    """Make a class of options a command. `summary` is for the list of commands, `example` a command line that works."""

    def register(options: C) -> C:
        COMMANDS[name] = options
        app.command(name, cls=GroupedCommand, short_help=summary, epilog=example)(options)
        return options

    return register


class GroupedCommand(TyperCommand):
    """A command whose help lists options by group, prints the defaults of the dataclasses that own them, and ends with an example."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        options = COMMANDS[str(self.name)]
        # Help prints `default_map` as defaults. It is empty while words are read: an option that is not given stays None.
        ctx.default_map = options.defaults()
        panels = options.panels()
        rows: dict[str, list[tuple[str, str]]] = {}
        if values := options.values_of_set():
            rows["Values of --set"] = [
                (name, ", ".join(map("=".join, words.items()))) for name, words in values.items()
            ]
        order = [*panels, "help"]
        for parameter in sorted(self.get_params(ctx), key=lambda parameter: order.index(parameter.name)):
            is_argument = parameter.param_type_name == "argument"
            panel = "Arguments" if is_argument else panels.get(parameter.name, "Output")
            flag, text = parameter.get_help_record(ctx) or ("", "")
            rows.setdefault(panel, []).append((flag, text.replace("-", _HYPHEN)))
        for panel in sorted(rows, key=PANELS.index):
            with formatter.section(panel):
                formatter.write_dl(rows[panel])
        formatter.buffer = [text.replace(_HYPHEN, "-") for text in formatter.buffer]

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Example"):
            formatter.write(f"  {self.epilog}\n")

    def invoke(self, ctx: Any) -> None:
        options: OptionGroup = super().invoke(ctx)
        try:
            options.run()
            sys.stdout.flush()
        except OSError as error:
            error.filename = error.filename or getattr(options, "store", None)
            raise


@app.callback(invoke_without_command=True, add_help_option=False)  # Typer's own --help would load Pydantic: 0.1 s
def root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
    show_help: Annotated[bool, typer.Option("--help", help="Show this message and exit.")] = False,
) -> None:
    """From a folder of emotional speech to honest, reproducible emotion-recognition scores, one command per step."""
    if version:
        print(f"sercli {__version__}")
    elif context.invoked_subcommand is None:
        typer.echo(context.get_help(), err=not show_help)
        raise typer.Exit(0 if show_help else 2)
