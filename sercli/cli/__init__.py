"""The command line. It may import everything else.

`commands.py` lists the modules with commands in the order of `sercli --help`: `corpus_commands`, `training_commands`,
`score_commands`, `use_commands`. A command is a class in one of them: a dataclass that inherits the groups of options that
it takes from `option_groups.py`, declares its own, and calls one stage. `app.py` makes it a command and prints help;
`run.py` runs a command line, prints errors and decides the exit code.
"""
