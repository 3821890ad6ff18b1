#include "client/cluster/openpai/document.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "client/cluster/openpai/protocol_v1.h"
#include "tests/unit/client/cluster/openpai/samples.h"

namespace rdev::cluster::openpai {
namespace {

namespace json = boost::json;

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

Result<Ready> ready(const std::string& text, const Edits& edits = {}) {
  const auto document = templates::parse_typed_yaml(text, "t.yaml");
  EXPECT_TRUE(document) << document.error().message;
  return make_ready(*document, edits);
}

std::string error_of(const std::string& text, const Edits& edits = {}) {
  const auto result = ready(text, edits);
  EXPECT_FALSE(result);
  return result ? "" : result.error().message;
}

constexpr char kJob[] = R"({"protocolVersion": 2, "name": "one", "type": "job",
 "prerequisites": [{"type": "dockerimage", "name": "i", "uri": "debian:12"}],
 "taskRoles": {"main": {"dockerImage": "i", "commands": ["true"],
                        "resourcePerInstance": {"cpu": 1, "memoryMB": 1, "gpu": 0}}},
 "secrets": {"word": "hush"}})";

TEST(Document, IsSentAsItIs) {
  const auto job = ready(sample("v18-job-config-as-sent"));
  // The server's copy of it has no secrets any more.
  ASSERT_FALSE(job);
  EXPECT_THAT(job.error().message, HasSubstr("--secrets FILE"));
}

TEST(Document, GetsWhatTheServerBreaksWithout) {
  const auto job = ready(kJob);
  ASSERT_TRUE(job) << job.error().message;
  const json::value sent = json::parse(job->body);
  EXPECT_EQ(sent.at("taskRoles").at("main").at("instances"), 1);
  EXPECT_EQ(sent.at("secrets").at("word"), "hush");
  EXPECT_EQ(job->masked.at("secrets").at("word"), "******");
  EXPECT_EQ(job->name, "one");
}

TEST(Document, EditsGoOverIt) {
  Edits edits{.secrets = {},
              .sets = {"jobRetryCount=2", "name=three"},
              .name = "two",
              .virtual_cluster = "vc"};
  edits.secrets = *templates::parse_typed_yaml("word: new", "s.yaml");
  const auto job = ready(kJob, edits);
  ASSERT_TRUE(job) << job.error().message;
  const json::value sent = json::parse(job->body);
  EXPECT_EQ(sent.at("jobRetryCount"), 2);
  EXPECT_EQ(sent.at("name"), "two");
  EXPECT_EQ(sent.at("defaults").at("virtualCluster"), "vc");
  EXPECT_EQ(sent.at("secrets").at("word"), "new");
}

TEST(Document, ProblemsHaveTheirPlaces) {
  EXPECT_THAT(error_of("- x"), HasSubstr("t.yaml:1:1: a job is a mapping"));
  EXPECT_THAT(error_of("name: x\ntype: job\nfoo: 1\n"),
              AllOf(HasSubstr("protocolVersion: is missing"), HasSubstr("t.yaml:3:1: foo")));
  Edits edits;
  edits.secrets = *templates::parse_typed_yaml("- word", "s.yaml");
  EXPECT_THAT(error_of(kJob, edits), HasSubstr("s.yaml:1:1: secrets are a mapping"));
  EXPECT_THAT(error_of(kJob, {.sets = {"x"}}), HasSubstr("--set: 'x' is not PATH=VALUE"));
  EXPECT_THAT(error_of(kJob, {.sets = {"description=" + std::string(kMaxJobBytes, 'x')}}),
              HasSubstr("takes at most"));
  EXPECT_THAT(error_of(kJob, {.sets = {"secrets.word='******'"}}), HasSubstr("--secrets FILE"));
  EXPECT_THAT(error_of(kJob, {.sets = {"extras.rdev.id=x"}}), HasSubstr("rdev up --template"));
}

TEST(ProtocolV1, OneOfTheSdksOwn) {
  const auto document = templates::parse_typed_yaml(sample("sdk-job-config-v1"), "v1.json");
  ASSERT_TRUE(document);
  ASSERT_TRUE(is_protocol_v1(document->value()));
  const auto refused = make_ready(*document, {});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("codeDir: was copied into the job from HDFS"));

  json::value without = document->value();
  without.as_object().erase("codeDir");
  const Converted converted = convert_protocol_v1(without);
  EXPECT_TRUE(converted.problems.empty());
  EXPECT_TRUE(problems(converted.job).empty()) << json::serialize(converted.job);
  EXPECT_EQ(converted.job.at("taskRoles").at("task").at("commands").at(0),
            "export PAI_DATA_DIR=\"$PAI_DEFAULT_FS_URI/Data/$PAI_JOB_NAME\"");
}

TEST(ProtocolV1, WhatIsNone) {
  EXPECT_FALSE(is_protocol_v1(json::parse("[]")));
  EXPECT_FALSE(is_protocol_v1(json::parse(R"({"name": "x"})")));
  EXPECT_FALSE(is_protocol_v1(json::parse(R"({"jobName": "x", "protocolVersion": 2})")));
}

std::vector<std::string> problems_of(const std::string& text) {
  std::vector<std::string> said;
  const Converted converted = convert_protocol_v1(json::parse(text));
  said.reserve(converted.problems.size());
  for (const Problem& problem : converted.problems) {
    said.push_back(problem.pointer + ": " + problem.what.substr(0, 20));
  }
  return said;
}

TEST(ProtocolV1, ProblemsPointIntoTheGivenDocument) {
  EXPECT_THAT(problems_of(R"({"jobName": 7, "image": "i", "taskRoles": []})"),
              ElementsAre(HasSubstr("/jobName: "), HasSubstr("/taskRoles: must be a list w")));
  EXPECT_THAT(problems_of(R"({"jobName": "x", "image": "i", "jobEnvs": {"a b": 1}, "gpuType": "x",
                      "taskRoles": [7, {"name": "a", "command": "c", "portList": [{"label": 1}]},
                                    {"name": "a", "command": "c", "cpuNumber": 1.5}]})"),
              ElementsAre(HasSubstr("/gpuType: "), HasSubstr("/jobEnvs/a b: "),
                          HasSubstr("/taskRoles/0: must be a mapping"),
                          HasSubstr("/taskRoles/1/portList/0/label"),
                          HasSubstr("/taskRoles/2/name: is there twice"),
                          HasSubstr("/taskRoles/2/cpuNumber")));
}

}  // namespace
}  // namespace rdev::cluster::openpai
