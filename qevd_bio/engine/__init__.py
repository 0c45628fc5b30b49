"""Stage contract, identity, store, plan and local execution. Knows no stage."""
