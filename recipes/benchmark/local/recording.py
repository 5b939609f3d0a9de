"""One long recording: all files of a corpus, in C order, over and over.

usage: recording.py FOLDER_OF_WAVS HOURS FILE.wav
"""

import sys
from itertools import cycle
from pathlib import Path

import soundfile


def main() -> None:
    paths = sorted(Path(sys.argv[1]).rglob("[!.]*.wav"))
    rate = soundfile.info(paths[0]).samplerate
    left = round(float(sys.argv[2]) * 3600 * rate)
    with soundfile.SoundFile(sys.argv[3], "w", rate, 1, "PCM_16") as recording:
        for path in cycle(paths):
            samples = soundfile.read(path, dtype="int16")[0][:left]
            recording.write(samples)
            left -= len(samples)
            if not left:
                return


if __name__ == "__main__":
    main()
