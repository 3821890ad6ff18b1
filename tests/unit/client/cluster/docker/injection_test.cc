#include "client/cluster/docker/injection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/rdev.pb.h"

namespace rdev::cluster::docker {
namespace {

AgentConfig config(const JobSpec& spec, Listen listen) {
  AgentConfig result;
  EXPECT_TRUE(result.ParseFromString(agent_config(spec, listen)));
  return result;
}

TEST(AgentConfigOf, CarriesTheJob) {
  JobSpec spec;
  spec.name = "train";
  spec.id = "42";
  spec.host_seed = std::string("\0seed", 5);
  spec.authorized_keys = {"ssh-ed25519 A", "ssh-ed25519 B"};
  spec.lifetime = std::chrono::hours(5);
  spec.exit_with_command = true;
  spec.login_shell = true;
  spec.quiet = true;
  spec.deny = {Denied::kLocalTcp, Denied::kRemoteTcp, Denied::kUnixSockets, Denied::kAgent};
  const auto result = config(spec, Listen::kPublishedPort);
  EXPECT_EQ(result.job_name(), "train");
  EXPECT_EQ(result.job_id(), "42");
  EXPECT_EQ(result.host_seed(), spec.host_seed);
  EXPECT_THAT(result.authorized_keys(), ::testing::ElementsAre("ssh-ed25519 A", "ssh-ed25519 B"));
  EXPECT_THAT(result.listen(), ::testing::ElementsAre("0.0.0.0:2222"));
  EXPECT_EQ(result.socket(), "/.rdev/run/agent.sock");
  EXPECT_EQ(result.fallback_home(), "/.rdev/home");
  EXPECT_EQ(result.lifetime_seconds(), 18000U);
  EXPECT_TRUE(result.exit_with_command());
  EXPECT_TRUE(result.login_shell());
  EXPECT_TRUE(result.quiet());
  EXPECT_THAT(result.deny(), ::testing::ElementsAre(AgentConfig::LOCAL_TCP, AgentConfig::REMOTE_TCP,
                                                    AgentConfig::UNIX_SOCKETS, AgentConfig::AGENT));
}

TEST(AgentConfigOf, ListensNowhereUnlessPublished) {
  const auto result = config(JobSpec(), Listen::kSocketOnly);
  EXPECT_EQ(result.listen_size(), 0);
  EXPECT_EQ(result.lifetime_seconds(), 0U);
}

}  // namespace
}  // namespace rdev::cluster::docker
