"""MiniRocket (aeon's MiniRocketClassifier) on a TSE store, one fit a seed; launch/peer.py says how it is called. Needs aeon.

Samples of unlike lengths are stretched, by linear interpolation, to the longest that it trains on.
"""

import time

import aeon
import numpy as np
from aeon.classification.convolution_based import MiniRocketClassifier

from peer import judge_each_seed, parser_of_peer

LEAST_STEPS = 9  # the length of MiniRocket's kernels


def stretched(sample, steps):
    """[T,F] -> [F,steps], end points kept."""
    at = np.linspace(0, len(sample) - 1, steps)
    return np.stack([np.interp(at, np.arange(len(sample)), feature) for feature in sample.T])


def main():
    arguments = parser_of_peer().parse_args()

    def judge(train, labels, judged, seed):
        steps = max(LEAST_STEPS, *(len(sample) for sample in train))
        series = lambda samples: np.stack([stretched(sample, steps) for sample in samples]).astype(np.float32)
        begin = time.monotonic()
        classifier = MiniRocketClassifier(random_state=seed, n_jobs=arguments.threads).fit(series(train), labels)
        seconds = time.monotonic() - begin
        return classifier.predict(series(judged)), seconds, {}

    judge_each_seed(arguments, judge, lambda samples: {"stretched": len({len(sample) for sample in samples}) > 1,
                                                       "versions": {"aeon": aeon.__version__, "numpy": np.__version__}})


if __name__ == "__main__":
    main()
