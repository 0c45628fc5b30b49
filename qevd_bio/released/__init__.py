"""A release on the disk: its files, manifest, rows and tables, for whoever reads one."""
