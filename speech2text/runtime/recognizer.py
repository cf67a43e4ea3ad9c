"""The recogniser: sound in, transcript out. It joins a bundle's graphs, the search and the segmenter."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from io import TextIOBase
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeAlias

import numpy as np
from numpy.typing import NDArray

from speech2text.audio.files import EMPTY_NAME, read_blocks
from speech2text.audio.resampling import SAMPLE_RATE
from speech2text.bundle.manifest import LISTENER_NAME, PIECES_NAME, SPELLER_NAME, Decoding, Manifest
from speech2text.bundle.store import Bundle, open_bundle
from speech2text.decoding.beam import beam_search
from speech2text.decoding.greedy import attention_greedy
from speech2text.decoding.hypothesis import Hypothesis
from speech2text.decoding.protocols import FloatArray, Memory, Term
from speech2text.errors import AudioError, BundleError
from speech2text.runtime.arrays import mix_down, to_mono
from speech2text.runtime.endpoints import EndpointRules
from speech2text.runtime.guards import SILENCE, ctc_reading, guard, is_silent
from speech2text.runtime.hearings import N_BEST, Hearing, change_speed, combine
from speech2text.runtime.listener import OnnxListener
from speech2text.runtime.options import SearchOptions
from speech2text.runtime.segmenter import Segmenter, Span
from speech2text.runtime.speller import OnnxSpeller
from speech2text.runtime.words import timed_words
from speech2text.text.tokenizer import Tokenizer
from speech2text.text.transcript import Seconds, Segment, Transcript, Word

if TYPE_CHECKING:
    from speech2text.runtime.stream import Stream

Source: TypeAlias = "str | os.PathLike[str] | BinaryIO | NDArray[Any]"
"""A sound file's path, an open binary file, or an array of samples."""


