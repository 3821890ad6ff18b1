#include "client/cluster/docker/address.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rdev::cluster::docker {
namespace {

using Kind = EngineAddress::Kind;

struct Good {
  std::string text;
  Kind kind;
  std::string path, user, host, port;
  bool local;
};

TEST(ParseHost, ReadsWhatDockerReads) {
  const Good table[] = {
      {"unix:///var/run/docker.sock", Kind::kUnix, "/var/run/docker.sock", "", "", "", true},
      {"tcp://10.1.2.3:2375", Kind::kTcp, "", "", "10.1.2.3", "2375", false},
      {"tcp://127.0.0.1:2375", Kind::kTcp, "", "", "127.0.0.1", "2375", true},
      {"tcp://localhost:4", Kind::kTcp, "", "", "localhost", "4", true},
      {"tcp://[::1]:2376", Kind::kTcp, "", "", "::1", "2376", true},
      {"tcp://gpu.example/", Kind::kTcp, "", "", "gpu.example", "", false},
      {"tcp://:2375", Kind::kTcp, "", "", "127.0.0.1", "2375", true},
      {"ssh://gpu1", Kind::kSsh, "", "", "gpu1", "", false},
      {"ssh://me@gpu1:2222", Kind::kSsh, "", "me", "gpu1", "2222", false},
      {"ssh://localhost", Kind::kSsh, "", "", "localhost", "", false},
      {"ssh://me@gpu1/run/user/1000/docker.sock", Kind::kSsh, "/run/user/1000/docker.sock", "me",
       "gpu1", "", false},
  };
  for (const Good& row : table) {
    const auto address = parse_host(row.text);
    ASSERT_TRUE(address) << row.text << ": " << address.error().message;
    EXPECT_EQ(address->kind, row.kind) << row.text;
    EXPECT_EQ(address->path, row.path) << row.text;
    EXPECT_EQ(address->user, row.user) << row.text;
    EXPECT_EQ(address->host, row.host) << row.text;
    EXPECT_EQ(address->port, row.port) << row.text;
    EXPECT_EQ(address->text, row.text);
    EXPECT_EQ(is_local(*address), row.local) << row.text;
  }
}

TEST(ParseHost, RefusesTheRestWithWhatToWrite) {
  for (const std::string text :
       {"", "gpu1", "unix://", "unix://relative", "npipe:////./pipe/docker_engine", "fd://",
        "http://gpu1:2375", "tcp://gpu1:99999999", "tcp://u@gpu1:1", "tcp://gpu1:2375/v1", "ssh://",
        "ssh://me:secret@gpu1", "ssh://gpu1/a b", "ssh://gpu1/$(reboot)", "ssh://gpu1/x;y",
        "ssh://gpu1?x=y"}) {
    const auto address = parse_host(text);
    ASSERT_FALSE(address) << text;
    EXPECT_EQ(address.error().code, Code::kUsage) << text;
    EXPECT_THAT(address.error().message, ::testing::HasSubstr("ssh://user@host")) << text;
  }
}

TEST(SetDefaultPort, DependsOnTls) {
  auto plain = *parse_host("tcp://gpu1");
  set_default_port(plain);
  EXPECT_EQ(plain.port, "2375");
  auto secured = *parse_host("tcp://gpu1");
  secured.tls.emplace();
  set_default_port(secured);
  EXPECT_EQ(secured.port, "2376");
  auto chosen = *parse_host("tcp://gpu1:1");
  set_default_port(chosen);
  EXPECT_EQ(chosen.port, "1");
  auto ssh = *parse_host("ssh://gpu1");
  set_default_port(ssh);
  EXPECT_EQ(ssh.port, "");
}

}  // namespace
}  // namespace rdev::cluster::docker
