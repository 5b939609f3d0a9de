"""One module per command: `run` reads options, plans products, has them made and published.

A stage may import everything but the command line. It imports no other stage; `sweep` and `export` may, since they run other
commands' work.
"""
