"""The Croissant description of a release: croissant.json, which data set tools read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

import pyarrow as pa

from qevd_bio.files.strict_json import JsonValue
from qevd_bio.release.features import plain_type
from qevd_bio.released.contents import SPLITS, Contents
from qevd_bio.tables.published import TABLES
from qevd_bio.tables.published_table import PublishedTable

CONFORMS_TO = "http://mlcommons.org/croissant/1.1"

_CROISSANT_TERMS = (
    "arrayShape", "citeAs", "column", "containedIn", "equivalentProperty", "extract", "field",
    "fileProperty", "fileObject", "fileSet", "format", "includes", "isArray", "isLiveDataset",
    "jsonPath", "key", "md5", "parentField", "path", "recordSet", "references", "regex",
    "repeated", "replace", "samplingRate", "separator", "source", "subField", "transform",
)  # fmt: skip

_CONTEXT: dict[str, JsonValue] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "conformsTo": "dct:conformsTo",
    "name": {"@container": "@language"},
    "description": {"@container": "@language"},
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    **{term: f"cr:{term}" for term in _CROISSANT_TERMS},
}

_ENCODINGS = {
    ".parquet": "application/x-parquet",
    ".json": "application/json",
    ".md": "text/markdown",
    ".npy": "application/octet-stream",
}

_DESCRIPTION = (
    "Coaching sentences for exercise videos, each tied to what was measured on the video: joint "
    "angles of every frame, repetitions, and the constraints checked on each repetition."
)

_LICENCE: dict[str, JsonValue] = {
    "@type": "sc:CreativeWork",
    "name": "Terms of QEVD",
    "description": (
        "Whoever uses this release must hold the licence of the QEVD data set, and may pass the "
        "release on only as that licence allows."
    ),
}


def croissant(contents: Contents, files: Mapping[str, tuple[int, str]]) -> dict[str, JsonValue]:
    """Describe a release in Croissant 1.1.

    Parameters
    ----------
    contents : Contents
        What the release holds.
    files : mapping of str to (int, str)
        Size in bytes and sha256 of every file to be named, by its path in the release.

    Returns
    -------
    dict
        JSON-LD: a file object for every file, a file set and a record set for every table with
        rows; the split is a field of every record. Croissant asks for ``url`` and
        ``datePublished``; readers warn where `Contents` has none.
    """
    filled = [TABLES[name] for name in contents.filled()]
    optional = {"datePublished": contents.date, "url": contents.url}
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": CONFORMS_TO,
        "name": "qevd_bio",
        "description": _DESCRIPTION,
        "version": contents.version,
        "creator": {"@type": "sc:Organization", "name": "The qevd_bio developers"},
        "license": _LICENCE,
        "inLanguage": "en",
        "keywords": ["biomechanics", "exercise", "coaching", "human pose"],
        **{key: value for key, value in optional.items() if value is not None},
        "distribution": [
            *(_file_object(path, *files[path]) for path in sorted(files)),
            *(_file_set(table.name) for table in filled),
        ],
        "recordSet": [
            _splits(tuple(contents.videos)),
            *(_record_set(table, contents.left_out.get(table.name, ())) for table in filled),
        ],
    }


def _file_object(path: str, size: int, sha256: str) -> JsonValue:
    return {
        "@type": "cr:FileObject",
        "@id": path,
        "name": path,
        "contentUrl": path,
        "contentSize": f"{size} B",
        "encodingFormat": _ENCODINGS[PurePosixPath(path).suffix],
        "sha256": sha256,
    }


def _file_set(config: str) -> JsonValue:
    return {
        **_node("FileSet", f"{config}-shards", f"Every shard of {config}."),
        "encodingFormat": _ENCODINGS[".parquet"],
        "includes": f"{config}/*.parquet",
    }


def _splits(names: Sequence[str]) -> JsonValue:
    return {
        **_node("RecordSet", "splits", "The splits of the release; no video is in two."),
        "dataType": "cr:Split",
        "key": {"@id": "splits/split"},
        "field": [
            {**_node("Field", "splits/split", "Name of the split."), "dataType": "sc:Text"},
        ],
        "data": [{"splits/split": name} for name in names],
    }


def _record_set(table: PublishedTable, left_out: Sequence[str]) -> JsonValue:
    config = table.name
    source = {"fileSet": {"@id": f"{config}-shards"}}
    split: dict[str, JsonValue] = {
        **_node("Field", f"{config}/split", "Split the row belongs to."),
        "dataType": "sc:Text",
        "source": {
            **source,
            "extract": {"fileProperty": "filename"},
            # A filter by split becomes a glob of file names, which takes no more than this.
            "transform": {"regex": rf"^({'|'.join(SPLITS)})-.+\.parquet$"},
        },
    }
    fields = [
        _field(f"{config}/{field.name}", field, source)
        for field in table.schema
        if field.name not in left_out
    ]
    record_set: dict[str, JsonValue] = {
        **_node("RecordSet", config, f"The table {config}, sorted by {', '.join(table.order)}."),
        "field": [split, *fields],
    }
    if table.is_sorted_by_key:
        record_set["key"] = [{"@id": f"{config}/{name}"} for name in table.key]
    return record_set


def _field(path: str, field: pa.Field, source: Mapping[str, JsonValue]) -> JsonValue:
    described = _described(path, field)
    kind = field.type
    if pa.types.is_list(kind):
        described |= {"isArray": True, "arrayShape": "-1"}
        kind = kind.value_type
    extract: dict[str, JsonValue] = {**source, "extract": {"column": field.name}}
    if not pa.types.is_struct(kind):
        return {**described, "dataType": plain_type(kind).croissant, "source": extract}
    described["subField"] = [
        {
            **_described(f"{path}/{inner.name}", inner),
            "dataType": plain_type(inner.type).croissant,
            "source": {**extract, "transform": {"jsonPath": inner.name}},
        }
        for inner in kind
    ]
    return described


def _described(path: str, field: pa.Field) -> dict[str, JsonValue]:
    unit = field.metadata.get(b"unit", b"").decode()
    text = field.metadata[b"description"].decode()
    return _node("Field", path, f"{text} [{unit}]" if unit else text)


def _node(kind: str, path: str, about: str) -> dict[str, JsonValue]:
    """Write what every node has; its name is the last part of its path."""
    name = path.rpartition("/")[2]
    return {"@type": f"cr:{kind}", "@id": path, "name": name, "description": about}
