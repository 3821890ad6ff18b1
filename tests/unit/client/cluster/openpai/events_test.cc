#include "client/cluster/openpai/events.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/client/cluster/openpai/samples.h"

namespace rdev::cluster::openpai {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::Not;
using Kind = Waiting::Kind;

Event event(const std::string& reason, const std::string& message, const std::string& pod = "p1",
            int index = 0) {
  return {.role = "rdev",
          .index = index,
          .pod = pod,
          .warning = reason == "Failed",
          .reason = reason,
          .message = message};
}

Waiting waiting(const std::vector<Event>& events) {
  const auto found = waiting_reason(events);
  EXPECT_TRUE(found);
  return found.value_or(Waiting{});
}

TEST(Events, OfTheRealServer) {
  const auto events = parse_events(sample("v18-events"));
  ASSERT_TRUE(events) << events.error().message;
  ASSERT_EQ(events->size(), 1U);
  const Event& only = events->front();
  EXPECT_EQ(only.role, "worker");
  EXPECT_EQ(only.index, 0);
  EXPECT_TRUE(only.warning);
  EXPECT_EQ(only.reason, "FailedScheduling");
  EXPECT_EQ(only.last_ms, 1795295111871);
  EXPECT_EQ(only.count, 3);

  const Waiting why = waiting(*events);
  EXPECT_EQ(why.kind, Kind::kNoNode);
  EXPECT_FALSE(why.hopeless);
  EXPECT_EQ(why.sentence,
            "no node fits now: the only one has too few free GPUs; wait, or ask for less (--gpus, "
            "--cpus, --memory)");
}

TEST(Events, ManyNodes) {
  const Waiting why = waiting(*parse_events(sample("sdk-events")));
  EXPECT_EQ(why.kind, Kind::kNoNode);
  EXPECT_THAT(why.sentence,
              HasSubstr("of 17 nodes 16 have too few free GPUs, 14 have too few free CPUs, "));
}

TEST(Events, OldestFirstWhateverTheirOrder) {
  const auto events = parse_events(R"({"data":[
      {"reason":"c","lastTimestamp":"2026-11-21T21:05:11.871Z"},
      {"reason":"a","lastTimestamp":null},
      {"reason":"d","lastTimestamp":"2026-11-21T21:05:12Z"},
      {"reason":"b","lastTimestamp":1000},
      {"reason":"c2","lastTimestamp":"2026-11-21T21:05:11.871Z"}, null, 7]})");
  ASSERT_TRUE(events);
  EXPECT_THAT(*events, ElementsAre(Field(&Event::reason, "a"), Field(&Event::reason, "b"),
                                   Field(&Event::reason, "c"), Field(&Event::reason, "c2"),
                                   Field(&Event::reason, "d")));
  EXPECT_EQ(events->back().last_ms, 1795295112000);
}

TEST(Events, TimesThatAreNone) {
  for (const char* time : {"", "yesterday", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z",
                           "2026-11-21T21:05", "2026-11-21Taa:05:11Z"}) {
    const auto events =
        parse_events(R"({"data":[{"lastTimestamp":")" + std::string(time) + "\"}]}");
    EXPECT_EQ(events->front().last_ms, 0) << time;
  }
}

TEST(Events, WhatIsNone) {
  for (const std::string& body :
       {std::string(), std::string("[]"), std::string("{}"), std::string(R"({"data":{}})")}) {
    EXPECT_EQ(parse_events(body).error().code, Code::kProtocol) << body;
  }
  EXPECT_EQ(waiting_reason({}), std::nullopt);
  EXPECT_EQ(waiting_reason({event("Killing", "Stopping container app")}), std::nullopt);
}

