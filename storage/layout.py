"""Where each thing lives. Every path of the store is made here and nowhere else.

```text
<root>/
  images/<line>/<fingerprint>/<key>/      one segment: aligned images of one batch
      data-<random>/images/               Zarr uint8 (N, H, W, C), one chunk an image
      receipt.json                        written last: without it the segment does not exist
  features/<line>/<fingerprint>/<key>/    one batch of rows
      data-<random>/values/               Zarr float64 (N, M), NaN fill
      data-<random>/extras/<name>/        Zarr (N, ...)
      receipt.json
  models|masks|classifiers|thresholds|bundles|certificates|reports|references|scales|memories|trials|
  evaluations|screenings|audits|gates|periods|backfills|rivals/<key>/
      data-<random>/<files>
      receipt.json
  inspections/<line>/<bundle>/<key>/      what one run inspected, and what the bundle said
      data-<random>/rows.parquet
      receipt.json
  suspensions/<line>/<number>.json        when a certificate was suspended or lifted and why, numbered
  champions/<line>/<number>.json          every promotion, numbered; the highest is the champion
  snapshots/<line>/<number>.json          which images, by digest of their rows
  snapshots/<line>/rows/<digest>.json     the rows
  ingests/<line>/<number>.json            every ingest, what it saw and where that ended
  ledgers/<line>/files.parquet            which files were seen; only a memory, replaced whole
  roles/<line>/<fingerprint>.parquet      the role of every image ever, by settings of the roles
  quarantine/<line>/files.parquet         what is in quarantine now, replaced whole
  quarantine/<line>/<number>.json         every decision of a person on it, numbered
  labels/<line>/<number>.json             every change of a label, who made it and why, numbered
  looks/<number>.json                     every look at any certification set, numbered
  removals/<number>.json                  what garbage collection removed, when and why, numbered
  removals/marked.json                    what it will remove, and since when; replaced whole
  probes/<random>                         what `zeroescape doctor` writes, reads and removes
  workplaces/<key>/                       scratch for resumable work; not an artefact
  locks/<key>                             locked while one process works on the key; who that is, or was
```

`fingerprint` names what made the entry (settings, code, model), `key` its content. Two writers of
one key write into two `data-<random>` folders and the receipt names the one that counts.
"""

from __future__ import annotations

import re
from typing import Literal, get_args

from storage.errors import InvalidEntryError

Kind = Literal[
    "models",
    "masks",
    "classifiers",
    "thresholds",
    "bundles",
    "certificates",
    "reports",
    "references",
    "scales",
    "memories",
    "trials",
    "evaluations",
    "screenings",
    "audits",
    "gates",
    "backfills",
    "periods",
    "rivals",
]
KINDS: tuple[Kind, ...] = get_args(Kind)

RECEIPT = "receipt.json"
DATA_PREFIX = "data-"
CHAMPIONS = "champions"
SUSPENSIONS = "suspensions"
SNAPSHOTS = "snapshots"
WORKPLACES = "workplaces"
LOCKS = "locks"
IN_USE = "store-in-use"
INGESTS = "ingests"
LEDGERS = "ledgers"
ROLE_BOOKS = "roles"
QUARANTINE = "quarantine"
LABELS = "labels"
LOOKS = "looks"
REMOVALS = "removals"
MARKED = f"{REMOVALS}/marked.json"
PROBES = "probes"
# Folders with entries, hence with data folders; and all where a killed writer may leave a file.
ENTRY_FOLDERS = ("images", "features", "inspections", *KINDS)
SWEPT_FOLDERS = (
    *ENTRY_FOLDERS,
    CHAMPIONS,
    SUSPENSIONS,
    SNAPSHOTS,
    INGESTS,
    LEDGERS,
    ROLE_BOOKS,
    QUARANTINE,
    LABELS,
    LOOKS,
    REMOVALS,
    PROBES,
)

