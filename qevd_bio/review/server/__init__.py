"""The review page: a local server for annotators."""
