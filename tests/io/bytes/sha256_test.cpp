#include "io/bytes/sha256.hpp"

#include <gtest/gtest.h>

#include "io/errors.hpp"
#include "tests/src/temporary_folder.hpp"

namespace alignment::io {
namespace {

std::string sha256_of(std::string_view text) {
  Sha256 sha256;
  sha256.add(text);
  return sha256.hex();
}

// NIST's examples of FIPS 180-4 and the short and long messages of its SHA256 test vectors.
TEST(Sha256, GivesTheStandardsValues) {
  EXPECT_EQ(sha256_of(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256_of("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(sha256_of("abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrs"
                      "mnopqrstnopqrstu"),
            "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1");
  EXPECT_EQ(sha256_of(std::string(1'000'000, 'a')), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, DoesNotDependOnThePiecesThatAreAdded) {
  const std::string text(200, 'x');
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    Sha256 sha256;
    sha256.add(std::string_view(text).substr(0, cut));
    sha256.add(std::string_view(text).substr(cut));
    ASSERT_EQ(sha256.hex(), sha256_of(text)) << cut;
  }
}

TEST(Sha256, ReadsAFileOfSeveralPiecesAndRefusesNone) {
  const TemporaryFolder folder;
  const std::string text(700'000, 'y');
  write_file(folder / "file", text);
  EXPECT_EQ(sha256_of_file(folder / "file"), sha256_of(text));
  EXPECT_THROW((void)sha256_of_file(folder / "missing"), StoreError);
  EXPECT_THROW((void)sha256_of_file(folder.path()), StoreError);
}

}  // namespace
}  // namespace alignment::io
