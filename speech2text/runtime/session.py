"""Opens the graphs of a bundle in ONNX Runtime and checks that they keep the contract of export/README.md."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import onnxruntime

from speech2text.bundle import tensors
from speech2text.errors import BundleError, one_line


def open_session(
    name: str, graph: bytes, inputs: Collection[str], outputs: Collection[str], threads: int
) -> onnxruntime.InferenceSession:
    """A session on the CPU for the graph of the file `name`, which uses `threads` threads.

    Raises:
        BundleError: not a graph that ONNX Runtime can run, or one with other inputs or outputs than these, or of other
            types than speech2text/bundle/tensors.py says.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors only; they are raised anyway
    options.add_session_config_entry(
        "session.intra_op.allow_spinning", "0"
    )  # waiting threads leave the cores to others
    try:
        session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the classes of ONNX Runtime's errors share no base
        problem = f"{name} cannot be run by this ONNX Runtime; export the model again ({one_line(error)})"
        raise BundleError(problem) from None
    _check(name, "inputs", {each.name for each in session.get_inputs()}, set(inputs))
    _check(name, "outputs", {each.name for each in session.get_outputs()}, set(outputs))
    for each in (*session.get_inputs(), *session.get_outputs()):
        wanted = "tensor(int64)" if each.name in tensors.WHOLE_NUMBERS else "tensor(float)"
        if each.type != wanted:
            raise BundleError(f"{name}: {each.name} is a {each.type}, and must be a {wanted}; export the model again")
    return session


def check_sizes(name: str, session: onnxruntime.InferenceSession, sizes: Mapping[str, Sequence[int | None]]) -> None:
    """Compare the sizes of inputs and outputs, by name, with what the manifest says; None may be any size.

    The hashes in the manifest are of the other files, so an edited number in it is noticed only by such comparisons.

    Raises:
        BundleError: a size differs; a size that the graph leaves open is not compared.
    """
    for each in (*session.get_inputs(), *session.get_outputs()):
        if each.name not in sizes:
            continue
        wanted = sizes[each.name]
        fits = len(each.shape) == len(wanted) and all(
            size is None or not isinstance(axis, int) or axis == size
            for axis, size in zip(each.shape, wanted, strict=True)
        )
        if not fits:
            raise BundleError(
                f"{name}: {each.name} has the sizes {_show(each.shape)}, and the manifest says {_show(wanted)}; "
                "copy the whole bundle again"
            )


def _show(sizes: Sequence[int | str | None]) -> str:
    return "(" + ", ".join(str(size) if isinstance(size, int) else "any" for size in sizes) + ")"


def _check(name: str, what: str, found: set[str], wanted: set[str]) -> None:
    if found != wanted:
        problems = [f"{key!r} missing" for key in sorted(wanted - found)]
        problems += [f"{key!r} unknown" for key in sorted(found - wanted)]
        raise BundleError(
            f"{name} has other {what} than its manifest says ({', '.join(problems)}); export the model again"
        )
