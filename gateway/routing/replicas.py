"""The engines that one variant of the catalog may have at once, as variants of their own. Pure.

A variant with ``replicas`` is started several times; one with ``urls`` is there several times, run by somebody else.
"""

from msgspec import structs

from backends.external.args import ExternalArgs
from gateway.catalog.profile import Variant


def count(variant: Variant) -> int:
    """How many there may be; one for most."""
    engine = variant.engine
    return len(engine.urls) or 1 if isinstance(engine, ExternalArgs) and not engine.command else variant.replicas


def nth(variant: Variant, number: int) -> Variant:
    """The ``number``-th, from 1: the variant itself, or with the address of that one."""
    engine = variant.engine
    if not (isinstance(engine, ExternalArgs) and engine.urls):
        return variant
    return structs.replace(variant, engine=structs.replace(engine, url=engine.urls[number - 1], urls=()))
