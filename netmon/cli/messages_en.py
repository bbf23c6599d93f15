"""In English."""

from __future__ import annotations

from netmon.cli.messages import Language, Sentences
from netmon.core.model import Direction, Outcome, Proof, VerdictReason
from netmon.core.planning import Withheld

ENGLISH = Language(
    decimal_sign=".",
    months=(
        *("January", "February", "March", "April", "May", "June"),
        *("July", "August", "September", "October", "November", "December"),
    ),
    instant_form="{date}, {time} {zone}",
    clock_sign=":",
    duration_units=("d", "h", "min", "s"),
    sentences=Sentences(
        recorded="As it was recorded by then; the circuits are those of today's configuration.",
        no_circuits="No circuit is configured for this agency: nothing is counted or limited.",
        directions={Direction.DOWNLOAD: "Download", Direction.UPLOAD: "Upload"},
        limited={
            VerdictReason.OVER_QUOTA: "The quota policy slows the agency as a whole to {limit}.",
            VerdictReason.HELD_BY_HYSTERESIS: (
                "The agency as a whole stays slowed to {limit}: its usage is only just below the step that was reached."
            ),
            VerdictReason.FROZEN_STALE: (
                "The agency as a whole stays slowed to {limit}: its usage has not been read lately, and without that"
                " nothing is altered."
            ),
            VerdictReason.FROZEN_CLOCK: (
                "The agency as a whole stays slowed to {limit}: netmon's clock cannot be trusted, and by such a clock"
                " nothing is altered."
            ),
        },
        free={
            VerdictReason.NO_QUOTA: "No quota applies, so netmon sets no limit.",
            VerdictReason.WITHIN_QUOTA: "The usage is within the quota: no limit.",
            VerdictReason.NEAR_QUOTA: "The quota is nearly used up: a notice is given, but no limit set.",
            VerdictReason.OVER_QUOTA: "The quota is used up; the policy gives notice of it and sets no limit.",
            VerdictReason.HELD_BY_HYSTERESIS: (
                "The notice stands, for the usage is only just below the step that was reached: no limit."
            ),
            VerdictReason.RESTORED_NEW_PERIOD: "A new period has begun: the limit of the one before is over.",
            VerdictReason.RESTORED_POLICY_CHANGED: (
                "The policy was changed or taken off the agency: the limit it had set is over."
            ),
            VerdictReason.FROZEN_CLOCK: "netmon's clock cannot be trusted: by such a clock no limit is set.",
            VerdictReason.FROZEN_STALE: "The usage has not been read lately: without that no limit is set.",
            VerdictReason.HELD_BY_OPERATOR: "An operator keeps limits off.",
        },
        not_recorded="Nothing had been decided by then.",
        since="In effect since {since}.",
        why="Why",
        data="Data",
        shared="Shared",
        ends="Ends",
        sooner="Sooner",
        used="{proven} of {quota} were used ({ratio}) in the period from {start} to {end}.",
        step="Step {step} of the policy {policy} is in force; it begins at {threshold}.",
        next_step="The next step begins at {threshold}.",
        rule="The rule: policies/{file}, line {line}.",
        all_proven="Only proven bytes count. None are estimated, and no time is unaccounted for.",
        only_proven="Only proven bytes count: nothing else is held against the agency.",
        estimated="{estimated} more are estimated.",
        unknown="For {unknown} it is not known what passed.",
        read="Last read: {newest}.",
        never_read="Never read yet.",
        decided_on="When it was decided, {octets} were proven.",
        policy_says="The policy {policy} says {limit}.",
        policy_says_none="The policy {policy} sets no limit.",
        strictest="The strictest counts: {policy}.",
        only_circuit="The agency has one circuit, which gets all of {limit}.",
        among_circuits="{limit} is divided equally among the agency's {count} circuits: {share} each.",
        remainder="What does not divide evenly goes, 1 b/s each, to {circuits}.",
        exempted={
            "held_by_operator": "{circuit} is kept free of limits by an operator.",
            "observe_mode": "{circuit} is only observed (mode: observe): what netmon had set there ends.",
            "uplink": "{circuit} is on an uplink, which is never limited: what netmon had set there ends.",
        },
        due="Due: {limit}.",
        nothing_due="No limit is due.",
        in_force="In force on {router}: {limit}, as of {at}.",
        none_in_force="None is in force on {router}.",
        not_known="What is in force on {router} is not known; it is read again first.",
        pending="The change is pending (netmon plan).",
        withheld={
            Withheld.ROUTER_IN_DOUBT: "Nothing is altered before the router has been read again.",
            Withheld.UNCONFIRMED: "Nothing is altered: the port goes on under another name.",
            Withheld.UNREAD: "Nothing is altered: the router has not been read.",
            Withheld.OBSERVE_MODE: "Not set: the circuit is only observed (mode: observe).",
            Withheld.NOT_READY: "Not set: the router has not been observed for seven days yet.",
            Withheld.FROZEN: "Not set: the usage is out of date, or the clock not to be trusted.",
            Withheld.FROZEN_BY_OPERATOR: "Nothing is altered: an operator froze the limits as they are.",
            Withheld.EXPIRED: "Not set: the period is over, and is judged anew first.",
            Withheld.REFUSED: "Not set: the plan refuses itself.",
        },
        held="{by} keeps it free of limits until further notice: {reason}.",
        held_until="{by} keeps it free of limits until {until}: {reason}.",
        changed="Last change, {at}: {before} -> {after}; {outcome}, {proof} (receipt {receipt}).",
        no_limit="none",
        outcomes={
            Outcome.CONFIRMED: "confirmed",
            Outcome.REVERTED: "undone by the router",
            Outcome.FAILED: "failed",
            Outcome.UNKNOWN: "outcome unknown",
        },
        proofs={
            Proof.CONFIGURED: "configured",
            Proof.READ_BACK: "read back",
            Proof.OBSERVED: "proven by traffic",
            Proof.NOT_TESTABLE: "not tested by traffic",
        },
        until="{until}, with the period.",
        overdue="The period was over {until}; the limit ends once that can be judged.",
        conditions={
            "policy_changed": "if the policies are changed so that none of them slows the agency",
            "reverted": "if an operator frees a circuit for a time (netmon revert)",
            "usage_below": "if less than {octets} turn out to be proven",
            "usage_read_again": "if the routers can be read again, and the usage allows it",
            "clock_trusted": "if the clock can be trusted again, and the usage allows it",
        },
        volume_of="if the policy {policy} is changed, to a volume of {octets} for instance, or taken off the agency",
        using_less="Using less does not end it: what was used stays counted until the period ends.",
        refused="netmon tightens nothing at present: {detail}.",
    ),
)
