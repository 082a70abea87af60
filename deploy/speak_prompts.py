"""`make prompts` writes the files of all prompts, spoken by espeak-ng (Debian's package).

They are WAV files in the format of telephones (G.711 µ-law, 8 kHz), 8 kB a second.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import av

from media_unit.sip_gate.prompts import TEXTS, file_of

_VOICES = {"en": "en-gb", "zh": "cmn-latn-pinyin"}
_WORDS_A_MINUTE = "150"


def speak(text: str, voice: str, target: Path) -> None:
    """Write a text, spoken by a voice of espeak-ng, to a WAV file. Raises CalledProcessError if espeak-ng fails."""
    with tempfile.TemporaryDirectory() as folder:
        spoken = Path(folder) / "spoken.wav"
        argv = ["espeak-ng", "-v", voice, "-s", _WORDS_A_MINUTE, "-w", str(spoken), text]
        subprocess.run(argv, check=True)
        _write_for_telephones(spoken, target)


def _write_for_telephones(source: Path, target: Path) -> None:
    """Write a sound file anew in the format of telephones."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(source)) as sound, av.open(str(target), "w", format="wav") as written:
        stream = written.add_stream("pcm_mulaw", rate=8000, layout="mono")
        resampler = av.AudioResampler(format="s16", layout="mono", rate=8000)
        for frame in sound.decode(audio=0):
            for resampled in resampler.resample(frame):
                written.mux(stream.encode(resampled))
        for resampled in resampler.resample(None):
            written.mux(stream.encode(resampled))
        written.mux(stream.encode(None))


if __name__ == "__main__":
    for language, texts in TEXTS.items():
        for prompt, text in texts.items():
            speak(text, _VOICES[language], file_of(prompt, language))
