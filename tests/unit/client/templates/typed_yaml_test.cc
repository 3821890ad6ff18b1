#include "client/templates/typed_yaml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "client/templates/pointer.h"
#include "client/templates/yaml_text.h"

namespace rdev::templates {
namespace {

namespace json = boost::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

json::value value_of(const std::string& text) {
  const auto document = parse_typed_yaml(text, "t.yaml");
  EXPECT_TRUE(document) << text << ": " << document.error().message;
  return document ? document->value() : json::value();
}

std::string error_of(const std::string& text) {
  const auto document = parse_typed_yaml(text, "t.yaml");
  EXPECT_FALSE(document) << text << " is " << json::serialize(document->value());
  return document ? "" : document.error().message;
}

TEST(TypedYaml, PlainScalarsHaveTheTypesOfTheCoreSchema) {
  const std::pair<const char*, const char*> table[] = {
      {"", "null"},
      {"~", "null"},
      {"Null", "null"},
      {"nULL", R"("nULL")"},
      {"true", "true"},
      {"FALSE", "false"},
      {"yes", R"("yes")"},
      {"no", R"("no")"},
      {"on", R"("on")"},
      {"0", "0"},
      {"-12", "-12"},
      {"+7", "7"},
      {"007", "7"},
      {"0o17", "15"},
      {"0x1F", "31"},
      {"0x", R"("0x")"},
      {"4.0", "4"},
      {"1e3", "1000"},
      {"0.5", "0.5"},
      {".5", "0.5"},
      {"5.", "5"},
      {"-1.5e-3", "-0.0015"},
      {"1.2.3", R"("1.2.3")"},
      {".", R"(".")"},
      {"1e", R"("1e")"},
      {"+-1", R"("+-1")"},
      {"1:30", R"("1:30")"},
      {"2001-12-14", R"("2001-12-14")"},
      {"1_000", R"("1_000")"},
      {"9223372036854775807", "9223372036854775807"},
      {"18446744073709551615", "18446744073709551615"},
      {"100000000000000000000", "1e+20"},
      {"4e17", "400000000000000000"},
      {"1e19", "10000000000000000000"},
      {R"("2")", R"("2")"},
      {"'true'", R"("true")"},
      {"!!str 2", R"("2")"},
      {"!!float 2", "2"},
      {"! 2", R"("2")"},
      {"|\n  2\n", R"("2\n")"},
      {">-\n  2\n", R"("2")"},
  };
  for (const auto& [text, wanted] : table) {
    EXPECT_EQ(to_json(value_of(std::string("a: ") + text).at("a")), wanted) << text;
  }
}

TEST(TypedYaml, CollectionsKeepTheirOrder) {
  EXPECT_EQ(to_json(value_of("b: [1, {c: d}]\na:\n  - x\n  - - y\n")),
            R"({"b":[1,{"c":"d"}],"a":["x",["y"]]})");
  EXPECT_EQ(to_json(value_of("")), "null");
  EXPECT_EQ(to_json(value_of("# nothing\n")), "null");
}

TEST(TypedYaml, ReadsJson) {
  const std::string text =
      R"({"a":1,"b":[true,null,-2.5,"x\ty\u00e9\/"],"c":{"d":{}},"e":[],"2":"" })";
  EXPECT_EQ(value_of(text), json::parse(text));
  EXPECT_EQ(value_of("{\n\t\"a\": [\n\t\t1,\n\t\t2\n\t]\n}\n"), json::parse(R"({"a":[1,2]})"));
}

TEST(TypedYaml, AliasesAreCopies) {
  EXPECT_EQ(to_json(value_of("a: &x {b: [1]}\nc: *x\nd: [*x]")),
            R"({"a":{"b":[1]},"c":{"b":[1]},"d":[{"b":[1]}]})");
}

TEST(TypedYaml, KnowsThePlaceOfEachValueAndKey) {
  const auto document = parse_typed_yaml(
      "a:\n  - x\n  - {k: 5,\n     l: 6}\nb:\n  c/d: |\n    text\n  e:\n", "t.yaml");
  ASSERT_TRUE(document) << document.error().message;
  const auto at = [](Place place) {
    return std::to_string(place.line) + ":" + std::to_string(place.column);
  };
  EXPECT_EQ(at(document->place("/a/0")), "2:5");
  EXPECT_EQ(at(document->place("/a/1/l")), "4:9");
  EXPECT_EQ(at(document->key_place("/a/1/l")), "4:6");
  EXPECT_EQ(at(document->key_place("/b")), "5:1");
  EXPECT_EQ(at(document->key_place("/b/c~1d")), "6:3");
  EXPECT_EQ(at(document->place("/b/e")), "8:3");
  // What is not there: what it would be in.
  EXPECT_EQ(at(document->place("/a/1/none/deeper")), "3:5");
  EXPECT_EQ(at(document->place("/a/7")), at(document->place("/a")));
  EXPECT_EQ(document->wrong("/a/1/l", "must be less").value().message,
            "t.yaml:4:9: a[1].l: must be less");
  EXPECT_EQ(document->wrong_key("/b/c~1d", "unknown").value().message,
            "t.yaml:6:3: b.c/d: unknown");
}

TEST(TypedYaml, RefusesWhatHasNoMeaningOrTwo) {
  const std::pair<std::string, const char*> table[] = {
      {"a: 1\nb: 2\na: 3", "t.yaml:3:1: 'a' is there twice"},
      {R"({"a": 1, "a": 2})", "t.yaml:1:10: 'a' is there twice"},
      {"a: 1\n---\nb: 2\n", "t.yaml:2:1: this is not part of the document above"},
      {",", "t.yaml:1:1: "},
      {"a: [1\n", "t.yaml:"},
      {"a: 'x\nb: 1\n", "a quote that was opened above is never closed"},
      {"a: *x", "t.yaml:1:4: "},
      {"a: &x [*x]", "t.yaml:1:8: this alias stands for what it is a part of"},
      {"? [a]\n: b", "t.yaml:1:3: a key must be one word"},
      {"{a: b}: c", "a key must be one word"},
      {": c", "a key has no name"},
      {"a: .inf", "t.yaml:1:4: JSON, which is what is sent, has no '.inf'"},
      {"a: -.INF", "JSON"},
      {"a: .nan", "JSON"},
      {"a: 1e999", "t.yaml:1:4: the number 1e999 is too large"},
      {"a: !!int x", "t.yaml:1:4: 'x' does not go with the tag"},
      {"a: !mine {b: 1}", "the tag '!mine' is not known"},
      {"b: &b {x: 1}\na:\n  <<: *b", "t.yaml:3:3: '<<' does not merge here"},
      {"a: \"\\0\"", "NUL"},
      {std::string("a: 1\nb: x\0", 10), "t.yaml:2:5: a control character"},
      {"a: \"x\\N\"", "t.yaml:1:4: write \\x85"},
      {"a: \x04", "t.yaml:1:4: a control character"},
      {"a: \xff", "t.yaml: this is not UTF-8 text"},
      {"\"a\\nb\": 1", "a key must be one line"},
      {std::string(256, 'k') + ": 1", "a key must be one line of at most 255 bytes"},
      {"a: " + std::string(150, '[') + std::string(150, ']'), "nested more than 100 deep"},
  };
  for (const auto& [text, wanted] : table) {
    EXPECT_THAT(error_of(text), HasSubstr(wanted)) << text;
  }
  std::string nested;
  for (int i = 0; i < 5000; ++i) {
    nested += "- ";
  }
  EXPECT_THAT(error_of(nested), HasSubstr("nested more than 100 deep"));
}

TEST(TypedYaml, AQuotedMergeKeyIsAKey) { EXPECT_EQ(to_json(value_of("'<<': 1")), R"({"<<":1})"); }

TEST(TypedYaml, AliasesDoNotMakeMuchOutOfLittle) {
  std::string laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 10; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    laughs += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + before;
    for (int j = 0; j < 9; ++j) {
      laughs += ", " + before;
    }
    laughs += "]\n";
  }
  EXPECT_THAT(error_of(laughs), HasSubstr("too large with what its aliases stand for"));
  std::string long_text = "a: &a " + std::string(100'000, 'x') + "\nb: [*a";
  for (int i = 0; i < 100; ++i) {
    long_text += ", *a";
  }
  EXPECT_THAT(error_of(long_text + "]"), HasSubstr("too large"));
  EXPECT_THAT(error_of(std::string((256U << 10U) + 1, ' ')), HasSubstr("longer than 262144"));
}

TEST(Pointer, IsReadAndWritten) {
  EXPECT_EQ(pointer_to(pointer_to("", "a/b~c"), 3), "/a~1b~0c/3");
  EXPECT_THAT(pointer_steps("/a~1b~0c/3/"), ElementsAre("a/b~c", "3", ""));
  EXPECT_EQ(pointer_text("/a~1b/commands/3/x"), "a/b.commands[3].x");
  EXPECT_EQ(pointer_text(""), "");
}

TEST(YamlText, IsReadBackAsTheSame) {
  for (
      const char* text :
      {"null",
       "3",
       "\"x\"",
       "{}",
       "[]",
       "\"\"",
       R"("a\nb")",
       R"("a\n")",
       R"("a\n\n")",
       R"("\na")",
       R"(" a\nb")",
       R"("a\n  b\n\nc")",
       R"("a\n \nb")",
       R"("a\r\nb")",
       R"("a\tb\n\tc")",
       R"("true")",
       R"("2")",
       R"("~")",
       R"("- a")",
       R"("a: b")",
       R"("a #b")",
       R"("#a")",
       R"("`#REMOTE_DEV_START`")",
       R"("echo $HOME")",
       R"("x ")",
       R"("é\nü")",
       R"("\u0001")",
       R"("a:")",
       R"("---")",
       R"("...\n---\n")",
       R"(".inf")",
       R"("<<")",
       R"("0x1f")",
       R"({"a":{"b":[1,[2,[3,{}],[]],{"c":"d\ne","f":null}],"2":true},"<<":1,"":0.5,"x y":-1e300})",
       R"([[["a\nb"]],[{"a":[{"b":"x\ny\n"}]}]])"}) {
    const json::value value = json::parse(text);
    const std::string yaml = to_yaml(value);
    EXPECT_EQ(value_of(yaml), value) << yaml;
    EXPECT_EQ(value_of(to_json(value)), value) << to_json(value);
  }
}

TEST(YamlText, IsForPeople) {
  EXPECT_EQ(to_yaml(json::parse(
                R"({"name":"x-1","list":["a b","echo 1\necho 2\n",{"k":2,"v":"2"}],"none":{}})")),
            "name: x-1\nlist:\n  - a b\n  - |\n    echo 1\n    echo 2\n  - k: 2\n    v: \"2\"\n"
            "none: {}\n");
}

}  // namespace
}  // namespace rdev::templates
