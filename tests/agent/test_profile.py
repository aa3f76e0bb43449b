"""What a recorder's names and layout claim, and that no name is ever too strange to be looked at."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.recorders.profile import UNKNOWN, has_media, load_profiles, parse_profile, read_name, recognise
from tests.support.hostile import mutate, quick

REAL = b"3100457_01420720261123140320_0001.MP4"
GOLDEN: list[tuple[str, dict[str, str], tuple[str, ...]]] = [
    (
        "20261123/3100457_01420720261123140320_0001.MP4",
        {"serial": "3100457", "officer": "014207", "started_local": "2026-11-23T14:03:20", "sequence": "0001"},
        (),
    ),
    (
        "3100457_01420720261123140320_0012IMP.mp4",
        {
            "serial": "3100457",
            "officer": "014207",
            "started_local": "2026-11-23T14:03:20",
            "sequence": "0012",
            "mark": "IMP",
        },
        (),
    ),
    (
        "3100457_014207_20261123140320_0001.wav",
        {"serial": "3100457", "officer": "014207", "started_local": "2026-11-23T14:03:20", "sequence": "0001"},
        (),
    ),
    (
        "014207_3100457_20261123140320_0001.jpg",
        {"serial": "3100457", "officer": "014207", "started_local": "2026-11-23T14:03:20", "sequence": "0001"},
        (),
    ),
    (
        "0000000_00000020240508132920_0006.mp4",
        {"started_local": "2024-05-08T13:29:20", "sequence": "0006"},
        ("DEVICE_IDENTITY_UNSET",),
    ),
    (
        "3100457_01420720261399140320_0001.mp4",
        {"serial": "3100457", "officer": "014207", "sequence": "0001"},
        ("NAME_TIME_IMPOSSIBLE",),
    ),
    ("20261123140320_0001.mp4", {"started_local": "2026-11-23T14:03:20", "sequence": "0001"}, ()),
    ("20261123_140320_7.mov", {"started_local": "2026-11-23T14:03:20", "sequence": "7"}, ()),
    ("zhang@2026-11-23_14-03-20.mp4", {"officer": "zhang", "started_local": "2026-11-23T14:03:20"}, ()),
    ("DCIM/100MEDIA/MOVI0001.MP4", {"sequence": "0001"}, ()),
    ("执法记录.mp4", {}, ("NAME_UNPARSED",)),
    ("310045_01420720261123140320_0001.mp4", {}, ("NAME_UNPARSED",)),
    ("", {}, ("NAME_UNPARSED",)),
]


@pytest.mark.parametrize(("path", "claims", "codes"), GOLDEN)
def test_a_name_claims_what_its_pattern_says(path: str, claims: dict[str, str], codes: tuple[str, ...]) -> None:
    read = read_name(path.encode())
    assert {claim["name"]: claim["value"] for claim in read.claims} == claims
    assert read.codes == codes
    assert all(claim["source"].startswith("name:") for claim in read.claims)


@quick
@given(st.binary(max_size=300) | mutate(REAL))
def test_no_name_is_too_strange_to_be_read(path: bytes) -> None:
    read = read_name(path)
    assert read.claims or read.codes
    assert {claim["name"] for claim in read.claims} <= {"serial", "officer", "started_local", "sequence", "mark"}


def test_every_pattern_of_a_profile_matches_only_whole_names() -> None:
    assert read_name(REAL + b".exe").codes == ("NAME_UNPARSED",)
    assert read_name(REAL + b"\n").codes == ("NAME_UNPARSED",)


@pytest.mark.parametrize(
    ("paths", "family"),
    [
        ([b"20261123/" + REAL, b"LOG/a.log"], "zfy"),
        ([b"DCIM/100MEDIA/MOVI0001.MP4"], "dcim"),
        ([b"dcim/x/clip.mp4"], "dcim"),
        ([b"DCIM/100MEDIA/" + REAL], "zfy"),
        ([b"stuff/clip.mp4"], UNKNOWN),
        ([b"DCIM"], UNKNOWN),
        ([], UNKNOWN),
    ],
)
def test_a_volume_is_recognised_by_its_layout(paths: list[bytes], family: str) -> None:
    assert recognise(paths) == family


@quick
@given(st.lists(st.binary(max_size=60), max_size=8))
def test_any_volume_is_of_some_family(paths: list[bytes]) -> None:
    assert recognise(paths) in {UNKNOWN, *(profile.name for profile in load_profiles())}
    assert isinstance(has_media(paths), bool)


def test_media_is_told_by_its_ending() -> None:
    assert has_media([b"a.txt", b"b.MP4"])
    assert not has_media([b"a.txt", b"mp4.d/x"])


def test_a_profile_without_its_fields_is_refused() -> None:
    with pytest.raises(KeyError):
        parse_profile("name = 'x'\npatterns = []\n")


def test_every_profile_says_where_it_comes_from_and_how_sure_it_is() -> None:
    for profile in load_profiles():
        assert profile.confidence in {"high", "medium", "low"}
        assert profile.source
        assert profile.patterns
