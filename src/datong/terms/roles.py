"""Roles (角色): what a person may be at a node. Four-eyes checks are pure rules on person ids.

Source: design section 1 (people) and policy.md sections 1-3 (who reviews, who sets a ceiling).
"""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    operator = "operator"
    """Node operator 节点运维: people, tokens, backups, joining."""
    data_engineer = "data_engineer"
    """Data engineer 数据工程师: sources, mappings, builds, treatment, filing a resource."""
    product_manager = "product_manager"
    """Product manager 产品经理: recipes, products, fees, listings, contracts as provider or consumer."""
    legal = "legal"
    """Legal officer 法务: consents, authorisations, legal basis, signing agreements."""
    steward = "steward"
    """Steward of the implementing body 实施机构: authorised-operation plans and agreements, joint filing."""
    registrar = "registrar"
    """Registrar 登记受理: accepts, publishes and codes registration cases; assigns node codes."""
    reviewer = "reviewer"
    """Reviewer 审核: formal review of cases and listings, never one's own."""
    price_officer = "price_officer"
    """Price officer 价格主管: verifies the maximum permitted revenue, sets ceilings."""
    assessor = "assessor"
    """Assessor 评估: signs assessment records of contract and environment."""
    analyst = "analyst"
    """Analyst 数据分析: searches, negotiates and receives as a buyer."""
    finance = "finance"
    """Finance 财务: invoices, statements, postings."""
    auditor = "auditor"
    """Auditor 审计: reads everything, changes nothing."""
    peer = "peer"
    """Another node, speaking by signed messages (not a person's role)."""
    node = "node"
    """The node itself: jobs and clocks (not a person's role)."""


PERSON_ROLES = frozenset(Role) - {Role.peer, Role.node}


def one_hand(person: str, issued_by: str, other: str, other_issued_by: str) -> bool:
    """Whether two deeds may be one person's: the same person did both, or one handed the other their way in.

    That a third person handed both theirs does not count: somebody must let people in, and where that is one
    operator every deed would be theirs. The records name the issuer, so that an auditor sees it.
    """
    return (bool(person) and person in (other, other_issued_by)) or (bool(issued_by) and issued_by == other)
