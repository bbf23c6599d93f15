"""The shipped profiles' optics against recordings of real devices (package snmpsim-data).

Values were compared by hand with the devices' raw integers and the MIBs' units; other values of a row follow the same
columns. What these recordings never show is listed in docs/optics.md.
"""

from __future__ import annotations

import bz2
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from netmon.bundled import folder
from netmon.core.fibre_limits import Light, Origin, Quantity
from netmon.core.measurement import Interface
from netmon.routers import mib
from netmon.routers.optics import read_optics
from netmon.routers.optics_values import OpticsReading
from netmon.routers.profiles import Profiles, load_profiles
from netmon.routers.recording import RecordedAgent, load_recording
from netmon.snmp.client import Agent

DATA = Path(str(resources.files("snmpsim_data"))) / "data"
AGENT = Agent("192.0.2.1")
RX = Quantity.RX_POWER


@pytest.fixture(scope="module")
def profiles() -> Profiles:
    return load_profiles([folder("collectors")])


READ = (
    b"1.3.6.1.2.1.1.",
    b"1.3.6.1.2.1.31.1.1.1.1.",
    b"1.3.6.1.2.1.47.",
    b"1.3.6.1.2.1.99.",
    b"1.3.6.1.4.1.9.9.91.",
    b"1.3.6.1.4.1.2636.3.60.",
    b"1.3.6.1.4.1.2011.5.25.31.1.1.3.",
)
"""What reading optics may ask for: the rest of half a million lines is not parsed."""


def extract(name: str, directory: Path) -> Path:
    path = directory / "extract.snmprec"
    with bz2.open(DATA / f"{name}.snmprec.bz2") as lines:
        path.write_bytes(b"".join(line for line in lines if line.startswith(READ)))
    return path


async def recorded(
    profiles: Profiles, directory: Path, name: str, platform: str
) -> tuple[dict[tuple[str, int | None], OpticsReading], dict[str, str]]:
    box = RecordedAgent(load_recording(extract(name, directory)))
    names = (await box.walk(AGENT, [mib.IF_NAME]))[mib.IF_NAME]
    ports = [
        Interface(index[0], varbind.value.decode())
        for index, varbind in names.items()
        if isinstance(varbind.value, bytes)
    ]
    readings, missing = await read_optics(box, AGENT, profiles.named(platform).optics, ports)
    return {(r.interface, r.lane): r for r in readings}, {item.why: item.what for item in missing}


def values(reading: OpticsReading) -> tuple[Any, ...]:
    return tuple(reading.value(quantity) for quantity in Quantity)


async def test_an_mx960_of_junos_13_3(profiles: Profiles, tmp_path: Path) -> None:
    found, missing = await recorded(profiles, tmp_path, "network/router/juniper-mx960-13-3r9-13", "junos")
    assert len(found) == 6
    lit = found["xe-1/2/0", None]
    assert values(lit) == (-8.09, -2.06, 34.5, 22.0, None)
    assert lit.thresholds[RX].values == (-20.0, -18.01, 2.0, 2.5)
    assert lit.source.startswith("collectors/junos.yaml:")
    dark = found["xe-1/2/1", None]
    assert (dark.rx_power_dbm, dark.rx_state, dark.tx_power_dbm) == (None, Light.NO_LIGHT, -2.05)
    assert [what for why, what in missing.items() if "every value is blank" in why] == ["xe-1/3/0, xe-0/3/0"]


async def test_an_mx960_of_junos_12_3_whose_received_power_is_20_db_off(profiles: Profiles, tmp_path: Path) -> None:
    found, missing = await recorded(profiles, tmp_path, "network/router/juniper-mx960-12-3r6-6", "junos")
    assert len(found) == 8
    # Raw 1755, high alarm 2100; the same model of transceiver has 100 in the recording of 13.3.
    assert values(found["xe-0/2/0", None]) == (-2.45, -2.06, 5.381, 22.0, None)
    assert found["xe-0/2/0", None].thresholds[RX].values == (-15.04, -12.15, 0.0, 1.0)
    assert found["xe-1/2/0", None].rx_power_dbm == -12.46
    assert found["xe-1/3/1", None].rx_state is Light.NO_LIGHT
    assert any("20 dB were taken off" in why for why in missing)


async def test_an_s12704_in_microwatts(profiles: Profiles, tmp_path: Path) -> None:
    found, missing = await recorded(profiles, tmp_path, "network/switch/huawei-s12704", "huawei-vrp")
    assert len(found) == 13
    assert values(found["XGigabitEthernet2/0/0", None]) == (-4.8, -2.38, 30.24, 24.0, 3.312)
    assert values(found["XGigabitEthernet2/0/2", None]) == (-13.33, -2.77, 32.52, 26.0, 3.307)
    assert found["XGigabitEthernet2/0/0", None].thresholds[RX].values == (-16.39, -14.39, 0.5, 2.5)
    assert found["XGigabitEthernet2/0/9", None].rx_state is Light.NO_LIGHT
    assert any("40GE1/0/0" in what for what in missing.values())


async def test_an_s5720_without_transceivers(profiles: Profiles, tmp_path: Path) -> None:
    found, missing = await recorded(profiles, tmp_path, "network/router/huawei-s5720", "huawei-vrp")
    assert found == {}
    assert list(missing) == ["no transceiver, or one without digital diagnostics: every value is blank"]


async def test_a_c3750_without_thresholds(profiles: Profiles, tmp_path: Path) -> None:
    found, missing = await recorded(profiles, tmp_path, "network/switch/cisco-c3750", "cisco-ios")
    assert {port: values(reading) for (port, _), reading in found.items()} == {
        "Gi1/0/1": (-6.0, -6.0, 19.5, 41.9, 3.34),
        "Gi1/0/6": (-5.0, -5.1, 20.9, 57.9, 3.25),
    }
    assert found["Gi1/0/6", None].thresholds[RX].origin is Origin.DEFAULT
    assert "1000BASE-LX" in found["Gi1/0/6", None].thresholds[RX].why
    assert missing == {}


async def test_an_n5000_whose_sensors_no_entity_ties_to_a_port(profiles: Profiles, tmp_path: Path) -> None:
    found, missing = await recorded(profiles, tmp_path, "network/switch/cisco-n5000", "cisco-nx-os")
    assert found == {}
    (why,) = missing
    assert "the agent's entity table has no row for it" in why


async def test_an_unknown_device_is_read_by_entity_sensors(profiles: Profiles, tmp_path: Path) -> None:
    found, _ = await recorded(profiles, tmp_path, "cloud/arista-dcs-7150s-52-cl", "generic-if-mib")
    assert len(found) == 9
    assert values(found["Ethernet19", None]) == (-2.693, -2.131, 5.47, 23.6, 3.32)
