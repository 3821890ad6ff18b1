#include "client/cluster/docker/discovery.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "tests/unit/client/temp_dir.h"

namespace rdev::cluster::docker {
namespace {

using test::TempDir;
using test::write_text;
using ::testing::HasSubstr;

// `printf gpu1 | sha256sum`, as the docker command names the context's directory.
constexpr char kGpu1[] = "aee7726231bed1c57bbfcc641683439af56075ca6bb94977f130c1689865714c";

class FindEngine : public ::testing::Test {
 protected:
  Result<EngineAddress> find(std::map<std::string, std::string> variables,
                             const std::string& host = "") {
    variables.emplace("DOCKER_CONFIG", dir_.path().string());
    const Getenv env = [variables](const char* name) {
      const auto found = variables.find(name);
      return found == variables.end() ? "" : found->second;
    };
    const auto config = read_docker_config(env);
    if (!config) {
      return tl::make_unexpected(config.error());
    }
    return find_engine(host, *config, env);
  }
  std::string text(const std::map<std::string, std::string>& variables,
                   const std::string& host = "") {
    const auto address = find(variables, host);
    return address ? address->text + " by " + address->source : address.error().message;
  }
  void add_context(const std::string& id, const std::string& meta) {
    write_text(dir_.path() / "contexts" / "meta" / id / "meta.json", meta);
  }

