"""The settings of pools, uplinks, backhauls and entitlements as core values."""

from __future__ import annotations

from collections.abc import Mapping

from netmon.config.settings import NetmonSettings
from netmon.config.supply_settings import EntitlementSettings, PoolSettings, UplinkSettings, begins_ns, ends_ns
from netmon.core.supply import Backhaul, Entitlement, Pool, Price, Rates, Sharing, Uplink


def with_uplinks(settings: NetmonSettings) -> NetmonSettings:
    """The same, with the ports of pools' uplinks among the `uplinks` of their routers."""
    added: dict[str, list[str]] = {}
    for pool in settings.pools.values():
        for uplink in pool.uplinks.values():
            router = settings.routers.get(uplink.router)
            ports = added.setdefault(uplink.router, [])
            if router is not None and uplink.interface not in (*router.uplinks, *ports):
                ports.append(uplink.interface)
    routers = {
        name: settings.routers[name].model_copy(update={"uplinks": (*settings.routers[name].uplinks, *ports)})
        for name, ports in added.items()
        if ports
    }
    return settings.model_copy(update={"routers": {**settings.routers, **routers}}) if routers else settings


def pools_of(settings: NetmonSettings) -> dict[str, Pool]:
    """By id, in the order written."""
    entitled = {of.pool for agency in settings.agencies.values() for of in agency.entitlements}
    return {name: _pool(name, of, settings.site.timezone, name in entitled) for name, of in settings.pools.items()}


def _pool(name: str, of: PoolSettings, zone: str, is_entitled: bool) -> Pool:
    purchased = Rates(of.download, of.upload)
    return Pool(
        id=name,
        traffic_class=of.traffic_class,
        purchased=purchased,
        uplinks=tuple(_uplink(uplink, name, purchased, written) for uplink, written in of.uplinks.items()),
        provider=of.provider,
        contract=of.contract,
        price=None if of.price is None else Price(of.price.amount, of.price.currency),
        from_ns=begins_ns(of.begins, zone),
        until_ns=ends_ns(of.until, zone),
        sharing=of.share or (Sharing.SCARCE if is_entitled else Sharing.NEVER),
    )


def _uplink(name: str, pool: str, purchased: Rates, of: UplinkSettings) -> Uplink:
    capacity = Rates(of.download or purchased.download_bps, of.upload or purchased.upload_bps)
    return Uplink(name, pool, of.router, of.interface, capacity, of.standby)


def backhauls_of(settings: NetmonSettings) -> Mapping[str, Backhaul]:
    """By id, in the order written."""
    return {one.id: one for name, router in settings.routers.items() for one in router.backhaul_values(name)}


def entitlements_of(settings: NetmonSettings) -> tuple[Entitlement, ...]:
    """Agency by agency, in the order written."""
    zone = settings.site.timezone
    return tuple(
        entitlement(agency, position, of, zone)
        for agency, written in settings.agencies.items()
        for position, of in enumerate(written.entitlements)
    )


def entitlement(agency: str, position: int, of: EntitlementSettings, zone: str) -> Entitlement:
    """One of an agency's; `zone` is the site's."""
    return Entitlement(
        agency=agency,
        pool=of.pool,
        position=position,
        floor=of.floor.value(),
        ceiling=None if of.ceiling is None else of.ceiling.value(),
        weight=of.weight,
        priority=of.priority,
        from_ns=begins_ns(of.begins, zone),
        until_ns=ends_ns(of.until, zone),
        legal_basis=of.legal_basis,
    )
