"""The options of a run, a file for each of its components; `schema` assembles them."""
