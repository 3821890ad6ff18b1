#include "agent/scp/expand.h"

#include <gmock/gmock.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "tests/unit/agent/temporary.h"

namespace rdev::scp {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;

class Expand : public testing::Test {
 protected:
  Expand() {
    fs::create_directory(home_);
    for (const char* name : {"a1", "a2", "b c", ".hidden"}) {
      std::ofstream(home_ / name) << name;
    }
    ::setenv("HOME", home_.c_str(), 1);
  }

  static std::vector<std::string> expanded(const std::string& text) {
    const auto words = process::split_patterns(text);
    return words ? expand(words->front()) : std::vector<std::string>{words.error().message};
  }
  std::string at(const std::string& name) const { return home_.string() + "/" + name; }

  const test::Temporary place_;
  const fs::path home_ = place_ / "home[x]*";  // its own name is a pattern
};

TEST_F(Expand, Home) {
  EXPECT_THAT(expanded("~"), ElementsAre(home_.string()));
  EXPECT_THAT(expanded("~/x"), ElementsAre(at("x")));
  EXPECT_THAT(expanded("'~'/x"), ElementsAre("~/x"));
  EXPECT_THAT(expanded("x~"), ElementsAre("x~"));
  EXPECT_THAT(expanded("~root/x"), testing::Not(ElementsAre("~root/x")));
  EXPECT_THAT(expanded("~no-such-user-here/x"), ElementsAre("~no-such-user-here/x"));
}

TEST_F(Expand, Patterns) {
  EXPECT_THAT(expanded("~/a*"), ElementsAre(at("a1"), at("a2")));
  EXPECT_THAT(expanded("~/?' c'"), ElementsAre(at("b c")));
  EXPECT_THAT(expanded("~/[!b]2"), ElementsAre(at("a2")));
  EXPECT_THAT(expanded("~/{a2,a1}"), ElementsAre(at("a2"), at("a1")));
  EXPECT_THAT(expanded("~/{a[12],z,b}*"), ElementsAre(at("a1"), at("a2"), at("z*"), at("b c")));
  EXPECT_THAT(expanded("x{a,{b,c}d,}"), ElementsAre("xa", "xbd", "xcd", "x"));
  EXPECT_THAT(expanded("{a}{b,c"), ElementsAre("{a}{b,c"));
  EXPECT_THAT(expanded(R"({a,b\,c}'{d,e}')"), ElementsAre("a{d,e}", "b,c{d,e}"));
  EXPECT_THAT(expanded("{}{a,b}"), ElementsAre("{}a", "{}b"));
  std::string bomb;
  for (int i = 0; i < 1000; ++i) {
    bomb += "{a,b}";
  }
  EXPECT_THAT(expanded(bomb), ElementsAre(bomb));
  EXPECT_THAT(expanded("~/*"), ElementsAre(at("a1"), at("a2"), at("b c")));
}

TEST_F(Expand, WhatMatchesNothingStaysItself) {
  EXPECT_THAT(expanded("~/z*"), ElementsAre(at("z*")));
  EXPECT_THAT(expanded("~/'a'\\*"), ElementsAre(at("a*")));
  EXPECT_THAT(expanded("''"), ElementsAre(""));
}

}  // namespace
}  // namespace rdev::scp
