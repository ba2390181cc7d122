"""What a key may do in the cloud, besides what its scopes open. Nothing, unless somebody says so. Pure."""

from msgspec import Struct

from gateway.spending.budget import Budget, budget_of
from gateway.spending.money import nano


class Policy(Struct, frozen=True, kw_only=True):
    """``cloud``: its requests may leave this machine for a provider. ``budget_day``, ``budget_month`` and
    ``budget_request``: the most that they may cost, in billionths of a dollar; see ``budget``. ``no_training`` and
    ``retention_days``: what a provider's terms must promise about its prompts.
    """

    cloud: bool = False
    budget_day: int | None = None
    budget_month: int | None = None
    budget_request: int | None = None
    no_training: bool = False
    retention_days: int | None = None

    @property
    def budget(self) -> Budget:
        """0 as long as neither day nor month are given."""
        return budget_of(day=self.budget_day, month=self.budget_month, request=self.budget_request)


NO_CLOUD = Policy()


def operator_policy(day_usd: float | None, month_usd: float | None) -> Policy:
    """Of the operator's own key and of an open gateway's clients, by the settings. Its ``budget`` is the gateway's too,
    over all keys.
    """
    day, month = (None if usd is None else nano(usd) for usd in (day_usd, month_usd))
    return Policy(cloud=bool(day or month), budget_day=day, budget_month=month)
