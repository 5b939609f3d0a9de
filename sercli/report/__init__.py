"""Values to text, tables, pictures and the page of `sercli report`.

May import `evaluation`, `bundles`, `exports` and everything below; the only package that imports matplotlib and jinja2.
"""
