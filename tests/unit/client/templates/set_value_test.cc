#include "client/templates/set_value.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>

namespace rdev::templates {
namespace {

namespace json = boost::json;

using testing::HasSubstr;

std::string set(const std::string& document, const std::string& assignment) {
  json::value value = json::parse(document);
  const json::value before = value;
  const auto done = set_value(value, assignment);
  if (!done) {
    EXPECT_EQ(done.error().code, Code::kUsage);
    EXPECT_EQ(value, before);
    return "error: " + done.error().message;
  }
  return json::serialize(value);
}

TEST(SetValue, KeepsTypes) {
  EXPECT_EQ(set(R"({"a": 1})", "a=4"), R"({"a":4})");
  EXPECT_EQ(set(R"({"a": "1"})", "a=4"), R"({"a":"4"})");
  EXPECT_EQ(set(R"({"a": "x"})", "a=true"), R"({"a":"true"})");
  EXPECT_EQ(set("{}", "a=true"), R"({"a":true})");
  EXPECT_EQ(set("{}", "a=no"), R"({"a":"no"})");
  EXPECT_EQ(set("{}", "a=1.5"), R"({"a":1.5E0})");
  EXPECT_EQ(set("{}", "a='4'"), R"({"a":"4"})");
  EXPECT_EQ(set("{}", "a="), R"({"a":""})");
  EXPECT_EQ(set("{}", "a=b: c"), R"({"a":"b: c"})");
  EXPECT_EQ(set(R"({"a": "x"})", "a=[1, 'b', {c: null}]"), R"({"a":[1,"b",{"c":null}]})");
}

TEST(SetValue, FindsItsWay) {
  EXPECT_EQ(set(R"({"a": {"b": [1, {"c": 2}]}})", "a.b[1].c=3"), R"({"a":{"b":[1,{"c":3}]}})");
  EXPECT_EQ(set(R"({"a": [1]})", "a.1=2"), R"({"a":[1,2]})");
  EXPECT_EQ(set("{}", "a.b.c=1"), R"({"a":{"b":{"c":1}}})");
  EXPECT_EQ(set(R"({"a": null})", "a.b=1"), R"({"a":{"b":1}})");
  EXPECT_EQ(set("{}", R"(com\.example\.x.y=1)"), R"({"com.example.x":{"y":1}})");
  EXPECT_EQ(set("{}", "a=b=c"), R"({"a":"b=c"})");
}

TEST(SetValue, TakesOut) {
  EXPECT_EQ(set(R"({"a": 1, "b": 2})", "a=null"), R"({"b":2})");
  EXPECT_EQ(set(R"({"a": [1, 2, 3]})", "a.1=~"), R"({"a":[1,3]})");
  EXPECT_EQ(set("{}", "a=null"), "{}");
}

TEST(SetValue, RefusesWhatIsWrong) {
  for (const auto& [assignment, why] : {std::pair("a", "is not PATH=VALUE"),
                                        {"=1", "is not PATH=VALUE"},
                                        {"a:b=1", "a.b=…"},
                                        {"list.3=1", "'3' is no place in a list of 1"},
                                        {"list.x=1", "'x' is no place in a list"},
                                        {"text.x=1", "no mapping and no list"},
                                        {"a..b=1", "a key is empty"},
                                        {"a.=1", "a key is empty"},
                                        {"a[1=1", "a '[' without"},
                                        {"a=[1", "VALUE:"},
                                        {"a=.nan", "JSON"}}) {
    EXPECT_THAT(set(R"({"list": [1], "text": "x"})", assignment), HasSubstr(why)) << assignment;
  }
  std::string deep = "a";
  for (int i = 0; i < 100; ++i) {
    deep += ".a";
  }
  EXPECT_THAT(set("{}", deep + "=1"), HasSubstr("too long"));
}

}  // namespace
}  // namespace rdev::templates
