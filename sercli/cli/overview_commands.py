"""Overviews of a store, of the corpora that can be read, and of this machine: info, corpora, doctor."""

from pathlib import Path

from typer import Argument

from .app import command
from .option_groups import STORE, JsonOption
from .output import print_json, terminal_width


@command("info", "Show a store and the next command", "sercli info store/")
class InfoCommand(JsonOption):
    """Show what a store contains, how big it is, what is stale or missing, and the next command to run."""

    store: Path = STORE

    def run(self) -> None:
        from ..stages import info

        overview = info.run(self.store)
        print_json(overview.as_json()) if self.as_json else print(overview.text(terminal_width()))


@command("corpora", "List the corpora that can be read", "sercli corpora emodb")
class CorporaCommand(JsonOption):
    """List the corpora that `sercli ingest` can read: size, speakers, labels, licence, and where to request them."""

    corpus: str | None = Argument(
        None, metavar="KIND", help="One corpus, with its whole card.", show_default="a list of all corpora"
    )

    def run(self) -> None:
        from ..stages import corpora

        cards = corpora.run(self.corpus)
        if self.as_json:
            print_json([{"name": name, **card._asdict()} for name, card in cards.items()])
        else:
            from ..report.overviews import card_text, corpora_table

            text = (
                "\n\n".join(map(card_text, cards.values())) if self.corpus else corpora_table(cards, terminal_width())
            )
            print(text)


@command("doctor", "Show what this machine offers", "sercli doctor")
class DoctorCommand(JsonOption):
    """Show cores, memory, disk, devices and versions of this machine, and which of them sercli can use."""

    def run(self) -> None:
        from ..stages import doctor

        machine = doctor.run()
        print_json(machine.as_json()) if self.as_json else print(machine.text())
