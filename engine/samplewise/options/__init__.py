"""Options: name, kind and help of a setting, written once beside its field.

`kinds` are the values that an option may take, `fields` the definitions in dataclasses, `words` the
flat names that the command line, TOML files and environment variables use, and `settings` the
composed objects that those describe.
"""
