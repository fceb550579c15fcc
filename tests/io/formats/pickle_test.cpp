#include "io/formats/python/pickle.hpp"

#include <gtest/gtest.h>

#include "io/errors.hpp"
#include "tests/src/temporary_folder.hpp"

namespace alignment::io {
namespace {

using namespace std::string_literals;

PickleDocument parse(const std::string& bytes) {
  return read_pickle("x.pkl", bytes);
}

// pickle.dumps({"a": 1, "b": "x\u00e9", "c": [None, True, -2, 1.5, (3, 70000)], "d": {7: b"z"}}, protocol)
const std::string kProtocol2 =
    "\x80\x02}q\x00(X\x01\x00\x00\x00"
    "aq\x01K\x01X\x01\x00\x00\x00"
    "bq\x02X\x03\x00\x00\x00x\xc3\xa9q\x03X\x01\x00\x00\x00"
    "cq\x04]q\x05(N\x88J\xfe\xff\xff\xffG?\xf8\x00\x00\x00\x00\x00\x00K\x03Jp\x11\x01\x00\x86q\x06"
    "eu."s;
const std::string kProtocol4 =
    "\x80\x04\x95\x15\x00\x00\x00\x00\x00\x00\x00}\x94(\x8c\x01"
    "a\x94K\x01\x8c\x01"
    "b\x94\x8c\x03x\xc3\xa9\x94u."s;

const PickleNode& container(const PickleDocument& document, const PickleValue& value) {
  return document.containers.at(std::get<PickleContainer>(value).index);
}

TEST(Pickle, ReadsContainersNumbersAndText) {
  const PickleDocument document = parse(kProtocol2);
  const PickleNode& dict = container(document, document.root);
  ASSERT_EQ(dict.kind, PickleNode::Kind::kDict);
  ASSERT_EQ(dict.dict_items.size(), 3U);
  EXPECT_EQ(*std::get<PickleText>(dict.dict_items[0].first).text, "a");
  EXPECT_EQ(std::get<std::int64_t>(dict.dict_items[0].second), 1);
  EXPECT_EQ(*std::get<PickleText>(dict.dict_items[1].second).text, "x\xc3\xa9");
  const PickleNode& list = container(document, dict.dict_items[2].second);
  ASSERT_EQ(list.items.size(), 5U);
  EXPECT_TRUE(std::holds_alternative<PickleNone>(list.items[0]));
  EXPECT_TRUE(std::get<bool>(list.items[1]));
  EXPECT_EQ(std::get<std::int64_t>(list.items[2]), -2);
  EXPECT_EQ(std::get<double>(list.items[3]), 1.5);
  const PickleNode& tuple = container(document, list.items[4]);
  EXPECT_EQ(tuple.kind, PickleNode::Kind::kTuple);
  EXPECT_EQ(std::get<std::int64_t>(tuple.items[1]), 70000);
}

TEST(Pickle, ReadsFramesAndMemoizedShortText) {
  const PickleDocument document = parse(kProtocol4);
  EXPECT_EQ(container(document, document.root).dict_items.size(), 2U);
}

TEST(Pickle, ReadsLongIntegersInTwosComplement) {
  EXPECT_EQ(std::get<std::int64_t>(parse("\x80\x02\x8a\x05\x00\x00\x00\x00\xff."s).root), -4294967296);
  EXPECT_EQ(std::get<std::int64_t>(parse("\x80\x02\x8a\x00."s).root), 0);
  EXPECT_EQ(std::get<std::int64_t>(parse("L-12L\n."s).root), -12);
  EXPECT_THROW(parse("\x80\x02\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x00\x01."s), StoreError);
  EXPECT_THROW(parse("L99999999999999999999L\n."s), StoreError);
}

TEST(Pickle, RefusesEverythingThatCouldRunNamingTheOpcode) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"cos\nsystem\n(S'true'\ntR."s, "GLOBAL"},
      {"(S'true'\nios\nsystem\n."s, "INST"},
      {"\x80\x04\x8c\x02os\x8c\x06system\x93."s, "STACK_GLOBAL"},
      {"\x80\x02K\x01K\x01R."s, "REDUCE"},
      {"\x80\x02K\x01K\x01"
       "b."s,
       "BUILD"},
      {"(K\x01o."s, "OBJ"},
      {"\x80\x02)\x81."s, "NEWOBJ"},
      {"\x80\x02\x82\x01."s, "EXT1"},
      {"P1\n."s, "PERSID"},
      {"K\x01Q."s, "BINPERSID"},
      {"\x80\x05\x96\x00\x00\x00\x00\x00\x00\x00\x00."s, "BYTEARRAY8"},
      {"\x80\x05\x97."s, "NEXT_BUFFER"},
      {"\xff."s, "0xff"},
  };
  for (const auto& [bytes, opcode] : cases) {
    const std::string message = message_of<StoreError>([&] { parse(bytes); });
    EXPECT_NE(message.find(opcode), std::string::npos) << opcode << " is not in: " << message;
    EXPECT_NE(message.find("json.dump"), std::string::npos) << message;
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  }
}

