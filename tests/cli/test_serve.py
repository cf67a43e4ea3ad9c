"""`speech2text serve`: what it needs before it can serve; what it then does is in tests/serving/."""

import socket
import subprocess
import sys

import pytest

from speech2text.cli.app import main
from speech2text.serving.limits import Limits


def test_a_taken_port_is_one_line(speech2text, tiny):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = speech2text("serve", "--port", port, "--model", tiny)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"error: 127.0.0.1, port {port}: Address already in use; choose another address or port\n"


def test_an_address_of_another_machine_is_one_line(speech2text, tiny):
    done = speech2text("serve", "--host", "192.0.2.1", "--port", 0, "--model", tiny)  # an address for documents
    assert done.returncode == 1
    assert done.stderr.startswith("error: 192.0.2.1, port 0: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("option", "value"),
    [
        *(
            (option, value)
            for option in ("--lm-weight", "--hotwords-score", "--max-upload", "--max-seconds", "--max-idle")
            for value in ("nan", "inf", "-1")
        ),
        *((option, "0") for option in ("--beam-size", "--threads", "--max-rate", "--max-sessions", "--max-upload")),
        ("--port", "65536"),
    ],
)
def test_a_number_that_cannot_be_is_a_wrong_use(option, value, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["serve", "--port", "0", option, value])
    assert stopped.value.code == 2
    assert f"Invalid value for '{option}': " in capsys.readouterr().err.splitlines()[-1]


def test_a_limit_too_large_for_a_number_is_a_wrong_use(speech2text):
    done = speech2text("serve", "--port", 0, "--max-upload", "1e305")
    assert done.returncode == 2
    assert "upload_bytes must be a finite number above 0" in done.stderr.splitlines()[-1]


def test_a_weight_for_no_language_model_is_one_line(speech2text, tiny):
    done = speech2text("serve", "--port", 0, "--model", tiny, "--lm-weight", 0.3)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"error: {tiny}: has no language model to give a weight of 0.3; ")
    assert done.stderr.count("\n") == 1


def test_a_wrong_bundle_is_one_line(speech2text):
    done = speech2text("serve", "--port", 0, "--model", "none")
    assert done.returncode == 1
    assert done.stderr.startswith("error: none: no such bundle")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("missing", ["starlette", "uvicorn", "websockets", "python_multipart"])
def test_without_the_extra_it_says_how_to_get_it(missing):
    code = (
        f"import sys; sys.modules[{missing!r}] = None\n"
        "from speech2text.cli.app import main; main(['serve', '--port', '0'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert done.stderr == f"error: serve needs the package {missing!r}: pip install 'speech2text[serve]'\n"


@pytest.mark.parametrize(
    "wrong",
    [
        {"upload_bytes": 0},
        {"seconds": float("nan")},
        {"sample_rate": 1},
        {"sample_rate": 2_000_000},
        {"sessions": -1},
        {"idle_seconds": 0},
    ],
)
def test_limits_that_let_nothing_through(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Limits(**wrong)


@pytest.mark.parametrize("host", ["no such host", "a..b"])
def test_a_name_that_is_no_address_is_one_line(speech2text, tiny, host):
    done = speech2text("serve", "--host", host, "--port", 0, "--model", tiny)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {host}, port 0: ")
    assert done.stderr.count("\n") == 1
