"""The whole configuration: every room's Settings under the top-level keys of netmon.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal
from zoneinfo import available_timezones

from pydantic import AfterValidator, Field

from netmon.config.control_settings import (
    BreakerSettings,
    FreezeWindows,
    LimitExpiryNs,
    PlanApprovalSettings,
)
from netmon.config.supply_settings import EntitlementSettings, PoolSettings
from netmon.core.damping import Damping
from netmon.core.model import Agency
from netmon.core.port_state import RECOVERY_NS
from netmon.outputs.settings import HttpSettings, OutputsSettings
from netmon.routers.settings import RouterSettings, SshSettings
from netmon.settings import SECOND, DurationNs, DurationOrNoneNs, Name, PermilleRatio, RateBps, Settings
from netmon.snmp.settings import SnmpSettings
from netmon.store.settings import LedgerSettings


def _known_zone(value: str) -> str:
    if value not in available_timezones():
        raise ValueError(f"{value!r} is not an IANA time zone; write for example Asia/Jakarta")
    return value


TimeZone = Annotated[str, AfterValidator(_known_zone)]


class SiteSettings(Settings):
    name: Name
    timezone: TimeZone = "Asia/Jakarta"


class AgencySettings(Settings):
    name: str = Field(min_length=1, max_length=200)
    code: str | None = None
    parent: Name | None = None
    timezone: TimeZone | None = None
    """None: the site's."""
    quotas: tuple[Name, ...] = ()
    """Names of policies in policies/quotas/*.yaml."""
    entitlements: tuple[EntitlementSettings, ...] = ()

    def value(self, agency: str, site: SiteSettings) -> Agency:
        return Agency(
            id=agency,
            name=self.name,
            timezone=self.timezone or site.timezone,
            code=self.code,
            parent=self.parent,
            quotas=self.quotas,
        )


class AlertSettings(Settings):
    router_down_after: DurationNs = 120 * SECOND
    """A router unanswered for so long is down."""


_DAMPING: Final = Damping()


def _a_deadband(permille: int) -> int:
    if not 10 <= permille <= 500:
        raise ValueError("must be 1% to 50%")
    return permille


def _a_hold(ns: int) -> int:
    if ns > 86_400 * SECOND:
        raise ValueError("must be at most 1d")
    return ns


class DampingSettings(Settings):
    """How limits follow what should be; see core/damping."""

    deadband: Annotated[PermilleRatio, AfterValidator(_a_deadband)] = _DAMPING.deadband_permille
    """Of the limit in force: targets no farther off alter nothing."""
    hold: Annotated[DurationOrNoneNs, AfterValidator(_a_hold)] = _DAMPING.hold_ns
    """Between a fall and a rise of one limit, or the reverse."""
    step: int = Field(default=_DAMPING.step, ge=2)
    """A limit is altered to so many times what it was at most, or to one in so many."""
    changes: int = Field(default=_DAMPING.changes, ge=1)
    """Limits altered in one cycle."""
    routers: int = Field(default=_DAMPING.routers, ge=1)
    """Routers touched in one cycle."""

    def value(self) -> Damping:
        return Damping(self.deadband, self.hold, self.step, self.changes, self.routers)


class ControlSettings(Settings):
    """The control loop and the socket on which the daemon takes commands."""

    socket: Path = Path("/run/netmon/control.sock")
    interval: DurationNs = 30 * SECOND
    """How often verdicts are reached and plans made."""
    revert_after: DurationNs = 60 * SECOND
    """An armed change that is not confirmed by then is undone by the router itself."""
    max_tightened_ratio: PermilleRatio = 300
    """A plan that tightens more than this share of all agencies (and more than three) refuses itself."""
    max_tightened_bps: RateBps | None = None
    """A plan that takes more at once, both directions together, refuses itself; None: no cap."""
    max_routers_per_cycle: int | None = Field(default=None, ge=1)
    """A plan that tightens on more routers refuses itself; None: no cap."""
    batch: int = Field(default=32, ge=1, le=200)
    """Routers changed at once, after a canary went well."""
    plan_approval: PlanApprovalSettings = PlanApprovalSettings()
    freeze_windows: FreezeWindows | None = None
    """In which limits are neither lowered nor raised, in the site's zone."""
    breaker: BreakerSettings = BreakerSettings()
    limit_expiry: LimitExpiryNs = 86_400 * SECOND
    """A limit that is not renewed on its router by then ends there by itself."""
    drift_interval: DurationNs = 900 * SECOND
    """How often each limit in force is read again."""
    stale_after: DurationNs = 300 * SECOND
    """Usage older than this tightens nothing."""
    ease_stale_after: DurationNs = 86_400 * SECOND
    """Where nothing of an agency was read for so long, the limit of its quota is lifted until it is read again."""
    approvals: int = Field(default=1, ge=1, le=2)
    """How many different persons must approve a request, none of them who asked."""
    request_expires: DurationNs = 7 * 86_400 * SECOND
    """A request that nobody decided by then is void."""
    recovery_hold_down: DurationNs = RECOVERY_NS
    """An uplink that was down counts again once it was up for so long."""
    require_synchronised_clock: bool = True
    """No period rolls and nothing is enforced unless a time service keeps the host's clock."""
    floors_after_failure: Literal["warn", "refuse"] = "warn"
    """What `netmon check` does where floors do not fit once any single uplink has failed."""
    damping: DampingSettings = DampingSettings()


class NetmonSettings(Settings):
    site: SiteSettings
    ledger: LedgerSettings = LedgerSettings()
    snmp: SnmpSettings = SnmpSettings()
    ssh: SshSettings = SshSettings()
    pools: dict[Name, PoolSettings] = Field(default_factory=dict)
    agencies: dict[Name, AgencySettings] = Field(default_factory=dict)
    routers: dict[Name, RouterSettings] = Field(default_factory=dict)
    outputs: OutputsSettings = OutputsSettings()
    alerts: AlertSettings = AlertSettings()
    http: HttpSettings = HttpSettings()
    control: ControlSettings = ControlSettings()
    allow_plaintext_secrets: bool = False
