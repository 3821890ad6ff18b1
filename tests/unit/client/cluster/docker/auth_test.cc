#include "client/cluster/docker/auth.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>

#include "client/cluster/docker/json.h"
#include "tests/unit/client/cluster/docker/wait_for.h"
#include "tests/unit/client/temp_dir.h"

namespace rdev::cluster::docker {
namespace {

using test::TempDir;
using test::wait_for;
using test::write_text;
using ::testing::HasSubstr;
using ::testing::Not;

DockerConfig config(const std::string& text) {
  DockerConfig result;
  result.config = *parse_json(text, "");
  return result;
}

// The JSON in an X-Registry-Auth header.
json::value decoded(std::string header) {
  for (char& c : header) {
    c = c == '-' ? '+' : c == '_' ? '/' : c;
  }
  std::string bytes(header.size(), '\0');
  const int n = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                                reinterpret_cast<const unsigned char*>(header.data()),
                                static_cast<int>(header.size()));
  bytes.resize(bytes.find('}') + 1);
  EXPECT_GT(n, 0) << header;
  return *parse_json(bytes, "");
}

TEST(AuthHeader, IsBase64UrlOfJson) {
  const std::string header = auth_header("joe", "p?>~\xc3\xbf", "h.example");
  EXPECT_THAT(header, Not(HasSubstr("+")));
  EXPECT_THAT(header, Not(HasSubstr("/")));
  const auto value = decoded(header);
  EXPECT_EQ(text_at(value, "/username"), "joe");
  EXPECT_EQ(text_at(value, "/password"), "p?>~\xc3\xbf");
  EXPECT_EQ(text_at(value, "/serveraddress"), "h.example");
  EXPECT_EQ(text_at(decoded(auth_header("<token>", "t", "h")), "/identitytoken"), "t");
}

TEST(FindCredentials, ReadsAuths) {
  // am9lOnM6Mw== is joe:s:3
  const auto file = config(R"({"auths":{
      "h.example":{"auth":"am9lOnM6Mw=="},
      "https://old.example/v1/":{"auth":"am9lOnM6Mw=="},
      "token.example":{"auth":"am9lOg==","identitytoken":"tok"},
      "plain.example":{"username":"u","password":"p"},
      "empty.example":{}}})");
  for (const std::string registry : {"h.example", "old.example", "https://h.example/v1/"}) {
    const auto source = find_credentials(file, registry);
    ASSERT_TRUE(source) << registry;
    const auto value = decoded(source->header);
    EXPECT_EQ(text_at(value, "/username"), "joe") << registry;
    EXPECT_EQ(text_at(value, "/password"), "s:3") << registry;
  }
  EXPECT_EQ(text_at(decoded(find_credentials(file, "token.example")->header), "/identitytoken"),
            "tok");
  EXPECT_EQ(text_at(decoded(find_credentials(file, "plain.example")->header), "/password"), "p");
  EXPECT_EQ(find_credentials(file, "empty.example")->header, "");
  EXPECT_EQ(find_credentials(file, "other.example")->header, "");
  EXPECT_EQ(find_credentials(config("{}"), "h.example")->header, "");
}

TEST(FindCredentials, DamagedEntryNamesTheRegistryOnly) {
  const auto source =
      find_credentials(config(R"({"auths":{"h.example":{"auth":"c2VjcmV0"}}})"), "h.example");
  ASSERT_FALSE(source);
  EXPECT_THAT(source.error().message, HasSubstr("docker login h.example"));
  EXPECT_THAT(source.error().message, Not(HasSubstr("c2VjcmV0")));
}

TEST(FindCredentials, HelpersComeFirst) {
  const auto file = config(R"({"credHelpers":{"h.example":"one"},"credsStore":"two",
      "auths":{"h.example":{"auth":"am9lOnM6Mw=="}}})");
  EXPECT_EQ(find_credentials(file, "h.example")->helper, "one");
  EXPECT_EQ(find_credentials(file, "x.example")->helper, "two");
}

// A credential helper of the test's own in PATH.
class Helper : public ::testing::Test {
 protected:
  void install(const std::string& script) {
    const auto path = dir_.path() / "docker-credential-unit";
    write_text(path, "#!/bin/sh\n" + script);
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
  }
  Result<std::string> ask(const std::string& registry) {
    const auto file = config(R"({"credsStore":"unit"})");
    asio::io_context context;
    return wait_for(context, registry_auth(file, registry));
  }

  TempDir dir_;
  test::Variable path_{"PATH", (dir_.path().string() + ":" + ::getenv("PATH")).c_str()};
};

TEST_F(Helper, GetsTheServerOnStdinOnly) {
  install(
      "[ \"$*\" = get ] || exit 9\nread server\n"
      "echo '{\"Username\":\"joe\",\"Secret\":\"'$server'\"}'");
  const auto header = ask("h.example");
  ASSERT_TRUE(header) << header.error().message;
  EXPECT_EQ(text_at(decoded(*header), "/password"), "h.example");
}

TEST_F(Helper, NothingKeptIsNoError) {
  install("echo 'credentials not found in native keychain'; exit 1");
  EXPECT_EQ(*ask("h.example"), "");
}

TEST_F(Helper, FailuresAreNamed) {
  install("echo 'the keyring is locked'; exit 3");
  EXPECT_THAT(
      ask("h.example").error().message,
      HasSubstr("docker-credential-unit get failed with exit code 3: the keyring is locked"));
  install("echo nonsense");
  EXPECT_THAT(ask("h.example").error().message, HasSubstr("is not JSON"));
  asio::io_context context;
  const auto missing =
      wait_for(context, registry_auth(config(R"({"credsStore":"nosuch-unit"})"), "h.example"));
  EXPECT_THAT(missing.error().message, HasSubstr("cannot start docker-credential-nosuch-unit"));
}

}  // namespace
}  // namespace rdev::cluster::docker
