#include "client/cluster/openpai/read_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

namespace rdev::cluster::openpai {
namespace {

json::object object(std::string_view text) { return json::parse(text).as_object(); }

TEST(ReadJson, NumbersInTheirShapes) {
  const json::object numbers = object(
      R"({"i":7,"s":"-7","d":7.0,"f":7.5,"x":"7 ","e":"","big":1e300,"u":18446744073709551615,
          "max":9223372036854775807,"n":null,"b":true})");
  EXPECT_EQ(whole_in(numbers, "i"), 7);
  EXPECT_EQ(whole_in(numbers, "s"), -7);
  EXPECT_EQ(whole_in(numbers, "d"), 7);
  EXPECT_EQ(whole_in(numbers, "max"), 9223372036854775807);
  EXPECT_EQ(int_in(numbers, "max"), std::nullopt);
  for (const char* name : {"f", "x", "e", "big", "u", "n", "b", "none"}) {
    EXPECT_EQ(whole_in(numbers, name), std::nullopt) << name;
  }
  EXPECT_EQ(real_in(numbers, "f"), 7.5);
  EXPECT_EQ(real_in(numbers, "s"), -7);
  EXPECT_EQ(real_in(numbers, "n"), 0);
}

TEST(ReadJson, BodiesAreBounded) {
  EXPECT_TRUE(read_body("7" + std::string(kMaxBodyBytes - 1, ' '), "answer"));
  EXPECT_EQ(read_body("7" + std::string(kMaxBodyBytes, ' '), "answer").error().code, Code::kLimit);
  EXPECT_EQ(read_body(std::string(100, '[') + std::string(100, ']'), "answer").error().code,
            Code::kProtocol);
}

TEST(Plain, Table) {
  const struct {
    std::string text;
    std::size_t max;
    std::string plain;
  } table[] = {
      {"abc", 3, "abc"},
      {"abcdef", 5, "ab…"},
      {"äöü", 5, "ä…"},
      {"äöü", 4, "…"},
      {" a\r\n\t b ", 10, "a b"},
      {"a\x1b[0m\x7f", 10, "a?[0m?"},
      {"a\xc2\x9b[0m", 10, "a?[0m"},
      {"", 10, ""},
      {std::string(39, ' ') + "ä", 5, "…"},
      {"abc", 2, ""},
  };
  for (const auto& row : table) {
    EXPECT_EQ(plain(row.text, row.max), row.plain) << row.text;
  }
}

}  // namespace
}  // namespace rdev::cluster::openpai
