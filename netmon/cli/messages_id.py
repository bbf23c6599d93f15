"""In Indonesian."""

from __future__ import annotations

from netmon.cli.messages import Language, Sentences
from netmon.core.changes import Outcome, Proof
from netmon.core.decided import Decided
from netmon.core.directives import DirectiveKind
from netmon.core.model import Direction, VerdictReason
from netmon.core.planning import Withheld
from netmon.core.sharing_account import Standpoint

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
        released="Untuk sementara netmon tidak membatasi siapa pun: {by} melepas semua pembatasan pada {at}: {reason}",
        recorded="Menurut catatan sampai saat itu; sirkuit menurut konfigurasi hari ini.",
        no_circuits="Instansi ini tidak memiliki sirkuit dalam konfigurasi: tidak ada yang dihitung atau dibatasi.",
        directions={Direction.DOWNLOAD: "Unduhan", Direction.UPLOAD: "Unggahan"},
        limited={
            VerdictReason.OVER_QUOTA: "Menurut kebijakan kuota, kecepatan seluruh instansi dibatasi menjadi {limit}.",
            VerdictReason.HELD_BY_HYSTERESIS: (
                "Kecepatan seluruh instansi tetap dibatasi {limit}: pemakaiannya hanya sedikit di bawah langkah yang"
                " sudah tercapai."
            ),
            VerdictReason.HELD_TO_PERIOD_END: (
                "Kecepatan seluruh instansi tetap dibatasi {limit} sampai periode berakhir, meskipun pemakaian yang"
                " terbukti kini lebih sedikit: demikian ketentuan langkah yang sudah tercapai."
            ),
            VerdictReason.GRACE: (
                "Kecepatan seluruh instansi tetap dibatasi {limit}: kebijakannya baru diubah dan belum memperketat apa"
                " pun."
            ),
            VerdictReason.BOOSTED: (
                "Kecepatan seluruh instansi dibatasi tidak kurang dari {limit}, yang diberikan untuk sementara."
            ),
            VerdictReason.FROZEN_BY_OPERATOR: (
                "Kecepatan seluruh instansi tetap dibatasi {limit}: batas-batas dibekukan, dan tidak ada yang diubah."
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
            VerdictReason.HELD_TO_PERIOD_END: (
                "Pemberitahuan tetap berlaku sampai periode berakhir, meskipun pemakaian yang terbukti kini lebih"
                " sedikit: tidak ada pembatasan."
            ),
            VerdictReason.RESTORED_BY_STEP: (
                "Pemakaian sudah sedemikian banyak sehingga kebijakan tidak membatasi lagi: tidak ada pembatasan."
            ),
            VerdictReason.OUTSIDE_WINDOW: (
                "Kebijakan hanya membatasi pada waktu tertentu, dan saat ini bukan waktunya: tidak ada pembatasan."
            ),
            VerdictReason.GRACE: "Kebijakan masih baru atau baru diubah: belum ada pembatasan karenanya.",
            VerdictReason.EASED_STALE: (
                "Pemakaian sudah terlalu lama tidak terbaca sehingga pembatasannya dicabut sampai terbaca lagi."
            ),
            VerdictReason.EXEMPT: "Instansi dikecualikan dari kebijakan untuk sementara: tidak ada pembatasan.",
            VerdictReason.BOOSTED: "Instansi diberi kecepatan tambahan untuk sementara: tidak ada pembatasan.",
            VerdictReason.FROZEN_BY_OPERATOR: (
                "Batas-batas dibekukan: tidak ada yang diubah, dan sebelumnya tidak ada pembatasan."
            ),
            VerdictReason.SHARED: "Kapasitas yang ada mencukupi semua kebutuhan: tidak ada pembatasan.",
            VerdictReason.ROLLOUT_HALTED: "Penurunan batas ditarik kembali karena perubahan lain gagal: bebas batas.",
            VerdictReason.CEILING: (
                "Batas tertinggi hak instansi melebihi kemampuan sirkuitnya: tidak ada pembatasan."
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
        decided="Diputuskan",
        data="Data",
        shared="Pembagian",
        ends="Berakhir",
        again="Berlaku lagi",
        sooner="Lebih awal",
        used="{proven} dari {quota} terpakai ({ratio}) dalam periode {start} sampai {end}.",
        used_sum=(
            "{proven} dari {quota} terpakai ({ratio}), unduhan dan unggahan dijumlahkan, dalam periode {start} sampai"
            " {end}."
        ),
        carried="{carried} dari {quota} itu adalah sisa periode sebelumnya yang dialihkan ke periode ini.",
        percentile=(
            "Persentil ke-95 periode {start} sampai {end} tidak mungkin lagi di bawah {proven}; pembandingnya {quota}"
            " ({ratio})."
        ),
        step="Langkah {step} dari kebijakan {policy} berlaku; langkah itu dimulai pada {threshold}.",
        next_step="Langkah berikutnya dimulai pada {threshold}.",
        set_aside="Tanpa itu, batasnya adalah {limit}.",
        rule="Aturannya: policies/{file}, baris {line}.",
        legal_basis="Batas itu boleh lebih rendah daripada yang dijamin bagi instansi: {basis}.",
        directives={
            DirectiveKind.BOOST: "{by} memberi instansi sekurang-kurangnya {rate} {lasts}: {reason}.",
            DirectiveKind.EXEMPTION: "{by} mengecualikan instansi dari {policy} {lasts}: {reason}.",
            DirectiveKind.FREEZE: "{by} membekukan batas-batas {lasts}: {reason}.",
        },
        any_policy="semua kebijakan",
        lasts_until="sampai {until}",
        lasts="sampai pemberitahuan lebih lanjut",
        scarce="Kapasitas yang ada kurang dari yang dibutuhkan: setiap sirkuit mendapat bagiannya.",
        entitled="Instansi mendapat sebanyak yang diizinkan haknya.",
        share={
            Decided.NOT_SHORT: "Semua yang dilaluinya mencukupi: tanpa batas.",
            Decided.NOTHING_LEFT: "Sebagian yang dilaluinya kini tidak ada sama sekali: batasnya tetap seperti adanya.",
            Decided.MINIMUM: "{target}: batas tidak pernah lebih rendah.",
            Decided.FLOOR: "{target}: bagiannya dari yang dijamin bagi {by}, dan tidak ada lagi yang tersisa.",
            Decided.ALLOCATION: "{target}: bagiannya dari {by}, yang sudah habis terbagi.",
            Decided.HEADROOM: "{target}: lebih dari kebutuhannya saat ini, dengan bagian dari sisa {by}.",
            Decided.CEILING: "{target}: hak {by} tidak lebih dari itu.",
            Decided.LADDER: "{target}: ditentukan oleh langkah kebijakan kuota.",
            Decided.BOOST: "{target}: ditentukan oleh tambahan sementara bagi {by}.",
            Decided.PORT: "{target}: portnya tidak dapat membawa lebih banyak.",
        },
        wanted="Kebutuhannya menurut pengukuran: {wanted}.",
        entitlement="Hak {agency} atas {pool}: {file}, baris {line}.",
        basis="Dasarnya: {basis}.",
        approaches="Batas mengikutinya bertahap: untuk sementara {limit}.",
        standpoints={
            Standpoint.LEVEL: (
                "{child}: {child_rate} dari {node_rate} ({node}); bobot {weight} dari {rising} atas {rest} yang dibagi"
                " menurut bobot."
            ),
            Standpoint.AHEAD: "{child}: {child_rate} dari {node_rate} ({node}), dijamin atau didahulukan.",
            Standpoint.FULL: "{child}: {child_rate} dari {node_rate} ({node}), sebanyak yang dapat diterimanya.",
            Standpoint.HELD: "{child}: {child_rate} dari {node_rate} ({node}); yang dilaluinya sudah habis terbagi.",
        },
        own_circuits="sirkuit {agency} sendiri",
        lasting={
            "shortage": (
                "Setelah kebutuhan atas yang kurang itu di bawah 80 % selama 15 menit. Sampai saat itu batasnya naik"
                " turun mengikuti kebutuhan semua pihak."
            ),
            "always": "Kapasitasnya selalu dibagi; batasnya naik turun mengikuti kebutuhan semua pihak.",
            "entitlement": "Bersama haknya.",
        },
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
        stands_by="{circuit} bersiaga dan tetap mendapat {share}.",
        carrying_circuit="{circuit} melayani lalu lintas dan mendapat sisanya, {limit}.",
        among_circuits="{limit} dibagi sama rata ke {count} sirkuit yang melayani lalu lintas: masing-masing {share}.",
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
            Withheld.OTHER_NETMON: "Tidak ada yang diubah: router bertanda milik netmon lain.",
            Withheld.CONTESTED: "Tidak dipasang: berkali-kali dibatalkan orang lain; keputusan ada pada petugas.",
            Withheld.BREAKER_OPEN: "Tidak ada yang diubah: router berulang kali gagal dan dibiarkan untuk sementara.",
            Withheld.FREEZE_WINDOW: "Untuk sementara tidak diturunkan atau dinaikkan: perubahan sedang dibekukan.",
            Withheld.UNAPPROVED: "Tidak dipasang: harus disetujui petugas yang berwenang lebih dahulu (netmon plan).",
            Withheld.ROLLOUT_HALTED: "Belum dipasang: perubahan di tempat lain gagal.",
            Withheld.DECREASE_FIRST: "Belum dinaikkan: batas lain harus diturunkan lebih dahulu.",
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
        until={
            "period": "{until}, bersama periodenya.",
            "window": "{until}, bersama jam berlakunya pembatasan menurut kebijakan.",
            "grace": "{until}, bersama masa tenggang kebijakan; setelah itu kebijakan yang menentukan.",
            "directive": "{until}, bersama keputusan tersebut; setelah itu kebijakan yang menentukan.",
        },
        resumes="{until}: sejak saat itu batasnya {limit}, menurut keadaan sekarang.",
        overdue="Periode sudah berakhir {until}; pembatasan berakhir begitu hal itu dapat dinilai.",
        conditions={
            "more_capacity": "jika kapasitasnya bertambah: uplink yang pulih, atau pembelian tambahan",
            "boosted": "jika instansi diberi tambahan untuk sementara (netmon boost)",
            "policy_changed": "jika kebijakan diubah sehingga tidak ada lagi yang membatasi instansi ini",
            "reverted": "jika operator membebaskan sirkuit untuk sementara (netmon revert)",
            "usage_below": "jika ternyata kurang dari {octets} yang terbukti",
            "usage_read_again": "jika router dapat dibaca lagi, dan pemakaiannya memungkinkan",
            "exempted": "jika instansi dikecualikan atau diberi tambahan untuk sementara (netmon exempt, netmon boost)",
            "freeze_ended": "jika yang membekukan batas-batas mengakhirinya",
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
