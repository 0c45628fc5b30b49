"""Describes a file of the wrong kind by its first bytes."""

from __future__ import annotations


def looks_like(head: bytes) -> str:
    """Describe up to 512 first bytes by a clause such as "is packed with gzip", for an error."""
    start = head.lstrip().lower()
    if not head:
        return "is empty"
    if start.startswith((b"<!doctype", b"<html", b"<?xml", b"<head")):
        return "is a web page, perhaps the log-in page of the download"
    if head.startswith(b"\x1f\x8b"):
        return "is packed with gzip"
    if head.startswith(b"PK"):
        return "is a zip file"
    if head.startswith(b"version https://git-lfs"):
        return "is a pointer of Git LFS, not the file itself"
    if all(32 <= byte < 127 or byte in b"\t\r\n" for byte in head):
        return f"is text that begins {head[:40].decode('ascii')!r}"
    return "is of an unknown kind"
