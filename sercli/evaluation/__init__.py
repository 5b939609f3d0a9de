"""From predictions to scores: metrics, marks, results, groups over seeds, comparisons, and what latents contain.

May import `experiments` and everything below. Results are frozen dataclasses; JSON is read and written in `to_json`, `from_json` and
`stored` only.
"""
