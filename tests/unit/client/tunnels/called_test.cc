#include "client/tunnels/called.h"

#include <gmock/gmock.h>

#include "client/tunnels/spec.h"

namespace rdev::tunnels {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TunnelState state(Tunnel::Kind kind, const std::string& spec, std::uint32_t bound_port,
                  const std::string& name = "") {
  TunnelState state;
  *state.mutable_tunnel() = *parse_spec(kind, spec);
  state.mutable_tunnel()->set_name(name);
  state.set_bound_port(bound_port);
  return state;
}

// Indexes into `states`.
std::vector<int> called(const std::vector<TunnelState>& states, const std::string& text) {
  std::vector<int> found;
  for (const TunnelState& state : all_called(states, text)) {
    for (int i = 0; i < static_cast<int>(states.size()); ++i) {
      if (states[static_cast<std::size_t>(i)].SerializeAsString() == state.SerializeAsString()) {
        found.push_back(i);
      }
    }
  }
  return found;
}

TEST(Called, ByPortPathPlaceSpecOrName) {
  const std::vector<TunnelState> states = {
      state(Tunnel::LOCAL, "4000:localhost:80", 4000, "web"),
      state(Tunnel::REMOTE, "/tmp/a:/tmp/b", 0),
  };
  for (const char* name :
       {"4000", "localhost:4000", "4000:localhost:80", "0:localhost:80", "web"}) {
    EXPECT_THAT(called(states, name), ElementsAre(0)) << name;
  }
  for (const char* name : {"/tmp/a", "/tmp/a:/tmp/b"}) {
    EXPECT_THAT(called(states, name), ElementsAre(1)) << name;
  }
  for (const char* name : {"", "0", "80", "0:localhost:81", "4001", "4001:localhost:80",
                           "127.0.0.1:4000", "/tmp/b", "we"}) {
    EXPECT_THAT(called(states, name), IsEmpty()) << name;
  }
}

TEST(Called, ByThePortThatItWantedAndTheOneThatItHas) {
  const std::vector<TunnelState> states = {state(Tunnel::LOCAL, "8080:localhost:80", 8081)};
  for (const char* name : {"8080", "8081", "localhost:8080", "localhost:8081", "8080:localhost:80",
                           "8081:localhost:80"}) {
    EXPECT_THAT(called(states, name), ElementsAre(0)) << name;
  }
}

TEST(Called, ByThePortThatItHasBeforeTheOneThatItWanted) {
  const std::vector<TunnelState> states = {
      state(Tunnel::LOCAL, "8080:localhost:80", 8081),
      state(Tunnel::LOCAL, "8081:localhost:80", 8082),
      state(Tunnel::LOCAL, "8080:localhost:81", 8080),
  };
  EXPECT_THAT(called(states, "8080"), ElementsAre(2));
  EXPECT_THAT(called(states, "8081"), ElementsAre(0));
  EXPECT_THAT(called(states, "8082"), ElementsAre(1));
  EXPECT_THAT(called(states, "8081:localhost:80"), ElementsAre(0));
  EXPECT_THAT(called(states, "8082:localhost:80"), ElementsAre(1));
}

TEST(Called, WhatDoesNotListenIsCalledByThePortThatItWants) {
  EXPECT_THAT(called({state(Tunnel::LOCAL, "8080:localhost:80", 0)}, "8080"), ElementsAre(0));
}

}  // namespace
}  // namespace rdev::tunnels