class Recognizer:
    """Transcribes with one bundle; make it with `speech2text.load_model`.

    Safe to use from many threads at once: nothing changes after it is made. Sent to another process, as by
    `multiprocessing`, it opens its bundle there anew.

    Attributes:
        manifest: what the bundle says of itself.
        decoding: the settings of the search: those of the bundle, or others that were asked for.
        search, chunk_seconds, n_best: see `speech2text.load_model`.
        speeds: those at which each span is heard, 1.0, as it came, first; see runtime/hearings.py.
        options: what was asked for, with the hot words themselves where a file was named.
        listener, speller, tokenizer: the parts, for whoever wants to see what the model hears.
    """

    def __init__(self, bundle: Bundle, options: SearchOptions | None = None) -> None:
        """Open the graphs of a verified bundle; see bundle.store.open_bundle.

        Raises:
            BundleError: the parts of the bundle do not fit together, or one that is needed is missing.
            HotwordsError: the hot words cannot be read, or not be written with the pieces of the bundle.
        """
        options = options or SearchOptions()
        self._folder = bundle.folder
        self.manifest = bundle.manifest
        self.decoding = options.applied_to(bundle.manifest.decoding)
        self.search = options.search
        self.chunk_seconds = None if options.chunk_seconds is None else float(options.chunk_seconds)
        self.n_best = options.n_best
        self.speeds = (1.0, *self.decoding.other_speeds) if self.search == "joint" else (1.0,)
        self.tokenizer, self.listener, self.speller, self._terms = _open_parts(bundle, options, self.decoding)
        self._hotwords: Sequence[Term] = ()
        if options.hotwords:
            from speech2text.runtime.hotwords import make_hotwords

            known = make_hotwords(
                options.hotwords, float(options.hotwords_score), self.tokenizer, self.manifest.language
            )
            self._hotwords = (known.start(),)
            options = replace(options, hotwords=known.phrases)  # a file may have changed by the time it is read again
        self.options = options

    def __reduce__(self) -> tuple[Any, ...]:
        return _open_again, (self._folder, self.manifest, self.options)

    def transcribe(
        self,
        source: Source,
        sample_rate: int | None = None,
        on_progress: Callable[[Seconds], None] | None = None,
        on_segment: Callable[[Segment], None] | None = None,
        *,
        endpoints: EndpointRules | None = None,
    ) -> Transcript:
        """The transcript of a recording of any length.

        Args:
            source: the path of a sound file, an open binary file, which is read from its first byte on wherever it
                stands, or samples (N,) or (N, channels): floats between -1 and 1, or signed integers over the whole
                range of their type. Channels are averaged.
            sample_rate: the rate of an array in Hz, 16000 if not given; a file knows its own.
            on_progress: called with the seconds done so far, again and again; what it raises ends the transcription.
            on_segment: called with each segment as soon as it is final, so that what was transcribed is not lost when
                the rest fails.
            endpoints: other rules of where a segment ends.

        Raises:
            AudioError: the source cannot be read, or is no sound.
            TypeError: the source is none of these, a list of samples for example, or the rules are no EndpointRules.
            ValueError: a sample rate was given for a file, or one that no recording has.

        Warns:
            DamageWarning: a file is damaged or cut short, and the transcript is of what could be read; or its channels
                cancel each other out.
            AudioWarning: channels of an array do, or its integers are those of a narrower type.
        """
        segments: list[Segment] = []
        segmenter = Segmenter(self.manifest.model.chunk_seconds, endpoints)

        def recognise(spans: Iterable[Span]) -> None:
            for span in spans:
                segment = self.recognise_span(span)
                if segment.text or segment.guard:
                    segments.append(segment)
                    if on_segment:
                        on_segment(segments[-1])
                if on_progress:
                    on_progress(span.end)

        heard = 0
        for block in _blocks(source, sample_rate):
            heard += len(block)
            recognise(segmenter.feed(block))
            if on_progress:
                on_progress(segmenter.settled_sample / SAMPLE_RATE)
        recognise(segmenter.finish())
        if on_progress:
            on_progress(heard / SAMPLE_RATE)
        return Transcript(tuple(segments), heard / SAMPLE_RATE, self.manifest.language)

    def recognise(self, samples: NDArray[Any]) -> Segment:
        """What is said in samples at 16 kHz, of the kinds `transcribe` takes, heard as one piece and never cut.

        Times count from the first sample. The segment lasts from its first word to its last; where nothing is said its
        text is empty, and `guard` says so if words had to be taken away. Time and memory grow with N: some 20 s is what
        models are trained for.

        Raises:
            AudioError: the samples are no sound.
            TypeError: no NumPy array.
        """
        return self._recognise(mix_down(samples))

    def _recognise(self, samples: FloatArray) -> Segment:
        duration = len(samples) / SAMPLE_RATE
        if is_silent(samples):
            return Segment("", 0.0, duration, guard=SILENCE)
        hearings = [self._hear(samples, speed) for speed in self.speeds]
        consensus = combine(hearings, self.tokenizer.decode)
        heard = consensus.hearing
        alternatives = consensus.alternatives[: self.n_best] if self.n_best > 1 else ()
        words = timed_words(
            self.tokenizer,
            heard.memory.ctc_log_probs,
            consensus.tokens,
            heard.frame,
            samples,
            confidence=self.manifest.confidence,
        )
        if not words:
            return Segment("", 0.0, duration, guard=heard.fired, alternatives=alternatives)
        text = " ".join(word.text for word in words)
        return Segment(text, words[0].start, words[-1].end, words, heard.fired, alternatives)

    def _hear(self, samples: FloatArray, speed: float) -> Hearing:
        """What is heard in samples (N,) at `speed` times their own, and what the guards say of it."""
        memory = self.listener.listen(change_speed(samples, speed), self.chunk_seconds)
        readings, fired = self._pass_guards(memory, self.spell(memory))
        guard = fired
        if fired and self._hotwords:  # they may have been read over what was said
            readings, guard = self._pass_guards(memory, self._search_jointly(memory, self._terms))
        return Hearing(memory, self.manifest.model.memory_frame_seconds * speed, readings, guard, fired)

    def recognise_span(self, span: Span) -> Segment:
        """What is said in a span of a recording, with times that count from the recording's start; see `recognise`."""
        return _shifted(self._recognise(span.samples), span.start, span.end)

    def stream(
        self, sample_rate: int = SAMPLE_RATE, *, partials: bool = True, endpoints: EndpointRules | None = None
    ) -> Stream:
        """A session that is fed samples as they come, and gives the words while they are spoken; see runtime/stream.py.

        Args:
            sample_rate: of the samples, in Hz.
            partials: give updates of the segment that is open, too, as against completed ones alone.
            endpoints: other rules of where a segment ends.

        Raises:
            TypeError: the rate is no number, or the rules are no EndpointRules.
            ValueError: a sample rate that no recording has.
        """
        from speech2text.runtime.stream import Stream  # files do without

        return Stream(self, sample_rate, partials, endpoints)

    def spell(self, memory: Memory) -> list[Hypothesis]:
        """The best readings of what the listener heard, best first: of the joint search `n_best`, or as many as count
        where several hearings have to agree.

        No guard has seen them, see `recognise`.
        """
        if self.search == "ctc":
            return [ctc_reading(memory.ctc_log_probs)]
        if self.search == "attention":
            return [attention_greedy(memory, self.speller)]
        return self._search_jointly(memory, (*self._terms, *self._hotwords))

    def _pass_guards(self, memory: Memory, readings: Sequence[Hypothesis]) -> tuple[Sequence[Hypothesis], str | None]:
        """The readings that pass the guards, and the guard that took the best one away, if one did."""
        if self.search == "attention":  # it shows what the speller does alone
            return readings, None
        return guard(readings, memory.ctc_log_probs, self.decoding.speech_threshold, self.tokenizer.decode)

    def _search_jointly(self, memory: Memory, terms: Sequence[Term]) -> list[Hypothesis]:
        settings = self.decoding
        # A false start of a hot word has the score of its letters at once, so nothing else would be near the best.
        threshold = None if self._hotwords else settings.beam_threshold
        return beam_search(
            memory,
            self.speller,
            settings.beam_size,
            settings.ctc_weight,
            settings.length_bonus,
            beam_threshold=math.inf if threshold is None else threshold,
            least_beam=N_BEST,
            length_normalization=settings.length_normalization,
            end_threshold=settings.end_threshold,
            terms=terms,
            n_best=self.n_best if len(self.speeds) == 1 else N_BEST,
        )