TEST(WaitingReason, Table) {
  const struct {
    Event event;
    Kind kind;
    bool hopeless;
    std::string sentence;
  } table[] = {
      {event("Scheduled", "Successfully assigned default/x to node1"), Kind::kStarting, false,
       "container is being made"},
      {event("Pulling", "Pulling image \"a/b:1\""), Kind::kPulling, false,
       "a node is pulling the image a/b:1"},
      {event("Pulling", "pulling"), Kind::kPulling, false, "a node is pulling the image"},
      {event("Failed",
             "Failed to pull image \"a/b:1\": rpc error: code = Unknown desc = Error response from "
             "daemon: manifest for a/b:1 not found: manifest unknown: manifest unknown"),
       Kind::kPullFails, true,
       "the image a/b:1 cannot be pulled: it does not exist in its registry; choose another with "
       "--image"},
      {event("Failed",
             "Failed to pull image \"a/b:1\": rpc error: code = NotFound desc = failed to resolve "
             "reference \"h/a/b:1\": h/a/b:1: not found"),
       Kind::kPullFails, true, "it does not exist"},
      {event("Failed",
             "Failed to pull image \"a/b\": rpc error: code = Unknown desc = Error response from "
             "daemon: pull access denied for a/b, repository does not exist or may require 'docker "
             "login'"),
       Kind::kPullFails, true, "or is not for everybody"},
      {event("Failed",
             "Failed to pull image \"a/b\": rpc error: code = Unknown desc = Error response from "
             "daemon: unauthorized: authentication required"),
       Kind::kPullFails, true, "wants a login"},
      {event("Failed",
             "Failed to pull image \"a/b\": rpc error: code = Unknown desc = toomanyrequests: You "
             "have reached your pull rate limit"),
       Kind::kPullFails, false, "takes no more pulls for now; the cluster tries again"},
      {event("Failed", "Failed to pull image \"a/b\": rpc error: dial tcp: lookup h: no such host"),
       Kind::kPullFails, false, "cannot reach its registry; the cluster tries again"},
      {event("Failed", "Error: ErrImagePull"), Kind::kPullFails, false,
       "the image cannot be pulled; the cluster tries again"},
      {event("InspectFailed",
             "Failed to apply default image tag \"A b\": couldn't parse image reference \"A b\": "
             "invalid reference format"),
       Kind::kPullFails, true, "the image A b cannot be pulled: its name is not one of an image"},
      {event("FailedScheduling",
             "0/2 nodes are available: 2 Pod is waiting for preemptible or free resource to "
             "appear: insufficient free cell in the VC at the preassigned level (2)."),
       Kind::kNoQuota, false, "--vc"},
      {event("FailedCreate", "pods \"x\" is forbidden: exceeded quota: gpu"), Kind::kNoQuota, false,
       "exceeded quota: gpu"},
      {event("FailedScheduling",
             "0/3 nodes are available: 1 node(s) had taint {node.kubernetes.io/unreachable: }, "
             "that the pod didn't tolerate, 2 Insufficient memory."),
       Kind::kNoNode, false, "of 3 nodes 2 have too little free memory, 1 has been set aside"},
      {event("FailedScheduling", "persistentvolumeclaim \"x\" not found"), Kind::kNoNode, false,
       "(persistentvolumeclaim \"x\" not found)"},
      {event("FailedScheduling",
             "0/5 nodes are available: 5 Insufficient nvidia.com/gpu. preemption: 0/5 nodes are "
             "available: 5 No preemption victims found."),
       Kind::kNoNode, false, "of 5 nodes 5 have too few free GPUs;"},
  };
  for (const auto& row : table) {
    SCOPED_TRACE(row.event.message);
    const Waiting why = waiting({row.event});
    EXPECT_EQ(why.kind, row.kind);
    EXPECT_EQ(why.hopeless, row.hopeless) << why.sentence;
    EXPECT_THAT(why.sentence, HasSubstr(row.sentence));
    EXPECT_LE(why.sentence.size(), 300U);
  }
}

// The newest event of a pull that fails does not say why; an older one does.
TEST(WaitingReason, BackOffIsExplainedByTheFailureBeforeIt) {
  const std::vector<Event> events = {
      event("Scheduled", "assigned"),
      event("Pulling", "Pulling image \"a/b:1\""),
      event("Failed", "Failed to pull image \"a/b:1\": rpc error: manifest unknown"),
      event("Failed", "Error: ErrImagePull"),
      event("BackOff", "Back-off pulling image \"a/b:1\""),
      event("Failed", "Error: ImagePullBackOff")};
  const Waiting why = waiting(events);
  EXPECT_TRUE(why.hopeless);
  EXPECT_EQ(why.sentence,
            "the image a/b:1 cannot be pulled: it does not exist in its registry; choose another "
            "with --image");
}

TEST(WaitingReason, TheNewestEventOfATaskCounts) {
  std::vector<Event> events = {
      event("FailedScheduling", "0/1 nodes are available: 1 Insufficient cpu."),
      event("Pulling", "Pulling image \"a\"")};
  EXPECT_EQ(waiting(events).kind, Kind::kPulling);
  events.push_back(event("Pulled", "Successfully pulled image \"a\""));
  EXPECT_EQ(waiting(events).kind, Kind::kStarting);
  events.push_back(event("Killing", "means nothing"));
  EXPECT_EQ(waiting(events).kind, Kind::kStarting);
}

TEST(WaitingReason, ThePodOfAnEarlierAttemptDoesNotCount) {
  const std::vector<Event> events = {
      event("Failed", "Failed to pull image \"a\": manifest unknown", "old"),
      event("BackOff", "Back-off pulling image \"a\"", "new")};
  const Waiting why = waiting(events);
  EXPECT_EQ(why.kind, Kind::kPullFails);
  EXPECT_FALSE(why.hopeless);
}

TEST(WaitingReason, TheWorstTaskCounts) {
  const std::vector<Event> events = {
      event("Failed", "Failed to pull image \"a\": manifest unknown", "p0", 0),
      event("FailedScheduling", "0/1 nodes are available: 1 Insufficient cpu.", "p1", 1),
      event("Started", "Started container", "p2", 2)};
  EXPECT_TRUE(waiting(events).hopeless);
  EXPECT_EQ(waiting({events[1], events[2]}).kind, Kind::kNoNode);
  EXPECT_EQ(waiting({event("Started", "", "p0", 0), events[1]}).kind, Kind::kNoNode);
}

TEST(WaitingReason, ForeignTextIsPlainAndShort) {
  const Waiting why = waiting({event("FailedScheduling", "a\x1b[31m\n" + std::string(5000, 'x'))});
  EXPECT_THAT(why.sentence, AllOf(HasSubstr("a?[31m x"), Not(HasSubstr("\x1b"))));
  EXPECT_LE(why.sentence.size(), 300U);
  EXPECT_LE(waiting({event("Failed", "Failed to pull image \"" + std::string(5000, 'x') +
                                         "\": access denied")})
                .sentence.size(),
            300U);
}

}  // namespace
}  // namespace rdev::cluster::openpai
