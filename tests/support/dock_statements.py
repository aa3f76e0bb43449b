"""One statement of each kind, the same in every run."""

from chain_of_custody.digests import Digests, sha256_hex
from chain_of_custody.statements import Clearing, DockingReport, Inventory, Manifest, Statement, sign_statement
from tests.support.naive_log import ORIGIN, make_id, make_key

HEADER = {
    "origin": ORIGIN,
    "dock_id": make_id("dock"),
    "docking_id": make_id("docking"),
    "time": "2026-11-24T08:00:00.000000Z",
}
FILE = b"the bytes of one recording\n"
PATH_B64 = "RENJTS8wMDAxLm1wNA=="
CLAIM = {"name": "officer", "value": "123456", "source": "name:gat947"}
FINDING = {"code": "NAME_UNPARSED", "severity": "warning", "where": "DCIM/0001.mp4", "message": "no known pattern"}
MTIME = {"local": "2026-11-24T15:59:58", "source": "exfat", "utc_offset": "+08:00", "uncertainty_s": 2}
DIGESTS = Digests(sha256_hex(FILE))
VOLUME = {
    "root": "/media/recorder",
    "fs_type": "exfat",
    "fs_uuid": "1234-ABCD",
    "device": "/dev/sdb1",
    "label": None,
    "mount_options": "ro,nosuid,nodev,noexec",
    "read_only": True,
    "hardware_serial": "0001F00D",
    "usb": {"vendor": "1d6b", "product": "0104"},
}
FILES = (
    {
        "path_b64": PATH_B64,
        "path": "DCIM/0001.mp4",
        "kind": "file",
        "size": len(FILE),
        "mtime": MTIME,
        "state": "found",
        "reason": None,
    },
    {
        "path_b64": "/w==",
        "path": "\\xff",
        "kind": "symlink",
        "size": None,
        "mtime": None,
        "state": "finding",
        "reason": "a symbolic link",
    },
)
INVENTORY = Inventory(
    **HEADER,
    counter=1,
    volume=VOLUME,
    profile="gat947",
    claims=(CLAIM,),
    files=FILES,
    findings=(FINDING,),
    clock={"dock_time": HEADER["time"], "offset_s": 0},
)
MANIFEST = Manifest(
    **HEADER,
    counter=2,
    inventory_sha256=sha256_hex(sign_statement(INVENTORY, make_key("dock")).to_bytes()),
    path_b64=PATH_B64,
    path="DCIM/0001.mp4",
    size=len(FILE),
    digests=DIGESTS,
    mtime=MTIME,
    claims=(CLAIM,),
    findings=(FINDING,),
)
REPORT = DockingReport(
    **HEADER,
    counter=3,
    found=2,
    sealed=1,
    already_sealed=0,
    waiting=0,
    failed=({"path_b64": "/w==", "reason": "cannot be read"},),
    findings=(FINDING,),
)
CLEARING = Clearing(
    **HEADER, counter=4, evidence_id=make_id("recording 3"), path_b64=PATH_B64, size=len(FILE), digests=DIGESTS
)
STATEMENTS: tuple[Statement, ...] = (INVENTORY, MANIFEST, REPORT, CLEARING)
