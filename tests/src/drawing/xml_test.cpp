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

}  // namespace
}  // namespace alignment::drawing
