"""Experiments on a store: which systems there are, what they are made of, and how products are brought up to date.

`configs` holds the configurations, `catalogue` the features and tasks of a store, `systems` autoencoders and classifiers as
objects that know their products, `resolve` turns options into such objects, `naming` spells names and commands, `kinds` lists
all kinds of products, `reading` and `fitted` read what models read and save what was fitted, `grids` reads grids, `making` runs
units of work. May import: everything below, but no report, no evaluation and no stage.
"""
