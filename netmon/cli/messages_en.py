"""In English."""

from __future__ import annotations

from netmon.cli.messages import Language, Sentences
from netmon.core.changes import Outcome, Proof
from netmon.core.decided import Decided
from netmon.core.directives import DirectiveKind
from netmon.core.model import Direction, VerdictReason
from netmon.core.planning import Withheld
from netmon.core.sharing_account import Standpoint

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
        released="netmon limits nobody at all for now: {by} released everything on {at}: {reason}",
        recorded="As it was recorded by then; the circuits are those of today's configuration.",
        no_circuits="No circuit is configured for this agency: nothing is counted or limited.",
        directions={Direction.DOWNLOAD: "Download", Direction.UPLOAD: "Upload"},
        limited={
            VerdictReason.OVER_QUOTA: "The quota policy slows the agency as a whole to {limit}.",
            VerdictReason.HELD_BY_HYSTERESIS: (
                "The agency as a whole stays slowed to {limit}: its usage is only just below the step that was reached."
            ),
            VerdictReason.HELD_TO_PERIOD_END: (
                "The agency as a whole stays slowed to {limit} until the period ends, though less is proven by now: so"
                " the step has it that was reached."
            ),
            VerdictReason.GRACE: (
                "The agency as a whole stays slowed to {limit}: its policy was changed lately, and slows it no further"
                " for now."
            ),
            VerdictReason.BOOSTED: "The agency as a whole is slowed only to {limit}, which it was given for a time.",
            VerdictReason.FROZEN_BY_OPERATOR: (
                "The agency as a whole stays slowed to {limit}: limits are frozen, and nothing is altered."
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
            VerdictReason.HELD_TO_PERIOD_END: (
                "The notice stands until the period ends, though less is proven by now: no limit."
            ),
            VerdictReason.RESTORED_BY_STEP: "So much is used that the policy slows no longer: no limit.",
            VerdictReason.OUTSIDE_WINDOW: "The policy slows only at certain times, and this is none of them: no limit.",
            VerdictReason.GRACE: "The policy is new, or was changed lately: it slows nobody yet.",
            VerdictReason.EASED_STALE: (
                "The usage has not been read for so long that its limit is lifted until it is read again."
            ),
            VerdictReason.EXEMPT: "The agency is exempt from the policy for a time: no limit.",
            VerdictReason.BOOSTED: "The agency is given more for a time: no limit.",
            VerdictReason.FROZEN_BY_OPERATOR: "Limits are frozen: nothing is altered, and none was set.",
            VerdictReason.SHARED: "What there is suffices for all that is wanted of it: no limit.",
            VerdictReason.ROLLOUT_HALTED: "What had lowered it was taken back, as another change went wrong: no limit.",
            VerdictReason.CEILING: "What the agency may have at most is more than its circuits carry: no limit.",
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
        decided="Decided",
        data="Data",
        shared="Shared",
        ends="Ends",
        again="Again",
        sooner="Sooner",
        used="{proven} of {quota} were used ({ratio}) in the period from {start} to {end}.",
        used_sum=(
            "{proven} of {quota} were used ({ratio}), download and upload together, in the period from {start} to"
            " {end}."
        ),
        carried="{carried} of the {quota} were left of the period before and carried over.",
        percentile=(
            "The 95th percentile of the period from {start} to {end} cannot fall below {proven} any more; it is held"
            " against {quota} ({ratio})."
        ),
        step="Step {step} of the policy {policy} is in force; it begins at {threshold}.",
        next_step="The next step begins at {threshold}.",
        set_aside="Otherwise the limit would be {limit}.",
        rule="The rule: policies/{file}, line {line}.",
        legal_basis="It may be lower than what the agency is guaranteed: {basis}.",
        directives={
            DirectiveKind.BOOST: "{by} gave the agency at least {rate} {lasts}: {reason}.",
            DirectiveKind.EXEMPTION: "{by} exempted the agency from {policy} {lasts}: {reason}.",
            DirectiveKind.FREEZE: "{by} froze the limits {lasts}: {reason}.",
        },
        any_policy="every policy",
        lasts_until="until {until}",
        lasts="until further notice",
        scarce="Less capacity is there than is wanted: each circuit has its share of it.",
        entitled="The agency has as much as its entitlement allows.",
        share={
            Decided.NOT_SHORT: "There is enough of all it crosses: no limit.",
            Decided.NOTHING_LEFT: "Of what it crosses nothing is there now: its limit stays as it is.",
            Decided.MINIMUM: "{target}: a limit is never less.",
            Decided.FLOOR: "{target}: its part of what is guaranteed to {by}, and no more is left.",
            Decided.ALLOCATION: "{target}: its share of {by}, which is used up.",
            Decided.HEADROOM: "{target}: more than it wants now, with its part of what nobody wants of {by}.",
            Decided.CEILING: "{target}: more than that is not due to {by}.",
            Decided.LADDER: "{target}: the quota policy's step decides.",
            Decided.BOOST: "{target}: what was given to {by} for a time decides.",
            Decided.PORT: "{target}: its port carries no more.",
        },
        wanted="It wants {wanted}, as measured.",
        entitlement="The entitlement of {agency} to {pool}: {file}, line {line}.",
        basis="Its basis: {basis}.",
        approaches="The limit follows in steps: {limit} for now.",
        standpoints={
            Standpoint.LEVEL: (
                "{child}: {child_rate} of {node}'s {node_rate}; weight {weight} of {rising} in the {rest} that go by"
                " weight."
            ),
            Standpoint.AHEAD: "{child}: {child_rate} of {node}'s {node_rate}, guaranteed or of an earlier class.",
            Standpoint.FULL: "{child}: {child_rate} of {node}'s {node_rate}, all it can have.",
            Standpoint.HELD: "{child}: {child_rate} of {node}'s {node_rate}; something it crosses is used up.",
        },
        own_circuits="{agency}'s own circuits",
        lasting={
            "shortage": (
                "Once less than 80 % of what is short has been wanted for 15 minutes. Until then it rises and falls"
                " with what everybody wants."
            ),
            "always": "Its capacity is always shared; the limit rises and falls with what everybody wants.",
            "entitlement": "With the entitlement.",
        },
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
        stands_by="{circuit} stands by and keeps {share}.",
        carrying_circuit="{circuit} carries and gets the rest, {limit}.",
        among_circuits="{limit} is divided equally among the {count} circuits that carry: {share} each.",
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
            Withheld.OTHER_NETMON: "Nothing is altered: the router bears the marker of another netmon.",
            Withheld.CONTESTED: "Not set: somebody undid it again and again; a person has to decide.",
            Withheld.BREAKER_OPEN: "Nothing is altered: the router failed again and again, and is left alone.",
            Withheld.FREEZE_WINDOW: "Nothing is lowered or raised for now: changes are frozen at this time.",
            Withheld.UNAPPROVED: "Not set: persons have to approve it first (netmon plan).",
            Withheld.ROLLOUT_HALTED: "Not set for now: a change elsewhere went wrong.",
            Withheld.DECREASE_FIRST: "Not raised yet: another limit has to be lowered first.",
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
        until={
            "period": "{until}, with the period.",
            "window": "{until}, with the hours in which the policy slows.",
            "grace": "{until}, with the policy's grace; then the policy decides.",
            "directive": "{until}, with what was decided; then the policy decides.",
        },
        resumes="{until}: from then on the limit is {limit}, as things stand.",
        overdue="The period was over {until}; the limit ends once that can be judged.",
        conditions={
            "more_capacity": "if there is more of it: an uplink that is up again, or more that is bought",
            "boosted": "if the agency is given more for a time (netmon boost)",
            "policy_changed": "if the policies are changed so that none of them slows the agency",
            "reverted": "if an operator frees a circuit for a time (netmon revert)",
            "usage_below": "if less than {octets} turn out to be proven",
            "usage_read_again": "if the routers can be read again, and the usage allows it",
            "exempted": "if the agency is exempted or boosted for a time (netmon exempt, netmon boost)",
            "freeze_ended": "if whoever froze the limits ends that",
            "clock_trusted": "if the clock can be trusted again, and the usage allows it",
        },
        volume_of="if the policy {policy} is changed, to a volume of {octets} for instance, or taken off the agency",
        using_less="Using less does not end it: what was used stays counted until the period ends.",
        refused="netmon tightens nothing at present: {detail}.",
    ),
)
