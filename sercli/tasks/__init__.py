"""Tasks: what is recognised in a corpus, and the folds that it is tested on.

- `protocols`: how a corpus is cut into folds; a new protocol is one function and one entry of its table.
- `task`: target, classes, subset and protocol, and the name of a task.
- `classes`: the class of each utterance in a task.
- `confounds`: what else than emotion may tell a label: who speaks, and which sentence.
- `folds`: one split, and all splits of a task.
- `folds_file`: folds from a table that somebody else made.
- `apart`: folds that share no sentence, or value of another column.
- `training_parts`: smaller training parts, for learning curves.
- `splitting`: a task and a corpus make folds.
- `summary`: a corpus in a few numbers.

They may import `data`, `formats`, `config`, `errors` and `text`; they know no store, no array and no command.
"""
