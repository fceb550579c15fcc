"""How classifiers compare over several sets: Demsar, Statistical Comparisons of Classifiers over Multiple Data Sets, JMLR 7 (2006).

`accuracies` maps a classifier to its accuracies, one a set, None where it has none. Accuracies that agree to four decimals, what is published, are
equal.
"""

import math

# q of the Nemenyi test at alpha = 0.05 for 2, 3, ... classifiers: table 5(a) there; beyond 10 the studentised range for infinitely many degrees of
# freedom, divided by the root of 2, which that table is made of.
NEMENYI = dict(enumerate((1.960, 2.343, 2.569, 2.728, 2.850, 2.949, 3.031, 3.102, 3.164, 3.219, 3.268), start=2))
DECIMALS = 4


def complete_sets(accuracies):
    """Indices of the sets of which every classifier has an accuracy."""
    columns = list(accuracies.values())
    return [n for n in range(len(columns[0])) if all(column[n] is not None for column in columns)] if columns else []


def average_ranks(accuracies, sets):
    """Classifier -> mean rank over those sets: 1 is best, equal ones share the mean of their ranks."""
    sums = dict.fromkeys(accuracies, 0.0)
    for n in sets:
        values = {name: round(column[n], DECIMALS) for name, column in accuracies.items()}
        for name, value in values.items():
            better = sum(other > value for other in values.values())
            equal = sum(other == value for other in values.values())
            sums[name] += better + (equal + 1) / 2
    return {name: total / len(sets) for name, total in sums.items()}


def critical_difference(classifiers, sets):
    """Average ranks further apart than this differ (Nemenyi, alpha 0.05). None for numbers of classifiers without a constant."""
    return NEMENYI[classifiers] * math.sqrt(classifiers * (classifiers + 1) / (6 * sets)) if classifiers in NEMENYI and sets else None


def wins_ties_losses(ours, theirs):
    """Over the sets of which both have an accuracy: [how often ours is larger, equal, smaller]."""
    pairs = [(round(a, DECIMALS), round(b, DECIMALS)) for a, b in zip(ours, theirs) if a is not None and b is not None]
    return [sum(a > b for a, b in pairs), sum(a == b for a, b in pairs), sum(a < b for a, b in pairs)]


def mean(values):
    """None of nothing, or where one is None."""
    values = list(values)
    return sum(values) / len(values) if values and None not in values else None
