#include "client/cluster/docker/inspect.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rdev::cluster::docker {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

JobStatus status(const std::string& state) {
  return job_status(*parse_json(R"({"State":)" + state + "}", ""));
}

TEST(JobStatusOf, EachState) {
  EXPECT_EQ(status(R"({"Status":"running"})").state, JobState::kRunning);
  EXPECT_EQ(status(R"({"Status":"created","ExitCode":0})").state, JobState::kStarting);
  EXPECT_EQ(status(R"({"Status":"restarting"})").state, JobState::kStarting);
  EXPECT_EQ(status(R"({"Status":"removing"})").state, JobState::kGone);
  EXPECT_EQ(status(R"({"Status":"dead","ExitCode":1})").state, JobState::kEnded);
  EXPECT_EQ(status("null").state, JobState::kGone);
  const auto paused = status(R"({"Status":"paused"})");
  EXPECT_EQ(paused.state, JobState::kRunning);
  EXPECT_THAT(paused.reason, HasSubstr("docker unpause"));
}

TEST(JobStatusOf, EndsHaveCodeAndReason) {
  const struct {
    std::string state;
    int code;
    std::string reason;
  } table[] = {
      {R"({"Status":"exited","ExitCode":0})", 0, ""},
      {R"({"Status":"exited","ExitCode":3})", 3, "the container ended with exit code 3"},
      {R"({"Status":"exited","ExitCode":137})", 137, "the container was ended by signal SIGKILL"},
      {R"({"Status":"exited","ExitCode":143})", 143, "the container was ended by signal SIGTERM"},
      {R"({"Status":"exited","ExitCode":255})", 255, "the container ended with exit code 255"},
      {R"({"Status":"exited","ExitCode":137,"OOMKilled":true})", 137,
       "the job used more memory than it has and was killed; give it more with --memory"},
      {R"({"Status":"created","ExitCode":127,"Error":"bad mount"})", 127,
       "the engine could not run the container: bad mount"},
  };
  for (const auto& row : table) {
    const auto ended = status(row.state);
    EXPECT_EQ(ended.state, JobState::kEnded) << row.state;
    EXPECT_EQ(ended.exit_code, row.code) << row.state;
    EXPECT_EQ(ended.reason, row.reason);
  }
}

TEST(HostNetwork, IsThatOfTheContainer) {
  const auto of = [](const std::string& mode) {
    return has_host_network(*parse_json(R"({"HostConfig":{"NetworkMode":")" + mode + "\"}}", ""));
  };
  EXPECT_TRUE(of("host"));
  for (const char* mode : {"", "default", "bridge", "none", "hosts", "container:c2"}) {
    EXPECT_FALSE(of(mode)) << mode;
  }
  EXPECT_FALSE(has_host_network(json::value()));
}

std::vector<Endpoint> endpoints(const std::string& engine, const std::string& ports,
                                const std::string& status = "running") {
  return endpoints_of(*parse_json(R"({"Id":"c1","State":{"Status":")" + status +
                                      R"("},"NetworkSettings":{"Ports":)" + ports + "}}",
                                  ""),
                      *parse_host(engine));
}

TEST(EndpointsOf, LocalEngine) {
  const std::string engine = "unix:///x";
  EXPECT_THAT(endpoints(engine, R"({"2222/tcp":[{"HostIp":"127.0.0.1","HostPort":"32768"}]})"),
              ElementsAre("tcp:127.0.0.1:32768", "docker-exec:c1"));
  EXPECT_THAT(endpoints(engine, R"({"2222/tcp":[{"HostIp":"0.0.0.0","HostPort":"5"},
                                                {"HostIp":"::","HostPort":"5"}]})"),
              ElementsAre("tcp:127.0.0.1:5", "docker-exec:c1"));
  EXPECT_THAT(endpoints(engine, R"({"2222/tcp":[{"HostIp":"::1","HostPort":"5"}]})"),
              ElementsAre("tcp:[::1]:5", "docker-exec:c1"));
  EXPECT_THAT(endpoints(engine, R"({"2222/tcp":null,"80/tcp":[{"HostPort":"1"}]})"),
              ElementsAre("docker-exec:c1"));
  EXPECT_THAT(endpoints(engine, "{}"), ElementsAre("docker-exec:c1"));
}

TEST(EndpointsOf, RemoteEngine) {
  const std::string engine = "ssh://me@gpu1";
  EXPECT_THAT(endpoints(engine, R"({"2222/tcp":[{"HostIp":"0.0.0.0","HostPort":"5"}]})"),
              ElementsAre("tcp:gpu1:5", "docker-exec:c1"));
  EXPECT_THAT(endpoints(engine, R"({"2222/tcp":[{"HostIp":"10.1.2.3","HostPort":"5"}]})"),
              ElementsAre("tcp:10.1.2.3:5", "docker-exec:c1"));
  EXPECT_THAT(endpoints(engine, R"({"2222/tcp":[{"HostIp":"127.0.0.1","HostPort":"5"}]})"),
              ElementsAre("docker-exec:c1"));
}

TEST(EndpointsOf, NoneUnlessItRuns) {
  EXPECT_THAT(endpoints("unix:///x", "{}", "exited"), IsEmpty());
  EXPECT_THAT(endpoints("unix:///x", "{}", "created"), IsEmpty());
}

TEST(OurContainers, OnlyThoseWithTheNameOfTheirLabels) {
  const std::string labels =
      R"("Labels":{"rdev.name":"t","rdev.id":"0123456789abcdef","rdev.user":"app",
         "rdev.host-key":"ssh-ed25519 AAAA"})";
  const auto found = our_containers(*parse_json(
      R"([{"Id":"c1","Names":["/rdev-t-0123456789ab"],"Image":"i","Created":7,)" + labels + R"(},
          {"Id":"c2","Names":["/made_of_a_commit"],"Image":"i","Created":8,)" +
          labels + R"(},
          {"Id":"c3","Names":["/other"]}])",
      ""));
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].id, "c1");
  EXPECT_EQ(found[0].name, "t");
  EXPECT_EQ(found[0].job_id, "0123456789abcdef");
  EXPECT_EQ(found[0].user, "app");
  EXPECT_EQ(found[0].host_public_key, "ssh-ed25519 AAAA");
  EXPECT_EQ(found[0].created_unix_s, 7);
  EXPECT_THAT(our_containers(json::value()), IsEmpty());
}

TEST(WithQuery, LeavesNothingThatGoWouldReadOtherwise) {
  EXPECT_EQ(http::with_query("/x", "path", "/a b+c/=&%~"), "/x?path=%2Fa%20b%2Bc%2F%3D%26%25~");
}

}  // namespace
}  // namespace rdev::cluster::docker
