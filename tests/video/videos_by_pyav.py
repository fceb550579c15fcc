"""Videos as PyAV reads them. Writes what test_real_videos.py compares with, where there is no PyAV:

    python3 videos_by_pyav.py FOLDER > data/videos.json

The file there was made by PyAV 18.1.0 (FFmpeg 8).
"""

import json
import sys
import zlib
from pathlib import Path


def read(file, stream):
    """Times in seconds (None: the frame has none) and the mean colour of every frame, up to the first that does not decode."""
    import av

    times, means = [], []
    with av.open(str(file)) as container:
        try:
            for frame in container.decode(container.streams[stream]):
                times.append(None if frame.pts is None else float(frame.pts * frame.time_base))
                means.append(frame.to_ndarray(format="rgb24").reshape(-1, 3).mean(axis=0).tolist())
        except av.error.InvalidDataError:
            pass
    return times, means


def times_digest(times):
    """Of the times in microseconds since the first frame."""
    return zlib.crc32(" ".join(str(int((time - times[0]) * 1e6 + 0.3)) for time in times).encode())


def summary(name, times, means):
    """An AVI has no timestamps, and what FFmpeg 8 makes of their absence goes back and forth where there are B-frames."""
    return {
        "frames": len(means),
        "times_digest": None if name.endswith(".avi") else times_digest(times),
        "mean_rgb": [round(sum(mean[colour] for mean in means) / len(means), 9) for colour in range(3)],
    }


def main():
    folder = Path(sys.argv[1])
    lines = []
    for file in sorted(folder.iterdir()):
        lines.append(f"{json.dumps(file.name)}: {json.dumps(summary(file.name, *read(file, 0)))}")
    print("{" + ",\n ".join(lines) + "}")


if __name__ == "__main__":
    main()
