"""A zoo of bad and odd audio files, each with what must become of it: a text, a warning, or a one-line error.

`build_zoo(folder)` writes them all (a second's work); every animal is a real file, made by damaging a good one.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

SECONDS = 2.0
RATE = 16_000


@dataclass(frozen=True)
class Animal:
    """A file and what is expected of it.

    Either `error`, a part of the AudioError's message; or the number of samples at 16 kHz that can be read, `samples`
    (None: some), with `warning`, a part of the DamageWarning's message, "" where there must be none.
    """

    path: Path
    samples: int | None = None
    error: str = ""
    warning: str = ""

    def __str__(self) -> str:
        return self.path.name


def speech_like(seconds: float = SECONDS, rate: int = RATE, channels: int = 1) -> np.ndarray:
    """A hummed tone with noise (N, channels), the same in all channels; -0.5 to 0.5."""
    time = np.arange(round(seconds * rate)) / rate
    noise = np.random.default_rng(0).standard_normal(len(time))
    samples = (0.3 * np.sin(2 * np.pi * 220 * time) * np.sin(2 * np.pi * 2 * time) ** 2 + 0.01 * noise).astype(
        "float32"
    )
    return np.repeat(samples[:, None], channels, axis=1)


def encode(samples: np.ndarray, container: str, subtype: str | None = None, rate: int = RATE, **options) -> bytes:
    """The bytes of an audio file."""
    stream = io.BytesIO()
    soundfile.write(stream, samples, rate, format=container, subtype=subtype, **options)
    return stream.getvalue()


def mp3_without_length(samples: np.ndarray, quality: float) -> bytes:
    """An MP3 of constant bit rate, which has no table of contents: its length can only be guessed."""
    content = encode(samples, "MP3", bitrate_mode="CONSTANT", compression_level=quality)
    # small frames have no room for the table; larger begin with a frame that is the table alone
    return content[content.index(content[:3], 4) :] if b"Info" in content[:64] else content


def build_zoo(folder: Path) -> list[Animal]:
    """Write all animals into an empty folder."""
    return [
        *_no_audio(folder),
        *_bad_samples(folder),
        *_cut_short(folder),
        *_odd_but_good(folder),
        *_very_short(folder),
    ]


def _put(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def _moved(wav: bytes) -> bytes:
    """The same with an fmt chunk of 18 bytes, as WAVEFORMATEX has it: samples begin at no multiple of 4."""
    return wav[:16] + b"\x12" + wav[17:36] + bytes(2) + wav[36:]


def _no_audio(folder: Path) -> list[Animal]:
    noise = np.random.default_rng(0).bytes(20_000)
    wav = encode(speech_like(), "WAV")
    (folder / "folder.wav").mkdir()
    unknown = "not audio of a format that can be read"
    never_closed = wav[:40] + bytes(4) + wav[44:]  # a recorder writes the length of the data last
    silence_first = never_closed[:44] + bytes(RATE) + never_closed[44:]
    rf64_of_a_pipe = b"RF64" + wav[4:12] + b"ds64\x1c\0\0\0" + bytes(28) + never_closed[12:]
    return [
        Animal(folder / "missing.wav", error="no such file"),
        Animal(folder / "folder.wav", error="a folder, not a recording"),
        Animal(_put(folder, "empty.wav", b""), error="the file is empty (0 bytes)"),
        Animal(_put(folder, "empty.mp3", b""), error="the file is empty (0 bytes)"),
        Animal(_put(folder, "text.wav", b"This is not a recording.\n" * 40), error=unknown),
        Animal(_put(folder, "random.wav", noise), error=unknown),
        Animal(_put(folder, "random.raw", noise), error=unknown),
        Animal(_put(folder, "joined.wav", wav + wav), error="several WAV files joined into one"),
        Animal(_put(folder, "header-cut.wav", wav[:30]), error=unknown),
        Animal(_put(folder, "header-cut.flac", encode(speech_like(), "FLAC")[:30]), error=unknown),
        Animal(_put(folder, "header-alone.wav", wav[:44]), error="no sound can be read"),
        Animal(_put(folder, "never-closed.wav", never_closed), error="its header says 0 s, but more follows"),
        Animal(_put(folder, "never-closed-silence.wav", silence_first), error="its header says 0 s, but more follows"),
        Animal(
            _put(folder, "never-closed-18.wav", _moved(never_closed)), error="its header says 0 s, but more follows"
        ),
        Animal(_put(folder, "never-closed-ds64.wav", rf64_of_a_pipe), error="its header says 0 s, but more follows"),
        *_never_closed(folder, speech_like(), ""),
        *_never_closed(folder, np.zeros((RATE, 1), np.float32), "-silence"),
    ]


def _never_closed(folder: Path, samples: np.ndarray, suffix: str) -> list[Animal]:
    """What a recorder that was stopped leaves: the head of a file without sound, and the sound."""
    sound = encode(samples, "RAW", "PCM_16", endian="BIG")
    return [
        Animal(
            _put(folder, f"never-closed{suffix}.{container.lower()}", encode(samples[:0], container) + sound),
            error=f"the recorder was stopped before it finished the file; {remedy}",
        )
        for container, remedy in [
            ("AIFF", "repair it: sox --ignore-length INPUT"),
            ("RF64", "repair it: sox --ignore-length INPUT"),
            ("AU", "repair it: ffmpeg -i INPUT"),
            ("CAF", "repair it: ffmpeg -i INPUT"),
        ]
    ]


def _bad_samples(folder: Path) -> list[Animal]:
    def spoiled(value: float) -> bytes:
        samples = speech_like()
        samples[12_000] = value
        return encode(samples, "WAV", "FLOAT")

    too_large = speech_like().astype("float64")
    too_large[12_000] = 1e300  # finite as it stands in the file, not in float32
    message = "NaN or infinite samples, the first at 0.75 s"
    return [
        Animal(_put(folder, "nan.wav", spoiled(np.nan)), error=message),
        Animal(_put(folder, "infinite.wav", spoiled(np.inf)), error=message),
        Animal(_put(folder, "minus-infinite.wav", spoiled(-np.inf)), error=message),
        Animal(_put(folder, "too-large.wav", encode(too_large, "WAV", "DOUBLE")), error=message),
    ]


def _cut_short(folder: Path) -> list[Animal]:
    animals = []
    for suffix, container in [
        ("wav", "WAV"),
        ("flac", "FLAC"),
        ("mp3", "MP3"),
        ("aiff", "AIFF"),
        ("au", "AU"),
        ("w64", "W64"),
        ("rf64", "RF64"),
        ("sph", "NIST"),
    ]:
        whole = encode(speech_like(), container)
        half = _put(folder, f"cut.{suffix}", whole[: len(whole) // 2])
        animals.append(Animal(half, warning="s of the 2.0 s its header promises"))
    for suffix, subtype in [("ogg", "VORBIS"), ("opus", "OPUS")]:
        whole = encode(speech_like(10), "OGG", subtype)
        half = _put(folder, f"cut.{suffix}", whole[: len(whole) // 2])
        animals.append(Animal(half, warning="s, and its end is missing"))
        animals.append(
            Animal(_put(folder, f"cut-at-its-end.{suffix}", whole[:-1]), warning="s, and its end is missing")
        )
        animals.append(Animal(_put(folder, f"tagged.{suffix}", whole + b"TAG" + bytes(125)), 10 * RATE))
        joined = encode(speech_like(), "OGG", subtype) + whole  # as of internet radio, a stream a title
        animals.append(
            Animal(_put(folder, f"joined.{suffix}", joined), round(SECONDS * RATE), warning="read the first, 2.0 s")
        )
    mp3 = encode(speech_like(), "MP3")
    animals.append(
        Animal(_put(folder, "joined.mp3", mp3 + mp3), round(SECONDS * RATE), warning="read the first, 2.0 s")
    )
    wav = encode(speech_like(4), "WAV")
    early = wav[:40] + round(2 * SECONDS * RATE).to_bytes(4, "little") + wav[44:]  # 16-bit samples
    animals += [
        Animal(_put(folder, name, content), round(SECONDS * RATE), warning="says 2.0 s, but more follows")
        for name, content in [("closed-early.wav", early), ("closed-early-18.wav", _moved(early))]
    ]
    flac = encode(speech_like(), "FLAC")
    hole = len(flac) // 2
    damaged = flac[:hole] + bytes(2000) + flac[hole + 2000 :]
    animals.append(Animal(_put(folder, "hole.flac", damaged), warning="s of the 2.0 s its header promises"))
    return animals


def _odd_but_good(folder: Path) -> list[Animal]:
    wav = encode(speech_like(), "WAV")
    unknown_length = wav[:4] + b"\xff" * 4 + wav[8:40] + b"\xff" * 4 + wav[44:]  # as programs write it to a pipe
    fast, slow = mp3_without_length(speech_like(4), 0.0), mp3_without_length(speech_like(4), 0.9)
    samples = round(SECONDS * RATE)
    animals = [
        Animal(_put(folder, "piped.wav", unknown_length), samples),
        Animal(_put(folder, "flac-inside.wav", encode(speech_like(), "FLAC")), samples),
        Animal(_put(folder, "wav-inside.mp3", wav), samples),
        Animal(_put(folder, "wav-inside.raw", wav), samples),
        Animal(_put(folder, "no-suffix", wav), samples),
        Animal(_put(folder, "fmt-18.wav", _moved(wav)), samples),
        Animal(
            _put(folder, "cover-picture.mp3", b"ID3\x03\0\0\0\0\x07\x76" + bytes(1014) + encode(speech_like(), "MP3")),
            samples,
        ),
        Animal(_put(folder, "guessed-too-short.mp3", fast + slow), None),
        Animal(_put(folder, "guessed-too-long.mp3", slow + fast), None),
        Animal(_put(folder, "ünï cödé [1].flac", encode(speech_like(), "FLAC")), samples),
        Animal(_put(folder, "stereo.wav", encode(speech_like(channels=2), "WAV")), samples),
        *_with_a_tail(folder),
        *_aiff_of_unknown_length(folder),
        Animal(_put(folder, "never-closed.w64", encode(speech_like(0), "W64") + wav[44:]), samples),
        Animal(_put(folder, "8-channels.wav", encode(speech_like(channels=8), "WAV")), samples),
    ]
    for subtype in ("PCM_U8", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW", "GSM610"):
        whole = None if subtype == "GSM610" else samples  # its blocks are padded
        animals.append(Animal(_put(folder, f"{subtype}.wav", encode(speech_like(), "WAV", subtype)), whole))
    for rate in (8_000, 11_025, 22_050, 44_100, 48_000, 96_000):
        path = _put(folder, f"{rate}.wav", encode(speech_like(rate=rate), "WAV", rate=rate))
        animals.append(Animal(path, samples))
    for suffix, container in [
        ("flac", "FLAC"),
        ("mp3", "MP3"),
        ("aiff", "AIFF"),
        ("au", "AU"),
        ("caf", "CAF"),
        ("w64", "W64"),
        ("rf64", "RF64"),
        ("sph", "NIST"),
    ]:
        animals.append(Animal(_put(folder, f"good.{suffix}", encode(speech_like(), container)), samples))
    for suffix, subtype in [("ogg", "VORBIS"), ("opus", "OPUS")]:
        animals.append(Animal(_put(folder, f"good.{suffix}", encode(speech_like(), "OGG", subtype)), samples))
    return animals


def _with_a_tail(folder: Path) -> list[Animal]:
    """What tools put behind the samples: tags, chunks that are not aligned for want of padding, a few stray bytes."""
    wav = encode(speech_like()[:-1], "WAV", "PCM_U8")  # of an odd number of bytes
    end = 44 + round(SECONDS * RATE) - 1
    tails = {
        "list": b"LIST" + (26).to_bytes(4, "little") + b"INFOISFT\x0e\0\0\0Lavf58.29.100\0",
        "id3-chunk": b"id3 " + (9000).to_bytes(4, "little") + b"ID3\x03\0\0\0\0\0\x20" + bytes(8990),
        "id3": b"ID3\x03\0\0\0\0\0\x20" + bytes(9000),
        "tag": b"TAG" + bytes(125),
        "stray": b"\x01\x02\x03\x04" * 20,
    }
    return [
        Animal(_put(folder, f"{name}-behind{len(padding)}.wav", wav[:end] + padding + tail), end - 44)
        for name, tail in tails.items()
        for padding in (b"", b"\0")
    ]


def _aiff_of_unknown_length(folder: Path) -> list[Animal]:
    """As programs write it to a pipe, from which they cannot go back to the header."""
    whole = bytearray(encode(speech_like(), "AIFF"))
    frames, sound = whole.index(b"COMM") + 10, whole.index(b"SSND") + 4
    animals = []
    for size, count in [(0x7F000000, 0x7F000000 // 2), (0xFFFFFFFF, 0xFFFFFFFF)]:
        for place, number in ((4, size), (sound, size), (frames, count)):
            whole[place : place + 4] = number.to_bytes(4, "big")
        animals.append(Animal(_put(folder, f"piped-{size:x}.aiff", bytes(whole)), round(SECONDS * RATE)))
    return animals


def _very_short(folder: Path) -> list[Animal]:
    animals = [
        Animal(_put(folder, "no-samples.wav", encode(speech_like(0), "WAV")), 0),
        *(
            Animal(_put(folder, f"no-samples.{container.lower()}", encode(speech_like(0), container)), 0)
            for container in ("AIFF", "AU", "CAF", "W64", "RF64")
        ),
        Animal(_put(folder, "no-samples.ogg", encode(speech_like(0), "OGG", "VORBIS")), 0),
        Animal(_put(folder, "1-sample-96k.wav", encode(speech_like()[:1], "WAV", rate=96_000)), 0),
    ]
    for count in (1, 100):
        for suffix, container, subtype in [("wav", "WAV", None), ("flac", "FLAC", None), ("opus", "OGG", "OPUS")]:
            content = encode(speech_like()[:count], container, subtype)
            animals.append(Animal(_put(folder, f"{count}-samples.{suffix}", content), count))
    return animals
