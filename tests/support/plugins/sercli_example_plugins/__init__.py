"""A package that brings classifiers, each in one file. It is installed where the folder above is on the path."""
