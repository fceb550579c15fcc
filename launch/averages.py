"""A support vector machine on averages over time of a TSE store's samples; launch/peer.py says how it is called. Needs scikit-learn.

  launch/averages.py ... --segments N

A sample is cut into N segments of equal length, as far as steps allow, and read as their N averages beside each other. These are standardised
over the training samples and classified by an SVM with RBF kernel (gamma "scale"), whose C is the best of C below by cross-validation on the
training samples, of equally good ones the smallest. There is no chance in it.
"""

import time

import numpy as np
import sklearn
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from peer import judge_each_seed, parser_of_peer

C = [0.1, 1.0, 10.0, 100.0, 1000.0]
FOLDS = 5  # fewer where the smallest class has fewer samples


def averages(sample, segments):
    """[T,F] -> [segments * F]; of a sample with fewer steps than segments, steps count in several."""
    begin = np.arange(segments) * len(sample) // segments
    end = np.maximum((np.arange(segments) + 1) * len(sample) // segments, begin + 1)
    return np.concatenate([sample[a:b].mean(0) for a, b in zip(begin, end)])


def fitted(X, y, threads):
    machine = make_pipeline(StandardScaler(), SVC())
    folds = min(FOLDS, np.unique(y, return_counts=True)[1].min())
    if folds < 2:  # nothing to validate on
        return machine.fit(X, y)
    search = GridSearchCV(machine, {"svc__C": C}, cv=StratifiedKFold(int(folds), shuffle=True, random_state=0), n_jobs=threads)
    return search.fit(X, y).best_estimator_


def main():
    parser = parser_of_peer()
    parser.add_argument("--segments", type=int, required=True)
    arguments = parser.parse_args()

    def judge(train, labels, judged, _):
        read = lambda samples: np.stack([averages(sample, arguments.segments) for sample in samples])
        begin = time.monotonic()
        machine = fitted(read(train), labels, arguments.threads)
        seconds = time.monotonic() - begin
        return machine.predict(read(judged)), seconds, {"C": machine.named_steps["svc"].C}

    judge_each_seed(arguments, judge, lambda _: {"versions": {"scikit-learn": sklearn.__version__, "numpy": np.__version__}})


if __name__ == "__main__":
    main()
