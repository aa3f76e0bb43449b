"""The values in force are policy; those shipped are the ones that the checks were measured with."""

from ingest_server.media.thresholds import Thresholds
from ingest_server.policy.values import load_defaults


def test_the_policy_ships_the_measured_values() -> None:
    shipped = {key.removeprefix("quality."): value for key, value in load_defaults().items() if "quality." in key}
    assert {name: int(value.value) for name, value in shipped.items()} == Thresholds().to_json()
    assert all(value.kind == "count" and value.source for value in shipped.values())
