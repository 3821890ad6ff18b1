#include "client/cluster/openpai/job_query.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rdev::cluster::openpai {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

JobSummary job(const std::string& name, std::int64_t submitted) {
  JobSummary summary{.name = name, .user = "alice", .raw_state = "RUNNING"};
  summary.virtual_cluster = "vc1";
  summary.submitted_ms = submitted;
  return summary;
}

std::vector<std::string> names(const JobList& list) {
  std::vector<std::string> names;
  names.reserve(list.jobs.size());
  for (const JobSummary& one : list.jobs) {
    names.push_back(one.name);
  }
  return names;
}

TEST(JobQuery, IsEncoded) {
  EXPECT_EQ(job_query_target({}), "/api/v2/jobs?withTotalCount=true&limit=5000");
  EXPECT_EQ(job_query_target({.users = {"a", "b c"},
                              .states = {"FAILED"},
                              .virtual_clusters = {"vc"},
                              .priorities = {"prod"},
                              .tags = {"x&y"},
                              .not_tags = {"z"},
                              .keyword = "1+1=2",
                              .order = "jobName,ASC",
                              .offset = 7,
                              .limit = 3}),
            "/api/v2/jobs?withTotalCount=true&username=a%2Cb%20c&state=FAILED&vc=vc&"
            "jobPriority=prod&tagsContain=x%26y&tagsNotContain=z&keyword=1%2B1%3D2&"
            "order=jobName%2CASC&offset=7&limit=3");
}

TEST(JobQuery, Orders) {
  EXPECT_EQ(parse_order("submitted"), "submissionTime,DESC");
  EXPECT_EQ(parse_order("gpus:asc"), "totalGpuNumber,ASC");
  EXPECT_EQ(parse_order("name"), "jobName,ASC");
  EXPECT_EQ(parse_order("name:desc"), "jobName,DESC");
  EXPECT_THAT(parse_order("gpu").error().message, HasSubstr("did you mean 'gpus'"));
  EXPECT_THAT(parse_order("name:").value_or(""), "jobName,ASC");
  EXPECT_EQ(parse_order("name:up").error().code, Code::kUsage);
  EXPECT_EQ(parse_order("").error().code, Code::kUsage);
}

TEST(JobQuery, FiltersWhatAnOldServerDoesNot) {
  JobList all;
  all.jobs = {job("one", 1), job("two", 2), job("three", 3), job("four", 4)};
  all.jobs[0].user = "bob";
  all.jobs[1].raw_state = "FAILED";
  all.jobs[2].tags = {"t"};
  all.jobs[2].priority = "prod";
  all.jobs[3].gpus = 2;
  EXPECT_THAT(names(filtered(all, {})), ElementsAre("four", "three", "two", "one"));
  EXPECT_THAT(names(filtered(all, {.users = {"bob"}})), ElementsAre("one"));
  EXPECT_THAT(names(filtered(all, {.states = {"FAILED"}})), ElementsAre("two"));
  EXPECT_THAT(names(filtered(all, {.virtual_clusters = {"other"}})), IsEmpty());
  EXPECT_THAT(names(filtered(all, {.priorities = {"prod"}})), ElementsAre("three"));
  EXPECT_THAT(names(filtered(all, {.tags = {"t"}})), ElementsAre("three"));
  EXPECT_THAT(names(filtered(all, {.not_tags = {"t"}})), ElementsAre("four", "two", "one"));
  EXPECT_THAT(names(filtered(all, {.keyword = "ou"})), ElementsAre("four"));
  EXPECT_THAT(names(filtered(all, {.keyword = "bob"})), ElementsAre("one"));
  EXPECT_THAT(names(filtered(all, {.order = "totalGpuNumber,DESC"})),
              ElementsAre("four", "three", "two", "one"));
  EXPECT_THAT(names(filtered(all, {.order = "jobName,ASC"})),
              ElementsAre("four", "one", "three", "two"));
}

TEST(JobQuery, PagesOfAnOldServer) {
  JobList all;
  all.jobs = {job("one", 1), job("two", 2), job("three", 3)};
  const JobList page = filtered(all, {.offset = 1, .limit = 1});
  EXPECT_THAT(names(page), ElementsAre("two"));
  EXPECT_EQ(page.total, 3);
  EXPECT_THAT(names(filtered(all, {.offset = 9})), IsEmpty());
}

}  // namespace
}  // namespace rdev::cluster::openpai
