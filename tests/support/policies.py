"""A quota policy with a test of its own, on disk."""

from __future__ import annotations

from pathlib import Path

POLICY = """\
quotas:
  school:
    direction: download
    period: day
    volume: 10 GB
    ladder:
      - {at: 80%, notify: true}
      - {at: 100%, slow_to: 4 Mbps}
"""
TESTS = """\
timezone: Asia/Jayapura
tests:
  a full day is slowed:
    policy: school
    before: 1
    moments:
      - {at: 2026-11-22, used: 9 GB, expect: {step: 1}}
      - {at: 2026-11-22T08:00, used: 10 GB, expect: {step: 2, limit: 4 Mbps}}
"""


def write_tests(directory: Path, text: str = TESTS) -> Path:
    """The policy, and the file of its tests, whose place is returned."""
    quotas = directory / "policies" / "quotas"
    (quotas / "tests").mkdir(parents=True, exist_ok=True)
    (quotas / "school.yaml").write_text(POLICY, encoding="utf-8")
    path = quotas / "tests" / "school.yaml"
    path.write_text(text, encoding="utf-8")
    return path
