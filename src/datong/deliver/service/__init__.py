"""The verbs of delivery, by subject; other rooms say `from datong.deliver import service as deliver`.

decisions   decide, require: the one choke point; own_rows for the owner's staff
files       the node's folder: staged writes, renames, strays, url keys
shares      what lies ready under an agreement: release_supply, release_noisy, offer_product
partitions  the rounds of a joint partition, answered under the agreement
transfers   the Dataspace Protocol's transfer process, both sides
grants      bearer tokens, file addresses, usage events
fetching    a pull at the consumer's node; the profile shown to a person
pushing     a push, sent by the provider and taken by the consumer
holding     suspend, resume: each side its own
endings     end: keys destroyed, copies deleted, proof
controlling usage control told between nodes: reports, feedback, abnormal stop, proof of fulfilment
"""

from datong.deliver.service.controlling import (
    control_answered,
    control_messages,
    give_feedback,
    instructions,
    outgoing_control,
    prove_fulfilment,
    received_control,
    report_performance,
    stop_use,
    strategy_id,
    strategy_in_force,
)
from datong.deliver.service.deciding import decide, decisions, own_rows, require
from datong.deliver.service.due import due
from datong.deliver.service.ending import (
    ENDS,
    destroy_job,
    end,
    end_agreement,
    endings,
    received_destruction_proof,
    received_ended,
)
from datong.deliver.service.fetching import fetch_job, held, profile
from datong.deliver.service.files import install, sweep
from datong.deliver.service.granting import (
    grant_files,
    grants,
    holder_of,
    open_file,
    reconcile,
    require_open,
    served,
    share_of,
    supplies_of,
    table_of,
)
from datong.deliver.service.holding import hold_in_force, received_stop_lifted, resume, suspend
from datong.deliver.service.offering import offer_product, release_noisy, release_supply
from datong.deliver.service.partitions import (
    received_partition_agreed,
    received_partition_ask,
    received_partition_cancelled,
)
from datong.deliver.service.pushing import expected as push_expected
from datong.deliver.service.pushing import push_job
from datong.deliver.service.pushing import room as push_room
from datong.deliver.service.pushing import staging as push_staging
from datong.deliver.service.pushing import taken as push_taken
from datong.deliver.service.sharing import shares
from datong.deliver.service.transfer_received import (
    transfer,
    transfer_completed,
    transfer_requested,
    transfer_started,
    transfer_suspended,
    transfer_terminated,
)
from datong.deliver.service.transfer_sending import (
    outgoing,
    transfer_acknowledged,
    transfer_refused,
)
from datong.deliver.service.transferring import (
    ON_SIGNING,
    complete_transfer,
    delivered_at_most,
    request_transfer,
    resume_transfer,
    signed,
    signed_job,
    start_transfer,
    suspend_transfer,
    terminate,
    transfers,
)

__all__ = [
    "ENDS",
    "ON_SIGNING",
    "complete_transfer",
    "control_answered",
    "control_messages",
    "decide",
    "decisions",
    "delivered_at_most",
    "destroy_job",
    "due",
    "end",
    "end_agreement",
    "endings",
    "fetch_job",
    "give_feedback",
    "grant_files",
    "grants",
    "held",
    "hold_in_force",
    "holder_of",
    "install",
    "instructions",
    "offer_product",
    "open_file",
    "outgoing",
    "outgoing_control",
    "own_rows",
    "profile",
    "prove_fulfilment",
    "push_expected",
    "push_job",
    "push_room",
    "push_staging",
    "push_taken",
    "received_control",
    "received_destruction_proof",
    "received_ended",
    "received_partition_agreed",
    "received_partition_ask",
    "received_partition_cancelled",
    "received_stop_lifted",
    "reconcile",
    "release_noisy",
    "release_supply",
    "report_performance",
    "request_transfer",
    "require",
    "require_open",
    "resume",
    "resume_transfer",
    "served",
    "share_of",
    "shares",
    "signed",
    "signed_job",
    "start_transfer",
    "stop_use",
    "strategy_id",
    "strategy_in_force",
    "supplies_of",
    "suspend",
    "suspend_transfer",
    "sweep",
    "table_of",
    "terminate",
    "transfer",
    "transfer_acknowledged",
    "transfer_completed",
    "transfer_refused",
    "transfer_requested",
    "transfer_started",
    "transfer_suspended",
    "transfer_terminated",
    "transfers",
]
