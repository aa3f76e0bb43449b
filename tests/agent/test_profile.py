"""What a recorder's names and layout claim, and that no name is ever too strange to be looked at."""

from contextlib import suppress
from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.recorders.conformance import check_profile
from agent.recorders.profile import Profile, ProfileError, load_profiles, parse_profile
from agent.recorders.reading import UNKNOWN, has_media, read_path, recognise
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
    read = read_path(path.encode())
    assert {claim["name"]: claim["value"] for claim in read.claims} == claims
    assert read.codes == codes
    assert all(claim["source"].startswith("name:") for claim in read.claims)


@quick
@given(st.binary(max_size=300) | mutate(REAL))
def test_no_name_is_too_strange_to_be_read(path: bytes) -> None:
    read = read_path(path)
    known = {"serial", "officer", "started_local", "sequence", "mark", "role"}
    assert {claim["name"] for claim in read.claims} <= known


def test_every_pattern_of_a_profile_matches_only_whole_names() -> None:
    assert read_path(REAL + b".exe").codes == ("NAME_UNPARSED",)
    assert read_path(REAL + b"\n").codes == ("NAME_UNPARSED",)


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
    with pytest.raises(ProfileError, match="lacks"):
        parse_profile("name = 'x'\nnames = []\n")


WHOLE = (resources.files("agent.recorders") / "profiles" / "20-zfy.toml").read_bytes()


@quick
@given(mutate(WHOLE) | st.binary(max_size=200))
def test_any_text_is_a_profile_or_is_refused_in_words(data: bytes) -> None:
    with suppress(ProfileError):
        assert parse_profile(data.decode("utf-8", "replace")).name


@pytest.mark.parametrize("form", ["/etc/{serial}", "../{serial}", "{serial.__class__}", "{nobody}", "{serial"])
def test_a_form_of_paths_that_leads_elsewhere_is_refused(form: str) -> None:
    text = WHOLE.decode().split("[simulate]", 1)[0] + f"[simulate]\nrecording = '{form}'\n"
    with pytest.raises(ProfileError):
        parse_profile(text)


@pytest.mark.parametrize("profile", load_profiles(), ids=lambda profile: profile.name)
def test_every_shipped_profile_conforms(profile: Profile) -> None:
    assert [check for check in check_profile(profile) if check.problem] == []


def test_a_profile_that_lies_about_its_examples_does_not_conform() -> None:
    text = WHOLE.decode().replace('officer = "014207"', 'officer = "999999"', 1)
    problems = [check.what for check in check_profile(parse_profile(text)) if check.problem]
    assert problems == ["example 20261123/3100457_01420720261123140320_0001.MP4"]


def test_a_pattern_that_backtracks_does_not_conform() -> None:
    text = WHOLE.decode() + "\n[[names]]\nid = 'slow'\nregex = '(0{1,40}){1,40}x'\n"
    problems = [check.what for check in check_profile(parse_profile(text)) if check.problem]
    assert problems == ["hostile names"]


def test_every_profile_says_where_it_comes_from_and_how_sure_it_is() -> None:
    for profile in load_profiles():
        assert profile.confidence in {"high", "medium", "low"}
        assert profile.source
        assert profile.names or profile.detect
