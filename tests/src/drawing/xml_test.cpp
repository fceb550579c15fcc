// Texts of any content in XML.
#include "src/drawing/xml.hpp"

#include <gtest/gtest.h>

namespace alignment::drawing {
namespace {

TEST(Xml, EscapesMarkup) {
  EXPECT_EQ(xml_escaped("<a href=\"x\">&'"), "&lt;a href=&quot;x&quot;&gt;&amp;&#39;");
  EXPECT_EQ(xml_escaped("wärme 日本 \xF0\x9F\x8E\xAC"), "wärme 日本 \xF0\x9F\x8E\xAC");
}

TEST(Xml, ReplacesWhatXmlCannotSay) {
  EXPECT_EQ(xml_escaped(std::string("a\0b\x1b", 4)),
            "a\xEF\xBF\xBD"
            "b\xEF\xBF\xBD");
  EXPECT_EQ(xml_escaped("a\tb\nc\rd"), "a b c d");
  EXPECT_EQ(xml_escaped("\xEF\xBF\xBE\xEF\xBF\xBF"), "\xEF\xBF\xBD\xEF\xBF\xBD");  // U+FFFE, U+FFFF
  for (const char* bad : {"\xFF", "\xC0\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xE2\x82"}) {
    const std::string escaped = xml_escaped(bad);
    EXPECT_EQ(escaped.size(), 3 * std::string(bad).size()) << escaped;  // U+FFFD for every byte
  }
}

TEST(Xml, ShortensInTheMiddleBetweenCharacters) {
  EXPECT_EQ(shortened("abcdef", 6), "abcdef");
  EXPECT_EQ(shortened("abcdefg", 6),
            "abc\xE2\x80\xA6"
            "fg");
  EXPECT_EQ(character_count(shortened("äöüäöüäöü", 5)), 5U);
  EXPECT_EQ(character_count("äö\xFF"), 3U);
}

TEST(Xml, LongWordsAreShortenedBeforeOthersAreLost) {
  const std::string title = "val/cross_glow_open/0000.mp4 aligned with train/open/0003.mp4";
  EXPECT_EQ(shortened_by_words(title, 61), title);
  EXPECT_EQ(shortened_by_words(title, 54), "val/cross_\u2026n/0000.mp4 aligned with train/open/0003.mp4");
  EXPECT_EQ(character_count(shortened_by_words(title, 40)), 40U);
  EXPECT_NE(shortened_by_words(title, 40).find(" aligned with "), std::string::npos);
  EXPECT_EQ(shortened_by_words(title, 20), shortened(title, 20));
}

}  // namespace
}  // namespace alignment::drawing
