"""A key and its policy as ``forebay keys`` shows them; no secret, no digest. Pure."""

from msgspec import Struct

from gateway.keys.key import Key, Scope
from gateway.keys.policy import Policy
from gateway.spending.money import plain, shown


class ListedKey(Struct):
    """A key as ``list --json`` shows it: amounts in US dollars, exactly, as text."""

    id: str
    name: str
    hint: str
    scopes: tuple[Scope, ...]
    created_at: str
    revoked_at: str | None
    cloud: bool
    budget_day_usd: str | None
    budget_month_usd: str | None
    budget_request_usd: str | None
    no_training: bool
    retention_days: int | None


def listed(key: Key) -> ListedKey:
    policy = key.policy
    day, month, request = (
        None if amount is None else plain(amount)
        for amount in (policy.budget_day, policy.budget_month, policy.budget_request)
    )
    return ListedKey(
        id=key.id, name=key.name, hint=key.hint, scopes=key.scopes, created_at=key.created_at,
        revoked_at=key.revoked_at, cloud=policy.cloud, budget_day_usd=day, budget_month_usd=month,
        budget_request_usd=request, no_training=policy.no_training, retention_days=policy.retention_days,
    )  # fmt: skip


def in_words(policy: Policy) -> str:
    """What it may do in the cloud, for people."""
    if not policy.cloud:
        return "no cloud"
    budget = policy.budget
    limits = ((budget.day, "a day"), (budget.month, "a month"), (budget.request, "a request"))
    words = ["cloud", *(f"{shown(amount)} {span}" for amount, span in limits if amount is not None)]
    if policy.no_training:
        words.append("no training")
    if policy.retention_days is not None:
        words.append(f"kept {policy.retention_days} days at most")
    return ", ".join(words)


def useless(policy: Policy) -> str | None:
    """Why nothing comes of it: a budget is of no use without the cloud, nor the other way round."""
    if policy.cloud and 0 in (policy.budget.day, policy.budget.month, policy.budget.request):
        return "its cloud budget is 0: give it one with --budget-day or --budget-month"
    if not policy.cloud and any((policy.budget_day, policy.budget_month, policy.budget_request)):
        return "its budget is of no use before it may use the cloud: --cloud"
    return None
