"""In Indonesian."""

from __future__ import annotations

from netmon.cli.messages import Language, Sentences
from netmon.core.model import Direction, Outcome, Proof, VerdictReason
from netmon.core.planning import Withheld

INDONESIAN = Language(
    decimal_sign=",",
    months=(
        *("Januari", "Februari", "Maret", "April", "Mei", "Juni"),
        *("Juli", "Agustus", "September", "Oktober", "November", "Desember"),
    ),
    instant_form="{date} pukul {time} {zone}",
    clock_sign=".",
    duration_units=("hari", "jam", "menit", "detik"),
    sentences=Sentences(
        recorded="Menurut catatan sampai saat itu; sirkuit menurut konfigurasi hari ini.",
        no_circuits="Instansi ini tidak memiliki sirkuit dalam konfigurasi: tidak ada yang dihitung atau dibatasi.",
        directions={Direction.DOWNLOAD: "Unduhan", Direction.UPLOAD: "Unggahan"},
        limited={
            VerdictReason.OVER_QUOTA: "Menurut kebijakan kuota, kecepatan seluruh instansi dibatasi menjadi {limit}.",
            VerdictReason.HELD_BY_HYSTERESIS: (
                "Kecepatan seluruh instansi tetap dibatasi {limit}: pemakaiannya hanya sedikit di bawah langkah yang"
                " sudah tercapai."
            ),
            VerdictReason.FROZEN_STALE: (
                "Kecepatan seluruh instansi tetap dibatasi {limit}: pemakaiannya belum terbaca lagi, dan tanpa itu"
                " tidak ada yang diubah."
            ),
            VerdictReason.FROZEN_CLOCK: (
                "Kecepatan seluruh instansi tetap dibatasi {limit}: jam netmon tidak dapat dipercaya, dan berdasarkan"
                " jam seperti itu tidak ada yang diubah."
            ),
        },
        free={
            VerdictReason.NO_QUOTA: "Tidak ada kuota yang berlaku, jadi netmon tidak membatasi kecepatan.",
            VerdictReason.WITHIN_QUOTA: "Pemakaian masih dalam kuota: tidak ada pembatasan.",
            VerdictReason.NEAR_QUOTA: "Kuota hampir habis: diberitahukan, tetapi belum ada pembatasan.",
            VerdictReason.OVER_QUOTA: "Kuota sudah habis; kebijakan memberitahukannya tanpa pembatasan.",
            VerdictReason.HELD_BY_HYSTERESIS: (
                "Pemberitahuan tetap berlaku karena pemakaian hanya sedikit di bawah langkah yang sudah tercapai: tidak"
                " ada pembatasan."
            ),
            VerdictReason.RESTORED_NEW_PERIOD: (
                "Periode baru sudah dimulai: pembatasan dari periode sebelumnya berakhir."
            ),
            VerdictReason.RESTORED_POLICY_CHANGED: (
                "Kebijakan diubah atau tidak lagi berlaku bagi instansi ini: pembatasan darinya berakhir."
            ),
            VerdictReason.FROZEN_CLOCK: (
                "Jam netmon tidak dapat dipercaya: berdasarkan jam seperti itu tidak ada pembatasan."
            ),
            VerdictReason.FROZEN_STALE: "Pemakaian belum terbaca lagi: tanpa itu tidak ada pembatasan.",
            VerdictReason.HELD_BY_OPERATOR: "Operator meniadakan pembatasan.",
        },
        not_recorded="Saat itu belum ada keputusan.",
        since="Berlaku sejak {since}.",
        why="Sebab",
        data="Data",
        shared="Pembagian",
        ends="Berakhir",
        sooner="Lebih awal",
        used="{proven} dari {quota} terpakai ({ratio}) dalam periode {start} sampai {end}.",
        step="Langkah {step} dari kebijakan {policy} berlaku; langkah itu dimulai pada {threshold}.",
        next_step="Langkah berikutnya dimulai pada {threshold}.",
        rule="Aturannya: policies/{file}, baris {line}.",
        all_proven=(
            "Hanya byte yang terbukti yang dihitung. Tidak ada yang diperkirakan, dan tidak ada waktu yang luput dari"
            " pencatatan."
        ),
        only_proven="Hanya byte yang terbukti yang dihitung: selain itu tidak dibebankan kepada instansi.",
        estimated="{estimated} lagi adalah perkiraan.",
        unknown="Selama {unknown} tidak diketahui berapa yang lewat.",
        read="Terakhir terbaca: {newest}.",
        never_read="Belum pernah terbaca.",
        decided_on="Saat diputuskan, {octets} sudah terbukti.",
        policy_says="Kebijakan {policy} menetapkan {limit}.",
        policy_says_none="Kebijakan {policy} tidak membatasi.",
        strictest="Yang paling ketat berlaku: {policy}.",
        only_circuit="Instansi memiliki satu sirkuit, yang mendapat seluruh {limit}.",
        among_circuits="{limit} dibagi sama rata ke {count} sirkuit instansi: masing-masing {share}.",
        remainder="Sisa pembagian, masing-masing 1 b/s, diberikan kepada {circuits}.",
        exempted={
            "held_by_operator": "{circuit} dibebaskan dari pembatasan oleh operator.",
            "observe_mode": "{circuit} hanya diamati (mode: observe): batas yang dipasang netmon di sana berakhir.",
            "uplink": (
                "{circuit} berada pada uplink, yang tidak pernah dibatasi: batas yang dipasang netmon di sana berakhir."
            ),
        },
        due="Seharusnya: {limit}.",
        nothing_due="Tidak perlu ada batas.",
        in_force="Berlaku di {router}: {limit}, menurut catatan {at}.",
        none_in_force="Di {router} tidak ada batas yang berlaku.",
        not_known="Batas yang berlaku di {router} tidak diketahui; router dibaca lagi lebih dahulu.",
        pending="Perubahannya akan dilakukan (netmon plan).",
        withheld={
            Withheld.ROUTER_IN_DOUBT: "Tidak ada yang diubah sebelum router dibaca lagi.",
            Withheld.UNCONFIRMED: "Tidak ada yang diubah: port itu kini bernama lain.",
            Withheld.UNREAD: "Tidak ada yang diubah: router belum terbaca.",
            Withheld.OBSERVE_MODE: "Tidak dipasang: sirkuit hanya diamati (mode: observe).",
            Withheld.NOT_READY: "Tidak dipasang: router belum diamati selama tujuh hari.",
            Withheld.FROZEN: "Tidak dipasang: data pemakaian sudah usang, atau jam tidak dapat dipercaya.",
            Withheld.FROZEN_BY_OPERATOR: "Tidak ada yang diubah: operator membekukan batas kecepatan apa adanya.",
            Withheld.EXPIRED: "Tidak dipasang: periode sudah berakhir, dan dinilai lagi lebih dahulu.",
            Withheld.REFUSED: "Tidak dipasang: rencana perubahan menolak dirinya sendiri.",
        },
        held="Dibebaskan dari pembatasan oleh {by} sampai pemberitahuan lebih lanjut: {reason}.",
        held_until="Dibebaskan dari pembatasan oleh {by} sampai {until}: {reason}.",
        changed="Perubahan terakhir, {at}: {before} -> {after}; {outcome}, {proof} (tanda terima {receipt}).",
        no_limit="tanpa batas",
        outcomes={
            Outcome.CONFIRMED: "dikonfirmasi",
            Outcome.REVERTED: "dibatalkan oleh router",
            Outcome.FAILED: "gagal",
            Outcome.UNKNOWN: "hasil tidak diketahui",
        },
        proofs={
            Proof.CONFIGURED: "dikonfigurasi",
            Proof.READ_BACK: "dibaca kembali",
            Proof.OBSERVED: "terbukti oleh lalu lintas data",
            Proof.NOT_TESTABLE: "belum teruji oleh lalu lintas data",
        },
        until="{until}, bersama periodenya.",
        overdue="Periode sudah berakhir {until}; pembatasan berakhir begitu hal itu dapat dinilai.",
        conditions={
            "policy_changed": "jika kebijakan diubah sehingga tidak ada lagi yang membatasi instansi ini",
            "reverted": "jika operator membebaskan sirkuit untuk sementara (netmon revert)",
            "usage_below": "jika ternyata kurang dari {octets} yang terbukti",
            "usage_read_again": "jika router dapat dibaca lagi, dan pemakaiannya memungkinkan",
            "clock_trusted": "jika jam dapat dipercaya lagi, dan pemakaiannya memungkinkan",
        },
        volume_of=(
            "jika kebijakan {policy} diubah, misalnya dengan volume {octets}, atau tidak lagi berlaku bagi instansi ini"
        ),
        using_less=(
            "Memakai lebih sedikit tidak mengakhirinya: yang sudah terpakai tetap dihitung sampai periode berakhir."
        ),
        refused="Saat ini netmon tidak memperketat apa pun: {detail}.",
    ),
)
