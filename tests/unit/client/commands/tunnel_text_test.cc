#include "client/commands/tunnel_text.h"

#include <gmock/gmock.h>

#include <boost/json.hpp>

#include "client/commands/live_line.h"
#include "client/tunnels/spec.h"

namespace rdev::commands {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

TunnelStates some() {
  TunnelState local;
  *local.mutable_tunnel() = *tunnels::parse_spec(Tunnel::LOCAL, "4000:localhost:80");
  local.set_bound_port(4000);
  local.set_connections(2);
  local.set_bytes_in(1'200'000);
  local.set_bytes_out(300'000);
  TunnelState remote;
  *remote.mutable_tunnel() = *tunnels::parse_spec(Tunnel::REMOTE, "/run/a:/run/b");
  remote.set_problem("the port is\ntaken");
  return {local, remote};
}

TEST(TunnelText, IsATable) {
  EXPECT_EQ(
      tunnels_as_table(some(), "train"),
      "KIND    LISTEN          TARGET        CONNECTIONS  IN      OUT     PROBLEM\n"
      "local   localhost:4000  localhost:80  2            1.2 MB  300 kB\n"
      "remote  /run/a          /run/b        0            0 B     0 B     the port is taken\n");
  EXPECT_THAT(tunnels_as_table({}, "train"), StartsWith("train has no"));
}

TEST(TunnelText, IsLines) {
  EXPECT_EQ(tunnels_as_lines(some(), "train"),
            "localhost:4000 -> localhost:80 in train\n/run/a in train -> /run/b\n");
}

TEST(TunnelText, IsJson) {
  const auto object = boost::json::parse(tunnels_as_json(some())).as_object();
  const auto& first = object.at("tunnels").as_array().at(0).as_object();
  EXPECT_EQ(first.at("kind"), "local");
  EXPECT_EQ(first.at("listen"), "localhost:4000");
  EXPECT_EQ(first.at("target"), "localhost:80");
  EXPECT_EQ(first.at("bound_port"), 4000);
  EXPECT_EQ(first.at("asked_port"), 4000);
  EXPECT_EQ(first.at("note"), "");
  EXPECT_EQ(first.at("name"), "");
  EXPECT_EQ(first.at("bytes_in"), 1'200'000);
  EXPECT_EQ(tunnels_as_json({}), "{\"tunnels\":[]}\n");
}

TEST(TunnelText, SaysThatAnotherPortWasTaken) {
  TunnelStates states = some();
  states[0].set_bound_port(4001);
  EXPECT_EQ(tunnels_as_lines({states[0]}, "train"), "localhost:4001 -> localhost:80 in train\n");
  const auto object = boost::json::parse(tunnels_as_json(states)).as_object();
  const auto& first = object.at("tunnels").as_array().at(0).as_object();
  EXPECT_EQ(first.at("bound_port"), 4001);
  EXPECT_EQ(first.at("asked_port"), 4000);
  EXPECT_EQ(first.at("note"), "port 4000 is taken here: listening on 4001");
  EXPECT_EQ(first.at("problem"), "");
  EXPECT_THAT(tunnels_as_table(states, "train"), HasSubstr("4000 was taken"));
}

TEST(TunnelText, HasNamesWhereThereAreSome) {
  TunnelStates states = some();
  states[1].mutable_tunnel()->set_name("web");
  EXPECT_THAT(tunnels_as_table(states, "train"), StartsWith("NAME  KIND    LISTEN"));
  EXPECT_THAT(tunnels_as_table(states, "train"), HasSubstr("web   remote  /run/a"));
  EXPECT_THAT(tunnels_as_json(states), HasSubstr("\"name\":\"web\""));
}

// The note on who else can connect; "" when nobody can.
std::string exposure(Tunnel::Kind kind, const std::string& spec, HostNetwork network) {
  TunnelState state;
  *state.mutable_tunnel() = *tunnels::parse_spec(kind, spec);
  state.set_bound_port(9001);
  return exposure_text(state, "train", network);
}

TEST(TunnelText, SaysWhoElseCanConnect) {
  for (const HostNetwork network : {HostNetwork::kOwn, HostNetwork::kShared}) {
    EXPECT_EQ(exposure(Tunnel::LOCAL, "9000:db:1", network), "");
    EXPECT_EQ(exposure(Tunnel::LOCAL, "[::1]:9000:db:1", network), "");
    EXPECT_EQ(exposure(Tunnel::REMOTE, "/run/x:db:1", network), "");
    EXPECT_EQ(exposure(Tunnel::LOCAL, "*:9000:db:1", network),
              "whoever can reach this machine can use *:9001");
    EXPECT_EQ(exposure(Tunnel::REMOTE, "*:9000:db:1", network),
              "whoever can reach the machine of train can use *:9001");
  }
  EXPECT_EQ(exposure(Tunnel::REMOTE, "0:db:1", HostNetwork::kOwn), "");
  const std::string shared = exposure(Tunnel::REMOTE, "0:db:1", HostNetwork::kShared);
  EXPECT_THAT(shared, HasSubstr("others on the machine of train can connect to its port 9001"));
  EXPECT_THAT(shared, HasSubstr("-R /PATH:db:1"));
}

TEST(LiveText, SaysHowTheLinkIs) {
  LiveState state;
  state.now_unix_ms = 1'000'000;
  EXPECT_EQ(live_text(state), "waiting for the link · 0 connections · 0 B in · 0 B out");
  state.problem = Error{Code::kUnavailable, "no route to host"};
  EXPECT_THAT(live_text(state), StartsWith("no link: no route to host · "));
  state.problem.reset();
  state.link.emplace();
  state.link->set_state(LinkStatus::UP);
  state.link->set_rtt_us(12'345);
  state.own = some();
  state.own[0].set_connections(1);
  state.background = 2;
  state.ends_unix_s = 1000 + 3 * 3600;
  EXPECT_EQ(live_text(state),
            "up · 12 ms · 1 connection · 1.2 MB in · 300 kB out · 2 tunnels · ends in 3h00m");
  // The agent knows better when the job ends; its word was said 10 s ago.
  state.link->mutable_vitals()->set_remaining_s(70);
  state.link->set_heartbeat_unix_ms(990'000);
  EXPECT_THAT(live_text(state), HasSubstr("ends in 1m"));
  state.link->set_rtt_us(400);
  EXPECT_THAT(live_text(state), StartsWith("up · <1 ms"));
}

}  // namespace
}  // namespace rdev::commands
