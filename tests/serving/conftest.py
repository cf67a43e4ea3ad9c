"""A real service in a process of its own, on a free port."""

import re
import signal
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

import httpx2 as httpx
import openai
import pytest

from tests.cli.conftest import COMMAND
from tests.tiny_bundle import write_tiny_bundle


@dataclass
class Service:
    process: subprocess.Popen
    address: str = ""
    stopping: bool = False

    def stop(self):
        """Interrupt it, once: Python dies of an interrupt that comes when it has nearly ended."""
        if not self.stopping:
            self.stopping = True
            self.process.send_signal(signal.SIGINT)

    @cached_property
    def client(self):
        """Closed with the service: a client that is left to the garbage collector warns in whichever test runs then."""
        return openai.OpenAI(base_url=f"{self.address}/v1", api_key="none", max_retries=0, timeout=30)

    def get(self, path):
        return httpx.get(self.address + path, timeout=30)

    def post(self, **parts):
        return httpx.post(f"{self.address}/v1/audio/transcriptions", timeout=30, **parts)

    def stream_address(self, query=""):
        return f"{self.address.replace('http', 'ws')}/v1/stream?{query}"


@contextmanager
def serving(bundle, *options):
    """A service that hears with the bundle; it must end without a word when it is interrupted."""
    arguments = [*COMMAND, "serve", "--port", "0", "--model", bundle, *options]
    process = subprocess.Popen([*map(str, arguments)], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    service = Service(process)
    with process:
        try:
            service.address = re.search(r"http://\S+", process.stderr.readline())[0]
            yield service
        finally:
            service.client.close()
            service.stop()
            said = process.communicate(timeout=30)
    assert said == ("", "")
    assert process.returncode == 130


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    """The folder of the tiny bundle."""
    return write_tiny_bundle(tmp_path_factory.mktemp("bundles") / "tiny").folder


@pytest.fixture(scope="session")
def service(tiny):
    """A service with the limits it has by default, but for those that would need large or long input to be met."""
    with serving(tiny, "--max-upload", 0.5, "--max-seconds", 20, "--max-rate", 48_000, "--max-idle", 5) as running:
        yield running
