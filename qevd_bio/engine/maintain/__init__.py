"""Look after a work folder: status, failures, collection, archives, provenance."""
