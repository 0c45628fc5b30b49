"""Rules of the exercises: schema, loading, names, references."""
