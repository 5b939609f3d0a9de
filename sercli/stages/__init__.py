"""One module per command: `run` reads options, plans products, has them made and published.

A stage may import everything but the command line. It imports no other stage, except `sweep` and `sweep_plan`, which run
other commands' work.
"""
