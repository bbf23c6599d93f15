"""What holds for every test: seeds are printed, and where everything is installed nothing is skipped."""

from __future__ import annotations

import os
from collections.abc import Generator

import pytest
from hypothesis import HealthCheck, settings
from support.postgres import postgres  # noqa: F401 (a fixture)

# Where Debian keeps sshd, snmpd and mosquitto; not on the path of ordinary users.
os.environ["PATH"] += ":/usr/sbin:/sbin"
# No verdict by the clock on the wall: the machine may be busy with other work.
settings.register_profile(
    "netmon",
    print_blob=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    # What lands is judged by the same examples each time; everybody else's run, and the soak, looks for new ones.
    derandomize=os.environ.get("CI") == "true",
)
settings.load_profile("netmon")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, None]:
    """In CI a skipped test is a failed one."""
    outcome = yield
    report = outcome.get_result()
    if report.skipped and os.environ.get("CI") == "true":
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, which CI does not allow: {report.longrepr}"
