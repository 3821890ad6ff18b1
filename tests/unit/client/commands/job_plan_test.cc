#include "client/commands/job_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/client/temp_dir.h"

namespace rdev::commands {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Plan : public ::testing::Test {
 protected:
  Plan() {
    set("local", "lifetime: 90m\n");
    set("docker", "image: debian:12\ncommand: [a, b]\nenv: {A: 1}\nresources: {gpus: 1}\n");
  }
  void set(const std::string& name, const std::string& text) {
    test::write_text(dir_.paths().config / "jobtemplates" / (name + ".yaml"), text);
  }
  Result<JobPlan> plan(const UpOptions& options) { return make_plan(dir_.paths(), options); }
  std::string error(const UpOptions& options) {
    const auto made = plan(options);
    return made ? "" : made.error().message;
  }

  test::TempDir dir_;
};

TEST_F(Plan, IsLocalUnlessSomethingSaysOtherwise) {
  EXPECT_EQ(plan({}).value().cluster, "local");
  EXPECT_EQ(plan({}).value().spec.lifetime, std::chrono::minutes(90));
  EXPECT_EQ(plan({.cluster = "docker"}).value().cluster, "docker");
  EXPECT_EQ(plan({.cluster = "docker"}).value().spec.image, "debian:12");
}

TEST_F(Plan, TemplateMayNameItsCluster) {
  set("gpu", "cluster: docker\nimage: cuda\n");
  EXPECT_EQ(plan({.job_template = "gpu"}).value().cluster, "docker");
  EXPECT_THAT(error({.cluster = "local", .job_template = "gpu"}), HasSubstr("'docker'"));
}

TEST_F(Plan, OptionsGoOverTheTemplate) {
  const test::Variable passed("PASSED_ON", "yes");
  const auto made = plan({.cluster = "docker",
                          .image = "x",
                          .user = "me",
                          .ttl = "none",
                          .publish = "0.0.0.0",
                          .gpus = "all",
                          .memory = "1g",
                          .cpus = 0.5,
                          .env = {"A=2", "B=x=y", "PASSED_ON", "NOT_SET_ANYWHERE"},
                          .mounts = {"/a:/b:ro"},
                          .command = {"c"},
                          .no_entrypoint = true,
                          .exit_with_command = true});
  ASSERT_TRUE(made) << made.error().message;
  const cluster::JobSpec& spec = made->spec;
  EXPECT_EQ(spec.image, "x");
  EXPECT_EQ(spec.user, "me");
  EXPECT_FALSE(spec.lifetime.has_value());
  EXPECT_EQ(spec.publish, "0.0.0.0");
  EXPECT_EQ(spec.gpus, -1);
  EXPECT_EQ(spec.memory_bytes, 1ULL << 30U);
  EXPECT_EQ(spec.cpus, 0.5);
  EXPECT_EQ(spec.env.at("A"), "2");
  EXPECT_EQ(spec.env.at("B"), "x=y");
  EXPECT_EQ(spec.env.at("PASSED_ON"), "yes");
  EXPECT_FALSE(spec.env.contains("NOT_SET_ANYWHERE"));
  ASSERT_EQ(spec.mounts.size(), 1U);
  EXPECT_TRUE(spec.mounts[0].read_only);
  EXPECT_THAT(spec.command, ElementsAre("c"));
  EXPECT_FALSE(spec.entrypoint);
  EXPECT_TRUE(spec.exit_with_command);
}

TEST_F(Plan, TemplateStandsWhereNoOptionIsGiven) {
  const auto made = plan({.cluster = "docker"});
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_THAT(made->spec.command, ElementsAre("a", "b"));
  EXPECT_EQ(made->spec.gpus, 1);
  EXPECT_TRUE(made->spec.entrypoint);
  EXPECT_EQ(made->spec.lifetime, std::chrono::hours(5));
}

TEST_F(Plan, ErrorsNameTheOption) {
  EXPECT_THAT(error({.cluster = "dokcer"}), HasSubstr("did you mean 'docker'?"));
  EXPECT_THAT(error({.ttl = "soon"}), HasSubstr("--ttl: 'soon'"));
  EXPECT_THAT(error({.gpus = "many"}), HasSubstr("--gpus: 'many'"));
  EXPECT_THAT(error({.memory = "lots"}), HasSubstr("--memory: 'lots'"));
  EXPECT_THAT(error({.cpus = 0.0}), HasSubstr("--cpus"));
  EXPECT_THAT(error({.env = {"=x"}}), HasSubstr("--env"));
  EXPECT_THAT(error({.mounts = {"/a"}}), HasSubstr("--mount: '/a'"));
  EXPECT_THAT(error({.job_template = "nope"}), HasSubstr("jobtemplates/nope.yaml"));
  set("local", "imgae: x\n");
  EXPECT_THAT(error({}), HasSubstr("local.yaml:1:1: unknown key 'imgae'"));
}

}  // namespace
}  // namespace rdev::commands
