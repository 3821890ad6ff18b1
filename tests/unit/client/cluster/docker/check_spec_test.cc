#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "client/cluster/docker/create_body.h"

namespace rdev::cluster::docker {
namespace {

std::string verdict(const std::function<void(JobSpec&)>& change, Place place = Place::kLocal) {
  JobSpec spec;
  spec.name = "t";
  spec.image = "debian:12";
  change(spec);
  const auto good = check_spec(spec, place);
  if (!good) {
    EXPECT_EQ(good.error().code, Code::kUsage) << good.error().message;
  }
  return good ? "" : good.error().message;
}

struct Row {
  std::function<void(JobSpec&)> change;
  std::string sentence;
};

TEST(CheckSpec, RefusesBeforeAnythingIsMade) {
  const Row table[] = {
      {[](JobSpec& s) { s.image = ""; }, "needs an image"},
      {[](JobSpec& s) { s.image = "a b"; }, "no image name"},
      {[](JobSpec& s) { s.mounts = {{"data", "/x"}}; }, "must be absolute"},
      {[](JobSpec& s) { s.mounts = {{"/data", "x"}}; }, "must be absolute and not /"},
      {[](JobSpec& s) { s.mounts = {{"/data", "/x/.."}}; }, "must be absolute and not /"},
      {[](JobSpec& s) { s.mounts = {{"/data", "/.rdev"}}; }, "belongs to rdev's agent"},
      {[](JobSpec& s) { s.mounts = {{"/data", "/x/../.rdev/run"}}; }, "belongs to rdev's agent"},
      {[](JobSpec& s) { s.gpus = -2; }, "--gpus"},
      {[](JobSpec& s) { s.cpus = 0; }, "--cpus"},
      {[](JobSpec& s) { s.cpus = std::nan(""); }, "--cpus"},
      {[](JobSpec& s) { s.memory_bytes = 1000; }, "--memory"},
      {[](JobSpec& s) { s.memory_bytes = UINT64_MAX; }, "--memory"},
      {[](JobSpec& s) { s.shm_bytes = 0; }, "shm"},
      {[](JobSpec& s) { s.env = {{"", "x"}}; }, "--env"},
      {[](JobSpec& s) { s.env = {{"A=B", "x"}}; }, "--env"},
      {[](JobSpec& s) { s.env = {{"A", std::string("x\0y", 3)}}; }, "--env"},
      {[](JobSpec& s) { s.command = {""}; }, "first word is empty"},
      {[](JobSpec& s) { s.command = {"a", std::string("\0", 1)}; }, "NUL"},
      {[](JobSpec& s) { s.ports = {0}; }, "ports: 0"},
      {[](JobSpec& s) { s.ports = {80, 80}; }, "there twice"},
      {[](JobSpec& s) { s.ports = {2222}; }, "the agent's own"},
      {[](JobSpec& s) { s.publish = "everywhere"; }, "is no IP address"},
  };
  for (const Row& row : table) {
    EXPECT_THAT(verdict(row.change), ::testing::HasSubstr(row.sentence));
  }
}

TEST(CheckSpec, TakesWhatDockerCan) {
  EXPECT_EQ(verdict([](JobSpec&) {}), "");
  EXPECT_EQ(verdict([](JobSpec& s) {
              s.mounts = {{"/", "/host", true}, {"/a", "/.rdevil"}};
              s.gpus = -1;
              s.cpus = 0.5;
              s.memory_bytes = 6 << 20;
              s.ports = {80, 8080};
              s.command = {"sh", "-c", ""};
              s.publish = "0.0.0.0:2222";
            }),
            "");
}

TEST(CheckSpec, RemoteEnginesPublishOnlyWhereAsked) {
  const auto ports = [](JobSpec& s) { s.ports = {80}; };
  EXPECT_THAT(verdict(ports, Place::kRemote), ::testing::HasSubstr("--publish"));
  EXPECT_EQ(verdict(
                [](JobSpec& s) {
                  s.ports = {80};
                  s.publish = "0.0.0.0";
                },
                Place::kRemote),
            "");
}

}  // namespace
}  // namespace rdev::cluster::docker
