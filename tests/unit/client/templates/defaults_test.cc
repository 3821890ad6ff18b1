#include "client/templates/defaults.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/client/temp_dir.h"

namespace rdev::templates {
namespace {

using ::testing::HasSubstr;

Result<void> anything(const DefaultKey&, const DefaultValues&) { return {}; }

DefaultsFile parsed(const std::string& text) {
  auto file = parse_defaults(text, "d.yaml", anything);
  EXPECT_TRUE(file) << file.error().message;
  return file.value_or(DefaultsFile());
}

std::string error_in(const std::string& text) {
  const auto file = parse_defaults(text, "d.yaml", anything);
  return file ? "" : file.error().message;
}

std::string edited(const std::string& text, const std::string& key,
                   const std::optional<DefaultValues>& values) {
  const auto result = edit_defaults(parsed(text), key, values);
  return result ? *result : result.error().message;
}

TEST(Defaults, AreReadAsText) {
  const auto file =
      parsed("image: python:3.12\ngpus: 1\ncpus: 2.50\npip: [torch, 'a b']\nenv: []\n");
  EXPECT_EQ(file.values.at("image"), DefaultValues{"python:3.12"});
  EXPECT_EQ(file.values.at("gpus"), DefaultValues{"1"});
  EXPECT_EQ(file.values.at("cpus"), DefaultValues{"2.50"});
  EXPECT_EQ(file.values.at("pip"), (DefaultValues{"torch", "a b"}));
  EXPECT_TRUE(file.values.at("env").empty());
  EXPECT_TRUE(parsed("").values.empty());
}

TEST(Defaults, SayWhatIsWrongAndWhere) {
  EXPECT_THAT(error_in("\nimgae: x\n"),
              HasSubstr("d.yaml:2:1: unknown key 'imgae', did you mean 'image'?"));
  EXPECT_THAT(error_in("gpu: 1\n"), HasSubstr("d.yaml:1:6: gpu: it is called gpus here"));
  EXPECT_THAT(error_in("pip: torch\n"), HasSubstr("pip: must be a list"));
  EXPECT_THAT(error_in("image: [a]\n"), HasSubstr("image: must be one value"));
  EXPECT_THAT(error_in("image: a\nimage: b\n"), HasSubstr("there twice"));
  const auto refused = parse_defaults("gpus: 1\n", "d.yaml", [](const DefaultKey&, const auto&) {
    return Result<void>(fail(Code::kUsage, "not today"));
  });
  EXPECT_THAT(refused.error().message, HasSubstr("d.yaml:1:7: gpus: not today"));
}

TEST(Defaults, OldNamesAreExplained) {
  for (const char* old : {"cluster-alias", "workspace", "memoryMB", "pip-installs", "sources"}) {
    const auto key = find_default_key(old);
    ASSERT_FALSE(key) << old;
    EXPECT_THAT(key.error().message, HasSubstr("here")) << old;
  }
  EXPECT_THAT(find_default_key("imag").error().message, HasSubstr("did you mean 'image'?"));
}

TEST(Defaults, WhatAProjectMayChooseUntrusted) {
  std::vector<std::string_view> safe;
  for (const DefaultKey& key : default_keys()) {
    if (key.is_safe) {
      safe.push_back(key.name);
    }
  }
  EXPECT_THAT(safe, testing::ElementsAre("image", "gpus", "cpus", "memory", "shm", "ttl", "sku",
                                         "instances", "attach-timeout", "port"));
}

TEST(EditedDefaults, KeepWhatElseIsThere) {
  const std::string text =
      "# mine\nimage: a # the old one\n\n# packages\npip:\n  - torch  # big\n  - numpy\n# "
      "last\nttl: 5h";
  EXPECT_EQ(edited(text, "image", DefaultValues{"b:1"}),
            "# mine\nimage: b:1\n\n# packages\npip:\n  - torch  # big\n  - numpy\n# last\nttl: 5h");
  EXPECT_EQ(edited(text, "pip", std::nullopt),
            "# mine\nimage: a # the old one\n\n# packages\n# last\nttl: 5h");
  EXPECT_EQ(edited(text, "gpus", DefaultValues{"2"}), text + "\ngpus: 2\n");
  EXPECT_EQ(edited("", "pip", DefaultValues{"torch", "x==1"}), "pip:\n  - torch\n  - x==1\n");
}

TEST(EditedDefaults, ReadBackAsTheyWereSet) {
  for (const char* value : {"1", "010", "1e3", "1.10", "true", "null", "a: b", "# x", "'", "\"",
                            "-", "[x]", "\xc3\xbc", "a\nb", " a", "*x", "~", "0x10", ".5"}) {
    const auto text = edited("ttl: 1h\n", "image", DefaultValues{value});
    EXPECT_EQ(parsed(text).values.at("image"), DefaultValues{value}) << text;
    EXPECT_EQ(parsed(text).values.at("ttl"), DefaultValues{"1h"});
    EXPECT_EQ(edited(text, "image", std::nullopt), "ttl: 1h\n");
  }
}

TEST(EditedDefaults, AreLeftToTheUserWhereTheyCannotBeEdited) {
  EXPECT_THAT(edited("{image: a, ttl: 1h}\n", "image", DefaultValues{"b"}), HasSubstr("by hand"));
  EXPECT_THAT(edited("ttl: 1h\n...\n", "image", DefaultValues{"b"}), HasSubstr("by hand"));
}

class DefaultsFiles : public ::testing::Test {
 protected:
  std::string where(const std::filesystem::path& directory) {
    const auto found = find_project_defaults(directory);
    return !found ? found.error().message : !*found ? "none" : (*found)->string();
  }
  test::TempDir dir_;
};

TEST_F(DefaultsFiles, TheNearestIsTheProjects) {
  test::write_text(dir_.path() / "a/b/x", "");
  const auto file = dir_.path() / "a/.rdev.yaml";
  EXPECT_EQ(where(dir_.path() / "a/b"), "none");
  test::write_text(file, "image: x\n");
  EXPECT_EQ(where(dir_.path() / "a/b"), file);
  EXPECT_EQ(where(dir_.path() / "a"), file);
  EXPECT_EQ(where(dir_.path()), "none");
}

TEST_F(DefaultsFiles, NobodyElseMayHaveWrittenThem) {
  const auto file = dir_.path() / ".rdev.yaml";
  test::write_text(file, "image: x\n");
  ASSERT_EQ(::chmod(file.c_str(), 0666), 0);
  EXPECT_THAT(where(dir_.path()), HasSubstr("written by everybody"));
  ASSERT_EQ(::chmod(file.c_str(), 0664), 0);
  EXPECT_EQ(where(dir_.path()), file);
}

TEST_F(DefaultsFiles, AreSavedWithTheRightMode) {
  const state::Paths paths = dir_.paths();
  const auto user = load_user_defaults(paths, anything);
  ASSERT_TRUE(user);
  ASSERT_TRUE(save_defaults(*user, "ttl: 1h\n"));
  EXPECT_EQ(test::mode_of(user_defaults_path(paths)), 0600U);
  const auto file = dir_.path() / ".rdev.yaml";
  const DefaultsFile project{.path = file, .is_project = true, .text = {}, .values = {}};
  ASSERT_TRUE(save_defaults(project, "ttl: 1h\n"));
  EXPECT_EQ(test::mode_of(file), 0644U);
  ASSERT_EQ(::chmod(file.c_str(), 0600), 0);
  ASSERT_TRUE(save_defaults(project, "ttl: 2h\n"));
  EXPECT_EQ(test::mode_of(file), 0600U);
  EXPECT_EQ(test::read_text(file), "ttl: 2h\n");
}

}  // namespace
}  // namespace rdev::templates