def _open_again(folder: Path, manifest: Manifest, options: SearchOptions) -> Recognizer:
    bundle = open_bundle(folder)
    if bundle.manifest != manifest:
        raise BundleError(f"{folder}: was changed while it was in use; start again")
    return Recognizer(bundle, options)


def _open_parts(
    bundle: Bundle, options: SearchOptions, decoding: Decoding
) -> tuple[Tokenizer, OnnxListener, OnnxSpeller, Sequence[Term]]:
    shape = bundle.manifest.model
    if shape.sample_rate != SAMPLE_RATE:
        raise BundleError(f"{bundle.folder}: hears {shape.sample_rate} Hz; this version hears {SAMPLE_RATE} Hz only")
    terms: Sequence[Term] = ()
    with ThreadPoolExecutor(1) as side:  # the listener takes as long to open as the rest together
        opening = side.submit(OnnxListener, bundle.files[LISTENER_NAME], shape, options.threads)
        tokenizer = _tokenizer(bundle)
        if options.search == "joint" and (decoding.lm_weight or decoding.coverage_weight):
            from speech2text.runtime.terms import open_terms  # only whoever uses them waits for it

            terms = open_terms(bundle, decoding, options.threads)
        try:
            speller = OnnxSpeller(bundle.files[SPELLER_NAME], shape, options.threads)
            return tokenizer, opening.result(), speller, terms
        except BundleError as error:
            raise BundleError(f"{bundle.folder}: {error}") from None


def _tokenizer(bundle: Bundle) -> Tokenizer:
    try:
        tokenizer = Tokenizer.from_json(json.loads(bundle.files[PIECES_NAME]))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BundleError(f"{bundle.folder}: {PIECES_NAME} cannot be used; export the model again ({error})") from None
    wanted = bundle.manifest.model.vocabulary
    if len(tokenizer) != wanted:
        raise BundleError(f"{bundle.folder}: {PIECES_NAME} has {len(tokenizer)} pieces, and the model {wanted}")
    return tokenizer


def _blocks(source: Source, sample_rate: int | None) -> Iterable[FloatArray]:
    if isinstance(source, np.ndarray):
        return [to_mono(source, SAMPLE_RATE if sample_rate is None else sample_rate)]
    if isinstance(source, TextIOBase) or not (isinstance(source, str | os.PathLike) or hasattr(source, "read")):
        taken = "the path of a sound file, an open binary file (io.BytesIO for bytes) or a NumPy array of samples"
        raise TypeError(f"transcribe takes {taken}, not {type(source).__name__}")
    if sample_rate is not None:
        raise ValueError("sample_rate is for arrays only; a file knows its own rate")
    if not isinstance(source, str | os.PathLike):
        return read_blocks(source)
    if not os.fspath(source):
        raise AudioError(EMPTY_NAME)
    return read_blocks(Path(source))


def _shifted(segment: Segment, by: Seconds, end: Seconds) -> Segment:
    """The segment `by` seconds later; a sum of two times may be rounded up, so none is left after `end`."""

    def later(time: Seconds) -> Seconds:
        return min(time + by, end)

    words = tuple(Word(word.text, later(word.start), later(word.end), word.confidence) for word in segment.words)
    return replace(segment, start=later(segment.start), end=later(segment.end), words=words)
