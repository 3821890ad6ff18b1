#include "agent/config.h"

#include <gmock/gmock.h>

#include "protocol/rdev.pb.h"
#include "tests/unit/agent/temporary.h"

namespace rdev::agent {
namespace {

using testing::HasSubstr;

AgentConfig good() {
  AgentConfig message;
  message.set_job_name("train");
  message.set_host_seed(std::string(32, 's'));
  message.add_authorized_keys(ssh::PrivateKey::generate().public_key().text() + " me@laptop");
  message.add_listen("127.0.0.1:0");
  message.set_socket("/run/rdev/agent.sock");
  message.set_fallback_home("/.rdev/home");
  message.set_lifetime_seconds(3600);
  return message;
}

std::string error_of(const AgentConfig& message) {
  const auto config = parse_config(message.SerializeAsString());
  return config ? "" : config.error().message;
}

TEST(ParseConfig, TakesWhatTheCommandLineAdds) {
  AgentConfig message = good();
  message.clear_listen();
  message.clear_socket();
  const std::string bytes = message.SerializeAsString();
  EXPECT_THAT(parse_config(bytes).error().message, HasSubstr("neither socket nor listen"));
  EXPECT_TRUE(parse_config(bytes, {.listens = true}));
  const asio::ip::tcp::endpoint somewhere(asio::ip::address_v4::loopback(), 22);
  EXPECT_EQ(parse_config(bytes, {.listen = somewhere})->listen.front(), somewhere);

  const auto plain = parse_config(bytes, {.listens = true});
  const auto first = parse_config(bytes, {.instance = 0, .listens = true});
  const auto third = parse_config(bytes, {.instance = 2, .listens = true});
  ssh::Seed seed;
  seed.fill('s');
  EXPECT_EQ(third->host_key.public_key(),
            ssh::PrivateKey::from_seed(ssh::instance_seed(seed, 2))->public_key());
  EXPECT_NE(first->host_key.public_key(), third->host_key.public_key());
  EXPECT_NE(first->host_key.public_key(), plain->host_key.public_key());
}

TEST(ParseConfig, TakesEveryField) {
  AgentConfig message = good();
  message.set_exit_with_command(true);
  message.set_login_shell(true);
  message.set_quiet(true);
  message.set_job_id("1234");
  const auto config = parse_config(message.SerializeAsString());
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->job_name, "train");
  EXPECT_EQ(config->job_id, "1234");
  EXPECT_EQ(config->authorized_keys.size(), 1U);
  EXPECT_EQ(config->listen.size(), 1U);
  EXPECT_EQ(config->socket, "/run/rdev/agent.sock");
  EXPECT_EQ(config->fallback_home, "/.rdev/home");
  EXPECT_EQ(config->lifetime, std::chrono::hours(1));
  EXPECT_TRUE(config->exit_with_command);
  EXPECT_TRUE(config->login_shell);
  EXPECT_TRUE(config->quiet);
  ssh::Seed seed;
  seed.fill('s');
  EXPECT_EQ(config->host_key.public_key(), ssh::PrivateKey::from_seed(seed)->public_key());
}

TEST(ParseConfig, WhatIsDenied) {
  AgentConfig message = good();
  auto config = parse_config(message.SerializeAsString());
  EXPECT_FALSE(config->denials.local_tcp || config->denials.remote_tcp ||
               config->denials.unix_sockets || config->denials.agent);
  message.add_deny(AgentConfig::REMOTE_TCP);
  message.add_deny(AgentConfig::AGENT);
  config = parse_config(message.SerializeAsString());
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_FALSE(config->denials.local_tcp || config->denials.unix_sockets);
  EXPECT_TRUE(config->denials.remote_tcp && config->denials.agent);
}

TEST(ParseConfig, WhatItCannotDenyItDoesNotLetPass) {
  AgentConfig message = good();
  message.add_deny(static_cast<AgentConfig::Deny>(99));
  EXPECT_THAT(error_of(message), HasSubstr("deny 99"));
}

TEST(ParseConfig, NoLifetimeIsForEver) {
  AgentConfig message = good();
  message.set_lifetime_seconds(0);
  EXPECT_EQ(parse_config(message.SerializeAsString())->lifetime, std::nullopt);
}

TEST(ParseConfig, LifetimeFitsTheClock) {
  AgentConfig message = good();
  message.set_lifetime_seconds(~std::uint64_t{0});
  const auto config = parse_config(message.SerializeAsString());
  ASSERT_TRUE(config);
  EXPECT_GT(std::chrono::steady_clock::now() + *config->lifetime, std::chrono::steady_clock::now());
}

TEST(ParseConfig, NamesTheBadField) {
  AgentConfig message = good();
  message.set_host_seed("short");
  EXPECT_THAT(error_of(message), HasSubstr("host_seed has 5 bytes"));

  message = good();
  message.clear_authorized_keys();
  EXPECT_THAT(error_of(message), HasSubstr("authorized_keys is empty"));

  message = good();
  message.add_authorized_keys("ssh-ed25519 nonsense");
  EXPECT_THAT(error_of(message), HasSubstr("authorized_keys 2"));

  message = good();
  message.add_listen("localhost:22");
  EXPECT_THAT(error_of(message), HasSubstr("listen: bad address \"localhost:22\""));

  message = good();
  message.set_socket("relative");
  EXPECT_THAT(error_of(message), HasSubstr("socket is no absolute path"));

  message = good();
  message.set_fallback_home("home");
  EXPECT_THAT(error_of(message), HasSubstr("fallback_home"));

  message = good();
  message.clear_socket();
  message.clear_listen();
  EXPECT_THAT(error_of(message), HasSubstr("nobody could connect"));
}

TEST(ParseConfig, RefusesGarbage) {
  EXPECT_THAT(parse_config("\xff\xff\xff").error().message, HasSubstr("no AgentConfig"));
  EXPECT_FALSE(parse_config(""));
}

TEST(LoadConfig, ReadsAPrivateFile) {
  const test::Temporary directory;
  const auto path = directory.file("config", good().SerializeAsString());
  EXPECT_TRUE(load_config(path));
}

TEST(LoadConfig, RefusesWhatOthersCanUse) {
  const test::Temporary directory;
  const auto path = directory.file("config", good().SerializeAsString());
  for (const unsigned mode : {0640U, 0604U, 0620U, 0601U}) {
    std::filesystem::permissions(path, std::filesystem::perms(mode));
    const auto config = load_config(path);
    ASSERT_FALSE(config);
    EXPECT_EQ(config.error().code, Code::kPermission);
    EXPECT_THAT(config.error().message, HasSubstr("chmod 600"));
  }
}

TEST(LoadConfig, SaysWhatIsWrongWithTheFile) {
  const test::Temporary directory;
  EXPECT_EQ(load_config(directory / "none").error().code, Code::kNotFound);
  EXPECT_THAT(load_config(directory / ".").error().message, HasSubstr("is not a file"));
  const auto large = directory.file("large", std::string((1 << 20) + 1, 'x'));
  EXPECT_EQ(load_config(large).error().code, Code::kLimit);
  const auto full = directory.file("full", std::string(1 << 20, '\xff'));
  EXPECT_THAT(load_config(full).error().message, HasSubstr("no AgentConfig"));
}

}  // namespace
}  // namespace rdev::agent
