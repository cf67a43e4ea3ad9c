"""Packages that are not in the base install, and what to do without them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from speech2text.errors import DependencyError


@contextmanager
def packages_of(extra: str, *, needed_by: str) -> Iterator[None]:
    """Turn a failed import within into one line that says what to install.

    Raises:
        DependencyError: a package of the extra is not installed.
    """
    try:
        yield
    except ImportError as error:
        package = (error.name or "").partition(".")[0]
        raise DependencyError(
            f"{needed_by} needs the package {package!r}: pip install 'speech2text[{extra}]'"
        ) from None
