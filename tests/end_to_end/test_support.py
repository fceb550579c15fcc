"""The digest that hand-made stores carry, against the published values of XXH64."""

import unittest

from xxh64 import xxh64


class Digest(unittest.TestCase):
    def test_known_values(self):
        self.assertEqual(xxh64(b""), 0xEF46DB3751D8E999)
        self.assertEqual(xxh64(b"a"), 0xD24EC4F1A98C6E5B)
        self.assertEqual(xxh64(b"abc"), 0x44BC2CF5AD770999)
        self.assertEqual(xxh64(b"Nobody inspects the spammish repetition"), 0xFBCEA83C8A378BF1)


if __name__ == "__main__":
    unittest.main()
