#include "client/cluster/openpai/detail.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/client/cluster/openpai/samples.h"

namespace rdev::cluster::openpai {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
using testing::UnorderedElementsAre;

JobDetail detail_of(const std::string& body) {
  auto detail = parse_job_detail(body);
  EXPECT_TRUE(detail) << detail.error().message;
  return detail ? *detail : JobDetail{};
}

TEST(JobDetail, RightAfterSubmissionNothingIsThere) {
  const JobDetail detail = detail_of(sample("v18-job-detail-waiting-initial"));
  EXPECT_EQ(detail.name, "rdev_probe_1");
  EXPECT_EQ(detail.user, "admin");
  EXPECT_EQ(detail.state, State::kWaiting);
  EXPECT_EQ(detail.sub_state, "AttemptCreationPending");
  EXPECT_EQ(detail.attempt, std::nullopt);
  EXPECT_EQ(detail.submitted_ms, 1795294979000);
  EXPECT_EQ(detail.created_ms, std::nullopt);
  EXPECT_EQ(detail.exit.code, std::nullopt);
  EXPECT_EQ(detail.virtual_cluster, "default");
  EXPECT_THAT(detail.tasks, IsEmpty());
  EXPECT_FALSE(is_final(detail));
}

TEST(JobDetail, PortsAreThereBeforeTheAddress) {
  const JobDetail detail = detail_of(sample("v18-job-detail-waiting-preparing"));
  EXPECT_EQ(detail.attempt, 0);
  ASSERT_EQ(detail.tasks.size(), 2U);
  const Task& task = detail.tasks[1];
  EXPECT_EQ(task.state, State::kWaiting);
  EXPECT_EQ(task.ip, std::nullopt);
  EXPECT_EQ(task.node, "");
  EXPECT_THAT(task.ports, UnorderedElementsAre(Pair("ssh", ElementsAre(15517)),
                                               Pair("http", ElementsAre(26033)),
                                               Pair("tb", ElementsAre(17197, 29305))));
  EXPECT_EQ(task.exit_code, std::nullopt);
}

TEST(JobDetail, Running) {
  const JobDetail detail = detail_of(sample("v18-job-detail-running"));
  EXPECT_EQ(detail.state, State::kRunning);
  EXPECT_EQ(detail.raw_state, "RUNNING");
  EXPECT_EQ(detail.launched_ms, 1795294980697);
  EXPECT_FALSE(is_final(detail));
  EXPECT_EQ(end_reason(detail), "");
  ASSERT_EQ(detail.tasks.size(), 2U);
  EXPECT_EQ(detail.tasks[0].role, "worker");
  EXPECT_EQ(detail.tasks[0].index, 0);
  EXPECT_EQ(detail.tasks[0].state, State::kRunning);
  EXPECT_EQ(detail.tasks[0].ip, "127.0.0.1");
  EXPECT_EQ(detail.tasks[0].node, "node1");
  EXPECT_THAT(detail.tasks[0].ports.at("tb"), ElementsAre(21738, 34199));
  EXPECT_EQ(detail.tasks[0].container_id, "e2cda7f8-c842-4bc6-ab38-d7cc619f383b");
  EXPECT_EQ(
      detail.tasks[0].log,
      "/api/v2/jobs/admin~rdev_probe_1/attempts/0/taskRoles/worker/taskIndex/0/attempts/0/logs");
  EXPECT_EQ(detail.tasks[0].attempt, 0);
  EXPECT_EQ(detail.tasks[1].index, 1);
}

TEST(JobDetail, Ends) {
  const JobDetail stopping = detail_of(sample("v18-job-detail-stopping"));
  EXPECT_EQ(stopping.state, State::kStopping);
  EXPECT_TRUE(stopping.stop_asked);
  EXPECT_FALSE(is_final(stopping));

  const JobDetail stopped = detail_of(sample("v18-job-detail-stopped"));
  EXPECT_TRUE(is_final(stopped));
  EXPECT_EQ(stopped.exit.code, -210);
  EXPECT_EQ(stopped.exit.type, "USER_STOP");
  EXPECT_EQ(stopped.exit.launcher, "User has requested to stop the Framework");
  EXPECT_EQ(end_reason(stopped),
            "it was stopped (StopFrameworkRequested, exit code -210): User has requested to stop "
            "the job");

  const JobDetail succeeded = detail_of(sample("v18-job-detail-succeeded"));
  EXPECT_TRUE(is_final(succeeded));
  EXPECT_FALSE(succeeded.stop_asked);
  EXPECT_EQ(succeeded.exit.code, 0);
  EXPECT_EQ(end_reason(succeeded), "");

  const JobDetail failed = detail_of(sample("v18-job-detail-failed"));
  EXPECT_TRUE(is_final(failed));
  EXPECT_EQ(failed.completed_ms, 1795295111230);
  EXPECT_EQ(failed.exit.code, 255);
  EXPECT_EQ(failed.exit.phrase, "PAIRuntimeUnknownFailed");
  EXPECT_EQ(failed.exit.issuer, "PAI_RUNTIME");
  EXPECT_THAT(failed.exit.solution, ElementsAre("Check container log and find root cause",
                                                "Wait result from next retry"));
  EXPECT_EQ(failed.tasks.at(0).exit_code, 255);
  EXPECT_EQ(end_reason(failed),
            "User command failed but the failure cannot be recognized by PAI Runtime "
            "(PAIRuntimeUnknownFailed, exit code 255); the platform's advice: Check container log "
            "and find "
            "root cause; Wait result from next retry");
}

TEST(JobDetail, OfYarnIsTolerated) {
  const JobDetail detail = detail_of(sample("sdk-job-detail-running-yarn"));
  EXPECT_EQ(detail.state, State::kRunning);
  EXPECT_EQ(detail.retries, 1);
  EXPECT_EQ(detail.submitted_ms, std::nullopt);
  ASSERT_EQ(detail.tasks.size(), 1U);
  EXPECT_EQ(detail.tasks[0].node, "");
  EXPECT_THAT(detail.tasks[0].ports.at("model_server"), ElementsAre(34237));
}

// 0.16 to 1.0: numbers; null and an empty string where there is none.
TEST(JobDetail, PortsInOtherShapes) {
  const auto ports = [](const std::string& value) {
    return parse_job_detail(sample_with("v18-job-detail-running", "\"33775\"", value));
  };
  EXPECT_THAT(ports("33775")->tasks[0].ports.at("ssh"), ElementsAre(33775));
  EXPECT_THAT(ports("null")->tasks[0].ports.at("ssh"), IsEmpty());
  EXPECT_THAT(ports("\"\"")->tasks[0].ports.at("ssh"), IsEmpty());
  EXPECT_THAT(ports("\"1,2,3\"")->tasks[0].ports.at("ssh"), ElementsAre(1, 2, 3));
  EXPECT_THAT(ports("65535.0")->tasks[0].ports.at("ssh"), ElementsAre(65535));
  for (const char* value : {"0", "65536", "\"1,\"", "\",1\"", "\"x\"", "-1", "\"1 2\"", "[1]",
                            "true", "1.5", "\"99999999999999999999\""}) {
    const auto detail = ports(value);
    ASSERT_FALSE(detail) << value;
    EXPECT_EQ(detail.error().code, Code::kProtocol);
    EXPECT_THAT(detail.error().message, HasSubstr("task 0 of role worker has a port ssh"));
  }
}

TEST(JobDetail, AddressesAndIndexesMustBeOnes) {
  const auto with = [](const std::string& from, const std::string& to) {
    return parse_job_detail(sample_with("v18-job-detail-running", from, to));
  };
  EXPECT_EQ(with("\"containerIp\": \"127.0.0.1\"", "\"containerIp\": \"\"")->tasks[0].ip,
            std::nullopt);
  EXPECT_EQ(with("\"containerIp\": \"127.0.0.1\"", "\"containerIp\": \"fd00::7\"")->tasks[0].ip,
            "fd00::7");
  EXPECT_FALSE(with("\"containerIp\": \"127.0.0.1\"", "\"containerIp\": \"evil.example\""));
  EXPECT_FALSE(with("\"taskIndex\": 0", "\"taskIndex\": -1"));
  EXPECT_FALSE(with("\"taskIndex\": 0,", ""));
  // The other one comes first, whatever their order in the answer.
  EXPECT_EQ(with("\"taskIndex\": 0", "\"taskIndex\": 9")->tasks[0].index, 1);
}

TEST(JobDetail, AnUnknownWordIsNotTheEnd) {
  const JobDetail detail =
      detail_of(sample_with("v18-job-detail-failed", "\"FAILED\"", "\"COMPLETING\""));
  EXPECT_EQ(detail.state, State::kUnknown);
  EXPECT_EQ(detail.raw_state, "COMPLETING");
  EXPECT_FALSE(is_final(detail));
  EXPECT_FALSE(is_final(detail_of(R"({"jobStatus":{}})")));
}

TEST(JobDetail, WhatIsNone) {
  for (const std::string& body :
       {std::string(), std::string("[]"), std::string("{}"), std::string(R"({"jobStatus":[]})"),
        std::string("{\"jobStatus\":{}")}) {
    EXPECT_EQ(parse_job_detail(body).error().code, Code::kProtocol) << body;
  }
  EXPECT_EQ(parse_job_detail(std::string((8U << 20U) + 1, ' ')).error().code, Code::kLimit);
}

TEST(Roles, AsTheServerWritesThem) {
  EXPECT_EQ(server_role_name("Task_Role_1"), "taskrole1");
  EXPECT_EQ(server_role_name("rdev"), "rdev");
  EXPECT_EQ(server_role_name("_Ä-"), "");
}

JobDetail failed_with(const std::string& messages) {
  return detail_of(R"({"jobStatus":{"state":"FAILED","appExitCode":1,"appExitMessages":)" +
                   messages + "}}");
}

TEST(EndReason, LastWords) {
  const JobDetail container = failed_with(
      R"({"container":"Traceback:\n  x\nValueError: \u001b[1mbad\n\n","runtime":null})");
  EXPECT_EQ(end_reason(container),
            "the platform gives no reason (exit code 1); its last words: ValueError: ?[1mbad");
  const JobDetail runtime = failed_with(
      R"({"container":null,"runtime":{"originUserExitCode":127,"errorLogs":{"user":"line 3: nvcc: not found","platform":"p"}}})");
  EXPECT_EQ(runtime.exit.user_code, 127);
  EXPECT_EQ(
      end_reason(runtime),
      "the platform gives no reason (exit code 127); its last words: line 3: nvcc: not found");
  EXPECT_EQ(failed_with(R"({"runtime":"out of luck"})").exit.runtime, "out of luck");
  EXPECT_EQ(end_reason(failed_with(R"({"runtime":{"originUserExitCode":0}})")),
            "the platform gives no reason (exit code 1)");
  EXPECT_EQ(
      end_reason(failed_with(R"({"container":"{\"code\":1}","launcher":"Pod failed: {\"a\":1}"})")),
      "Pod failed (exit code 1)");
}

TEST(EndReason, IsShort) {
  const std::string text = std::string(5000, 'x');
  const JobDetail detail{.state = State::kFailed,
                         .exit = {.code = -2147483647,
                                  .phrase = text,
                                  .reason = text,
                                  .solution = {text, text},
                                  .container = text}};
  EXPECT_LE(end_reason(detail).size(), 500U);
}

}  // namespace
}  // namespace rdev::cluster::openpai
