"""The verbs of catalogue, by subject; other rooms say `from datong.catalogue import service as catalogue`.

gates       what must hold before something is listed, asked of the rooms below
publishing  publish, suspend, restore, withdraw; shown to everybody or to spaces
listed      what is listed here, with its offers and what they miss
pages       what peers see of it
showing     who sees which listing: everybody, or the members of logical spaces
harvesting  the order to read a peer's catalogue
reporting   what a node lists, told to the function node, and merged there
templates   policy templates: list, write, make a policy of one
finding     search, and what peers' catalogues say
"""

from datong.catalogue.rules import DELIVERY_FORMS
from datong.catalogue.service.finding import find, found_offer, harvested, peers
from datong.catalogue.service.gates import unpromised
from datong.catalogue.service.harvesting import HARVEST, harvest
from datong.catalogue.service.listed import listing, listing_state, listings, live_kind, offer, offers_of
from datong.catalogue.service.pages import datasets, listing_for, listings_for, published_dataset, published_page
from datong.catalogue.service.publishing import publish, restore, show_in_spaces, suspend, withdraw
from datong.catalogue.service.reporting import merged_catalogue, received_report, report_catalogue
from datong.catalogue.service.showing import is_shown, require_shown
from datong.catalogue.service.templates import install, policy_of_template, policy_templates, write_policy_template

__all__ = [
    "DELIVERY_FORMS",
    "HARVEST",
    "datasets",
    "find",
    "found_offer",
    "harvest",
    "harvested",
    "install",
    "is_shown",
    "listing",
    "listing_for",
    "listing_state",
    "listings",
    "listings_for",
    "live_kind",
    "merged_catalogue",
    "offer",
    "offers_of",
    "peers",
    "policy_of_template",
    "policy_templates",
    "publish",
    "published_dataset",
    "published_page",
    "received_report",
    "report_catalogue",
    "require_shown",
    "restore",
    "show_in_spaces",
    "suspend",
    "unpromised",
    "withdraw",
    "write_policy_template",
]
