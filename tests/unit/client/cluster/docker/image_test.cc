#include "client/cluster/docker/image.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rdev::cluster::docker {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(ParseImage, FindsRegistryRepositoryAndVersion) {
  const std::string digest = "sha256:" + std::string(64, 'a');
  const struct {
    std::string image, registry, repository, version;
  } table[] = {
      {"debian", "docker.io", "debian", "latest"},
      {"debian:12", "docker.io", "debian", "12"},
      {"me/tool:1.0_x", "docker.io", "me/tool", "1.0_x"},
      {"ghcr.example/me/tool", "ghcr.example", "ghcr.example/me/tool", "latest"},
      {"localhost/x:1", "localhost", "localhost/x", "1"},
      {"host:5000/x", "host:5000", "host:5000/x", "latest"},
      {"host:5000/x:y", "host:5000", "host:5000/x", "y"},
      {"debian@" + digest, "docker.io", "debian", digest},
      {"h.example/a:1@" + digest, "h.example", "h.example/a", digest},
  };
  for (const auto& row : table) {
    const auto name = parse_image(row.image);
    ASSERT_TRUE(name) << row.image;
    EXPECT_EQ(name->registry, row.registry) << row.image;
    EXPECT_EQ(name->repository, row.repository) << row.image;
    EXPECT_EQ(name->version, row.version) << row.image;
  }
}

TEST(ParseImage, RefusesWhatWouldBeAnotherPath) {
  for (const std::string image : {"", "a b", "../containers/x", "a/../b", "a//b", "/a", "-a",
                                  "a?x=y", "a#b", "a%2fb", "a:", "a@", "a/", ":1", "a\nb"}) {
    EXPECT_FALSE(parse_image(image)) << image;
  }
}

TEST(ImageFacts, ReadsWhatTheEngineKnows) {
  const auto facts = image_facts(*parse_json(
      R"({"Os":"linux","Architecture":"amd64","Config":{"Entrypoint":["/e","x"],"Cmd":["c"],
          "User":"app:app"}})",
      ""));
  EXPECT_EQ(facts.os, "linux");
  EXPECT_EQ(facts.architecture, "amd64");
  EXPECT_THAT(facts.entrypoint, ElementsAre("/e", "x"));
  EXPECT_EQ(facts.user, "app:app");
  EXPECT_TRUE(check_runnable("i", facts));

  const auto bare = image_facts(
      *parse_json(R"({"Os":"linux","Architecture":"arm64","Config":{"Entrypoint":null}})", ""));
  EXPECT_THAT(bare.entrypoint, IsEmpty());
  const auto refused = check_runnable("i:1", bare);
  EXPECT_EQ(refused.error().code, Code::kUsage);
  EXPECT_THAT(refused.error().message, HasSubstr("i:1 is for linux/arm64"));
}

Result<void> take(PullProgress& progress, const std::string& message) {
  return progress.take(*parse_json(message, ""), "i:1");
}

TEST(PullProgress, AddsUpTheLayers) {
  PullProgress progress;
  EXPECT_TRUE(take(progress, R"({"status":"Pulling from x","id":"1"})"));
  EXPECT_EQ(progress.text(), "Pulling from x");
  EXPECT_TRUE(take(progress, R"({"status":"Downloading","id":"a",
      "progressDetail":{"current":1000000,"total":4000000}})"));
  EXPECT_EQ(progress.text(), "25 % of 4 MB");
  EXPECT_TRUE(take(progress, R"({"status":"Downloading","id":"b",
      "progressDetail":{"current":0,"total":6000000}})"));
  EXPECT_EQ(progress.text(), "10 % of 10 MB");
  EXPECT_TRUE(take(progress, R"({"status":"Download complete","id":"a"})"));
  EXPECT_EQ(progress.text(), "40 % of 10 MB");
  EXPECT_TRUE(take(progress, R"({"status":"Extracting","id":"b"})"));
  EXPECT_EQ(progress.text(), "Extracting");
  EXPECT_TRUE(take(progress, R"({"status":"Digest: sha256:00"})"));
  EXPECT_EQ(progress.text(), "Extracting");
}

TEST(PullProgress, ReportsTheError) {
  PullProgress progress;
  const auto failed =
      take(progress, R"({"errorDetail":{"message":"manifest unknown"},"error":"x"})");
  EXPECT_EQ(failed.error().code, Code::kNotFound);
  EXPECT_THAT(failed.error().message, HasSubstr("image i:1 not found"));
}

TEST(PullError, TellsTheKindsApart) {
  const struct {
    int status;
    std::string message;
    Code code;
    std::string sentence;
  } table[] = {
      {404, "pull access denied for x, repository does not exist or may require 'docker login'",
       Code::kNotFound, "docker login"},
      {500, "Head \"http://h/v2/\": no basic auth credentials", Code::kNotFound, "docker login"},
      {200, "unauthorized: authentication required", Code::kNotFound, "docker login"},
      {404, "manifest for x:2 not found: manifest unknown", Code::kNotFound, "check name and tag"},
      {500, "Get \"https://h/v2/\": dial tcp: lookup h: no such host", Code::kNotFound,
       "registry cannot be reached"},
      {200, "write /var/lib/docker/tmp/x: no space left on device", Code::kLimit, "disk is full"},
      {200, "no matching manifest for linux/amd64 in the manifest list entries", Code::kUsage,
       "platform"},
      {500, "something else", Code::kFailed, "something else"},
  };
  for (const auto& row : table) {
    const Error error = pull_error("i:1", row.status, row.message);
    EXPECT_EQ(error.code, row.code) << row.message;
    EXPECT_THAT(error.message, HasSubstr("image i:1"));
    EXPECT_THAT(error.message, HasSubstr(row.sentence));
  }
}

}  // namespace
}  // namespace rdev::cluster::docker
