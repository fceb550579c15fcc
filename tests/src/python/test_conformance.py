"""The conformance suites of scikit-learn and aeon, whole: every check passes, and none is skipped."""

import os
import unittest
import warnings

os.environ["SCIPY_ARRAY_API"] = "1"  # else scikit-learn leaves check_array_api_input out

import package  # noqa: F401, E402

import dejavid  # noqa: E402


class Conformance(unittest.TestCase):
    def test_scikit_learn(self):
        from sklearn.utils.estimator_checks import check_estimator

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # checks provoke warnings
            results = check_estimator(dejavid.DejaVidClassifier(), on_fail=None, on_skip=None)
        not_passed = {each["check_name"]: repr(each["exception"]) for each in results if each["status"] != "passed"}
        self.assertEqual(not_passed, {})
        self.assertGreaterEqual(len(results), 50)

    def test_scikit_learn_of_a_transformer(self):
        from sklearn.preprocessing import StandardScaler
        from sklearn.utils.estimator_checks import check_estimator

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            results = check_estimator(dejavid.PerStep(StandardScaler()), on_fail=None, on_skip=None)
        not_passed = {each["check_name"]: repr(each["exception"]) for each in results if each["status"] != "passed"}
        self.assertEqual(not_passed, {})
        self.assertGreaterEqual(len(results), 40)

    def test_aeon(self):
        try:
            import aeon  # noqa: F401
        except ImportError:
            self.skipTest("found no aeon; run launch/install.sh --python")
        from aeon.testing.estimator_checking import check_estimator

        import dejavid.aeon

        results = check_estimator(dejavid.aeon.DejaVidClassifier)
        self.assertEqual({name: result for name, result in results.items() if result != "PASSED"}, {})
        self.assertGreaterEqual(len(results), 20)

    def test_aeon_takes_channels_first(self):
        try:
            import aeon  # noqa: F401
        except ImportError:
            self.skipTest("found no aeon; run launch/install.sh --python")
        import numpy as np

        import dejavid.aeon
        import support

        data = support.make_set(classes=3, validation_per_class=0)
        ours = dejavid.DejaVidClassifier(epochs=2).fit(data.samples, data.labels)
        theirs = dejavid.aeon.DejaVidClassifier(epochs=2).fit([sample.T for sample in data.samples], data.labels)
        np.testing.assert_array_equal(
            theirs.predict_proba([sample.T for sample in data.samples]), ours.predict_proba(data.samples)
        )
        self.assertEqual(theirs.align(data.samples[0].T).svg, ours.align(data.samples[0]).svg)


if __name__ == "__main__":
    unittest.main()
