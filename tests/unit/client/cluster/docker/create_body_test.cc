#include "client/cluster/docker/create_body.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/serialize.hpp>

namespace rdev::cluster::docker {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

JobSpec spec() {
  JobSpec spec;
  spec.name = "train";
  spec.id = "0123456789abcdef";
  spec.owner = "SHA256:owner";
  spec.image = "debian:12";
  spec.host_seed = std::string(32, 'S');
  spec.host_public_key = "ssh-ed25519 AAAA";
  spec.authorized_keys = {"ssh-ed25519 USERKEY"};
  return spec;
}

json::value body(const JobSpec& spec, const ImageFacts& facts = {},
                 const std::vector<PortBinding>& ports = {}) {
  return create_body(spec, facts, ports);
}

std::string at(const json::value& value, const std::string& pointer) {
  const json::value* found = find_at(value, pointer);
  return found != nullptr ? json::serialize(*found) : "absent";
}

TEST(CreateBody, LeastSpec) {
  const auto value = body(spec());
  EXPECT_EQ(at(value, "/Image"), R"("debian:12")");
  EXPECT_EQ(at(value, "/Hostname"), R"("train")");
  EXPECT_EQ(at(value, "/Entrypoint"), R"(["/.rdev/rdev-agent"])");
  EXPECT_EQ(at(value, "/Cmd"), R"(["serve","--config","/.rdev/config"])");
  EXPECT_EQ(at(value, "/Volumes"), R"({"/.rdev":{}})");
  EXPECT_EQ(at(value, "/Healthcheck"), R"({"Test":["NONE"]})");
  EXPECT_EQ(at(value, "/StopSignal"), R"("SIGTERM")");
  EXPECT_EQ(at(value, "/User"), "absent");
  EXPECT_EQ(at(value, "/Env"), "[]");
  EXPECT_EQ(at(value, "/HostConfig/Init"), "false");
  EXPECT_EQ(at(value, "/HostConfig/PortBindings"), "{}");
  for (const std::string limit : {"Memory", "NanoCpus", "ShmSize", "DeviceRequests"}) {
    EXPECT_EQ(at(value, "/HostConfig/" + limit), "absent");
  }
  EXPECT_EQ(at(value, "/Labels/rdev.name"), R"("train")");
  EXPECT_EQ(at(value, "/Labels/rdev.id"), R"("0123456789abcdef")");
  EXPECT_EQ(at(value, "/Labels/rdev.owner"), R"("SHA256:owner")");
  EXPECT_EQ(at(value, "/Labels/rdev.host-key"), R"("ssh-ed25519 AAAA")");
  EXPECT_EQ(container_name("train", "0123456789abcdef"), "rdev-train-0123456789ab");
}

TEST(CreateBody, EverythingAsked) {
  JobSpec full = spec();
  full.user = "app:video";
  full.env = {{"A", "1=2"}, {"B", ""}};
  full.gpus = -1;
  full.cpus = 1.5;
  full.memory_bytes = 1ULL << 33;
  full.shm_bytes = 1 << 20;
  full.privileged = true;
  full.read_only = true;
  full.mounts = {{.host = "/data", .path = "/mnt", .read_only = true}};
  const auto value = body(full, {}, {{2222, "127.0.0.1", ""}, {8080, "127.0.0.1", "8080"}});
  EXPECT_EQ(at(value, "/User"), R"("app:video")");
  EXPECT_EQ(at(value, "/Labels/rdev.user"), R"("app")");
  EXPECT_EQ(at(value, "/Env"), R"(["A=1=2","B="])");
  EXPECT_EQ(at(value, "/HostConfig/DeviceRequests"),
            R"([{"Driver":"","Count":-1,"Capabilities":[["gpu"]]}])");
  EXPECT_EQ(at(value, "/HostConfig/NanoCpus"), "1500000000");
  EXPECT_EQ(at(value, "/HostConfig/Memory"), "8589934592");
  EXPECT_EQ(at(value, "/HostConfig/ShmSize"), "1048576");
  EXPECT_EQ(at(value, "/HostConfig/Privileged"), "true");
  EXPECT_EQ(at(value, "/HostConfig/ReadonlyRootfs"), "true");
  EXPECT_EQ(at(value, "/HostConfig/Mounts"),
            R"([{"Type":"bind","Source":"/data","Target":"/mnt","ReadOnly":true}])");
  EXPECT_EQ(at(value, "/HostConfig/PortBindings/2222~1tcp"),
            R"([{"HostIp":"127.0.0.1","HostPort":""}])");
  EXPECT_EQ(at(value, "/HostConfig/PortBindings/8080~1tcp"),
            R"([{"HostIp":"127.0.0.1","HostPort":"8080"}])");
  EXPECT_EQ(at(value, "/ExposedPorts"), R"({"2222/tcp":{},"8080/tcp":{}})");
}

TEST(CreateBody, HoldsNoSecret) {
  const std::string text = json::serialize(body(spec(), {}, {{2222, "127.0.0.1", ""}}));
  EXPECT_THAT(text, Not(HasSubstr("SSSS")));
  EXPECT_THAT(text, Not(HasSubstr("USERKEY")));
}

TEST(CreateBody, TheImagesUserIsTheLabels) {
  ImageFacts facts;
  facts.user = "app";
  EXPECT_EQ(at(body(spec(), facts), "/Labels/rdev.user"), R"("app")");
  EXPECT_EQ(at(body(spec(), facts), "/User"), "absent");
}

TEST(JobCommand, AsInDockerRun) {
  ImageFacts facts;
  facts.entrypoint = {"/entry", "-x"};
  facts.command = {"serve"};
  JobSpec job = spec();
  EXPECT_THAT(job_command(job, facts), IsEmpty());
  job.command = {"make", "all"};
  EXPECT_THAT(job_command(job, facts), ElementsAre("/entry", "-x", "make", "all"));
  EXPECT_EQ(at(body(job, facts), "/Cmd"),
            R"(["serve","--config","/.rdev/config","--","/entry","-x","make","all"])");
  job.entrypoint = false;
  EXPECT_THAT(job_command(job, facts), ElementsAre("make", "all"));
}

TEST(JobCommand, ACommittedJobsEntrypointIsNoneOfTheUsers) {
  ImageFacts facts;
  facts.entrypoint = {kAgentPath};
  JobSpec job = spec();
  job.command = {"make"};
  EXPECT_THAT(job_command(job, facts), ElementsAre("make"));
}

}  // namespace
}  // namespace rdev::cluster::docker
