#include "client/commands/defaults.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/commands/like.h"
#include "client/ui/units.h"
#include "tests/unit/client/temp_dir.h"

namespace rdev::commands {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class WithDefaults : public ::testing::Test {
 protected:
  WithDefaults() {
    std::filesystem::create_directories(project_.parent_path());
    std::filesystem::current_path(project_.parent_path());
    test::write_text(paths_.config / "jobtemplates/docker.yaml", "image: debian:12\n");
    test::write_text(paths_.config / "jobtemplates/local.yaml", "lifetime: 1h\n");
  }
  ~WithDefaults() override { std::filesystem::current_path("/"); }

  void user(const std::string& text) { test::write_text(paths_.config / "config.yaml", text); }
  void project(const std::string& text, bool is_trusted = true) {
    test::write_text(project_, text);
    if (is_trusted) {
      ASSERT_TRUE(state::trust(paths_, project_, text));
    }
  }
  UpOptions filled(const UpOptions& given) {
    auto result = with_defaults(paths_, given);
    EXPECT_TRUE(result) << result.error().message;
    return result ? result->options : UpOptions();
  }
  std::string error(const UpOptions& given) {
    const auto result = with_defaults(paths_, given);
    return result ? "" : result.error().message;
  }

  test::TempDir dir_;
  state::Paths paths_ = dir_.paths();
  std::filesystem::path project_ = dir_.path() / "p/.rdev.yaml";
};

TEST_F(WithDefaults, TheNearestCounts) {
  user("cluster: docker\nimage: of-user\nmemory: 8g\nttl: 2h\n");
  project("image: of-project\nttl: 3h\n");
  const UpOptions options = filled({.ttl = "4h"});
  EXPECT_EQ(options.cluster, "docker");
  EXPECT_EQ(options.memory, "8g");
  EXPECT_EQ(options.image, "of-project");
  EXPECT_EQ(options.ttl, "4h");
}

TEST_F(WithDefaults, GoOverTheKindsTemplateAndBelowANamedOne) {
  user("image: of-user\ncluster: docker\n");
  EXPECT_EQ(make_plan(paths_, filled({})).value().spec.image, "of-user");
  EXPECT_EQ(make_plan(paths_, filled({.job_template = "docker"})).value().spec.image, "debian:12");
  test::write_text(paths_.config / "jobtemplates/mine.yaml", "image: m\n");
  user("image: of-user\ncluster: docker\ntemplate: mine\n");
  EXPECT_EQ(filled({}).job_template, "mine");
  EXPECT_EQ(make_plan(paths_, filled({})).value().spec.image, "of-user");
}

TEST_F(WithDefaults, TheTemplatesClusterIsNearer) {
  user("cluster: docker\n");
  test::write_text(paths_.config / "jobtemplates/here.yaml", "cluster: local\n");
  EXPECT_EQ(filled({.job_template = "here"}).cluster, "local");
}

TEST_F(WithDefaults, OnlyWhatTheClusterHas) {
  user("image: x\ngpus: 1\nvc: research\nmount: [/a:/b]\nenv: [A=b]\n");
  const UpOptions local = filled({.cluster = "local"});
  EXPECT_EQ(options_json(local), (boost::json::object{{"cluster", "local"}, {"env", {"A=b"}}}));
  const UpOptions docker = filled({.cluster = "docker"});
  EXPECT_EQ(docker.image, "x");
  EXPECT_THAT(docker.mounts, ElementsAre("/a:/b"));
  EXPECT_EQ(docker.virtual_cluster, "");
}

TEST_F(WithDefaults, AnUntrustedProjectChoosesWhatAJobIsMadeOf) {
  project("image: x\ngpus: 2\nport: [web]\n", false);
  EXPECT_EQ(filled({.cluster = "docker"}).gpus, "2");
  project("cluster: docker\nimage: x\n", false);
  EXPECT_THAT(error({}), HasSubstr("chooses 'cluster', and you have not said that you trust it"));
  EXPECT_EQ(filled({.cluster = "docker"}).image, "x");
  project("env: [AWS_SECRET_ACCESS_KEY]\n", false);
  EXPECT_THAT(error({}), HasSubstr("chooses 'env'"));
  EXPECT_EQ(error({.env = {"A=b"}}), "");
}

TEST_F(WithDefaults, TrustEndsWithAChange) {
  project("cluster: docker\n");
  EXPECT_EQ(filled({}).cluster, "docker");
  project("cluster: docker\nmount: [/:/host]\n", false);
  EXPECT_THAT(error({}), HasSubstr("has changed since you trusted it"));
}

TEST_F(WithDefaults, OfRunOnlyWhatIsAskedFor) {
  project("pip: [torch]\nsource: [train.py, /abs]\npython: python3.12\n");
  EXPECT_TRUE(with_defaults(paths_, {}).value().of_run.empty());
  const auto run = with_defaults(paths_, {}, {"source", "python", "port"}).value().of_run;
  EXPECT_EQ(run.size(), 2U);
  EXPECT_THAT(run.at("source"), ElementsAre((dir_.path() / "p/train.py").string(), "/abs"));
  project("pip: [torch]\n", false);
  EXPECT_EQ(error({}), "");
  EXPECT_FALSE(with_defaults(paths_, {}, {"pip"}));
}

TEST_F(WithDefaults, AreHeldToWhatTheCommandLineTakes) {
  const std::pair<const char*, const char*> wrong[] = {
      {"gpus: many\n", "config.yaml:1:7: gpus: 'many'"},
      {"memory: lots\n", "memory: 'lots'"},
      {"ttl: soon\n", "ttl: 'soon'"},
      {"cpus: x\n", "cpus: must be a number"},
      {"instances: 0\n", "instances: write 1 to 1000"},
      {"env: [=x]\n", "env: "},
      {"mount: [/a]\n", "mount: '/a'"},
      {"priority: high\n", "must be prod, test or oppo"},
      {"storage: [data:in]\n", "an absolute path"},
      {"inject: magic\n", "'magic' is no way"},
      {"cluster: A B\n", "cannot be a cluster's name"},
      {"image: ''\n", "must not be empty"},
  };
  for (const auto& [text, what] : wrong) {
    user(text);
    EXPECT_THAT(error({}), HasSubstr(what)) << text;
  }
}

TEST_F(WithDefaults, BuiltInOnesAreWhatAPlanHas) {
  test::write_text(paths_.config / "jobtemplates/local.yaml", "");
  const auto built_in = [](const char* key) {
    return std::string((*templates::find_default_key(key))->built_in);
  };
  const auto plan = make_plan(paths_, {}).value();
  EXPECT_EQ(plan.cluster, built_in("cluster"));
  EXPECT_EQ(plan.spec.lifetime, ui::parse_lifetime(built_in("ttl")).value());
  EXPECT_EQ(plan.spec.attach_timeout, ui::parse_lifetime(built_in("attach-timeout")).value());
  EXPECT_EQ(plan.spec.injection.rung, cluster::Injection::Rung::kStub);
  EXPECT_EQ(built_in("inject"), "stub");
}

TEST_F(WithDefaults, EveryKeyIsAnOption) {
  for (const templates::DefaultKey& key : templates::default_keys()) {
    const bool is_number = key.name == "cpus" || key.name == "instances" || key.name == "gpus";
    UpOptions options;
    const bool is_of_up = set_option(options, key.name, {is_number ? "1" : "x"}).has_value();
    EXPECT_NE(is_of_up, key.name == "source" || key.name == "pip" || key.name == "python" ||
                            key.name == "port")
        << key.name;
    EXPECT_EQ(options_json(options).contains(key.name), is_of_up) << key.name;
  }
}

TEST_F(WithDefaults, SelectingAClusterIsTheUsers) {
  user("# mine\ncluster: docker # was local\n# cluster: local");
  ASSERT_TRUE(select_cluster(paths_, "pai"));
  EXPECT_EQ(test::read_text(paths_.config / "config.yaml"),
            "# mine\ncluster: pai\n# cluster: local");
  EXPECT_EQ(default_cluster(paths_), "pai");
  project("cluster: local\n");
  EXPECT_EQ(default_cluster(paths_), "local");
  EXPECT_EQ(selected_cluster(load_defaults(paths_).value()), "local");
  project("cluster: docker\n", false);
  EXPECT_FALSE(default_cluster(paths_));
  EXPECT_EQ(selected_cluster(load_defaults(paths_).value()), "pai");
  ASSERT_TRUE(deselect_cluster(paths_, "other"));
  ASSERT_TRUE(deselect_cluster(paths_, "pai"));
  EXPECT_EQ(test::read_text(paths_.config / "config.yaml"), "# mine\n# cluster: local");
}

}  // namespace
}  // namespace rdev::commands
