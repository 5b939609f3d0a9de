"""Executors: where units of work run. One file per executor, and `base.py`, the contract; it may import `machine` and below.

An executor of another package is a module under the entry-point group `sercli.executors`; `--executor NAME` chooses it.
"""
