#include "client/tunnels/spec.h"

#include <gmock/gmock.h>

namespace rdev::tunnels {
namespace {

using testing::HasSubstr;

struct Good {
  Tunnel::Kind kind;
  const char* text;
  const char* spec;  // as it is printed back
  const char* line;
};

class GoodSpec : public testing::TestWithParam<Good> {};

TEST_P(GoodSpec, IsReadAndPrintedBack) {
  const auto tunnel = parse_spec(GetParam().kind, GetParam().text);
  ASSERT_TRUE(tunnel) << tunnel.error().message;
  EXPECT_EQ(to_spec(*tunnel), GetParam().spec);
  EXPECT_EQ(describe(*tunnel, 0, "train"), GetParam().line);
  const auto again = parse_spec(GetParam().kind, to_spec(*tunnel));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->SerializeAsString(), tunnel->SerializeAsString());
}

INSTANTIATE_TEST_SUITE_P(
    Table, GoodSpec,
    testing::Values(
        Good{Tunnel::LOCAL, "8080:localhost:80", "localhost:8080:localhost:80",
             "localhost:8080 -> localhost:80 in train"},
        Good{Tunnel::LOCAL, "localhost:8080:db:5432", "localhost:8080:db:5432",
             "localhost:8080 -> db:5432 in train"},
        Good{Tunnel::LOCAL, "127.0.0.1:8080:db:5432", "127.0.0.1:8080:db:5432",
             "127.0.0.1:8080 -> db:5432 in train"},
        Good{Tunnel::LOCAL, "*:8080:db:5432", "*:8080:db:5432", "*:8080 -> db:5432 in train"},
        Good{Tunnel::LOCAL, ":8080:db:5432", "*:8080:db:5432", "*:8080 -> db:5432 in train"},
        Good{Tunnel::LOCAL, "[::1]:8080:[::1]:80", "[::1]:8080:[::1]:80",
             "[::1]:8080 -> [::1]:80 in train"},
        Good{Tunnel::LOCAL, "[0::1]:8080:[fe80::1%eth0]:80", "[::1]:8080:[fe80::1%eth0]:80",
             "[::1]:8080 -> [fe80::1%eth0]:80 in train"},
        Good{Tunnel::LOCAL, "[127.0.0.1]:8080:[host]:80", "127.0.0.1:8080:host:80",
             "127.0.0.1:8080 -> host:80 in train"},
        Good{Tunnel::LOCAL, "0:localhost:80", "localhost:0:localhost:80",
             "localhost:0 -> localhost:80 in train"},
        Good{Tunnel::LOCAL, "8080:/run/x.sock", "localhost:8080:/run/x.sock",
             "localhost:8080 -> /run/x.sock in train"},
        Good{Tunnel::LOCAL, "*:8080:/run/x.sock", "*:8080:/run/x.sock",
             "*:8080 -> /run/x.sock in train"},
        Good{Tunnel::LOCAL, "/tmp/a:localhost:80", "/tmp/a:localhost:80",
             "/tmp/a -> localhost:80 in train"},
        Good{Tunnel::LOCAL, "/tmp/a:[::1]:80", "/tmp/a:[::1]:80", "/tmp/a -> [::1]:80 in train"},
        Good{Tunnel::LOCAL, "/tmp/a:/tmp/b", "/tmp/a:/tmp/b", "/tmp/a -> /tmp/b in train"},
        Good{Tunnel::LOCAL, "/tmp/a\\:1:/tmp/b c\\\\", "/tmp/a\\:1:/tmp/b c\\\\",
             "/tmp/a:1 -> /tmp/b c\\ in train"},
        Good{Tunnel::LOCAL, "/tmp/[x]:/tmp/b", "/tmp/[x]:/tmp/b", "/tmp/[x] -> /tmp/b in train"},
        Good{Tunnel::DYNAMIC, "1080", "localhost:1080",
             "localhost:1080 -> whatever SOCKS asks for, from train"},
        Good{Tunnel::DYNAMIC, "*:0", "*:0", "*:0 -> whatever SOCKS asks for, from train"},
        Good{Tunnel::DYNAMIC, "[::1]:1080", "[::1]:1080",
             "[::1]:1080 -> whatever SOCKS asks for, from train"},
        Good{Tunnel::DYNAMIC, "/tmp/socks", "/tmp/socks",
             "/tmp/socks -> whatever SOCKS asks for, from train"},
        Good{Tunnel::REMOTE, "9000:localhost:80", "localhost:9000:localhost:80",
             "localhost:9000 in train -> localhost:80"},
        Good{Tunnel::REMOTE, "*:9000:/tmp/b", "*:9000:/tmp/b", "*:9000 in train -> /tmp/b"},
        Good{Tunnel::REMOTE, "/run/a:localhost:80", "/run/a:localhost:80",
             "/run/a in train -> localhost:80"},
        Good{Tunnel::REMOTE, "0.0.0.0:65535:1.2.3.4:65535", "0.0.0.0:65535:1.2.3.4:65535",
             "0.0.0.0:65535 in train -> 1.2.3.4:65535"}));

struct Bad {
  const char* text;
  const char* says;
};

class BadSpec : public testing::TestWithParam<Bad> {};

TEST_P(BadSpec, IsAnErrorThatSaysWhatIsWrong) {
  const auto tunnel = parse_spec(Tunnel::LOCAL, GetParam().text);
  ASSERT_FALSE(tunnel) << to_spec(*tunnel);
  EXPECT_EQ(tunnel.error().code, Code::kUsage);
  EXPECT_THAT(tunnel.error().message, HasSubstr(GetParam().says));
}

INSTANTIATE_TEST_SUITE_P(
    Table, BadSpec,
    testing::Values(Bad{"", "connect to"}, Bad{"8080", "SOCKS"}, Bad{"/tmp/a", "PORT"},
                    Bad{"8080:80", "PORT"}, Bad{"8080:host:", "'' is no port from 1"},
                    Bad{"8080:host:0", "'0' is no port from 1"},
                    Bad{"65536:host:1", "'65536' is no port from 0"},
                    Bad{"-1:host:1", "'-1' is no port"}, Bad{"+1:host:1", "'+1' is no port"},
                    Bad{"80x:host:1", "'80x' is no port"}, Bad{"8080::80", "no host"},
                    Bad{"8080:a b:80", "no host"}, Bad{"example:8080:host:80", "'example'"},
                    Bad{"::1:8080:host:80", "PORT"}, Bad{"8080:::1:80", "PORT"},
                    Bad{"[::1:8080:host:80", "']'"}, Bad{"[::1]x:8080:host:80", "']'"},
                    Bad{"[]:8080:host:80", "''"}, Bad{"1:2:3:4:5", "PORT"},
                    Bad{"/tmp/a:1:/tmp/b", "PORT"}, Bad{"a:/tmp/a:/tmp/b", "no address"},
                    Bad{"8080:ho\nst:80", "control"}));

TEST(Spec, OfSocksHasNoTarget) {
  for (const char* text : {"", "x", "1080:localhost:80", "1080:/tmp/x", "a:b:1080", "65536"}) {
    const auto tunnel = parse_spec(Tunnel::DYNAMIC, text);
    ASSERT_FALSE(tunnel) << text;
    EXPECT_THAT(tunnel.error().message, HasSubstr(std::string("-D '") + text + "': ")) << text;
  }
}

TEST(Spec, NamesTheOptionAndTheText) {
  EXPECT_THAT(parse_spec(Tunnel::REMOTE, "x").error().message, HasSubstr("-R 'x': "));
}

TEST(Spec, BoundsItsInput) {
  EXPECT_EQ(parse_spec(Tunnel::LOCAL, std::string(5000, ':')).error().code, Code::kUsage);
  EXPECT_THAT(parse_spec(Tunnel::LOCAL, "8080:/" + std::string(107, 'x')).error().message,
              HasSubstr("107 bytes"));
  EXPECT_THAT(parse_spec(Tunnel::LOCAL, "8080:" + std::string(256, 'x') + ":1").error().message,
              HasSubstr("no host"));
}

TEST(Spec, SaysThatAnotherPortWasTaken) {
  TunnelState state;
  *state.mutable_tunnel() = *parse_spec(Tunnel::LOCAL, "8080:localhost:80");
  EXPECT_EQ(moved_text(state), "");
  state.set_bound_port(8080);
  EXPECT_EQ(moved_text(state), "");
  state.set_bound_port(8081);
  EXPECT_EQ(moved_text(state), "port 8080 is taken here: listening on 8081");
  *state.mutable_tunnel() = *parse_spec(Tunnel::LOCAL, "/tmp/a:/tmp/b");
  state.set_bound_port(0);
  EXPECT_EQ(moved_text(state), "");
}

TEST(Spec, KnowsWhatListensAtOnePlace) {
  const auto local = *parse_spec(Tunnel::LOCAL, "8080:localhost:80");
  EXPECT_TRUE(same_place(local, *parse_spec(Tunnel::LOCAL, "localhost:8080:db:1")));
  EXPECT_FALSE(same_target(local, *parse_spec(Tunnel::LOCAL, "localhost:8080:db:1")));
  EXPECT_TRUE(same_target(local, *parse_spec(Tunnel::LOCAL, "*:0:localhost:80")));
  EXPECT_FALSE(same_place(local, *parse_spec(Tunnel::LOCAL, "*:8080:localhost:80")));
  EXPECT_FALSE(same_place(local, *parse_spec(Tunnel::REMOTE, "8080:localhost:80")));
  Tunnel connect;
  connect.set_kind(Tunnel::CONNECT);
  connect.set_listen_host("127.0.0.1");
  connect.set_listen_port(8080);
  EXPECT_TRUE(same_place(*parse_spec(Tunnel::LOCAL, "127.0.0.1:8080:db:1"), connect));
  EXPECT_FALSE(same_target(local, connect));
  EXPECT_EQ(describe(connect, 0, "train"), "127.0.0.1:8080 -> the SSH server of train");
  Tunnel raw = connect;
  raw.set_kind(Tunnel::RAW);
  EXPECT_TRUE(same_place(raw, connect));
  EXPECT_FALSE(same_target(raw, connect));
  EXPECT_EQ(to_spec(raw), "127.0.0.1:8080");
  EXPECT_EQ(describe(raw, 0, "train"), "127.0.0.1:8080 -> the agent's own SSH server of train");
}

}  // namespace
}  // namespace rdev::tunnels