_NAME = re.compile(r"[A-Za-z0-9_-]{1,128}")
_FILE_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,127}")
_NUMBERED = re.compile(r"(\d{6,})\.json")


def image_entries(line: str, fingerprint: str) -> str:
    """Folder of all segments of one line under one fingerprint."""
    return f"images/{valid_name(line)}/{valid_name(fingerprint)}"


def feature_entries(line: str, fingerprint: str) -> str:
    """Folder of all feature batches of one line under one fingerprint."""
    return f"features/{valid_name(line)}/{valid_name(fingerprint)}"


def inspection_entries(line: str, bundle: str) -> str:
    """Folder of all inspections of one line by one bundle."""
    return f"inspections/{valid_name(line)}/{valid_name(bundle)}"


def suspensions(line: str) -> str:
    """Folder of all suspensions of a line's certificates."""
    return f"{SUSPENSIONS}/{valid_name(line)}"


def artefact_entry(kind: Kind, key: str) -> str:
    """Folder of one model, mask, classifier, threshold, bundle or report."""
    return f"{valid_kind(kind)}/{valid_name(key)}"


def champions(line: str) -> str:
    """Folder of a line's promotions."""
    return f"{CHAMPIONS}/{valid_name(line)}"


def snapshots(line: str) -> str:
    """Folder of a line's snapshots."""
    return f"{SNAPSHOTS}/{valid_name(line)}"


def snapshot_rows(line: str, digest: str) -> str:
    """Path of the rows of a snapshot; snapshots of the same rows share it."""
    return f"{snapshots(line)}/rows/{valid_name(digest)}.json"


def ingests(line: str) -> str:
    """Folder of a line's ingests."""
    return f"{INGESTS}/{valid_name(line)}"


def file_ledger(line: str) -> str:
    """Path of the table of the files that were seen."""
    return f"{LEDGERS}/{valid_name(line)}/files.parquet"


def role_book(line: str, roles_fingerprint: str) -> str:
    """Path of the roles that images of a line ever had under one setting of the roles."""
    return f"{ROLE_BOOKS}/{valid_name(line)}/{valid_name(roles_fingerprint)}.parquet"


def quarantine(line: str) -> str:
    """Folder of a line's quarantine: the decisions on it, and the table."""
    return f"{QUARANTINE}/{valid_name(line)}"


def quarantine_table(line: str) -> str:
    """Path of the table of a line's quarantined files."""
    return f"{quarantine(line)}/files.parquet"


def label_changes(line: str) -> str:
    """Folder of all changes of labels of a line."""
    return f"{LABELS}/{valid_name(line)}"


def numbered(folder: str, number: int) -> str:
    """Path of the numbered file; zero-padded, so that a listing is in order."""
    return f"{folder}/{number:06d}.json"


def number_of(path: str) -> int | None:
    """Return the number of a numbered file, None for any other file."""
    found = _NUMBERED.fullmatch(path.rpartition("/")[2])
    return int(found.group(1)) if found else None


def valid_name(name: str) -> str:
    """Name itself; InvalidEntryError unless it is 1 to 128 letters, digits, '-' and '_'."""
    if not _NAME.fullmatch(name):
        raise InvalidEntryError(
            f"{name!r} cannot be a name in the store.", "Use letters, digits, '-' and '_' only."
        )
    return name


def valid_kind(kind: Kind) -> Kind:
    """Kind itself; InvalidEntryError unless it is one."""
    if kind not in KINDS:
        raise InvalidEntryError(f"{kind!r} is no kind of artefact.", f"Use one of {KINDS}.")
    return kind


def valid_file_name(name: str) -> str:
    """Relative path itself; InvalidEntryError where a part could leave the entry's folder."""
    if not all(_FILE_NAME.fullmatch(part) for part in name.split("/")):
        raise InvalidEntryError(
            f"{name!r} cannot be a file in the store.",
            "Use relative paths of letters, digits, '-', '_' and '.', no part starting with '.'.",
        )
    return name
