"""What the enforcer is told of where a change goes: router, dialect, port, and whose limits these are."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

from netmon.config.load import Configuration
from netmon.core.changes import Intent
from netmon.core.model import Circuit
from netmon.daemon.enforcer import Order
from netmon.daemon.shaping import sharings
from netmon.daemon.targets import target_of
from netmon.routers.readbacks import Owner

log = logging.getLogger(__name__)


class Ordering:
    """Under one configuration."""

    def __init__(
        self,
        configuration: Configuration,
        platform_of: Callable[[str], str | None],
        mac_of: Callable[[str, str], str | None],
    ) -> None:
        """`platform_of` gives a router's enforcement dialect, `mac_of` a port's address; None: not known (yet)."""
        self._configuration, self._platform_of, self._mac_of = configuration, platform_of, mac_of
        self._circuits = {circuit.id: circuit for circuit in configuration.circuits}
        self._sharings = sharings(configuration)
        self._name: str | None = None
        """The ledger's id, by which routers tell this netmon from another; None: not read yet."""
        self._revision = 0
        """The newest that was written on any router."""
        self._told: dict[str, str] = {}

    def take_up(self, name: str, revision: int) -> None:
        """As the ledger knows them (store/standing.py, marker)."""
        self._name, self._revision = name, revision

    @property
    def owner(self) -> Owner | None:
        """This netmon, with the newest revision that it wrote on any router; None: not read yet."""
        return None if self._name is None else Owner(self._name, self._revision)

    def order_of(self, intent: Intent) -> Order | None:
        """For the intent; None as `order_for`, or where its circuit is no longer configured."""
        circuit = self._circuits.get(intent.change.circuit)
        if circuit is None:
            gone = intent.change.circuit
            self.tell(gone, f"{gone} is no longer configured, but a change of it is unresolved; configure it again")
            return None
        order = self.order_for(circuit)
        return replace(order, intent=intent) if order is not None else None

    def order_for(self, circuit: Circuit) -> Order | None:
        """For what is to be done where it is limited; None: its platform has no dialect, or is not known yet."""
        place = circuit.limiting
        platform = self._platform_of(place.router)
        if platform is None:
            self.tell(place.router, f"{place.router}: no enforcement dialect is known for its platform (yet)")
            return None
        return Order(
            router=place.router,
            settings=self._configuration.settings.routers[place.router],
            platform=platform,
            target=target_of(
                self._configuration,
                circuit,
                self._sharings.get(circuit.id),
                self._mac_of(place.router, place.interface),
                self.owner,
            ),
        )

    def signed(self, order: Order, now_ns: int) -> Order:
        """With a revision of its own: the newest there is."""
        if self._name is None:
            return order
        self._revision = max(self._revision + 1, now_ns // 1000)
        return replace(order, target=replace(order.target, owner=Owner(self._name, self._revision)))

    def tell(self, about: str, sentence: str) -> None:
        """Logs what keeps coming back once, until it is something else."""
        if self._told.get(about) != sentence:
            self._told[about] = sentence
            log.warning("%s", sentence)
