"""The sound of a film: that of each recorded segment, silence where there is none, encoded as one stream (AAC)."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import av
from av.audio.resampler import AudioResampler

from media_unit.segment_files import Sound

RATE = 48000
_BITRATE = 96_000
_SAMPLES_AT_ONCE = 4800
_BYTES_OF_A_SAMPLE = 2


class FilmSound:
    """The sound stream of a film, which is written beside its pictures."""

    def __init__(self, container: av.container.OutputContainer) -> None:
        """Add an empty sound stream to the film's file."""
        self._container = container
        self._stream = container.add_stream("aac", rate=RATE, layout="mono", bit_rate=_BITRATE)
        self._written = 0
        self._rest = b""

    def begin_part(self, sound: Sound | None) -> Iterator[bytes]:
        """Return the sound of the film's next part as samples of 16 bits; silence follows without end.

        `None` is silence.
        """
        self._rest = b""
        return _samples(sound)

    def write_until(self, samples: Iterator[bytes], second: Fraction) -> None:
        """Encode the samples up to this second of the film, and write them to its file.

        Does nothing if they are written already.
        """
        wanted = int(second * RATE) - self._written
        while len(self._rest) < wanted * _BYTES_OF_A_SAMPLE:
            self._rest += next(samples)
        if wanted <= 0:
            return
        size = wanted * _BYTES_OF_A_SAMPLE
        frame = av.AudioFrame(format="s16", layout="mono", samples=wanted)
        frame.planes[0].update(self._rest[:size])
        frame.sample_rate, frame.time_base, frame.pts = RATE, Fraction(1, RATE), self._written
        self._rest, self._written = self._rest[size:], self._written + wanted
        self._container.mux(self._stream.encode(frame))

    def end(self) -> None:
        """Write the sound that the encoder has kept back, at the end of the film."""
        self._container.mux(self._stream.encode(None))


def _samples(sound: Sound | None) -> Iterator[bytes]:
    """Yield the recorded sound as samples with one channel at the rate of the film.

    After its end silence, without end.
    """
    if sound:
        layout = "mono" if sound.channels == 1 else "stereo"
        resampler = AudioResampler(format="s16", layout="mono", rate=RATE)
        width = _BYTES_OF_A_SAMPLE * sound.channels
        with sound.path.open("rb") as file:
            file.seek(sound.offset)
            while piece := file.read(_SAMPLES_AT_ONCE * width):
                count = len(piece) // width
                if not count:
                    break
                frame = av.AudioFrame(format="s16", layout=layout, samples=count)
                frame.planes[0].update(piece[: count * width])
                frame.sample_rate = sound.rate
                for changed in resampler.resample(frame):
                    yield bytes(changed.planes[0])[: changed.samples * _BYTES_OF_A_SAMPLE]
    while True:
        yield bytes(_SAMPLES_AT_ONCE * _BYTES_OF_A_SAMPLE)