TEST(Pickle, KeepsCallsWithoutMakingThem) {
  // OrderedDict(), its item "a", its state 7; a persistent id; a class by itself
  const std::string bytes =
      "\x80\x02(ccollections\nOrderedDict\n)R(X\x01\x00\x00\x00"
      "aK\x01uK\x07"
      "bK\x05Qctorch\nTensor\nt."s;
  const PickleDocument document = read_pickle("x.pkl", bytes, PickleContent::kCalls);
  const auto& items = document.containers[std::get<PickleContainer>(document.root).index].items;
  ASSERT_EQ(items.size(), 3U);
  const PickleNode& call = document.containers[std::get<PickleContainer>(items[0]).index];
  EXPECT_EQ(call.kind, PickleNode::Kind::kCall);
  EXPECT_EQ(*std::get<PickleGlobal>(call.items.at(0)).name, "collections.OrderedDict");
  EXPECT_EQ(std::get<std::int64_t>(call.items.at(2)), 7);
  EXPECT_EQ(*std::get<PickleText>(call.dict_items.at(0).first).text, "a");
  const PickleNode& persistent = document.containers[std::get<PickleContainer>(items[1]).index];
  EXPECT_EQ(persistent.kind, PickleNode::Kind::kPersistent);
  EXPECT_EQ(std::get<std::int64_t>(persistent.items.at(0)), 5);
  EXPECT_EQ(*std::get<PickleGlobal>(items[2]).name, "torch.Tensor");
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_THROW(static_cast<void>(read_pickle("x.pkl", std::span(bytes).first(length), PickleContent::kCalls)),
                 StoreError);
  }
}

TEST(Pickle, RefusesEveryTruncation) {
  for (const std::string& whole : {kProtocol2, kProtocol4}) {
    for (std::size_t length = 0; length < whole.size(); ++length) {
      EXPECT_THROW(parse(whole.substr(0, length)), StoreError) << length;
    }
    EXPECT_THROW(parse(whole + "."), StoreError);
  }
}

TEST(Pickle, SurvivesEveryChangedByte) {
  for (const std::string& whole : {kProtocol2, kProtocol4}) {
    for (std::size_t at = 0; at < whole.size(); ++at) {
      for (int value = 0; value < 256; ++value) {
        std::string changed = whole;
        changed[at] = static_cast<char>(value);
        try {
          parse(changed);
        } catch (const StoreError&) {  // refused or read, but nothing else
        }
      }
    }
  }
}

TEST(Pickle, RefusesMalformedStacks) {
  for (const std::string& bytes : std::vector<std::string>{"."s,
                                                           "(."s,
                                                           "K\x01K\x02."s,
                                                           "a."s,
                                                           "]a."s,
                                                           "K\x01"
                                                           "a."s,
                                                           "u."s,
                                                           "}K\x01s."s,
                                                           "}(K\x01u."s,
                                                           "t."s,
                                                           "h\x07."s,
                                                           "q\x00."s,
                                                           "g-1\n."s,
                                                           "]K\x01K\x02s."s,
                                                           "}K\x01"
                                                           "a."s,
                                                           "I1x\n."s,
                                                           "Fx\n."s,
                                                           "S'a\n."s,
                                                           "S'a\\n'\n."s,
                                                           "V\\u12\n."s,
                                                           "V\\ud800\n."s,
                                                           "\x8c\x01\xff."s,
                                                           "\x80\x06N."s,
                                                           "X\xff\xff\xff\xffz."s,
                                                           "\x8d\xff\xff\xff\xff\xff\xff\xff\xffz."s}) {
    EXPECT_THROW(parse(bytes), StoreError) << ::testing::PrintToString(bytes);
  }
}

TEST(Pickle, BoundsNestingAndSharesText) {
  EXPECT_THROW(parse(std::string(1000, '(') + "."), StoreError);
  EXPECT_NO_THROW(
      parse("]" + std::string(100000, '2') + "\x94" + std::string(100000, 'a') + "."));  // a list within itself
  // One text of a megabyte, recalled 100000 times: 100 GB, were it copied.
  std::string bytes = "\x80\x02(X\x00\x00\x10\x00"s + std::string(1 << 20, 'x') + "q\x00"s;
  for (int i = 0; i < 100000; ++i) {
    bytes += "h\x00"s;
  }
  const PickleDocument document = parse(bytes + "l.");
  EXPECT_EQ(container(document, document.root).items.size(), 100001U);
}

}  // namespace
}  // namespace alignment::io
