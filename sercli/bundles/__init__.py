"""Bundles: a classifier in a folder of its own (`bundle`), frames of sound files outside any store (`file_frames`), and how the
models of a bundle label them (`labeller`). May import: experiments and everything below.
"""
