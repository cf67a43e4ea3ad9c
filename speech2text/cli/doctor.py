"""`speech2text doctor`: does the installation work, and does a bundle say what it should?"""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module, metadata

import click

from speech2text.cli.console import print_error, print_output
from speech2text.errors import AudioError, DependencyError, Speech2TextError, one_line
from speech2text.text.plain_line import in_a_line

_REQUIREMENT = re.compile(r"(?P<name>[\w.-]+)")
_EXTRA = re.compile(r"extra == ['\"](?P<extra>\w+)['\"]")
_EXTRA_FOR_DEVELOPERS = "dev"


@dataclass(frozen=True)
class Check:
    """What was looked at; `state` is "ok", "none" (a part that is optional and absent) or "broken"."""

    state: str
    subject: str
    finding: str


@click.command()
@click.argument("bundle", default="default")
def doctor(bundle: str) -> None:
    """Check the installation, the sound devices and a bundle.

    BUNDLE is the folder of a bundle; without it, the model inside the package. Its files must be as they were exported,
    and its own sample must give its own text. The exit code is 1 when something is broken.
    """
    broken = 0
    for check in _checks(bundle):
        print_output(in_a_line(f"{check.state:<6}  {check.subject:<14}  {check.finding}"))  # a bundle's names too
        broken += check.state == "broken"
    if broken:
        print_error(f"{broken} of the checks above found something broken")
        raise SystemExit(1)


def _checks(bundle: str) -> Iterator[Check]:
    yield Check("ok", "python", sys.version.split()[0])
    yield from _guarded("speech2text", _check_packages())
    yield from _guarded("sound devices", _check_sound_devices())
    yield from _guarded("bundle", _check_bundle(bundle))


def _guarded(subject: str, checks: Iterator[Check]) -> Iterator[Check]:
    """The checks; whatever one of them raises is a finding as well, and the others go on."""
    try:
        yield from checks
    except Speech2TextError as error:
        yield Check("broken", subject, str(error))
    except Exception as error:
        yield Check("broken", subject, f"{type(error).__name__}: {one_line(error)}")


def _check_packages() -> Iterator[Check]:
    yield Check("ok", "speech2text", metadata.version("speech2text"))
    required, optional = _requirements()
    yield from map(_check_required, required)
    for extra, names in optional.items():
        yield from (_check_optional(name, extra) for name in names)


def _requirements() -> tuple[list[str], dict[str, list[str]]]:
    """The packages that are always needed, and those of each extra for users, as the package's metadata says."""
    required: list[str] = []
    optional: dict[str, list[str]] = {}
    for line in metadata.requires("speech2text") or []:
        name = _REQUIREMENT.match(line)
        extra = _EXTRA.search(line)
        if name is None or "python_version" in line:
            continue
        if extra is None:
            required.append(name["name"])
        elif extra["extra"] != _EXTRA_FOR_DEVELOPERS:
            optional.setdefault(extra["extra"], []).append(name["name"])
    return required, optional


def _check_required(name: str) -> Check:
    try:
        import_module(name)
    except Exception as error:  # a package that is broken can raise anything
        problem = f"cannot be loaded ({one_line(error)}); run: pip install --force-reinstall speech2text"
        return Check("broken", name, problem)
    return Check("ok", name, metadata.version(name))


def _check_optional(name: str, extra: str) -> Check:
    try:
        return Check("ok", name, metadata.version(name))
    except metadata.PackageNotFoundError:
        return Check("none", name, f"optional; to install it: pip install 'speech2text[{extra}]'")


def _check_sound_devices() -> Iterator[Check]:
    yield _find_microphones("sound devices")


def _find_microphones(subject: str) -> Check:
    from speech2text.audio.microphone import list_devices

    try:
        names = [device.name for device in list_devices()]
    except (AudioError, DependencyError) as error:
        return Check("none", subject, f"only for a microphone: {error}")
    return Check("ok" if names else "none", subject, ", ".join(names) or "no microphone")


def _check_bundle(name: str) -> Iterator[Check]:
    """Its files, then what it makes of its sample; the second needs the first."""
    from speech2text.bundle.store import find_bundle, open_bundle
    from speech2text.runtime.recognizer import Recognizer

    bundle = open_bundle(find_bundle(name))
    yield Check("ok", "bundle", f"{bundle.manifest.name}, all files as exported ({bundle.folder})")
    sample = bundle.manifest.sample
    text = Recognizer(bundle).transcribe(io.BytesIO(bundle.files[sample.audio])).text
    if text == sample.text:
        yield Check("ok", "sample", f"heard as expected: {text}")
    else:
        yield Check(
            "broken", "sample", f"heard {text!r} instead of {sample.text!r}; export or download the bundle again"
        )
