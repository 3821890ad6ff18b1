#include "client/templates/job_template.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/templates/strict_yaml.h"
#include "tests/unit/client/temp_dir.h"

namespace rdev::templates {
namespace {

using test::TempDir;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(JobTemplate, ReadsEveryKey) {
  const auto job = parse_job_template(R"yaml(
cluster: docker
image: debian:12
user: "1000:1000"
command: [python3, -c, "print(1)"]
entrypoint: false
exit_with_command: true
resources: {gpus: all, cpus: 2.5, memory: 8g, shm: 512m}
privileged: true
read_only: true
env: {A: 1, B: "", C: "x y"}
ports: [6006, 8080]
mounts: ["/data:/data:ro", "/a:/b"]
publish: 0.0.0.0:2222
lifetime: none
login: true
deny: [remote-tcp, agent]
)yaml",
                                      "t.yaml");
  ASSERT_TRUE(job) << job.error().message;
  EXPECT_EQ(job->cluster, "docker");
  EXPECT_EQ(job->image, "debian:12");
  EXPECT_EQ(job->user, "1000:1000");
  EXPECT_THAT(job->command, ElementsAre("python3", "-c", "print(1)"));
  EXPECT_FALSE(job->entrypoint);
  EXPECT_TRUE(job->exit_with_command);
  EXPECT_EQ(job->gpus, -1);
  EXPECT_EQ(job->cpus, 2.5);
  EXPECT_EQ(job->memory_bytes, 8ULL << 30U);
  EXPECT_EQ(job->shm_bytes, 512ULL << 20U);
  EXPECT_TRUE(job->privileged);
  EXPECT_TRUE(job->read_only);
  EXPECT_EQ(job->env.at("A"), "1");
  EXPECT_EQ(job->env.at("B"), "");
  EXPECT_THAT(job->ports, ElementsAre(6006, 8080));
  ASSERT_EQ(job->mounts.size(), 2U);
  EXPECT_TRUE(job->mounts[0].read_only);
  EXPECT_EQ(job->mounts[1].path, "/b");
  EXPECT_EQ(job->publish, "0.0.0.0:2222");
  ASSERT_TRUE(job->lifetime.has_value());
  EXPECT_FALSE(job->lifetime->has_value());
  EXPECT_TRUE(job->login);
  EXPECT_THAT(job->deny, ElementsAre(cluster::Denied::kRemoteTcp, cluster::Denied::kAgent));
}

TEST(JobTemplate, MayBeEmpty) {
  for (const char* text : {"", "# comment\n", "---\n", "{}\n"}) {
    const auto job = parse_job_template(text, "t.yaml");
    ASSERT_TRUE(job) << text << job.error().message;
    EXPECT_TRUE(job->image.empty());
    EXPECT_FALSE(job->lifetime.has_value());
  }
}

TEST(JobTemplate, ErrorsHavePlaceAndAdvice) {
  const std::pair<const char*, const char*> table[] = {
      {"imgae: x", "t.yaml:1:1: unknown key 'imgae', did you mean 'image'?"},
      {"image: x\nresources:\n  gpu: 1\n",
       "t.yaml:3:3: resources: unknown key 'gpu', did you mean 'gpus'?"},
      {"image: a\nimage: b\n", "t.yaml:2:1: 'image' is there twice"},
      {"image:\n", "t.yaml:1:1: image: has no value"},
      {"image: [a]\n", "t.yaml:1:8: image: must be one value, not a list"},
      {"privileged: yes\n", "t.yaml:1:13: privileged: must be true or false, not 'yes'"},
      {"command: a b\n", "t.yaml:1:10: command: must be a list"},
      {"command: [a, [b]]\n", "t.yaml:1:14: command[1]: must be one value"},
      {"resources: {memory: 8q}\n", "t.yaml:1:21: resources.memory: '8q' is not a size"},
      {"resources: {cpus: -1}\n", "t.yaml:1:19: resources.cpus: the number of CPUs"},
      {"resources: {cpus: two}\n", "t.yaml:1:19: resources.cpus: must be a number"},
      {"resources: {gpus: -2}\n", "t.yaml:1:19: resources.gpus: '-2' is not a number of GPUs"},
      {"resources: 4\n", "t.yaml:1:12: resources: must be a mapping"},
      {"ports: [0]\n", "t.yaml:1:9: ports[0]: must be a whole number from 1 to 65535"},
      {"ports: [8080.5]\n", "t.yaml:1:9: ports[0]: must be a whole number"},
      {"mounts: [data]\n", "t.yaml:1:10: mounts[0]: 'data' is not a mount"},
      {"deny: [agent, tcp]\n", "t.yaml:1:15: deny[1]: 'tcp' cannot be denied: write local-tcp"},
      {"deny: agent\n", "t.yaml:1:7: deny: must be a list"},
      {"lifetime: 5\n", "t.yaml:1:11: lifetime: '5' is not a lifetime"},
      {"env: {A: [1]}\n", "t.yaml:1:10: env.A: must be one value"},
      {"env: {A=B: 1}\n", "t.yaml:1:6: env: 'A=B' is not a name"},
      {"env: [A]\n", "t.yaml:1:6: env: must be a mapping"},
      {"- a\n", "t.yaml:1:1: must be a mapping"},
      {"image: \"x\n", "t.yaml:"},
      {"a: b: c\n", "t.yaml:1:5: "},
      {"image: a\n---\nimage: b\n", "t.yaml:2:1: this is not part of the document above"},
      {"\n,\n", "t.yaml:2:1: this is not part"},
  };
  for (const auto& [text, message] : table) {
    const auto job = parse_job_template(text, "t.yaml");
    ASSERT_FALSE(job) << text;
    EXPECT_THAT(job.error().message, StartsWith(message)) << text;
    EXPECT_EQ(job.error().code, Code::kUsage) << text;
  }
}

TEST(JobTemplate, HasBounds) {
  const auto deep = parse_job_template(std::string(100000, '['), "t.yaml");
  ASSERT_FALSE(deep);
  EXPECT_EQ(deep.error().code, Code::kLimit);
  const auto large = parse_job_template(std::string(kMaxYamlBytes + 1, '#'), "t.yaml");
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error().code, Code::kLimit);
}

TEST(JobTemplate, OfTheUserComesBeforeTheOneOfRdev) {
  const TempDir dir;
  const auto own = dir.paths().config / "jobtemplates" / "docker.yaml";
  test::write_text(own, "image: mine\n");
  const auto found = find_job_template(dir.paths(), "docker");
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(*found, own);
  EXPECT_EQ(find_job_template(dir.paths(), "./x").value(), "./x");
  const auto missing = find_job_template(dir.paths(), "nope");
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().message, HasSubstr("jobtemplates/nope.yaml"));
}

TEST(Mount, TakesPathsWithModes) {
  EXPECT_EQ(parse_mount("/a b:/c").value().host, "/a b");
  EXPECT_FALSE(parse_mount("/a:/b:rw").value().read_only);
  for (const char* bad : {"", "/a", ":/b", "/a:b", "/a:/b:/c", "/a:"}) {
    EXPECT_FALSE(parse_mount(bad)) << bad;
  }
}

}  // namespace
}  // namespace rdev::templates
