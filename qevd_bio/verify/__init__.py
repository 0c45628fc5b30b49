"""Prove a release: files, tables, links, descriptions and source."""
