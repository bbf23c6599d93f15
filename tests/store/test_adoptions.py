"""Adoptions and restorations in the receipt chain."""

from __future__ import annotations

from dataclasses import replace

from support.ledgers import audited, opened

from netmon.core.adoption import Aside, Shaper, Stage, Word
from netmon.store.chain import Kind
from netmon.store.location import Location

BOSS = Shaper("service-policy", "BOSS", "egress", "interface GigabitEthernet0/2\nservice-policy output BOSS")
WORD = Word("nm-1", "dinkes-fo", "palu", "Gi0/2", 1, "sari", "ours now", Stage.BEGUN, (BOSS,))
DONE = replace(WORD, stage=Stage.DONE, at_ns=2, detail="read back")


def test_what_is_set_aside_outlives_the_writer_with_all_that_puts_it_back(place: Location) -> None:
    with opened(place) as ledger:
        assert ledger.adoptions() == {}
        ledger.record_adoption(Kind.ADOPTION, WORD)
        assert ledger.adoptions() == {"dinkes-fo": Aside(WORD, WORD)}
        ledger.record_adoption(Kind.ADOPTION, DONE)
    with opened(place) as ledger:
        assert ledger.adoptions() == {"dinkes-fo": Aside(DONE)}
        back = replace(WORD, id="nm-2")
        ledger.record_adoption(Kind.RESTORATION, back)
        ledger.record_adoption(Kind.RESTORATION, replace(back, stage=Stage.DONE))
        assert ledger.adoptions() == {}
    audit = audited(place)
    assert audit.ok
    assert audit.chains[0].links == 4