  TempDir dir_;
};

TEST_F(FindEngine, TakesTheFirstThatIsNamed) {
  write_text(dir_.path() / "config.json", R"({"currentContext":"gpu1"})");
  add_context(kGpu1, R"({"Name":"gpu1","Endpoints":{"docker":{"Host":"ssh://me@gpu1"}}})");
  const std::string unused = "unix:///x";
  EXPECT_EQ(text({{"DOCKER_HOST", unused}}, "tcp://a:1"), "tcp://a:1 by option");
  EXPECT_EQ(text({{"DOCKER_HOST", "tcp://b:1"}, {"DOCKER_CONTEXT", "nosuch"}}),
            "tcp://b:1 by DOCKER_HOST");
  EXPECT_EQ(text({{"DOCKER_CONTEXT", "default"}}), "unix:///var/run/docker.sock by default");
  EXPECT_EQ(text({}), "ssh://me@gpu1 by context gpu1");
  EXPECT_EQ(text({{"DOCKER_HOST", ""}, {"DOCKER_CONTEXT", ""}}), "ssh://me@gpu1 by context gpu1");
}

TEST_F(FindEngine, IsPinnedAgainstAnotherEnvironmentAndContext) {
  add_context(kGpu1, R"({"Name":"gpu1","Endpoints":{"docker":{"Host":"ssh://me@gpu1"}}})");
  write_text(dir_.path() / "config.json", R"({"currentContext":"gpu1"})");
  const auto pin = [&](std::map<std::string, std::string> variables) {
    variables.emplace("DOCKER_CONFIG", dir_.path().string());
    const Getenv env = [variables](const char* name) {
      const auto found = variables.find(name);
      return found == variables.end() ? "" : found->second;
    };
    return pin_engine(read_docker_config(env).value(), env);
  };
  const auto by_context = pin({});
  const auto by_default = pin({{"DOCKER_CONTEXT", "default"}});
  const auto by_host = pin({{"DOCKER_HOST", "tcp://b:1"}, {"DOCKER_TLS_VERIFY", "1"}});
  write_text(dir_.path() / "config.json", R"({"currentContext":"other"})");
  EXPECT_EQ(text(by_context), "ssh://me@gpu1 by context gpu1");
  EXPECT_EQ(text(by_default), "unix:///var/run/docker.sock by default");
  EXPECT_EQ(text(by_host), "tcp://b:1 by DOCKER_HOST");
  EXPECT_TRUE(find(by_host).value().tls.has_value());
}

TEST_F(FindEngine, DefaultSocketWithoutAnyConfiguration) {
  EXPECT_EQ(text({}), "unix:///var/run/docker.sock by default");
}

TEST_F(FindEngine, ConfigurationIsUnderHomeUnlessSaid) {
  const Getenv env = [](const char* name) {
    return std::string(name) == "HOME" ? "/home/me" : std::string();
  };
  EXPECT_EQ(read_docker_config(env)->dir, "/home/me/.docker");
}

TEST_F(FindEngine, UnknownContextIsNamed) {
  EXPECT_THAT(text({{"DOCKER_CONTEXT", "nosuch"}}),
              HasSubstr("context \"nosuch\" (named by DOCKER_CONTEXT) does not exist"));
  write_text(dir_.path() / "config.json", R"({"currentContext":"other"})");
  EXPECT_THAT(text({}),
              HasSubstr("context \"other\" (named by " + (dir_.path() / "config.json").string()));
}

TEST_F(FindEngine, DamagedFilesAreNamed) {
  add_context(kGpu1, "{");
  EXPECT_THAT(text({{"DOCKER_CONTEXT", "gpu1"}}), HasSubstr("meta.json is not JSON"));
  add_context(kGpu1, "{}");
  EXPECT_THAT(text({{"DOCKER_CONTEXT", "gpu1"}}), HasSubstr("docker context \"gpu1\""));
  write_text(dir_.path() / "config.json", "nonsense");
  EXPECT_THAT(text({}), HasSubstr("config.json is not JSON"));
}

TEST_F(FindEngine, TlsByEnvironment) {
  const std::string host = "tcp://gpu1";
  EXPECT_FALSE(find({{"DOCKER_HOST", host}})->tls);
  EXPECT_FALSE(find({{"DOCKER_HOST", host}, {"DOCKER_CERT_PATH", "/c"}})->tls);

  const auto verified =
      find({{"DOCKER_HOST", host}, {"DOCKER_TLS_VERIFY", "1"}, {"DOCKER_CERT_PATH", "/c"}});
  ASSERT_TRUE(verified->tls);
  EXPECT_EQ(verified->tls->ca, "/c/ca.pem");
  EXPECT_EQ(verified->tls->cert, "/c/cert.pem");
  EXPECT_EQ(verified->tls->key, "/c/key.pem");
  EXPECT_TRUE(verified->tls->verify);
  EXPECT_EQ(verified->port, "2376");

  const auto beside = find({{"DOCKER_HOST", host}, {"DOCKER_TLS", "1"}});
  ASSERT_TRUE(beside->tls);
  EXPECT_EQ(beside->tls->ca, dir_.path() / "ca.pem");
  EXPECT_FALSE(beside->tls->verify);

  EXPECT_FALSE(find({{"DOCKER_HOST", "unix:///x"}, {"DOCKER_TLS_VERIFY", "1"}})->tls);
}

TEST_F(FindEngine, TlsByContext) {
  const std::string host = R"({"Host":"tcp://gpu1:2376"})";
  add_context(kGpu1, R"({"Endpoints":{"docker":)" + host + "}}");
  EXPECT_FALSE(find({{"DOCKER_CONTEXT", "gpu1"}, {"DOCKER_TLS_VERIFY", "1"}})->tls);

  const auto dir = dir_.path() / "contexts" / "tls" / kGpu1 / "docker";
  write_text(dir / "ca.pem", "x");
  const auto secured = find({{"DOCKER_CONTEXT", "gpu1"}});
  ASSERT_TRUE(secured->tls);
  EXPECT_EQ(secured->tls->ca, dir / "ca.pem");
  EXPECT_TRUE(secured->tls->verify);

  add_context(kGpu1, R"({"Endpoints":{"docker":{"Host":"tcp://gpu1:2376","SkipTLSVerify":true}}})");
  EXPECT_FALSE(find({{"DOCKER_CONTEXT", "gpu1"}})->tls->verify);
}

}  // namespace
}  // namespace rdev::cluster::docker
